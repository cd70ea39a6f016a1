"""The log folded again, by the pure core and nothing else: the same rows and the same words, byte for byte.

Knows the fold and how to hold its bytes against what stands. Must never know Faust, nor where the bytes came from.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fitly.cli.expand import expand
from fitly.cli.proof.findings import Finding
from fitly.cli.proof.outputs import Sent, digest
from fitly.cli.proof.starts import Start
from fitly.cli.proof.tables import Tables
from fitly.cli.rows import decode
from fitly.core import topics
from fitly.core.system import FOLD_KEY, FOLD_VERSION
from fitly.wire.batch import FORWARDED_HEADER
from fitly.wire.outgoing import Outgoing
from fitly.wire.rows import decode_fold_version
from fitly.wire.shard import Incoming, Shard

CHUNK: Final = 2_000
"""Records folded at a time; any number gives the same bytes."""
MOST_MISMATCHES: Final = 10
_COMPACTED: Final = frozenset(name for name, topic in topics.BY_NAME.items() if topic.cleanup == "compact")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An output that is not what the refold says; the record that stands there is looked up afterwards."""

    topic: str
    partition: int
    offset: int | None
    expected: Outgoing | None


class Replay:
    """Folds every partition from its start up to where the tables are, and holds outputs and rows against it.

    Parameters
    ----------
    tables : Tables
        Rows and positions; read before ``sent``.
    sent : dict
        (topic, partition) -> records of the output topics, read after the tables.
    ends : dict
        (topic, partition) -> end of the output topic before the tables were read: up to there all must be explained.
    starts : mapping
        Partition -> where its refold begins.
    now : int
        The wall clock in milliseconds: compaction takes only what is older than the topic's lag.
    """

    def __init__(
        self,
        tables: Tables,
        sent: dict[tuple[str, int], Sent],
        ends: dict[tuple[str, int], int],
        starts: Mapping[int, Start],
        now: int,
    ) -> None:
        self.outputs = Finding("replay-outputs", "a refold of the log says what the worker said, byte for byte")
        self.rows = Finding("replay-rows", "a refold of the log gives the rows of the tables, byte for byte")
        self.mismatches: list[Mismatch] = []
        self._tables = tables
        self._sent = sent
        self._ends = ends
        self._starts = starts
        self._shards = {partition: start.shard for partition, start in starts.items()}
        self._now = now
        self._first = {place: starts[place[1]].end_of(place[0]) for place in sent}
        self._next = {place: bisect_left(sent[place].offsets, first) for place, first in self._first.items()}
        self._compacted: Counter[str] = Counter()
        self._gone: dict[tuple[str, int, bytes | None], Outgoing] = {}
        self._retired: Counter[str] = Counter()
        self._forwards: Counter[bytes] = Counter()

    def take(self, partition: int, records: Sequence[Incoming]) -> None:
        """Fold the next records of a partition that its tables have absorbed."""
        shard = self._shards[partition]
        for start in range(0, len(records), CHUNK):
            batch = shard.fold(records[start : start + CHUNK])
            shard.adopt(batch)
            for out in batch.outputs:
                self._hold(partition, out)

    def see_input(self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> None:
        """Look for records that were sent on from another partition."""
        if any(name == FORWARDED_HEADER for name, _ in headers):
            self._forwards[digest(key, value, headers)] -= 1

    def _hold(self, partition: int, out: Outgoing) -> None:
        """Hold one output of the refold against the next record of its topic."""
        if out.topic == topics.PARTIALS:
            return  # at home where its name is, among other partitions' words: `population` holds the last against rows
        self.outputs.looked_at += 1
        mark = digest(out.key, out.value, out.headers)
        if out.topic == topics.INPUT:
            self._forwards[mark] += 1
            return
        place = out.topic, partition
        sent, index = self._sent[place], self._next[place]
        if sent.at(index) == mark:
            self._next[place] += 1
            self._gone.pop((*place, out.key), None)
        elif index == 0 and sent.start > self._first[place] and out.topic not in _COMPACTED:
            self._retired[out.topic] += 1
        elif self._may_be_compacted(out.topic, sent, index):
            self._compacted[out.topic] += 1
            self._gone[*place, out.key] = out
        else:
            there = index < len(sent.offsets)
            self._mismatch(Mismatch(out.topic, partition, sent.offsets[index] if there else None, out))
            self._next[place] += there

    def _may_be_compacted(self, topic: str, sent: Sent, index: int) -> bool:
        """Tell whether a record before this one may be gone: only what is older than the topic's lag is compacted."""
        lag = topics.BY_NAME[topic].config.get("min.compaction.lag.ms")
        if lag is None or index >= len(sent.stamps):
            return False
        return sent.stamps[index] < self._now - int(lag)

    def _mismatch(self, mismatch: Mismatch) -> None:
        self.outputs.wrong += 1
        if len(self.mismatches) < MOST_MISMATCHES:
            self.mismatches.append(mismatch)

    def conclude(self) -> None:
        """Hold the rows against the refolded ones, and look for outputs that nothing explains."""
        for (topic, partition), sent in self._sent.items():
            index = self._next[topic, partition]
            for offset in sent.offsets[index:]:
                if offset >= self._ends[topic, partition]:
                    break
                self._mismatch(Mismatch(topic, partition, offset, None))
        for (topic, partition, _), out in self._gone.items():
            if out.value is not None:  # compaction keeps the newest of a key, but a tombstone only for a while
                self._mismatch(Mismatch(topic, partition, None, out))
        self._conclude_forwards()
        for topic, count in self._compacted.items():
            self.outputs.notes.append(f"{topic}: {count:,} superseded decisions have been compacted away")
        for topic, count in self._retired.items():
            self.outputs.notes.append(f"{topic}: retention has removed {count:,} records; the rest was compared")
        for partition, shard in self._shards.items():
            if self._starts[partition].snapshot is not None:
                self.rows.notes.append(self._starts[partition].told)
            self._hold_rows(partition, shard)

    def _conclude_forwards(self) -> None:
        lost = sum(count for count in self._forwards.values() if count > 0)
        if lost and any(start.snapshot for start in self._starts.values()):
            self.outputs.notes.append(f"{lost} misrouted records were sent on to where retention has removed them")
        elif lost:
            self.outputs.differ(topics.INPUT, "forwards", "each misrouted record sent on", f"{lost} are not there")

    def _hold_rows(self, partition: int, shard: Shard) -> None:
        stored = self._tables.rows[partition, topics.CONTEXTS].get(FOLD_KEY)
        version = FOLD_VERSION if stored is None else decode_fold_version(stored)
        if version != FOLD_VERSION:
            self.rows.notes.append(
                f"partition {partition} was folded by version {version}, we have {FOLD_VERSION}: rows may differ"
            )
        for table in (topics.LEARNERS, topics.CONTEXTS):
            found = self._tables.rows[partition, table]
            expected = {change.key: change.value for change in shard.state() if change.table == table}
            if table == topics.LEARNERS and partition not in self._tables.together:
                self.rows.notes.append(f"partition {partition} never stood still: its rows of {table} are not compared")
                continue
            if not found and shard.position.offset < 0:
                continue
            for key in sorted(expected.keys() | found.keys()):
                self._hold_row(table, key, expected.get(key), found.get(key))

    def _hold_row(self, table: str, key: bytes, expected: bytes | None, found: bytes | None) -> None:
        self.rows.looked_at += 1
        if expected == found:
            return
        where = f"{table} {key.decode(errors='replace')}"
        if expected is None or found is None:
            self.rows.differ(where, "", "a row" if found is None else "no row", "no row" if found is None else "a row")
            return
        before = self.rows.wrong
        self.rows.compare(where, expand(decode(table, key, expected)), expand(decode(table, key, found)))
        if self.rows.wrong == before:
            self.rows.differ(where, "bytes", expected.hex(), found.hex())

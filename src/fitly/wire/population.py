"""One partition of ``partials``, its rows at rest and their fold: the newest word of each partition, and the sums.

Knows which word is newer and what the words add up to. Must never know Kafka, transactions or time, nor what becomes
of a look. Nothing depends on where a batch begins or ends; and the merged sums depend on nothing but which words are
the newest, so that duplicates and any order give the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fitly.core.errors import Refused
from fitly.core.experiments.looks import newest_about, next_look
from fitly.core.numbers import Millis, day_of
from fitly.core.partials import Kind, Look, Merged, Partial, is_due, merged
from fitly.core.system import LEDGER_KEY, POSITION_KEY, Ledger, Position
from fitly.core.topics import PARTIALS, POPULATION
from fitly.core.vocabulary import Bin
from fitly.wire import rows as at_rest
from fitly.wire.events import Incoming
from fitly.wire.letters import dead_letter
from fitly.wire.looks import outgoing_report, reported
from fitly.wire.merged import decode_merged, decode_word, encode_merged, encode_word, is_closing, is_merged, subject_of
from fitly.wire.outgoing import Change, Outgoing
from fitly.wire.partials import decode_partial, home_of, key_of, merged_key, word_key
from fitly.wire.signing import SIGNATURE_HEADER, is_signed

Subject = tuple[Kind, str]
_EXPERIMENTS = f"{Kind.EXPERIMENTS}|".encode()


class Population:
    """What one partition of ``partials`` has folded to; the life of a `fitly.wire.shard.Shard`.

    Parameters
    ----------
    partition : int
        Number of the partition of ``partials``.
    control_key : bytes
        Secret that partials are signed with.
    birth_id, clock_mode : str
        Generation of the input log, and who stamps its records.
    partitions : int
        How many partitions it has; ``partials`` has as many.

    Attributes
    ----------
    rows : dict
        Key -> bytes at rest.
    position : Position
        How far ``partials`` is absorbed. Its clock is the newest that a partition has told.
    ledger : Ledger
        Records by bin.
    looks : mapping
        Kind and name -> the last look at their sums. Never changed in place: another object says that one is new.
    closings : dict
        Kind and name -> keys of the words that a look still waits for others with: at most one of each partition for
        each day that not every partition has passed.
    """

    def __init__(self, partition: int, control_key: bytes, birth_id: str, clock_mode: str, partitions: int) -> None:
        self.partition = partition
        self.control_key = control_key
        self.birth_id = birth_id
        self.clock_mode = clock_mode
        self.partitions = partitions
        self.rows: dict[bytes, bytes] = {}
        self.position = Position()
        self.ledger = Ledger({}, 0)
        self.looks: Mapping[Subject, Look] = {}
        self.closings: dict[Subject, set[bytes]] = {}

    def load(self, table: str, key: bytes, value: bytes | None) -> None:  # noqa: ARG002 - there is one table
        """Take in one record of the changelog, in its order; a tombstone removes."""
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def opened(self) -> None:
        """Make ready to fold: read the system rows."""
        if (position := self.rows.pop(POSITION_KEY, None)) is not None:
            self.position = at_rest.decode_position(position)
        if (ledger := self.rows.pop(LEDGER_KEY, None)) is not None:
            self.ledger = at_rest.decode_ledger(ledger)
        found = (decode_merged(value) for key, value in sorted(self.rows.items()) if is_merged(key))
        self.looks = {(row.kind, row.name): row.look for row in found if row.look is not None}
        for key in filter(is_closing, self.rows):
            self.closings.setdefault(subject_of(key), set()).add(key)

    def fold(self, records: Sequence[Incoming], batch: Merging | None = None) -> Merging:
        """Fold records, in the order of the log; nothing here changes until the batch is adopted.

        Parameters
        ----------
        records : sequence of Incoming
            Records of this partition; those at or below the position are redeliveries and passed over.
        batch : Merging, optional
            One that is still open, to go on with it.
        """
        batch = batch or Merging(self)
        for record in records:
            if record.offset > batch.offset:
                batch.absorb(record)
        return batch

    def adopt(self, batch: Merging) -> None:
        """Make a batch's rows the shard's own, after they were committed."""
        for change in batch.row_changes():
            self.load(*change)
            if is_closing(change.key):
                waiting = self.closings.setdefault(subject_of(change.key), set())
                (waiting.discard if change.value is None else waiting.add)(change.key)
        self.position = batch.position
        self.ledger = batch.ledger
        if new := {subject: look for subject, look in batch.looks() if look is not self.looks.get(subject)}:
            self.looks = {**self.looks, **new}

    def overdue(self) -> int:
        """Give how many rows are due: none ever is, what happens here happens when a word comes."""
        return 0

    def state(self) -> Iterable[Change]:
        """Give every row as its changelog holds it, system rows included, in the order of the keys."""
        for key in sorted(self.rows):
            yield Change(POPULATION, key, self.rows[key])
        yield from Merging(self).system_changes()

    def read(self, record: Incoming) -> Partial:
        """Read a record as a partial of this log, from somebody who has the key, where it belongs.

        Raises
        ------
        Refused
            It is not.
        """
        if record.value is None:
            raise Refused("EMPTY", "a partial has a value; a tombstone takes nothing out of the sums")
        partial = decode_partial(record.value)
        if partial.birth_id != self.birth_id:
            detail = f"of the log born {partial.birth_id[:40]}, this one was born {self.birth_id}"
            raise Refused("GENERATION", detail)
        if not is_signed(self.control_key, self.birth_id, record.value, dict(record.headers).get(SIGNATURE_HEADER)):
            raise Refused("FORGED", "not signed with our key: find out who else writes to partials")
        if partial.partition >= self.partitions:
            raise Refused("OUT_OF_RANGE", f"partition {partial.partition}, the log has {self.partitions}")
        home = home_of(partial.kind, partial.name, self.partitions)
        if home != self.partition or record.key != key_of(partial):
            raise Refused("ELSEWHERE", f"it belongs to partition {home}, under kind|name|partition of the input")
        return partial

    def words(self, kind: Kind, name: str) -> dict[int, Partial]:
        """Give the newest word of each partition that has said anything."""
        found = ((each, self.rows.get(word_key(kind, name, each))) for each in range(self.partitions))
        return {each: decode_word(value) for each, value in found if value is not None}

    def waiting(self, kind: Kind, name: str) -> dict[bytes, Partial]:
        """Give the closing words that no look was taken at yet, by their keys."""
        return {key: decode_word(self.rows[key]) for key in sorted(self.closings.get((kind, name), ()))}

    def experiments(self) -> dict[bytes, bytes]:
        """Give the merged rows of experiments, as they are at rest."""
        mine = [key for key in self.rows if key.startswith(_EXPERIMENTS) and is_merged(key)]
        return {key: self.rows[key] for key in sorted(mine)}

    def merged(self, kind: Kind, name: str) -> Merged | None:
        """Give what the words add up to, None where there are none."""
        value = self.rows.get(merged_key(kind, name))
        return None if value is None else decode_merged(value)


class Merging:
    """Working copies of the rows that a run of records touched.

    Attributes
    ----------
    outputs : list of Outgoing
        Dead letters, and what is made of looks at experiments, in the order of the log.
    offset : int
        Last offset absorbed.
    clock : Millis
        The newest that a partition has told.
    bins : Counter
        Records by ``BIN/detail``.
    count : int
        Records absorbed.
    refused : bytearray
        One byte per record absorbed, 1 where it was INVALID.
    """

    def __init__(self, shard: Population) -> None:
        self._shard = shard
        self._words: dict[Subject, dict[int, Partial]] = {}
        self._looks: dict[Subject, Look | None] = {}
        self._changed: dict[Subject, set[int]] = {}
        self._closings: dict[Subject, dict[bytes, Partial]] = {}
        self._closed: dict[bytes, Partial | None] = {}
        self.offset = shard.position.offset
        self.clock: Millis = shard.position.clock
        self.outputs: list[Outgoing] = []
        self.bins: Counter[str] = Counter()
        self.count = 0
        self.refused = bytearray()

    def absorb(self, record: Incoming) -> None:
        """Fold the next record: into exactly one bin."""
        self.offset = record.offset
        self.count += 1
        try:
            partial = self._shard.read(record)
        except Refused as error:
            self._refuse(record, error)
            return
        subject = partial.kind, partial.name
        words = self._words_of(subject)
        known = words.get(partial.partition)
        is_new = known is None or partial.offset > known.offset
        if is_new:
            words[partial.partition] = partial
            self._changed.setdefault(subject, set()).add(partial.partition)
            self.clock = max(self.clock, partial.clock)
            clock = max(word.clock for word in words.values())
            if is_due(partial.kind, self._looks[subject], clock):
                self._looks[subject] = Look(clock, merged(words.values()))
        if self._closes(subject, partial) or is_new:
            self._count(Bin.APPLIED, partial.kind)
        else:
            assert known is not None  # noqa: S101 - there is a newer word
            self._count(Bin.DUPLICATE if partial.offset == known.offset else Bin.LATE, partial.kind)

    def _closes(self, subject: Subject, partial: Partial) -> bool:
        """Keep a partition's first word of a day until the look at it; tell whether it was not known."""
        if partial.closes is None:
            return False
        waiting, last, key = self._waiting(subject), self._looks[subject], key_of(partial)
        if key in waiting or (last is not None and partial.closes.day <= day_of(last.clock)):
            return False
        waiting[key] = self._closed[key] = partial
        self._changed.setdefault(subject, set())
        while (look := next_look(_by_partition(waiting.values()), self._shard.partitions, last)) is not None:
            look, told = reported(look, last)
            last = self._looks[subject] = look
            self.outputs.append(outgoing_report(told, self._shard.partition))
            past = [key for key, word in waiting.items() if word.closes and word.closes.day <= day_of(look.clock)]
            for each in past:
                del waiting[each]
                self._closed[each] = None
        return True

    def _waiting(self, subject: Subject) -> dict[bytes, Partial]:
        if subject not in self._closings:
            self._closings[subject] = self._shard.waiting(*subject)
        return self._closings[subject]

    def _words_of(self, subject: Subject) -> dict[int, Partial]:
        if subject not in self._words:
            self._looks[subject] = self._shard.looks.get(subject)
            self._words[subject] = self._shard.words(*subject)
        return self._words[subject]

    def _count(self, bin_: Bin, detail: str) -> None:
        self.bins[f"{bin_}/{detail}"] += 1
        self.refused.append(int(bin_ is Bin.INVALID))

    def _refuse(self, record: Incoming, why: Refused) -> None:
        self._count(Bin.INVALID, why.reason)
        self.outputs.append(dead_letter(record, why, self._shard.partition, PARTIALS))

    # -- the result ----------------------------------------------------------------------------------------

    def looks(self) -> Iterator[tuple[Subject, Look]]:
        """Give the last look at everything touched that was looked at."""
        return ((subject, look) for subject, look in self._looks.items() if look is not None)

    @property
    def position(self) -> Position:
        """Where ``partials`` stands after the run."""
        shard = self._shard
        return Position(shard.birth_id, shard.partitions, shard.clock_mode, self.offset, self.clock)

    @property
    def ledger(self) -> Ledger:
        """The partition's bins after the run."""
        before = self._shard.ledger
        return Ledger(dict(sorted((Counter(before.bins) + self.bins).items())), before.read + self.count)

    @property
    def changes(self) -> list[Change]:
        """The changelog records of the run: rows that changed, then system rows, the position last."""
        return [*self.row_changes(), *self.system_changes()]

    def row_changes(self) -> list[Change]:
        """Give the words that changed, and what they add up to now, subject by subject as they first did."""
        changes = []
        for (kind, name), partitions in self._changed.items():
            words = self._words[kind, name]
            changes += [
                Change(POPULATION, word_key(kind, name, each), encode_word(words[each])) for each in sorted(partitions)
            ]
            clocks = {each: word.clock for each, word in sorted(words.items())}
            newest = newest_about(words.values())
            about = None if newest is None else newest.about
            sums, look = merged(words.values()), self._looks[kind, name]
            row = Merged(kind, name, self._shard.birth_id, clocks, sums, look, about)
            changes.append(Change(POPULATION, merged_key(kind, name), encode_merged(row)))
        # A word that came and went within the run never was a row.
        changes += [
            Change(POPULATION, key, None if word is None else encode_word(word))
            for key, word in sorted(self._closed.items())
            if word is not None or key in self._shard.rows
        ]
        return changes

    def system_changes(self) -> list[Change]:
        """Give the system rows."""
        return [
            Change(POPULATION, LEDGER_KEY, at_rest.encode_ledger(self.ledger)),
            Change(POPULATION, POSITION_KEY, at_rest.encode_position(self.position)),
        ]


def _by_partition(words: Iterable[Partial]) -> dict[int, list[Partial]]:
    """Give the words of each partition."""
    found: dict[int, list[Partial]] = {}
    for word in words:
        found.setdefault(word.partition, []).append(word)
    return found

"""The merged sums: what every partition's rows say of their sums, its newest word, and what the words add up to.

Knows the table ``population``, the topic it is made of, what went out of it, and the rows of sums. Must never know what
the sums mean.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fitly.cli.decoded import Record
from fitly.cli.expand import expand
from fitly.cli.proof.findings import Finding
from fitly.cli.proof.tables import Tables
from fitly.cli.rows import decode, is_word
from fitly.core import topics
from fitly.core.errors import Refused
from fitly.core.partials import Kind, Merged, Partial, merged
from fitly.core.system import SYSTEM_PREFIX
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.generation import read_generation
from fitly.wire.looks import is_provisional
from fitly.wire.merged import decode_merged
from fitly.wire.partials import spelt
from fitly.wire.population import Population
from fitly.wire.summing import Sums

POLL_S: Final = 0.3
Step = Callable[[str, int, int], None]


class Added:
    """Holds one partition's rows against its part of ``partials``.

    Parameters
    ----------
    table : Population
        As its changelog has it; read before the topic is.
    refolded : Population
        An empty one of the same partition.
    """

    def __init__(self, table: Population, refolded: Population) -> None:
        self.table = table
        self._refolded = refolded
        self._later: set[bytes] = set()
        self.results: dict[bytes, bytes] = {}

    def see(self, records: Sequence[Record]) -> None:
        """Take in records of the topic, in order: those absorbed are folded, of later ones the keys are noted."""
        reached = self.table.position.offset
        absorbed = [record for record in records if record.offset <= reached]
        if absorbed:
            batch = self._refolded.fold(absorbed)
            for sent in batch.outputs:
                if sent.topic == topics.RESULTS and sent.key is not None and sent.value is not None:
                    self.results[sent.key] = sent.value
            self._refolded.adopt(batch)
        self._later.update(record.key for record in records if record.offset > reached and record.key is not None)

    def words(self, finding: Finding) -> None:
        """Hold the words against each other; one that has a newer may have been compacted away since."""
        rows, again = self.table.rows, self._refolded.rows
        for key in sorted(filter(is_word, rows.keys() | again.keys())):
            if key in self._later:
                continue
            where = f"{topics.POPULATION} {key.decode()}"
            found, said = rows.get(key), again.get(key)
            if found is None or said is None:
                finding.looked_at += 1
                finding.differ(where, "", *(("a word", "none") if found is None else ("none", "a word")))
            else:
                name = topics.POPULATION
                finding.compare(where, expand(decode(name, key, said)), expand(decode(name, key, found)))

    def sums(self, finding: Finding) -> None:
        """Add the words up, and hold what comes of it against the merged rows."""
        for key in sorted(key for key in self.table.rows if not is_word(key)):
            row = decode(topics.POPULATION, key, self.table.rows[key])
            assert isinstance(row, Merged)  # noqa: S101 - by its key
            words = self.table.words(row.kind, row.name)
            clocks = {partition: word.clock for partition, word in sorted(words.items())}
            made = row._replace(clocks=clocks, sums=merged(words.values()))
            finding.compare(f"{topics.POPULATION} {key.decode()}", expand(made), expand(row))

    def looks(self, finding: Finding) -> None:
        """Hold the last look at each experiment against the one that the topic gives: no closing word leaves that."""
        for key in sorted(key for key in self.table.rows if not is_word(key)):
            row = decode_merged(self.table.rows[key])
            if row.kind is Kind.EXPERIMENTS:
                again = self._refolded.merged(row.kind, row.name)
                look = None if again is None else again.look
                where = f"last look at {row.name}"
                finding.compare(where, {"look": expand(look)}, {"look": expand(row.look)})


class Reported:
    """Holds what stands in ``experiment-results`` against the looks that the topic ``partials`` gives.

    Parameters
    ----------
    expected : mapping
        Key -> value of every look.
    """

    def __init__(self, expected: Mapping[bytes, bytes]) -> None:
        self.finding = Finding("looks", "every look at an experiment went out, and no other")
        self._expected = expected
        self._found: dict[bytes, bytes | None] = {}

    def see(self, records: Sequence[Record]) -> None:
        """Take in records of the topic; views in between are no looks."""
        for record in records:
            if record.key is not None and not is_provisional(record.key):
                self._found[record.key] = record.value

    def conclude(self) -> Finding:
        """Compare which looks there are; of those that say something else, tell how many."""
        for key in sorted(self._expected.keys() | self._found.keys()):
            self.finding.looked_at += 1
            if self._found.get(key) is None or key not in self._expected:
                told = ("a look", "none") if key in self._expected else ("none", "a look")
                self.finding.differ(f"{topics.RESULTS} {key.decode()}", "", *told)
        others = sum(self._found.get(key, value) != value for key, value in self._expected.items())
        if others:
            self.finding.notes.append(f"{others} say something else than this release makes of the same sums")
        return self.finding


class Said:
    """Holds what the partitions of the input have said against the rows of their sums.

    Parameters
    ----------
    tables : Tables
        Rows and positions; read before the topic is.
    """

    def __init__(self, tables: Tables) -> None:
        self.finding = Finding(
            "partials and sums", "what a partition said last of its sums is what its rows of sums say"
        )
        self._tables = tables
        self._newest: dict[tuple[str, str, int], Partial] = {}
        self._later: set[tuple[str, str, int]] = set()

    def see(self, reader: Population, records: Sequence[Record]) -> None:
        """Take in records of one partition of the topic; `reader` tells which of them count."""
        for record in records:
            try:
                word = reader.read(record)
            except Refused:
                continue
            subject = word.kind.value, word.name, word.partition
            known = self._newest.get(subject)
            if word.offset > self._tables.position(word.partition).offset:
                self._later.add(subject)
            elif known is None or word.offset > known.offset:
                self._newest[subject] = word

    def conclude(self) -> Finding:
        """Compare what has no changes that are still to be told, and was not compacted away for a newer word."""
        untold = 0
        for partition in self._tables.partitions:
            rows = self._tables.rows[partition, topics.CONTEXTS]
            sums = Sums.taken_from({key: value for key, value in rows.items() if key.startswith(SYSTEM_PREFIX)})
            for (kind, name), totals in sorted(sums.totals.items()):
                subject = kind.value, name, partition
                word = self._newest.get(subject)
                if (kind, name) in sums.untold:
                    untold += 1
                elif word is not None or subject not in self._later:
                    said = {} if word is None else word.sums
                    self.finding.compare(f"{kind} {name} of partition {partition}", {**spelt(totals)}, {**spelt(said)})
        if untold:
            self.finding.notes.append(f"{untold} have changed since their last partial: told at the next tick")
        return self.finding


async def prove(settings: Settings, tables: Tables, patience: float, step: Step) -> list[Finding]:
    """Read table and topic once the agent has absorbed what stands, or when patience ends; and conclude."""
    caught_up = Finding("partials", "the agent experiments has absorbed the partials as they stood")
    words = Finding("words", "the table population holds the newest word of every partition")
    sums = Finding("merged", "the merged sums are what these words add up to")
    looks = Finding("closes", "the last look at each experiment is what was said first after the close of its day")
    bounds = await read.bounds(settings, topics.PARTIALS)
    ends, deadline = {partition: end for partition, (_, end) in bounds.items()}, time.monotonic() + patience
    while True:
        population = await _tables(settings)
        start = {partition: table.position.offset + 1 for partition, table in population.items()}
        waiting = await _count(settings, start, ends)
        if not waiting or time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_S)
    caught_up.looked_at = sum(ends.values())
    if waiting:
        caught_up.differ(topics.PARTIALS, "", "all partials absorbed", f"{waiting:,} wait")
        caught_up.notes.append("is a worker running, with both agents? `fitly doctor` tells; --patience waits longer")
    again = await _empty(settings)
    added = {partition: Added(table, again[partition]) for partition, table in population.items()}
    spoken = Said(tables)
    async for records in read.read_batches(settings, topics.PARTIALS):
        added[records[0].partition].see(records)
        spoken.see(again[records[0].partition], records)
    for number, one in enumerate(added.values(), 1):
        one.words(words)
        one.sums(sums)
        one.looks(looks)
        step(topics.POPULATION, number, len(added))
    reported = Reported({key: value for one in added.values() for key, value in one.results.items()})
    async for records in read.read_batches(settings, topics.RESULTS):
        reported.see(records)
    return [spoken.conclude(), caught_up, words, sums, looks, reported.conclude()]


async def _empty(settings: Settings) -> dict[int, Population]:
    born = await read_generation(settings)
    key, mode = settings.signing_key, born.clock_mode.value
    return {
        partition: Population(partition, key, born.birth_id, mode, born.partitions)
        for partition in range(born.partitions)
    }


async def _tables(settings: Settings) -> dict[int, Population]:
    """Restore the table, as the agent would."""
    tables = await _empty(settings)
    async for record in read.read_topic(settings, topics.POPULATION_CHANGELOG):
        if record.key is not None:
            tables[record.partition].load(topics.POPULATION, record.key, record.value)
    for table in tables.values():
        table.opened()
    return tables


async def _count(settings: Settings, start: dict[int, int], stop: dict[int, int]) -> int:
    waiting = 0
    async for records in read.read_batches(settings, topics.PARTIALS, start=start, stop=stop):
        waiting += len(records)
    return waiting

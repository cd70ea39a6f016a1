"""The merged sums: the newest word of every partition, and what they add up to.

Knows the table ``population`` and the topic it is made of. Must never know what the sums mean.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from fitly.cli.decoded import Record
from fitly.cli.expand import expand
from fitly.cli.proof.findings import Finding
from fitly.cli.rows import decode, is_word
from fitly.core import topics
from fitly.core.partials import Merged, merged
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.generation import read_generation
from fitly.wire.population import Population

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

    def see(self, records: Sequence[Record]) -> None:
        """Take in records of the topic, in order: those absorbed are folded, of later ones the keys are noted."""
        reached = self.table.position.offset
        absorbed = [record for record in records if record.offset <= reached]
        if absorbed:
            self._refolded.adopt(self._refolded.fold(absorbed))
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


async def prove(settings: Settings, patience: float, step: Step) -> list[Finding]:
    """Read table and topic once the agent has absorbed what stands, or when patience ends; and conclude."""
    caught_up = Finding("partials", "the agent experiments has absorbed the partials as they stood")
    words = Finding("words", "the table population holds the newest word of every partition")
    sums = Finding("merged", "the merged sums are what these words add up to")
    bounds = await read.bounds(settings, topics.PARTIALS)
    ends, deadline = {partition: end for partition, (_, end) in bounds.items()}, time.monotonic() + patience
    while True:
        tables = await _tables(settings)
        start = {partition: table.position.offset + 1 for partition, table in tables.items()}
        waiting = await _count(settings, start, ends)
        if not waiting or time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_S)
    caught_up.looked_at = sum(ends.values())
    if waiting:
        caught_up.differ(topics.PARTIALS, "", "all partials absorbed", f"{waiting:,} wait")
        caught_up.notes.append("is a worker running, with both agents? `fitly doctor` tells; --patience waits longer")
    again = await _empty(settings)
    added = {partition: Added(table, again[partition]) for partition, table in tables.items()}
    async for records in read.read_batches(settings, topics.PARTIALS):
        added[records[0].partition].see(records)
    for number, one in enumerate(added.values(), 1):
        one.words(words)
        one.sums(sums)
        step(topics.POPULATION, number, len(added))
    return [caught_up, words, sums]


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

"""One pass over the outputs and one over the input, in the order that makes a moving log provable.

Knows which check looks at which record, and the order: ends of the outputs, then tables, then outputs, then input. So
every output before the first is explained by the tables' position, and every event the tables have absorbed finds its
outputs, however much is added meanwhile. Must never know what a check concludes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fitly.cli.decoded import Record
from fitly.cli.proof.findings import Finding
from fitly.cli.proof.ledgers import Ledgers, Rejects
from fitly.cli.proof.outputs import Causes, Filings, Sent
from fitly.cli.proof.replay import Mismatch, Replay
from fitly.cli.proof.starts import Starts
from fitly.cli.proof.tables import Tables
from fitly.core import topics
from fitly.core.errors import Refused
from fitly.core.names import partition_of
from fitly.settings import Settings
from fitly.stream import read
from fitly.wire.events import parse_event

OUTPUTS: Final = (topics.SELECTED, topics.OUTCOMES, topics.ASSESSED, topics.REJECTED)
OPENING: Final = b"fitly.log.opened.v1"
"""Before the log was opened, events were refused; a forged opening changes nothing, since the true one comes first."""
Step = Callable[[str, int, int], None]
"""Told what is being read, how many records have been, and how many offsets there are."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """First and end offsets by topic and partition, as they were before the tables were read."""

    first: dict[tuple[str, int], int]
    end: dict[tuple[str, int], int]

    @classmethod
    async def now(cls, settings: Settings) -> Bounds:
        """Ask the broker."""
        first, end = {}, {}
        for topic in (*OUTPUTS, topics.INPUT):
            for partition, (begin, stop) in (await read.bounds(settings, topic)).items():
                first[topic, partition], end[topic, partition] = begin, stop
        return cls(first, end)

    def ends_of(self, topic: str) -> dict[int, int]:
        """Give the ends of one topic."""
        return {partition: end for (name, partition), end in self.end.items() if name == topic}

    def firsts_of(self, topic: str) -> dict[int, int]:
        """Give the first offsets of one topic."""
        return {partition: first for (name, partition), first in self.first.items() if name == topic}

    def is_cut(self, topic: str) -> bool:
        """Tell whether a topic has lost its beginning."""
        return any(self.firsts_of(topic).values())


class Log:
    """The checks that need the log itself.

    Parameters
    ----------
    settings : Settings
        Where the broker is.
    tables : Tables
        Read after ``bounds``.
    bounds : Bounds
        What stood before.
    replay : bool
        Whether to fold the log again.
    step : callable
        Is told the progress.
    """

    def __init__(self, settings: Settings, tables: Tables, bounds: Bounds, step: Step, *, replay: bool) -> None:
        self._settings = settings
        self._tables = tables
        self._bounds = bounds
        self._step = step
        self._ledgers, self._rejects, self._causes, self._filings = (
            Ledgers(tables),
            Rejects(tables),
            Causes(),
            Filings(),
        )
        self._sent = {place: Sent(start=first) for place, first in bounds.first.items() if place[0] != topics.INPUT}
        self._opened = {partition for partition, first in bounds.firsts_of(topics.INPUT).items() if first}
        self._starts = Starts(settings, bounds.firsts_of(topics.INPUT), tables.position) if replay else None
        self._replay: Replay | None = None

    async def prove(self) -> list[Finding]:
        """Read everything once, and conclude."""
        for topic in OUTPUTS:
            await self._read_output(topic)
        self._replay = None if self._starts is None else await self._begin_replay(self._starts)
        await self._read_input()
        first = self._bounds.firsts_of(topics.INPUT)
        cut = self._bounds.is_cut
        findings = [
            self._ledgers.conclude(first),
            self._rejects.conclude(cut=cut(topics.REJECTED)),
            self._causes.conclude(first),
            self._filings.conclude(self._tables, cut=cut(topics.OUTCOMES), input_cut=cut(topics.INPUT)),
        ]
        if self._starts is not None and self._replay is not None:
            findings += await self._conclude_replay(self._starts, self._replay)
        return findings

    async def _begin_replay(self, starts: Starts) -> Replay:
        ends = {place: end for place, end in self._bounds.end.items() if place[0] != topics.INPUT}
        begun = await starts.find(self._tables.partitions)
        return Replay(self._tables, self._sent, ends, begun, int(time.time() * 1000))

    async def _read_output(self, topic: str) -> None:
        done, total = 0, sum(self._bounds.ends_of(topic).values())
        async for records in read.read_batches(self._settings, topic):
            for record in records:
                self._see_output(topic, record)
            done += len(records)
            self._step(topic, done, total)
        self._step(topic, max(done, 1), max(done, 1))

    def _see_output(self, topic: str, record: Record) -> None:
        if topic == topics.REJECTED and dict(record.headers).get("topic") == topics.PARTIALS.encode():
            return  # the other agent's
        if self._starts is not None:
            self._sent[topic, record.partition].add(record)
        if topic == topics.SELECTED:
            self._causes.see(record)
        elif topic == topics.OUTCOMES:
            self._filings.see(record)
        elif topic == topics.REJECTED:
            self._rejects.see(record.partition, record.value, dict(record.headers))

    async def _read_input(self) -> None:
        done, total = 0, sum(self._bounds.ends_of(topics.INPUT).values())
        async for records in read.read_batches(self._settings, topics.INPUT):
            self._see_input(records)
            done += len(records)
            self._step(topics.INPUT, done, total)
        self._step(topics.INPUT, max(done, 1), max(done, 1))

    def _see_input(self, records: Sequence[Record]) -> None:
        partition = records[0].partition
        position = self._tables.position(partition)
        absorbed = [record for record in records if record.offset <= position.offset]
        self._ledgers.see(partition, len(absorbed))
        for record in records:
            if self._replay is not None:
                self._replay.see_input(record.key, record.value, record.headers)
            if record.key is None:
                self._opened |= {partition} if OPENING in (record.value or b"") else set()
                self._causes.see_control(partition, record.offset, record.value or b"")
            elif partition in self._opened and partition_of(record.key, max(position.partitions, 1)) == partition:
                self._see_event(partition, record, absorbed=record.offset <= position.offset)
        if self._replay is not None and absorbed:
            self._replay.take(partition, absorbed)

    def _see_event(self, partition: int, record: Record, *, absorbed: bool) -> None:
        try:
            event = parse_event(record.value or b"")
        except Refused:
            return
        if record.key != event.user_id.encode():
            return
        self._causes.see_event(partition, record.offset, event)
        self._filings.see_event(partition, event, absorbed=absorbed)

    async def _conclude_replay(self, starts: Starts, replay: Replay) -> list[Finding]:
        if starts.uncovered:
            for partition, first in starts.uncovered.items():
                replay.rows.differ(f"{topics.INPUT}-{partition}", "first offset", "0, or a snapshot to begin at", first)
            replay.rows.notes.append(
                "retention has removed the beginning of the log, and no snapshot leads on from there: the worker takes "
                "one every FITLY_SNAPSHOT_DAYS; `fitly snapshots` lists them"
            )
            return [starts.finding, replay.rows]
        replay.conclude()
        for mismatch in replay.mismatches:
            await self._tell(replay.outputs, mismatch)
        return [starts.finding, replay.outputs, replay.rows]

    async def _tell(self, finding: Finding, mismatch: Mismatch) -> None:
        """Look up what stands where the refold says something else, and take both down."""
        said = mismatch.expected
        expected = "nothing more" if said is None else f"{said.key!r} {said.value!r} {said.headers!r}"
        found, offset = "nothing", "end"
        if mismatch.offset is not None:
            offset = str(mismatch.offset)
            stop = dict.fromkeys(self._bounds.ends_of(mismatch.topic), 0) | {mismatch.partition: mismatch.offset + 1}
            start = {mismatch.partition: mismatch.offset}
            async for record in read.read_topic(self._settings, mismatch.topic, start=start, stop=stop):
                found = f"{record.key!r} {record.value!r} {tuple(record.headers)!r}"
        finding.wrong -= 1  # counted when it was found
        finding.differ(f"{mismatch.topic}-{mismatch.partition} offset {offset}", "", expected, found)

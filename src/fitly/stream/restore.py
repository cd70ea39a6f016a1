"""Restoring a partition: its rows from the changelogs, and whether they may be built upon.

Knows changelogs, offsets and generations. Must never know what a row holds: it travels as bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka.structs import TopicPartition

from fitly.core.errors import Broken
from fitly.core.topics import CHANGELOGS
from fitly.stream.clients import started_reader

if TYPE_CHECKING:
    from fitly.core.system import Position
    from fitly.settings import Settings
    from fitly.stream.agents import Rows
    from fitly.stream.generation import Generation

FETCH_BYTES: Final = 256 << 10
"""What one fetch brings of a changelog. An answer shows no progress until it is whole: with 8 MiB a link of 200 kB/s
never got past the client's own 40 s, and the watchdog ended us before. More than this is not faster (measured)."""
_POLL_MS: Final = 200


@dataclass(frozen=True, slots=True)
class LogBounds:
    """What the broker says of an input partition: first offset, last stable one, and the group's committed offset."""

    start: int
    end: int
    hint: int | None


async def load_rows(
    settings: Settings,
    partition: int,
    shard: Rows,
    progressed: Callable[[int], None],
    changelogs: Mapping[str, str] = CHANGELOGS,
) -> int:
    """Read the changelogs of a partition from beginning to end into `shard`, and give how many records there were.

    Parameters
    ----------
    progressed : callable
        Told the number of records whenever the positions have moved on, be it past aborted records only: that is
        progress to the watchdog (A3).
    changelogs : mapping
        Table to the topic its rows are written to.
    """
    async with started_reader(settings, fetch_bytes=FETCH_BYTES) as reader:
        tables = {TopicPartition(settings.topic(topic), partition): table for table, topic in changelogs.items()}
        tps, total = list(tables), 0
        reader.assign(tps)
        ends = await reader.end_offsets(tps)
        reached = await reader.beginning_offsets(tps)
        for tp in tps:
            reader.seek(tp, reached[tp])
        while open_ := [tp for tp in tps if reached[tp] < ends[tp]]:
            rows, before = 0, reached
            for tp, records in (await reader.getmany(*open_, timeout_ms=_POLL_MS)).items():
                table, load = tables[tp], shard.load
                for record in records:
                    load(table, record.key, record.value)
                rows += len(records)
                await asyncio.sleep(0)
            # positions pass commit markers and aborted records; offsets of records do not
            reached = {tp: await reader.position(tp) for tp in tps}
            total += rows
            if reached != before:
                progressed(rows)
        return total


async def input_bounds(settings: Settings, topic: str, partition: int, hint: int | None) -> LogBounds:
    """Ask where a partition of an agent's input begins and ends; `topic` as the broker names it."""
    async with started_reader(settings) as reader:
        tp = TopicPartition(topic, partition)
        begin, end = await reader.beginning_offsets([tp]), await reader.end_offsets([tp])
        return LogBounds(begin[tp], end[tp], hint)


def check_position(partition: int, position: Position, generation: Generation, log: LogBounds) -> None:
    """Refuse to fold where the rows and the log do not belong together (A4).

    The position is the truth and the committed offset a hint: it may lag or have expired, but never be ahead. An
    offset means nothing after a topic was made anew, and where records went before they were folded no fold can be
    right.

    Raises
    ------
    Broken
        With the remedy; a restart meets the same.

    Examples
    --------
    >>> from fitly.core.system import Position
    >>> from fitly.core.vocabulary import ClockMode
    >>> from fitly.stream.generation import Generation
    >>> check_position(0, Position(offset=41), Generation("b", ClockMode.LIVE, 4), LogBounds(0, 40, 42))
    Traceback (most recent call last):
    ...
    fitly.core.errors.Broken: partition 0: our rows reach to offset 41, but the log ends at 40. ...
    """
    nxt = position.offset + 1
    fault = ""
    if position.birth_id and position.birth_id != generation.birth_id:
        fault = f"our rows belong to the log born {position.birth_id}, but this log was born {generation.birth_id}"
    elif position.partitions and position.partitions != generation.partitions:
        fault = f"our rows belong to a log of {position.partitions} partitions, this one has {generation.partitions}"
    elif nxt > log.end:
        fault = f"our rows reach to offset {position.offset}, but the log ends at {log.end}"
    elif nxt < log.start:
        lost = "the records between were deleted unfolded"
        fault = f"our rows reach to offset {position.offset}, but the log begins at {log.start}: {lost}"
    elif log.hint is not None and log.hint > nxt:
        lost = "changelog records are missing"
        fault = f"the group has committed offset {log.hint}, but our rows reach only to {position.offset}: {lost}"
    if fault:
        remedy = (
            "Topics were made anew or lost records. Bring back the topics that belong together (input, control, "
            "partials, all changelogs) from one backup, or begin a new log under another FITLY_PREFIX with "
            "`fitly topics create` and publish the events to it again"
        )
        message = f"partition {partition}: {fault}. {remedy}"
        raise Broken(message, restart_helps=False)

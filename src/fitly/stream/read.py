"""Reading topics from outside: committed records only, up to where a topic ends now, or for ever.

Knows offsets and isolation. Must never know what a record means, and joins no group.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiokafka
from aiokafka.structs import ConsumerRecord, TopicPartition

from fitly.core.errors import Broken
from fitly.stream.clients import started_reader

if TYPE_CHECKING:
    from fitly.settings import Settings

POLL_MS: Final = 200
BIG_FETCH: Final = 8 << 20


async def read_batches(
    settings: Settings, name: str, *, start: Mapping[int, int] | None = None, stop: Mapping[int, int] | None = None
) -> AsyncGenerator[list[ConsumerRecord], None]:
    """Read a topic from its beginning to its present end, in lists of records of one partition.

    Parameters
    ----------
    settings : Settings
        Where the broker is.
    name : str
        A name of `fitly.core.topics`, without prefix.
    start : mapping, optional
        First offset by partition; the log's start where it is not given.
    stop : mapping, optional
        Offset to stop before, by partition; the last stable offset where it is not given. Partitions left out of a
        given mapping are read to their end.

    Yields
    ------
    list of ConsumerRecord
        In order within a partition; partitions interleave.

    Raises
    ------
    Broken
        The topic does not exist (a restart does not help).
    Retryable
        The broker cannot be reached.
    """
    async with started_reader(settings, fetch_bytes=BIG_FETCH) as reader:
        tps = await partitions_of(reader, settings.topic(name))
        reader.assign(tps)
        begins, ends = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
        open_ = {}
        for tp in tps:
            first = max(begins[tp], (start or {}).get(tp.partition, 0))
            reader.seek(tp, first)
            end = min(ends[tp], (stop or {}).get(tp.partition, ends[tp]))
            if first < end:
                open_[tp] = end
        while open_:
            for tp, records in (await reader.getmany(*open_, timeout_ms=POLL_MS)).items():
                end = open_[tp]
                if records[-1].offset >= end:
                    records = [record for record in records if record.offset < end]  # noqa: PLW2901 - the part that was asked for
                if records:
                    yield records
            # positions pass commit markers and compacted offsets; the offsets of records do not
            open_ = {tp: end for tp, end in open_.items() if await reader.position(tp) < end}


async def read_topic(
    settings: Settings, name: str, *, start: Mapping[int, int] | None = None, stop: Mapping[int, int] | None = None
) -> AsyncGenerator[ConsumerRecord, None]:
    """Read a topic record by record; see `read_batches`."""
    async with aclosing(read_batches(settings, name, start=start, stop=stop)) as batches:
        async for records in batches:
            for record in records:
                yield record


async def bounds(settings: Settings, name: str) -> dict[int, tuple[int, int]]:
    """Give log start and last stable offset of every partition."""
    async with started_reader(settings) as reader:
        tps = await partitions_of(reader, settings.topic(name))
        begins, ends = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
        return {tp.partition: (begins[tp], ends[tp]) for tp in tps}


async def follow(
    settings: Settings, name: str, start: Mapping[int, int] | None = None
) -> AsyncGenerator[ConsumerRecord, None]:
    """Read a topic for ever; leave it early under `contextlib.aclosing`.

    Parameters
    ----------
    start : mapping, optional
        First offset by partition; the present end where it is not given, fixed when the first record is asked for. Use
        `following` to fix it before doing something else.
    """
    async with started_reader(settings) as reader:
        await _place(reader, settings.topic(name), start)
        async for record in _endless(reader):
            yield record


@asynccontextmanager
async def following(
    settings: Settings, name: str, start: Mapping[int, int] | None = None
) -> AsyncIterator[AsyncIterator[ConsumerRecord]]:
    """Fix the positions on entry, then give the records that come: nothing sent inside the block is missed."""
    async with started_reader(settings) as reader:
        await _place(reader, settings.topic(name), start)
        yield _endless(reader)


async def _place(reader: aiokafka.AIOKafkaConsumer, topic: str, start: Mapping[int, int] | None) -> None:
    tps = await partitions_of(reader, topic)
    reader.assign(tps)
    ends = await reader.end_offsets(tps)
    for tp in tps:
        reader.seek(tp, (start or {}).get(tp.partition, ends[tp]))


async def _endless(reader: aiokafka.AIOKafkaConsumer) -> AsyncIterator[ConsumerRecord]:
    while True:
        for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                yield record


async def partitions_of(reader: aiokafka.AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Give the partitions of a topic, in order.

    Raises
    ------
    Broken
        There is no such topic.
    """
    if topic not in await reader.topics():
        message = f"topic {topic} does not exist: run `fitly topics create`"
        raise Broken(message, restart_helps=False)
    await reader.end_offsets([TopicPartition(topic, 0)])  # makes the client learn the topic's partitions
    return [TopicPartition(topic, partition) for partition in sorted(reader.partitions_for_topic(topic) or ())]

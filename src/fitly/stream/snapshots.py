"""Snapshots in the topic of that name: writing one, finding those that stand, reading one back.

Knows offsets and records. Must never know when a snapshot is due, nor what a row holds.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka.structs import TopicPartition

from fitly.core.errors import Broken
from fitly.core.system import FOLD_VERSION
from fitly.core.topics import ASSESSED, OUTCOMES, REJECTED, SELECTED, SNAPSHOTS
from fitly.stream.clients import started_producer, started_reader
from fitly.stream.read import partitions_of, read_topic
from fitly.wire.snapshots import (
    BEGIN_HEADER,
    KIND_HEADER,
    MANIFEST,
    PAGE,
    SNAPSHOT_HEADER,
    Manifest,
    Seal,
    decode_manifest,
    decode_page,
    encode_manifest,
    pages,
)

if TYPE_CHECKING:
    import aiokafka
    from aiokafka.structs import ConsumerRecord

    from fitly.settings import Settings
    from fitly.wire.shard import Change, Shard

OUTPUTS: Final = (SELECTED, OUTCOMES, ASSESSED, REJECTED)
_GLANCE_BYTES: Final = 64 << 10
_POLL_MS: Final = 200


class Damaged(Broken):
    """A snapshot of which something is missing or changed: nothing must be folded on from it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot that stands in the topic: its records are those from ``begin`` to before ``end``."""

    manifest: Manifest
    begin: int
    end: int


async def draft(settings: Settings, shard: Shard) -> Manifest:
    """Describe what a shard holds just now; to be asked between two commits, by the partition's owner.

    The ends of the outputs are those of all that was written, committed or not: the owner is the only writer, and
    nothing of it is under way.
    """
    position, partition = shard.position, shard.partition
    async with started_reader(settings, committed=False) as reader:
        places = {topic: TopicPartition(settings.topic(topic), partition) for topic in OUTPUTS}
        ends = await reader.end_offsets(list(places.values()))
    return Manifest(
        snapshot=uuid.uuid4().hex,
        birth_id=position.birth_id,
        partition=partition,
        offset=position.offset,
        clock=position.clock,
        folded_by=shard.folded_by,
        goes_on_by=FOLD_VERSION,
        outputs={topic: ends[place] for topic, place in places.items()},
    )


async def write(
    settings: Settings, manifest: Manifest, changes: Iterable[Change], progressed: Callable[[], None] = lambda: None
) -> Manifest:
    """Write a snapshot page by page, each awaited before the next is made, and give its manifest as it was closed.

    Nothing is lost where this ends early: without a manifest the pages are not looked at.
    """
    topic, partition, seal = settings.topic(SNAPSHOTS), manifest.partition, Seal()
    key, begin = f"{partition}|{manifest.offset}".encode(), None
    async with started_producer(settings, compression="zstd") as producer:
        for page, rows in pages(changes):
            seal.add(page, rows)
            offset = await _send(producer, (topic, partition), key, page, _headers(manifest, PAGE, begin))
            begin = offset if begin is None else begin
            progressed()
        closed = seal.close(manifest)
        headers = _headers(manifest, MANIFEST, begin)
        await _send(producer, (topic, partition), key, encode_manifest(closed), headers)
    return closed


def _headers(manifest: Manifest, kind: bytes, begin: int | None) -> list[tuple[str, bytes]]:
    headers = [(SNAPSHOT_HEADER, manifest.snapshot.encode()), (KIND_HEADER, kind)]
    return headers if begin is None else [*headers, (BEGIN_HEADER, str(begin).encode())]


async def _send(
    producer: aiokafka.AIOKafkaProducer,
    place: tuple[str, int],
    key: bytes,
    value: bytes,
    headers: list[tuple[str, bytes]],
) -> int:
    sent = await (await producer.send(place[0], value, key, partition=place[1], headers=headers))
    offset: int = sent.offset
    return offset


async def kept(settings: Settings, partition: int | None = None) -> dict[int, list[Kept]]:
    """Find the snapshots that stand whole, by partition, newest first; of each only the last record is read."""
    async with started_reader(settings, fetch_bytes=_GLANCE_BYTES) as reader:
        found = await partitions_of(reader, settings.topic(SNAPSHOTS))
        tps = [tp for tp in found if partition in {None, tp.partition}]
        begins, ends = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
        return {tp.partition: [one async for one in _backwards(reader, tp, begins[tp], ends[tp])] for tp in tps}


async def newest(settings: Settings, partition: int) -> Kept | None:
    """Find the newest snapshot of a partition."""
    async with started_reader(settings, fetch_bytes=_GLANCE_BYTES) as reader:
        tp = TopicPartition(settings.topic(SNAPSHOTS), partition)
        begins, ends = await reader.beginning_offsets([tp]), await reader.end_offsets([tp])
        async with aclosing(_backwards(reader, tp, begins[tp], ends[tp])) as found:
            return await anext(found, None)


async def _backwards(
    reader: aiokafka.AIOKafkaConsumer, tp: TopicPartition, first: int, end: int
) -> AsyncGenerator[Kept, None]:
    """Go from the end to the beginning: each record says where its snapshot began, and before that another ended.

    What lost its first pages to retention, or never got its manifest, is passed over.
    """
    reader.assign([tp])
    while end > first:
        record = await _at(reader, tp, end - 1)
        headers = dict(record.headers)
        told = _number(headers.get(BEGIN_HEADER))
        begin = record.offset if told is None else min(told, record.offset)
        if headers.get(KIND_HEADER) == MANIFEST and begin >= first and (manifest := _read(record)) is not None:
            yield Kept(manifest, begin, record.offset + 1)
        end = begin


async def _at(reader: aiokafka.AIOKafkaConsumer, tp: TopicPartition, offset: int) -> ConsumerRecord:
    reader.seek(tp, offset)
    while not (found := (await reader.getmany(tp, timeout_ms=_POLL_MS)).get(tp)):
        pass
    return found[0]


def _number(raw: bytes | None) -> int | None:
    """Read an offset; None for what is none.

    >>> _number(b"12"), _number(b"x"), _number(None)
    (12, None, None)
    """
    return int(raw) if raw is not None and raw.isdigit() else None


def _read(record: ConsumerRecord) -> Manifest | None:
    """Read a manifest; what is none was not written by us."""
    try:
        return decode_manifest(record.value or b"")
    except msgspec.MsgspecError:
        return None


async def load(settings: Settings, one: Kept) -> AsyncGenerator[Change, None]:
    """Give the rows of a snapshot, after which it is known to be whole.

    Raises
    ------
    Damaged
        At the end, or where a page cannot be read: what was given before must not be used.
    """
    manifest, seal = one.manifest, Seal()
    name = manifest.snapshot.encode()
    others = dict.fromkeys(range(len(await _sizes(settings))), 0)
    start, stop = {manifest.partition: one.begin}, others | {manifest.partition: one.end - 1}
    async with aclosing(read_topic(settings, SNAPSHOTS, start=start, stop=stop)) as records:
        async for record in records:
            if dict(record.headers).get(SNAPSHOT_HEADER) != name or record.value is None:
                continue
            try:
                changes = decode_page(record.value)
            except msgspec.MsgspecError as error:
                raise _damaged(settings, one, f"offset {record.offset} is no page ({error})") from error
            seal.add(record.value, len(changes))
            for change in changes:
                yield change
    if seal.close(manifest) != manifest:
        counted = f"{seal.rows} rows on {seal.pages} pages, where the manifest says {manifest.rows} on {manifest.pages}"
        same = (seal.pages, seal.rows) == (manifest.pages, manifest.rows)
        raise _damaged(settings, one, "the pages are not those that were written" if same else counted)


async def _sizes(settings: Settings) -> list[TopicPartition]:
    async with started_reader(settings) as reader:
        return await partitions_of(reader, settings.topic(SNAPSHOTS))


def _damaged(settings: Settings, one: Kept, why: str) -> Damaged:
    place = f"{settings.topic(SNAPSHOTS)}-{one.manifest.partition}, offsets {one.begin} to {one.end - 1}"
    message = f"the snapshot at {place} is damaged: {why}. Nothing folds on from it; a newer one may do"
    return Damaged(message, restart_helps=False)

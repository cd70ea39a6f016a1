"""Each behaviour of aiokafka that we build on or around, by name, on a real broker."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiokafka
import pytest
from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import TopicPartition
from tests.stream.world import until

from fitly.core.errors import Broken
from fitly.settings import Settings
from fitly.stream.clients import BATCH_BYTES, new_producer, new_reader, started_producer, started_reader
from fitly.stream.read import partitions_of

pytestmark = pytest.mark.kafka


@pytest.fixture
async def topic(settings: Settings) -> str:
    """A topic of two partitions that takes small messages only."""
    name = f"{settings.prefix}seam"
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1, topic_configs={"max.message.bytes": "2000"})])
    await admin.close()
    return name


@asynccontextmanager
async def reading(settings: Settings, topic: str) -> AsyncIterator[aiokafka.AIOKafkaConsumer]:
    """Give a reader that has taken partition 0 from its beginning."""
    async with started_reader(settings) as reader:
        reader.assign([TopicPartition(topic, 0)])
        reader.seek(TopicPartition(topic, 0), 0)
        yield reader


async def send(settings: Settings, topic: str, *values: bytes, commit: bool = True, tid: str = "seam") -> None:
    """Write values to partition 0 in one transaction."""
    async with started_producer(settings, settings.prefix + tid) as producer:
        await producer.begin_transaction()
        for value in values:
            await (await producer.send(topic, value, partition=0))
        await (producer.commit_transaction() if commit else producer.abort_transaction())


async def end_of(settings: Settings, topic: str, at_least: int) -> int:
    """Wait until committed records and markers up to an offset are visible, and give the end."""
    tp = TopicPartition(topic, 0)
    async with started_reader(settings) as reader:

        async def seen() -> int:
            end: int = (await reader.end_offsets([tp]))[tp]
            return end if end >= at_least else 0

        return int(await until(seen, 20, f"{topic} reaches {at_least}"))


async def test_a_commit_goes_through_although_a_batch_failed(settings: Settings, topic: str) -> None:
    """A1: when aiokafka mends this, awaiting the futures in `Shipment.close` is no longer the last guard."""
    async with started_producer(settings, settings.prefix + "seam") as producer:
        await producer.begin_transaction()
        sent = await producer.send(topic, b"x" * 5_000, partition=0)
        await producer.commit_transaction()
        with pytest.raises(kafka.MessageSizeTooLargeError):
            await sent


async def test_the_future_of_a_sent_batch_tells_its_failure(settings: Settings, topic: str) -> None:
    async with started_producer(settings, settings.prefix + "seam") as producer:
        await producer.begin_transaction()
        batch = producer.create_batch()
        assert batch.append(key=b"k", value=b"x" * 5_000, timestamp=None) is not None
        batch.close()
        with pytest.raises(kafka.MessageSizeTooLargeError):
            await (await producer.send_batch(batch, topic, partition=0))
        await producer.abort_transaction()


async def test_a_full_batch_refuses_a_record_and_headers_are_a_list(settings: Settings) -> None:
    producer = new_producer(settings)
    batch = producer.create_batch()
    assert batch.append(key=b"k", value=b"x" * (BATCH_BYTES - 1_000), timestamp=5, headers=[("h", b"v")]) is not None
    assert batch.append(key=b"k", value=b"x" * 2_000, timestamp=5, headers=[]) is None
    with pytest.raises(TypeError):
        producer.create_batch().append(key=b"k", value=b"v", timestamp=5, headers=())
    await producer.stop()


async def test_starting_a_producer_fences_the_former_one(settings: Settings, topic: str) -> None:
    async with started_producer(settings, settings.prefix + "same") as former:
        await former.begin_transaction()
        await (await former.send(topic, b"of the former", partition=0))
        await send(settings, topic, b"of the new", tid="same")
        with pytest.raises(kafka.ProducerFenced):
            await former.commit_transaction()
    await end_of(settings, topic, 3)
    async with reading(settings, topic) as reader:
        records = (await reader.getmany(timeout_ms=5_000))[TopicPartition(topic, 0)]
        assert [record.value for record in records] == [b"of the new"]


async def test_committed_offsets_of_a_transaction_are_the_groups(settings: Settings, topic: str) -> None:
    tp, group = TopicPartition(topic, 0), f"{settings.prefix}group"
    async with started_producer(settings, settings.prefix + "offsets") as producer:
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction({tp: 17}, group)
        await producer.commit_transaction()
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()

    async def committed() -> bool:
        return bool(await consumer.committed(tp) == 17)

    await until(committed, 10, "the offset is committed")
    await consumer.stop()


async def test_transactional_offsets_carry_no_member_and_no_generation() -> None:
    """The reason for one producer per partition, for ever: only the fence keeps a former owner out."""
    parameters = inspect.signature(aiokafka.AIOKafkaProducer.send_offsets_to_transaction).parameters
    assert list(parameters) == ["self", "offsets", "group_id"]


def test_heartbeats_carry_no_instance_id() -> None:
    """C7: static membership is not promised while this holds."""
    assert list(inspect.signature(HeartbeatRequest).parameters) == ["group", "generation_id", "member_id"]


async def test_an_end_offset_read_committed_is_the_last_stable_one(settings: Settings, topic: str) -> None:
    tp = TopicPartition(topic, 0)
    async with started_producer(settings, settings.prefix + "open") as producer, started_reader(settings) as reader:
        await producer.begin_transaction()
        await (await producer.send(topic, b"not yet", partition=0))
        assert (await reader.end_offsets([tp]))[tp] == 0
        await producer.commit_transaction()
    assert await end_of(settings, topic, 2) == 2


async def test_aborted_records_are_not_seen_and_positions_pass_markers(settings: Settings, topic: str) -> None:
    tp = TopicPartition(topic, 0)
    await send(settings, topic, b"a")
    await send(settings, topic, b"b", commit=False)
    end = await end_of(settings, topic, 4)
    async with reading(settings, topic) as reader:
        seen: list[bytes] = []

        async def at_end() -> bool:
            for records in (await reader.getmany(timeout_ms=200)).values():
                seen.extend(record.value for record in records)
            return bool(await reader.position(tp) == end)

        await until(at_end, 10, "the position passes the last marker")
        assert seen == [b"a"]


async def test_getmany_takes_only_from_the_partitions_it_is_given(settings: Settings, topic: str) -> None:
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    async with started_producer(settings) as producer:
        for partition in (0, 1):
            await (await producer.send(topic, b"v", partition=partition))
    async with started_reader(settings) as reader:
        reader.assign([zero, one])
        for tp in (zero, one):
            reader.seek(tp, 0)

        async def given() -> dict[TopicPartition, list[object]]:
            taken: dict[TopicPartition, list[object]] = await reader.getmany(one, timeout_ms=500)
            return taken

        assert set(await until(given, 10, "partition 1 gives")) == {one}
        assert (await reader.position(zero), await reader.position(one)) == (0, 1)


async def test_a_seek_drops_what_was_fetched_before_it(settings: Settings, topic: str) -> None:
    tp = TopicPartition(topic, 0)
    await send(settings, topic, b"a", b"b", b"c")
    await end_of(settings, topic, 4)
    async with reading(settings, topic) as reader:
        assert (await reader.getmany(tp, timeout_ms=5_000, max_records=1))[tp][0].value == b"a"
        reader.seek(tp, 2)
        assert [record.value for record in (await reader.getmany(tp, timeout_ms=5_000))[tp]] == [b"c"]


async def test_seeking_what_is_not_assigned_is_an_illegal_state(settings: Settings, topic: str) -> None:
    async with reading(settings, topic) as reader:
        with pytest.raises(kafka.IllegalStateError):
            reader.seek(TopicPartition(topic, 1), 0)


async def test_a_position_that_is_gone_is_an_error_and_no_jump(settings: Settings, topic: str) -> None:
    """A4: with ``auto_offset_reset="none"``."""
    await send(settings, topic, b"a")
    await end_of(settings, topic, 2)
    async with started_reader(settings) as reader:
        tp = TopicPartition(topic, 0)
        reader.assign([tp])
        reader.seek(tp, 99)

        async def asks() -> bool:
            try:
                await reader.getmany(tp, timeout_ms=500)
            except kafka.OffsetOutOfRangeError:
                return True
            return False

        await until(asks, 10, "an error comes")


async def test_records_give_what_the_fold_and_the_queue_need(settings: Settings, topic: str) -> None:
    async with started_producer(settings) as producer:
        await (await producer.send(topic, b"value", key=b"k", partition=0, headers=[("h", b"v")], timestamp_ms=1_234))
    async with reading(settings, topic) as reader:
        record = (await reader.getmany(timeout_ms=5_000))[TopicPartition(topic, 0)][0]
    assert (record.partition, record.offset, record.timestamp, record.key, record.value) == (
        0,
        0,
        1_234,
        b"k",
        b"value",
    )
    assert tuple(record.headers) == (("h", b"v"),)
    assert record.serialized_value_size == 5


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_whatever_a_producer_compresses_with_can_be_read(settings: Settings, topic: str, codec: str) -> None:
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, compression_type=codec)
    async with producer:
        await producer.send_and_wait(topic, b"a" * 1_000, partition=0)
    async with reading(settings, topic) as reader:
        record = await reader.getone()
    assert record.value == b"a" * 1_000


async def test_partitions_are_known_after_asking_for_an_end(settings: Settings, topic: str) -> None:
    async with started_reader(settings) as reader:
        assert await partitions_of(reader, topic) == [TopicPartition(topic, 0), TopicPartition(topic, 1)]


async def test_stopping_a_producer_whose_task_was_joined_ends(settings: Settings, topic: str) -> None:
    """A7: the other order, a stop under a running transaction, hangs the transaction's task."""
    producer = new_producer(settings, settings.prefix + "stop")
    await producer.start()
    await producer.begin_transaction()
    await (await producer.send(topic, b"v", partition=0))
    async with asyncio.timeout(10):
        await producer.stop()


async def test_readers_make_no_group_and_take_big_fetches(settings: Settings) -> None:
    reader = new_reader(settings, fetch_bytes=123)
    assert reader._group_id is None
    assert reader._max_partition_fetch_bytes == 123
    assert hasattr(Fetcher, "seek_to")
    await reader.stop()


class NotText(str):
    """A header's name that is not UTF-8, as a program in C may write it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - as of `str`
        """Give bytes that are no text."""
        return b"\xff\xfe"


async def read_for_ever(settings: Settings, topic: str) -> None:
    """Read on until something stops it."""
    async with reading(settings, topic) as reader, asyncio.timeout(20):
        while True:
            await reader.getmany(timeout_ms=1_000)


async def test_a_header_name_that_is_not_utf8_ends_every_reader_and_the_place_is_told(
    settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known limit: when aiokafka hands such a record on, `understood` need not know the place any more."""
    for module in ("producer", "message_accumulator"):
        monkeypatch.setattr(f"aiokafka.producer.{module}.DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    async with started_producer(settings) as producer:
        await producer.send_and_wait(topic, b"fine", partition=0)
        await producer.send_and_wait(topic, b"fine as well", partition=0, headers=[(NotText("x"), b"1")])
    told = rf"{topic}-0 from offset 1 on cannot be read: .* is not UTF-8, .* Stop its producer"
    with pytest.raises(Broken, match=told) as raised:
        await read_for_ever(settings, topic)
    assert not raised.value.restart_helps

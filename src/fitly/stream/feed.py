"""The sink's loop: committed records from topics into whatever keeps its own positions.

Knows the consumer group, offsets and waiting. Must never know what a record becomes: that is the writer's.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiokafka
import structlog
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from fitly import metrics
from fitly.core.errors import Broken, FitlyError, Retryable
from fitly.core.topics import CONTROL
from fitly.metrics import Meters
from fitly.stream.clients import BACKOFF_S, FETCH_BYTES, METADATA_AGE_MS, Started, understood
from fitly.stream.generation import Ours, read_generation
from fitly.stream.page import Page
from fitly.stream.worker import DONE, exit_code

if TYPE_CHECKING:
    from fitly.settings import Settings

log = structlog.get_logger(__name__)

POLL_MS: Final = 200
POLL_RECORDS: Final = 4_000
A_DAY_MS: Final = 86_400_000


class Writer(Protocol):
    """What the records are written to (`fitly.store.Writer`)."""

    @property
    def topics(self) -> Sequence[str]:
        """The topics it takes, without prefix."""

    async def positions(self, topic: str) -> dict[int, int]:
        """Give the next offset to apply by partition."""

    async def apply(self, topic: str, partition: int, from_offset: int, to_offset: int, records: Sequence[Any]) -> int:
        """Write a batch and move the position, or neither."""

    async def close(self) -> None:
        """Let go of everything."""


class Feed(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """Reads topics in a group and applies them; the truth of how far is the writer's, never the group's.

    Parameters
    ----------
    settings, writer, meters
        Configuration, destination, metrics.
    """

    def __init__(self, settings: Settings, writer: Writer, meters: Meters) -> None:
        self._settings = settings
        self._writer = writer
        self._meters = meters
        self._names = {settings.topic(topic): topic for topic in writer.topics}
        self._placed: dict[TopicPartition, int] = {}
        self._applying = asyncio.Lock()
        self._ours = Ours(settings)
        self.waiting = False

    def consumer(self) -> aiokafka.AIOKafkaConsumer:
        """Make the consumer; it is not started."""
        session = int(self._settings.session_timeout_s * 1000)
        return aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap,
            group_id=f"{self._settings.app_id}-sink",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position that is gone is an error, never a jump
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=METADATA_AGE_MS,
            fetch_max_wait_ms=100,
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 10,
            max_poll_interval_ms=A_DAY_MS,  # waiting for Postgres is no reason to leave the group
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Apply until told to stop.

        Raises
        ------
        Broken
            Another sink owns a partition (fenced), a record cannot be written, or offsets do not fit; or the log is not
            open, or not with our key.
        Retryable
            Kafka cannot be reached at the start.
        """
        if CONTROL in self._names.values():
            self._ours.birth_id = (await read_generation(self._settings)).birth_id
        async with Started(self._settings.kafka_bootstrap, self.consumer, lambda it: it.stop()) as consumer:
            consumer.subscribe(topics=list(self._names), listener=self)
            while not stop.is_set():
                await self._place(consumer, stop)
                if not self._placed:
                    await _either(stop, POLL_MS / 1000)
                    continue
                for tp, records in (await self._taken(consumer)).items():
                    await self._apply(tp, records, stop)
                await self._measure(consumer)

    # What the group tells ----------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - all are asked for anew
        """Finish the database transaction that runs: after this the partitions may be another's."""
        async with self._applying:
            self._placed.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note it; where to read from is asked for in the loop, since the database may be away (A3)."""
        log.info("assigned", partitions=len(list(assigned)))

    async def _taken(self, consumer: aiokafka.AIOKafkaConsumer) -> dict[TopicPartition, list[Any]]:
        placed = dict(self._placed)
        try:
            taken: dict[TopicPartition, list[Any]] = await consumer.getmany(
                *placed, timeout_ms=POLL_MS, max_records=POLL_RECORDS
            )
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            if self._placed == placed:  # our own position is gone
                raise
            return {}  # a rebalance came in between: it is a new assignment that has no position yet
        return taken

    # Steps ----------------------------------------------------------------

    async def _place(self, consumer: aiokafka.AIOKafkaConsumer, stop: asyncio.Event) -> None:
        """Seek every new partition to the writer's own position."""
        unplaced = consumer.assignment() - self._placed.keys()
        for name in sorted({tp.topic for tp in unplaced}):
            positions = await self._patiently(partial(self._writer.positions, self._names[name]), stop)
            if positions is None:
                return
            tps = [tp for tp in unplaced if tp.topic == name and tp in consumer.assignment()]
            begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            for tp in tps:
                offset = positions.get(tp.partition, begins[tp])
                _check(tp, offset, begins[tp], ends[tp])
                try:
                    consumer.seek(tp, offset)
                except IllegalStateError:  # revoked meanwhile
                    continue
                self._placed[tp] = offset

    async def _apply(self, tp: TopicPartition, records: list[Any], stop: asyncio.Event) -> None:
        """Write one batch and note the position after it."""
        topic, start = self._names[tp.topic], self._placed.get(tp)
        if start is None:  # revoked since it was fetched
            return
        end = records[-1].offset + 1
        if topic == CONTROL:
            records = [record for record in records if self._ours.event(record) is not None]
            self._ours.tell()

        async def write() -> bool:
            async with self._applying:
                if self._placed.get(tp) != start:  # revoked while waiting
                    return False
                started = time.perf_counter()
                await self._writer.apply(topic, tp.partition, start, end, records)
                self._meters.observe(metrics.SINK_SECONDS, time.perf_counter() - started)
                self._placed[tp] = end
                return True

        if await self._patiently(write, stop):
            self._meters.add(metrics.SINK_RECORDS, len(records), topic=topic)

    async def _measure(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        """Show the lag by the consumer's position, which passes commit markers; offsets of records do not."""
        for tp in self._placed.keys() & consumer.assignment():
            try:
                lag = (consumer.last_stable_offset(tp) or 0) - await consumer.position(tp)
            except IllegalStateError:  # revoked meanwhile
                continue
            self._meters.set(metrics.SINK_LAG, max(0, lag), topic=self._names[tp.topic], partition=str(tp.partition))

    async def _patiently(self, step: Callable[[], Any], stop: asyncio.Event) -> Any:  # noqa: ANN401 - what the step gives, or None
        """Wait out a database that is away; aiokafka's heartbeats go on. None where we were told to stop."""
        attempt = 0
        while not stop.is_set():
            try:
                result = await step()
            except Retryable as error:
                self.waiting = True
                pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
                log.warning("waiting", why=str(error), seconds=pause)
                self._meters.add(metrics.SINK_WAITS)
            else:
                self.waiting = False
                return result
            attempt += 1
            await _either(stop, pause)
        return None


def run(settings: Settings, make: Callable[[], Writer]) -> int:
    """Feed a writer until SIGTERM or SIGINT; give the exit code (as `fitly.stream.worker.run`).

    Parameters
    ----------
    make : callable
        Makes the writer, inside the running loop.
    """
    try:
        return asyncio.run(_run(settings, make))
    except FitlyError as error:
        log.critical("stopping", why=str(error))
        return exit_code(error)


async def _run(settings: Settings, make: Callable[[], Writer]) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    meters, writer = Meters(), make()
    feed = Feed(settings, writer, meters)
    page = Page(settings.metrics_port, meters, lambda: not feed.waiting) if settings.metrics_port else None
    if page is not None:
        page.start()
    try:
        await feed.run(stop)
    except (KafkaError, TimeoutError) as error:
        raise understood(error, settings.kafka_bootstrap) from error
    finally:
        await writer.close()
        if page is not None:
            page.stop()
    return DONE


def _check(tp: TopicPartition, offset: int, begin: int, end: int) -> None:
    """Refuse positions that do not belong to the topic (A4)."""
    if begin <= offset <= end:
        return
    message = (
        f"{tp.topic}-{tp.partition}: the database stands at offset {offset}, the topic holds {begin} to {end}. "
        "The topic was made anew or "
        "lost records: feed an empty database (`fitly db upgrade` on a new one), or bring back the topics"
    )
    raise Broken(message, restart_helps=False)


async def _either(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not past the order to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return

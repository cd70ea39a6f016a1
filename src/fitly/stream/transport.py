"""The seams by which Faust's consumer serves our tasks: each class replaces one of Faust's by a public attribute.

Knows Faust's consumer and its thread. Must never know what a task does with a batch.

Faust keeps the group, the assignment and the delivery; it is not trusted with offsets. The consumer's thread takes
records only from partitions that a task has *taken* (`ConsumerThread.take`), and joins each batch to the one before
(`Fetched`), so that whatever Faust seeks, resumes, drops or delivers late in between can be recognised by the task
(A2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import aiokafka
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from fitly.stream.batches import Fetched

if TYPE_CHECKING:
    from fitly.stream.app import App
    from fitly.stream.host import Host

FETCH_WAIT_MS: Final = 50
"""The longest a fetch waits at the broker: aiokafka has one in flight per node, and partitions not in it wait."""
GLANCE_S: Final = 0.05
"""How long a poll lasts while some partition of ours is left out: it may come (back) at any moment, and a poll under
way knows only those it began with. A full second of it is a second in which a partition just restored is not read."""


class Cursor:
    """Where a taken partition's batches have reached."""

    __slots__ = ("epoch", "reached")

    def __init__(self, epoch: int, reached: int) -> None:
        self.epoch = epoch
        self.reached = reached


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, taking records from taken partitions only.

    The cursors are changed by `take` in this thread and dropped by `hold` from the other; the fetch reads them
    without a suspension in between, so a batch always carries the epoch it was taken in.
    """

    logger = driver.logger  # else mode makes one of our module's name
    consumer: Consumer

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed through to Faust
        super().__init__(*args, **kwargs)
        self.cursors: dict[TP, Cursor] = {}
        self.full: set[TP] = set()

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust hard-codes 1,500 ms; a contract test holds the name
        return consumer

    async def _fetch_records(  # type: ignore[override]  # what Faust hands on unopened need not be a list
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],  # noqa: ARG002 - Faust's own idea; when it is empty aiokafka takes it for "all" (A2)
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Mapping[TP, Fetched]:
        if not self.consumer.flow_active:
            return {}
        wanted = [aiokafka.TopicPartition(*tp) for tp in self.cursors if tp not in self.full]
        if not wanted:
            await asyncio.sleep(GLANCE_S)
            return {}
        wait = timeout or 0.0
        if len(wanted) < len(self.consumer.host.tasks):  # full, or still restored: taken while we wait, it is not heard
            wait = min(wait, GLANCE_S)
        before = dict(self.cursors)
        try:
            taken = await consumer.getmany(*wanted, timeout_ms=int(wait * 1000), max_records=max_records)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            if self.cursors == before:  # our own position is gone: an error, never a jump (A4)
                raise
            return {}  # a rebalance came in between: it is a new assignment that has no position yet
        return {
            TP(*tp): joined for tp, records in taken.items() if (joined := self._join(TP(*tp), records)) is not None
        }

    def _join(self, tp: TP, records: list[Any]) -> Fetched | None:
        cursor = self.cursors.get(tp)
        if cursor is None or not records:  # held since: the task seeks before it takes the partition back
            return None
        start, cursor.reached = cursor.reached, records[-1].offset + 1
        return Fetched(cursor.epoch, start, cursor.reached, records)

    async def take(self, tp: TP, offset: int, epoch: int) -> bool:
        """Read a partition from an offset on; runs in the consumer's thread. False where it is no longer ours."""
        consumer = self._ensure_consumer()
        try:
            consumer.seek(aiokafka.TopicPartition(*tp), offset)
        except IllegalStateError:  # a rebalance took it in the meantime; the next assignment decides
            return False
        self.full.discard(tp)
        self.cursors[tp] = Cursor(epoch, offset)
        return True

    async def committed(self, tp: TP) -> int | None:
        """Ask the group's coordinator for the committed offset."""
        offset: int | None = await self._ensure_consumer().committed(aiokafka.TopicPartition(*tp))
        return offset

    async def lags(self) -> dict[TP, int]:
        """Give, for each taken partition, last stable offset minus position (markers count, as they do in offsets)."""
        consumer, lags = self._ensure_consumer(), {}
        for tp in list(self.cursors):
            native = aiokafka.TopicPartition(*tp)
            if native not in consumer.assignment():  # taken away, and we are not told yet
                continue
            try:
                end, position = consumer.last_stable_offset(native), await consumer.position(native)
            except (IllegalStateError, ConsumerStoppedError):
                continue
            lags[tp] = max(0, (end or 0) - position)
        return lags


class Consumer(driver.Consumer):
    """Faust's consumer without its recovery, its seeks and its book-keeping of acknowledged offsets."""

    logger = driver.logger
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed through to Faust
        super().__init__(*args, **kwargs)
        self.host.flow = self

    @property
    def host(self) -> Host:
        """The app's host."""
        return cast("App", self.app).host

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, Any]:
        """Say that changelogs are empty: our tasks restore, Faust's recovery has nothing to read."""
        return dict.fromkeys(partitions)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Do not seek: the committed offset is a hint, and tasks seek to their own position (A2, A4)."""
        return {}

    def ack(self, message: Any) -> bool:  # noqa: ANN401 - Faust's message
        """Forget a message: offsets are committed in our transactions, so no list of acknowledged ones is kept (A4)."""
        self._unacked_messages.discard(message)
        first, message.acked = not message.acked, True
        return first

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Keep no list of offset holes: Faust would expand a hole of millions into a list (A4)."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave livelock detection to our watchdog: Faust's looks at commits that we never make through it (C6)."""

    async def wait_empty(self) -> None:
        """Before partitions are given back: what is queued is dropped, what is in a transaction is finished (A7)."""
        await self.host.quiet()
        self._unacked_messages.clear()

    # What the tasks need ----------------------------------------------------------------

    def hold(self, tps: Iterable[TP]) -> None:
        """Take nothing from these partitions until `take`."""
        for tp in tps:
            self._thread.cursors.pop(tp, None)
            self._thread.full.discard(tp)

    async def take(self, tp: TP, offset: int, epoch: int) -> bool:
        """Seek, then read the partition; False where it is no longer ours."""
        self._read_offset[tp] = None  # Faust's own filter of offsets it has seen
        taken: bool = await self._thread.call_thread(self._thread.take, tp, offset, epoch)
        return taken

    def pause(self, tp: TP) -> None:
        """Take no further batch for now; the position stays (A7: queues are bounded)."""
        self._thread.full.add(tp)

    def resume(self, tp: TP) -> None:
        """Go on after `pause`."""
        self._thread.full.discard(tp)

    async def committed(self, tp: TP) -> int | None:
        """Give the group's committed offset: the hint."""
        offset: int | None = await self._thread.call_thread(self._thread.committed, tp)
        return offset

    async def lags(self) -> dict[TP, int]:
        """Give the lag of every taken partition."""
        lags: dict[TP, int] = await self._thread.call_thread(self._thread.lags)
        return lags


class Transactions(faust_consumer.TransactionManager):
    """Where Faust asks for transactions to be settled: our tasks do that themselves.

    ``processing_guarantee="exactly_once"`` calls `on_rebalance` before anything is delivered, which is the moment to
    hold partitions and to start the tasks that fence. It must return at once: no heartbeat is sent meanwhile (A3).
    """

    logger = driver.logger

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Do nothing: `Consumer.wait_empty` was called before."""

    async def on_rebalance(self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP]) -> None:  # noqa: ARG002
        """Hand the new assignment to the host."""
        await cast("App", self.app).host.assigned(assigned)

    async def commit(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002
        """Say that all is committed: it is, inside our own transactions."""
        return True

    async def flush(self) -> None:
        """Nothing is buffered in Faust's producer (C6)."""


class Transport(driver.Transport):
    """Faust's aiokafka transport with our consumer and transactions."""

    Consumer = Consumer
    TransactionManager = Transactions

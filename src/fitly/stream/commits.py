"""The transactions of one partition: what makes a fold and its effects one thing.

Knows the producer, the shard and the order of a commit. Must never know how the partition came to us.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka.structs import TopicPartition

from fitly import metrics
from fitly.core.numbers import Millis
from fitly.core.topics import BY_NAME, INPUT
from fitly.stream.clients import new_producer
from fitly.stream.rejects import RefusalAlarm
from fitly.stream.shipping import Shipment
from fitly.wire.events import encode_tick
from fitly.wire.signing import SIGNATURE_HEADER, sign

if TYPE_CHECKING:
    import aiokafka
    from aiokafka.structs import ConsumerRecord
    from faust.types import TP

    from fitly.metrics import Meters
    from fitly.settings import Settings
    from fitly.stream.agents import Agent, Fold, Run
    from fitly.stream.generation import Generation

log = structlog.get_logger(__name__)

FOLD_S: Final = 0.1
"""The longest a fold should take (A7): the number of records of a commit follows from the pace of the last ones."""
COMMIT_S: Final = 1.0
"""The longest a transaction should stay open. No heartbeat is sent while a rebalance waits for its end, and after
`clients.TRANSACTION_TIMEOUT_MS` the broker aborts it: over a slow link it has to be small, or it never gets through."""
FIRST: Final = 100
"""Records of the first commits, while the pace is not known."""
LEAST: Final = 20
SLICES: Final = 4
"""A fold is cut in about so many slices."""


class Commits:
    """Folds records and commits the results, one transaction after the other.

    The order of a commit:

    1. fold the records on working copies; redeliveries below the position are left out by the shard
    2. begin the transaction
    3. ship outputs, forwards and changed rows, the position last
    4. await every record's fate: an error ends the process and nothing is committed (A1)
    5. add the input offset: a hint, for tools that look at the group (A4)
    6. commit
    7. adopt the batch: only now do our rows change

    Parameters
    ----------
    agent : Agent
        Whose partition it is: names the transactional id and the changelogs.
    tp : TP
        The input partition.

    Attributes
    ----------
    shard : Fold
        Its rows and their fold, restored or to be restored.
    idle : asyncio.Event
        Set while no transaction runs.
    most : int
        How many records the next commit should take.
    """

    def __init__(self, agent: Agent, settings: Settings, meters: Meters, generation: Generation, tp: TP) -> None:
        self.tp = tp
        self.idle = asyncio.Event()
        self.idle.set()
        self.alarm = RefusalAlarm()
        self.shard: Fold | None = None
        self.most = min(FIRST, settings.commit_max_records)
        self._settings = settings
        self._meters = meters
        self._generation = generation
        self._label = str(tp.partition)
        self._topics = {name: settings.topic(name) for name in BY_NAME}
        self._changelogs = {table: settings.topic(topic) for table, topic in agent.changelogs.items()}
        self._app_id = agent.app_id(settings)
        self._producer: aiokafka.AIOKafkaProducer | None = None

    async def fence(self) -> None:
        """Start the partition's own producer: that ends the former owner's and settles its open transaction.

        One per partition, for ever. aiokafka's transactional offsets carry no member and no generation: the fence by
        id is all that keeps a former owner out, so a producer shared between partitions would let a zombie commit.
        """
        producer = new_producer(self._settings, f"{self._app_id}-{self.tp.topic}-{self.tp.partition}")
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def absorb(self, records: list[ConsumerRecord]) -> None:
        """Fold records and commit what came of it."""
        self.idle.clear()
        try:
            batch = await self._folded(records)  # 1
            if batch.count:
                started = time.perf_counter()
                await self._commit(batch)  # 2 to 6
                self._open_shard.adopt(batch)  # 7
                self._slow_down(len(records), time.perf_counter() - started)
                self._account(batch)
        finally:
            self.idle.set()

    async def _folded(self, records: list[ConsumerRecord]) -> Run:
        """Fold in slices, and let the loop attend to others between them."""
        fold, size, seconds = self._open_shard.fold, max(LEAST, self.most // SLICES), 0.0
        batch = None
        for at in range(0, len(records), size):
            if batch is not None:
                await asyncio.sleep(0)
            started = time.perf_counter()
            batch = fold(records[at : at + size] if size < len(records) else records, batch)
            seconds += time.perf_counter() - started
        assert batch is not None  # noqa: S101 - a portion is never empty
        self._pace(len(records), seconds)
        return batch

    async def _commit(self, batch: Run) -> None:
        producer = self._open_producer
        await producer.begin_transaction()  # 2
        shipment = Shipment(producer, self.tp.partition)
        await shipment.outputs(batch.outputs, self._topics)  # 3
        changes = batch.changes
        await shipment.changes(changes, self._changelogs)
        self._meters.add(metrics.CHANGES, len(changes))
        await shipment.close()  # 4
        offsets = {TopicPartition(*self.tp): batch.offset + 1}
        await producer.send_offsets_to_transaction(offsets, self._app_id)  # 5
        await producer.commit_transaction()  # 6

    async def tick(self, now_ms: int) -> int:
        """Send a signed tick to our own partition and give its offset.

        A5: it goes through the partition's transactional producer, so that a former owner's ticks cannot come in
        between.
        """
        self.idle.clear()
        try:
            producer = self._open_producer
            value = encode_tick(self.tp.partition, Millis(now_ms))
            signature = sign(self._settings.signing_key, self._generation.birth_id, value)
            await producer.begin_transaction()
            sent = await producer.send(
                self._topics[INPUT], value, partition=self.tp.partition, headers=[(SIGNATURE_HEADER, signature)]
            )
            offset: int = (await sent).offset
            await producer.commit_transaction()
            self._meters.add(metrics.TICKS, partition=self._label)
            return offset
        finally:
            self.idle.set()

    async def stop(self) -> None:
        """Stop the producer; no transaction may be running (A7)."""
        if self._producer is not None:
            await self._producer.stop()
        self.shard = None

    @property
    def _open_shard(self) -> Fold:
        assert self.shard is not None  # noqa: S101 - set by the restore, before anything is folded
        return self.shard

    @property
    def _open_producer(self) -> aiokafka.AIOKafkaProducer:
        assert self._producer is not None  # noqa: S101 - set by the fence, before anything else
        return self._producer

    def _pace(self, records: int, seconds: float) -> None:
        """Aim the next fold at `FOLD_S`."""
        self._meters.observe(metrics.FOLD_SECONDS, seconds)
        if seconds > FOLD_S / 4 or records >= self.most:
            self.most = max(
                LEAST, min(2 * self.most, int(records * FOLD_S / max(seconds, 1e-6)), self._settings.commit_max_records)
            )

    def _slow_down(self, records: int, seconds: float) -> None:
        """Keep the next transaction within `COMMIT_S`."""
        self._meters.observe(metrics.COMMIT_SECONDS, seconds)
        if seconds > COMMIT_S:
            self.most = max(LEAST, min(self.most, int(records * COMMIT_S / seconds)))

    def _account(self, batch: Run) -> None:
        label, add, show = self._label, self._meters.add, self._meters.set
        for name, count in batch.bins.items():
            add(metrics.RECORDS, count, partition=label, bin=name)
        for topic, count in Counter(out.topic for out in batch.outputs).items():
            add(metrics.OUTPUTS, count, topic=topic)
        add(metrics.COMMITS, partition=label)
        show(metrics.POSITION, batch.offset, partition=label)
        show(metrics.CLOCK, batch.clock / 1000, partition=label)
        if self.alarm.add(batch.refused):
            show(metrics.REFUSAL_ALARM, int(self.alarm.raised), partition=label)
            said = "too many records are refused" if self.alarm.raised else "refusals are back to normal"
            (log.error if self.alarm.raised else log.info)(
                said,
                partition=self.tp.partition,
                share=round(self.alarm.share, 3),
                look="`fitly tail rejected-events` shows reasons and senders",
            )
        show(metrics.REFUSED_SHARE, self.alarm.share, partition=label)

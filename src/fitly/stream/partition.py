"""The life of one input partition in the hands of one worker: fence, restore, fold, commit, let go.

Knows offsets, epochs and the order of a life. Must never know what a record means: that is the shard's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import aiokafka
import structlog

from fitly import metrics
from fitly.core.errors import Retryable
from fitly.core.vocabulary import ClockMode
from fitly.stream.clients import BACKOFF_S, understood
from fitly.stream.commits import Commits
from fitly.stream.garbage import spare_what_stays
from fitly.stream.keeping import Keeper
from fitly.stream.restore import check_position, input_bounds, load_rows
from fitly.stream.ticks import Ticker
from fitly.stream.waiting import Waiting
from fitly.wire.shard import Shard

if TYPE_CHECKING:
    from faust.types import TP

    from fitly.core.system import Position
    from fitly.stream.batches import Fetched
    from fitly.stream.host import Host

log = structlog.get_logger(__name__)

QUIET_S: Final = 20.0
"""Longer than a transaction may stay open: what is not finished by then is cancelled."""


class PartitionTask:
    """Owns one input partition.

    Its life:

    I.   **Fence** the former owner.
    II.  **Restore** rows and position from the changelogs; refuse where they do not fit the log (A4).
    III. **Take back**: once Faust's rebalance has ended, seek to our own position and read from there (A2). Again
    after every rebalance.
    IV.  **Fold and commit** (`Commits`), for ever; where the agent's input is a LIVE log send ticks.
    V.   **Let go**: finish the transaction, join the tasks, then stop the producer, then drop the rows (A7).

    I and II are steps of the task, not of the rebalance, so that heartbeats go on however long they take (A3).
    """

    def __init__(self, host: Host, tp: TP) -> None:
        self.tp = tp
        self._host = host
        self._commits = Commits(host.agent, host.settings, host.meters, host.generation, tp)
        self._keeper = Keeper(host.settings, host.meters, host.generation, host.guard, self._got_on)
        self._waiting = Waiting()
        self._ticker = Ticker(host.settings.tick_interval_s)
        self._linger = max(host.settings.commit_linger_ms / 1000, host.agent.linger_s)
        self._life: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._restored = asyncio.Event()
        self._wake = asyncio.Event()
        self._paused = False
        self._epoch: int | None = None
        self._expected = 0

    # What the host calls ----------------------------------------------------------------

    def begin(self) -> None:
        """After each assignment: live, if not living yet, and take the partition back once the rebalance has ended."""
        if self._life is None:
            self._life = self._host.guard(self._live())
        self._retake()

    def put(self, batch: Fetched, done: Callable[[], object]) -> None:
        """Queue a batch if it is of the present epoch and joins on to the one before (A2)."""
        if batch.epoch != self._epoch:
            done()
        elif batch.start != self._expected:
            done()
            self._read_again(batch)
        else:
            self._expected = batch.end
            self._waiting.add(batch.records, sum(record.serialized_value_size for record in batch.records), done)
            if self._waiting.is_full and not self._paused:
                self._paused = True
                self._host.consumer.pause(self.tp)
            self._wake.set()

    async def quiet(self) -> None:
        """Begin nothing more and finish what is in a transaction: the partition may be given away after this."""
        self._epoch = None
        self._ticker.rest()
        self._waiting.drop()
        try:
            async with asyncio.timeout(QUIET_S):
                await self._commits.idle.wait()
        except TimeoutError:
            log.warning("a transaction did not end in time; the next owner will abort it", partition=self.tp.partition)

    async def stop(self) -> None:
        """V. Let go, in this order: a producer stopped under a running transaction hangs its task for ever (A7)."""
        await self.quiet()
        await self._host.release(self._taking, self._life, self._keeper.writing)
        await self._commits.stop()

    @property
    def ready(self) -> bool:
        """Whether the partition is being read and its input is mostly sound."""
        return self._epoch is not None and not self._commits.alarm.raised

    @property
    def busy(self) -> bool:
        """Whether the partition is not being read yet, or something of it waits or is being committed."""
        return self._epoch is None or bool(self._waiting) or not self._commits.idle.is_set()

    # I to III ----------------------------------------------------------------

    async def _live(self) -> None:
        started = time.monotonic()
        await self._patiently(self._commits.fence)  # I
        await self._patiently(self._restore)  # II
        self._host.meters.observe(metrics.RESTORE_SECONDS, time.monotonic() - started)
        spare_what_stays()
        self._restored.set()
        while True:  # IV
            await self._something_to_do()
            while self._waiting:
                await self._fold_and_commit()
            if self._ticker.wait(time.monotonic()) == 0.0:
                await self._tick()

    async def _restore(self) -> None:
        settings, partition = self._host.settings, self.tp.partition
        shard = self._host.new_shard(partition)
        rows = await load_rows(settings, partition, shard, self._progressed, self._host.agent.changelogs)
        shard.opened()
        hint = await self._host.consumer.committed(self.tp)
        bounds = await input_bounds(settings, self.tp.topic, partition, hint)
        check_position(partition, shard.position, self._host.generation, bounds)
        if isinstance(shard, Shard):  # what the other agent adds up follows from partials, and needs no past
            await self._keeper.begin(shard)
        self._commits.shard = shard
        self._host.follow(partition, shard)
        log.info("restored", partition=partition, rows=rows, position=shard.position.offset, log_end=bounds.end)

    def _got_on(self) -> None:
        self._host.progress += 1

    def _progressed(self, rows: int) -> None:
        self._got_on()
        self._host.meters.add(metrics.RESTORED, rows, partition=str(self.tp.partition))

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Wait out a world that is not ready, with back-off; heartbeats go on."""
        attempt = 0
        while True:
            try:
                return await step()
            except (aiokafka.errors.KafkaError, OSError, Retryable) as error:
                ours = understood(error, self._host.settings.kafka_bootstrap)
                if not isinstance(ours, Retryable):
                    raise ours from error
                pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
                log.warning("waiting", partition=self.tp.partition, why=str(ours), seconds=pause)
            attempt += 1
            await asyncio.sleep(pause)

    def _retake(self, offset: int | None = None) -> None:
        self._epoch = None
        self._taking = self._host.guard(self._take_back(self._taking, offset))

    async def _take_back(self, former: asyncio.Task[None] | None, offset: int | None) -> None:
        """III. Seek and read, once Faust has sought, cleared its queues and resumed: now our own seek stands (A2)."""
        await self._host.release(former)
        await self._restored.wait()
        await self._host.settled.wait()
        if offset is None:
            await self._commits.idle.wait()
            offset = self._position.offset + 1
        self._expected, self._paused = offset, False
        self._epoch = epoch = self._host.next_epoch()
        if not await self._host.consumer.take(self.tp, offset, epoch):
            self._epoch = None  # no longer assigned: the next assignment decides
        elif self._host.agent.ticks and self._host.generation.clock_mode is ClockMode.LIVE:
            clock = self._position.clock
            self._ticker.begin(time.monotonic(), time.time() - clock / 1000 if clock else 0.0)
            self._wake.set()

    def _read_again(self, batch: Fetched) -> None:
        """Read from where our last batch ended: one was lost on its way through the framework."""
        log.warning(
            "a batch was lost on the way; reading it again",
            partition=self.tp.partition,
            expected=self._expected,
            got=batch.start,
        )
        self._host.meters.add(metrics.LOST_BATCHES, partition=str(self.tp.partition))
        self._host.consumer.hold([self.tp])
        self._retake(self._expected)

    @property
    def _position(self) -> Position:
        assert self._commits.shard is not None  # noqa: S101 - asked for after the restore only
        return self._commits.shard.position

    # IV ----------------------------------------------------------------

    async def _something_to_do(self) -> None:
        if self._waiting:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(self._ticker.wait(time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            return
        if self._linger:
            await asyncio.sleep(self._linger)

    async def _fold_and_commit(self) -> None:
        portion = self._waiting.take(self._commits.most)
        await self._commits.absorb(portion.records)
        for done in portion.done:  # 8 of `Commits`: acknowledge to Faust
            done()
        self._host.progress += len(portion.records)
        if self._paused and self._waiting.is_low:
            self._paused = False
            self._host.consumer.resume(self.tp)
        shard = self._commits.shard
        assert shard is not None  # noqa: S101 - it was folded with just now
        self._host.follow(self.tp.partition, shard)
        overdue = shard.overdue()
        self._host.meters.set(metrics.OVERDUE, overdue, partition=str(self.tp.partition))
        self._ticker.absorbed(time.monotonic(), self._position.offset, overdue)
        self._commits.idle.clear()  # whoever takes the partition from us waits until that is done
        try:
            if isinstance(shard, Shard):
                await self._keeper.consider(shard)
        finally:
            self._commits.idle.set()

    async def _tick(self) -> None:
        offset = await self._commits.tick(int(time.time() * 1000))
        self._ticker.sent(time.monotonic(), offset)
        self._host.progress += 1

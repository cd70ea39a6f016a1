"""A host and its partition tasks in the test's own loop, on a real broker, with the consumer played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka.structs import ConsumerRecord
from faust.types import TP
from tests.stream.world import World, until

from fitly.metrics import Meters
from fitly.stream.agents import LEARNERS_AGENT, Agent
from fitly.stream.batches import Fetched
from fitly.stream.generation import read_generation
from fitly.stream.host import Host
from fitly.stream.partition import PartitionTask


class PlayedFlow:
    """Notes what the tasks ask of the consumer."""

    def __init__(self) -> None:
        self.held: list[TP] = []
        self.taken: list[tuple[TP, int, int]] = []
        self.paused: set[TP] = set()

    def hold(self, tps: Iterable[TP]) -> None:
        """Note it."""
        self.held += tps

    async def take(self, tp: TP, offset: int, epoch: int) -> bool:
        """Note it."""
        self.taken.append((tp, offset, epoch))
        return True

    def pause(self, tp: TP) -> None:
        """Note it."""
        self.paused.add(tp)

    def resume(self, tp: TP) -> None:
        """Note it."""
        self.paused.discard(tp)

    async def committed(self, tp: TP) -> int | None:  # noqa: ARG002 - nothing was committed
        """Give no hint."""
        return None

    async def lags(self) -> dict[TP, int]:
        """Give none."""
        return {}


class Rig:
    """One partition task under the test's hands."""

    def __init__(self, host: Host, flow: PlayedFlow, tp: TP) -> None:
        self.host = host
        self.flow = flow
        self.tp = tp
        self.failures: list[BaseException] = []
        self.done = 0

    @property
    def task(self) -> PartitionTask:
        """The task."""
        return self.host.tasks[self.tp]

    async def assign(self) -> int:
        """Assign the partition, end the rebalance, and give the epoch of the take that follows."""
        before = len(self.flow.taken)
        await self.host.assigned([self.tp])
        self.host.settled.set()
        return (await self.takes(before + 1))[2]

    async def takes(self, times: int) -> tuple[TP, int, int]:
        """Wait for the n-th take and give it."""

        async def taken() -> bool:
            assert not self.failures, self.failures
            return len(self.flow.taken) >= times

        await until(taken, 20, f"the partition is taken {times} times")
        return self.flow.taken[times - 1]

    def give(self, epoch: int, start: int, records: Sequence[ConsumerRecord]) -> None:
        """Give the task a batch."""
        self.task.put(Fetched(epoch, start, records[-1].offset + 1, list(records)), self._acknowledged)

    def _acknowledged(self) -> None:
        self.done += 1

    async def reaches(self, offset: int) -> None:
        """Wait until the task has committed an offset."""

        async def reached() -> bool:
            assert not self.failures, self.failures
            shard = self.task._commits.shard
            return shard is not None and shard.position.offset >= offset

        await until(reached, 20, f"offset {offset} is committed")

    async def fails(self) -> BaseException:
        """Wait for the failure that would end the process."""

        async def failed() -> bool:
            return bool(self.failures)

        await until(failed, 30, "the process would end")
        return self.failures[0]


@asynccontextmanager
async def rig(world: World, partition: int = 0, agent: Agent = LEARNERS_AGENT) -> AsyncIterator[Rig]:
    """Give a rig for a partition of a world whose log is open."""
    failures: list[BaseException] = []
    host = Host(world.settings, Meters(), await read_generation(world.settings), failures.append, agent)
    flow = PlayedFlow()
    host.flow = flow
    it = Rig(host, flow, TP(world.settings.topic(agent.topic), partition))
    it.failures = failures
    try:
        yield it
    finally:
        async with asyncio.timeout(60):
            await host.stop()

"""The host of an app's partitions: one object that owns the tasks and hears of every assignment.

Knows which partitions are ours at the moment. Must never know how a partition is folded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakSet

import structlog
from faust.types import TP

from fitly.metrics import OWNED
from fitly.stream.agents import LEARNERS_AGENT, Agent
from fitly.stream.partition import PartitionTask

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from fitly.metrics import Meters
    from fitly.settings import Settings
    from fitly.stream.agents import Fold
    from fitly.stream.generation import Generation

log = structlog.get_logger(__name__)

AGAIN_S: Final = 0.2
"""How long a cancelled task may take before it is cancelled once more."""


class Flow(Protocol):
    """What the host and its tasks need of the consumer."""

    def hold(self, tps: Iterable[TP]) -> None:
        """Take nothing from these partitions."""

    async def take(self, tp: TP, offset: int, epoch: int) -> bool:
        """Read a partition from an offset on."""

    def pause(self, tp: TP) -> None:
        """Take no further batch for now."""

    def resume(self, tp: TP) -> None:
        """Go on."""

    async def committed(self, tp: TP) -> int | None:
        """Give the group's committed offset."""

    async def lags(self) -> dict[TP, int]:
        """Give the lag of every partition taken."""


class Host:
    """Owns the partition tasks of one app.

    Parameters
    ----------
    settings, meters
        Configuration and metrics of the process.
    generation : Generation
        What control record 1 says of the input log.
    fail : callable
        Ends the process for an error; nothing after it is done (rule 1 of the house: nothing escapes a task).
    agent : Agent
        What is folded.
    """

    def __init__(
        self,
        settings: Settings,
        meters: Meters,
        generation: Generation,
        fail: Callable[[BaseException], None],
        agent: Agent = LEARNERS_AGENT,
    ) -> None:
        self.agent = agent
        self.settings = settings
        self.meters = meters
        self.generation = generation
        self.settled = asyncio.Event()
        self.tasks: dict[TP, PartitionTask] = {}
        self.progress = 0
        self.flow: Flow | None = None
        self.fail = fail
        self._epoch = 0
        self._topic = settings.topic(agent.topic)
        self._stopping = False
        self._follower = None if agent.follower is None else agent.follower(settings)
        self._following: asyncio.Task[None] | None = None
        self._released: WeakSet[asyncio.Task[None]] = WeakSet()

    async def assigned(self, tps: Iterable[TP]) -> None:
        """Take over an assignment: hold ours, let go of the others', start tasks. Returns at once (A3)."""
        if self._stopping:
            return
        self.settled.clear()
        self.progress += 1
        mine = {TP(*tp) for tp in tps if tp.topic == self._topic}
        self.consumer.hold(mine)
        gone = [self.tasks.pop(tp) for tp in list(self.tasks) if tp not in mine]
        await asyncio.gather(*(task.stop() for task in gone))
        for tp in sorted(mine - self.tasks.keys()):
            self.tasks[tp] = PartitionTask(self, tp)
        if self._follower is not None:
            self._follower.forget(task.tp.partition for task in gone)
            self._following = self._following or self.guard(self._follower.run())
        self.meters.set(OWNED, len(mine))
        log.info(
            "assigned", partitions=sorted(tp.partition for tp in mine), gone=sorted(task.tp.partition for task in gone)
        )
        for task in self.tasks.values():
            task.begin()

    def hand(self, event: Any) -> None:  # noqa: ANN401 - Faust's event
        """Give a batch to its partition's task; a batch of a partition that is not ours is dropped."""
        task = self.tasks.get(TP(event.message.topic, event.message.partition))
        if task is None:
            event.ack()
        else:
            task.put(event.message.value, event.ack)

    async def quiet(self) -> None:
        """Drop what is queued, finish what is in a transaction, and begin nothing until the next assignment."""
        self.consumer.hold(self.tasks)
        await asyncio.gather(*(task.quiet() for task in self.tasks.values()))

    async def stop(self) -> None:
        """Let go of every partition."""
        self._stopping = True
        if self._follower is not None:
            await self._follower.quiet()
            await self.release(self._following)
        tasks, self.tasks = list(self.tasks.values()), {}
        await asyncio.gather(*(task.stop() for task in tasks))

    @property
    def consumer(self) -> Flow:
        """The consumer; Faust makes it when the app starts."""
        if self.flow is None:
            message = "the app has no consumer yet"
            raise RuntimeError(message)
        return self.flow

    def ready(self) -> bool:
        """Whether every partition of ours is being read and none is under a refusal alarm."""
        return self.settled.is_set() and all(task.ready for task in self.tasks.values())

    def new_shard(self, partition: int) -> Fold:
        """Give an empty shard."""
        return self.agent.new_shard(self.settings, self.generation, partition)

    def follow(self, partition: int, shard: Fold) -> None:
        """Let whoever follows the rows look at a partition's, which have just been restored or changed."""
        if self._follower is not None:
            self._follower.see(partition, shard)

    def next_epoch(self) -> int:
        """Give a number for a new hold-and-seek."""
        self._epoch += 1
        return self._epoch

    def guard(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task whose failure ends the process: fenced, or a bug; a half-dead worker is worse than none.

        A task that is cancelled by anybody but `release` has failed as well: libraries leak cancellations.
        """
        task = asyncio.get_running_loop().create_task(coroutine)

        def check(done: asyncio.Task[None]) -> None:
            if not done.cancelled():
                if (error := done.exception()) is not None:
                    self.fail(error)
            elif done not in self._released:
                self.fail(RuntimeError(f"{coroutine!r} was cancelled by nobody of ours"))

        task.add_done_callback(check)
        return task

    async def release(self, *tasks: asyncio.Task[None] | None) -> None:
        """Cancel guarded tasks and wait until they have ended.

        Again and again: aiokafka swallows a cancel that meets it while it closes a client, and a task that lives on for
        ever would hold up the rebalance until the session is gone.
        """
        pending = {task for task in tasks if task is not None}
        self._released.update(pending)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=AGAIN_S)

"""A small world for one test: topics on a real broker, workers as processes, and what a fault-free fold gives."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from aiokafka.structs import ConsumerRecord

from fitly.core.numbers import Millis
from fitly.core.topics import CHANGELOGS, INPUT, OUTCOMES, PARTIALS, REJECTED, SELECTED
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings
from fitly.stream import read, topics
from fitly.stream.publish import Publisher
from fitly.wire.events import encode_event
from fitly.wire.outgoing import Outgoing
from fitly.wire.partials import decode_partial
from fitly.wire.shard import Shard

PARTITIONS = 4
OUTPUTS = (SELECTED, OUTCOMES, REJECTED)
KINDS = {
    "MISSION": "MISSION_COMPLETED",
    "CONTENT": "CONTENT_ENGAGED",
    "ASSESSMENT": "ASSESSMENT_COMPLETED",
    "SESSION": "SESSION_COMPLETED",
}
T = TypeVar("T")
GLANCE_S = 0.1
ROOT = Path(__file__).parents[2]
MARCH = datetime(2024, 3, 1, tzinfo=UTC)


async def until(condition: Callable[[], Awaitable[T]], seconds: float, what: str) -> T:
    """Wait for a condition and give what it gave; fail with its name after the deadline."""
    last: T | None = None
    try:
        async with asyncio.timeout(seconds):
            while not (last := await condition()):  # noqa: ASYNC110 - brokers and processes send no events
                await asyncio.sleep(GLANCE_S)
    except TimeoutError:
        message = f"not within {seconds:g} s: {what} (last: {last!r})"
        raise AssertionError(message) from None
    return last


def outcome(draw: random.Random, user: str, time: datetime, source: str = "test") -> bytes:
    """Write one outcome event with metrics drawn at random."""
    context = draw.choice(list(KINDS))
    return encode_event(
        "fitly.outcome.recorded.v1",
        source,
        str(uuid.UUID(int=draw.getrandbits(128))),
        user,
        time,
        {
            "outcome_type": KINDS[context],
            "context": context,
            "retention_score": round(draw.random(), 3),
            "performance_score": round(draw.random(), 3),
        },
    )


def children_of(pid: int) -> list[int]:
    """Give a process's children, as Linux tells them."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid: int) -> bool:
    """Tell whether a process still runs; one that has ended may wait for somebody to take note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class WorkerProcess:
    """One worker as a process of its own, its log in a file."""

    def __init__(self, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.log_path = log
        with log.open("w") as sink:
            self.process = subprocess.Popen(command, env=dict(env), stdout=sink, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        """What it said so far."""
        return self.log_path.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def exit_code(self, seconds: float = 30.0) -> int:
        """Wait for its end."""

        async def ended() -> bool:
            return self.process.poll() is not None

        await until(ended, seconds, f"the worker ends; it said:\n{self.log[-2000:]}")
        return self.process.wait()

    async def children(self, count: int) -> list[int]:
        """Wait for its child processes and give their ids."""

        async def born() -> list[int]:
            found = children_of(self.process.pid)
            return found if len(found) == count else []

        return await until(born, 20.0, f"{count} children")

    async def says(self, words: str, times: int = 1, seconds: float = 40.0) -> None:
        """Wait until its log holds some words."""

        async def said() -> bool:
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.log[-3000:]}"
            return self.log.count(words) >= times

        await until(said, seconds, f"the worker says {words!r}")


@dataclass
class Truth:
    """What the log, folded once without faults, gives for one partition."""

    shard: Shard
    outputs: dict[str, list[Outgoing]]
    last: int


@dataclass
class World:
    """One test's topics and workers.

    Parameters
    ----------
    settings
        With a prefix of the test's own.
    folder
        For logs.
    """

    settings: Settings
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)
    draw: random.Random = field(default_factory=lambda: random.Random(7))

    async def create(self, mode: ClockMode) -> None:
        """Make the topics and open the log."""
        await topics.create(self.settings, mode)

    # Workers ------------------------------------------------------------------------------------

    def start(self, *, script: Path | None = None, agent: str | None = "learners", **env: str) -> WorkerProcess:
        """Start one agent, both where none is named.

        `script` instead of the product's command, for one that a test has slowed down.
        """
        settings = self.settings
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FITLY_")},
            "FITLY_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "FITLY_CONTROL_KEY": settings.control_key.get_secret_value(),
            "FITLY_PREFIX": settings.prefix,
            "FITLY_SESSION_TIMEOUT_S": f"{settings.session_timeout_s:g}",
            "FITLY_TICK_INTERVAL_S": f"{settings.tick_interval_s:g}",
            "FITLY_WATCHDOG_S": f"{settings.watchdog_s:g}",
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),  # this tree's product and tests
            **env,
        }
        alone = [] if agent is None else ["--agent", agent]
        command = [sys.executable, str(script)] if script else [sys.executable, "-m", "fitly", "worker", *alone]
        worker = WorkerProcess(command, environment, self.folder / f"worker-{len(self.workers)}.log")
        self.workers.append(worker)
        return worker

    async def started(self, *, agent: str | None = "learners", **env: str) -> WorkerProcess:
        """Start a worker and wait until it has restored something."""
        worker = self.start(script=None, agent=agent, **env)
        await worker.says("restored")
        return worker

    async def end(self) -> None:
        """Stop what still runs; nothing must be left of a test."""
        running = [worker for worker in self.workers if worker.process.poll() is None]
        for worker in running:
            worker.send(signal.SIGCONT)
            worker.send(signal.SIGTERM)
        for worker in running:
            try:
                await worker.exit_code(20)
            except AssertionError:
                worker.process.kill()
                worker.process.wait()
                raise

    # Events -------------------------------------------------------------------------------------

    async def publish(
        self,
        count: int,
        *,
        learners: int = 50,
        start: datetime | None = None,
        hours: float = 48.0,
        rate: float | None = None,
    ) -> None:
        """Publish outcomes: on an AS_OF log spread over some hours of event time, on a LIVE one now."""
        async with Publisher(self.settings) as publisher:
            as_of = publisher.clock_mode is ClockMode.AS_OF
            begin = start or MARCH
            for number in range(count):
                time = begin + timedelta(hours=hours * number / count) if as_of else datetime.now(UTC)
                await publisher.publish(outcome(self.draw, f"learner-{self.draw.randrange(learners)}", time))
                if rate is not None and number % 20 == 19:
                    await asyncio.sleep(20 / rate)

    # What came of it ----------------------------------------------------------------------------

    async def records(self, name: str) -> dict[int, list[ConsumerRecord]]:
        """Give a topic's committed records by partition."""
        found: dict[int, list[ConsumerRecord]] = {}
        async for record in read.read_topic(self.settings, name):
            found.setdefault(record.partition, []).append(record)
        return found

    async def rows(self) -> dict[int, Shard]:
        """Restore every partition as a worker would."""
        shards = {partition: Shard(partition, self.settings.signing_key) for partition in range(PARTITIONS)}
        for table, name in CHANGELOGS.items():
            async for record in read.read_topic(self.settings, name):
                shards[record.partition].load(table, record.key, record.value)
        for shard in shards.values():
            shard.opened()
        return shards

    async def positions(self) -> dict[int, int]:
        """Give the offset that each partition's rows have reached."""
        return {partition: shard.position.offset for partition, shard in (await self.rows()).items()}

    async def folded(self, seconds: float = 60.0) -> None:
        """Wait until everything in the input log is folded; ticks may still be on their way."""

        async def caught_up() -> bool:
            assert all(w.process.poll() in (None, 0, -signal.SIGKILL, 4) for w in self.workers), self.workers[-1].log[
                -3000:
            ]
            log, reached = await self.records(INPUT), await self.positions()
            return all(reached[partition] >= records[-1].offset for partition, records in log.items())

        await until(caught_up, seconds, f"everything is folded; workers said:\n{self.said()}")

    def said(self) -> str:
        """Give the ends of all workers' logs."""
        return "\n".join(f"--- {worker.log_path.name}\n{worker.log[-1500:]}" for worker in self.workers)

    async def truth(self) -> dict[int, Truth]:
        """Fold the log as it stands, once, here: what everything must be equal to."""
        result = {}
        for partition, records in (await self.records(INPUT)).items():
            shard = Shard(partition, self.settings.signing_key)
            shard.opened()
            batch = shard.fold(records)
            shard.adopt(batch)
            by_topic: dict[str, list[Outgoing]] = {name: [] for name in (*OUTPUTS, PARTIALS)}
            for out in batch.outputs:
                by_topic.setdefault(out.topic, []).append(out)
            result[partition] = Truth(shard, by_topic, records[-1].offset)
        return result

    async def assert_exact(self, partitions: Iterable[int] | None = None) -> None:
        """Compare outputs, rows, ledger and positions with a fault-free fold of the same log, byte for byte."""
        chosen = set(range(PARTITIONS) if partitions is None else partitions)
        truth, rows = {p: t for p, t in (await self.truth()).items() if p in chosen}, await self.rows()
        for name in OUTPUTS:
            found = await self.records(name)
            for partition, expected in truth.items():
                said = [(r.key, r.value, tuple(r.headers)) for r in found.get(partition, [])]
                wanted = [(o.key, o.value, tuple(o.headers)) for o in expected.outputs[name]]
                assert len(said) == len(wanted), f"{name}-{partition}: {len(said)} outputs, {len(wanted)} expected"
                assert said == wanted, f"{name}-{partition} differs from a fault-free fold"
        await self._assert_partials(truth)
        for partition, expected in truth.items():
            assert list(rows[partition].state()) == list(expected.shard.state()), f"rows of {partition} differ"

    async def _assert_partials(self, truth: Mapping[int, Truth]) -> None:
        """Compare what each partition said of its sums: words of several meet in one partition of the topic."""
        for home, records in (await self.records(PARTIALS)).items():
            for partition, expected in truth.items():
                mine = [r for r in records if decode_partial(r.value).partition == partition]
                said = [(r.key, r.value, tuple(r.headers)) for r in mine]
                wanted = [(o.key, o.value, tuple(o.headers)) for o in expected.outputs[PARTIALS] if o.partition == home]
                assert said == wanted, f"partials of {partition} in {home} differ from a fault-free fold"


def stamp(moment: datetime) -> Millis:
    """Give a moment in milliseconds."""
    return Millis(int(moment.timestamp() * 1000))

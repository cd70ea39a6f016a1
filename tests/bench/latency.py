"""From request to decision, as an application sees it, while worker, sink and Postgres share the machine.

Knows a foreign producer and a read-committed consumer in one process, so that one clock measures. Must never know
what is printed.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from tests.bench.machine import Loop, Usage, loop
from tests.bench.process import environment, read_page
from tests.bench.workload import CONTEXTS, PARTITIONS

from fitly import store
from fitly.core.names import event_key, partition_of
from fitly.core.topics import INPUT, SELECTED
from fitly.core.vocabulary import ClockMode, Context
from fitly.local.ports import choose_neighbours, choose_port
from fitly.local.roles import Role
from fitly.stream import topics
from fitly.wire.events import encode_event
from fitly.wire.selected import ANSWERS_HEADER, decode_selected

if TYPE_CHECKING:
    from fitly.local.stack import Stack
    from fitly.settings import Settings

ROLES: Final = ("worker", "sink")
WARM_S: Final = 10.0
PATIENCE_S: Final = 15.0
AGAIN_AFTER_S: Final = 3.0
"""A repeated request asks for what was first asked for at least so long ago."""
NEW: Final = 0.55
LATE_S: Final = 0.01


class Latency(NamedTuple):
    """What was seen of requests and their answers.

    Attributes
    ----------
    new, repeated : list of float
        Milliseconds from sending a request to holding its answer, in order: new decisions, and repeated ones.
    late : float
        Share of requests that were sent over `LATE_S` after their moment: then it was the bench that was slow.
    sunk, behind : int
        Records the sink applied to Postgres, and by how many it was behind when the last answer had come.
    """

    per_second: float
    new: list[float]
    repeated: list[float]
    unanswered: int
    late: float
    sunk: int
    behind: int
    loop: Loop
    usage: dict[str, float]

    @property
    def slowest(self) -> float:
        """Milliseconds of the slowest answer."""
        return max([*self.new, *self.repeated], default=float("nan"))


class Listener(threading.Thread):
    """Notes when each answer arrived, by the key of its request."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.arrived: dict[str, float] = {}
        self.ended = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka_bootstrap,
                "group.id": f"{settings.prefix}bench",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        topic = settings.topic(SELECTED)
        self._consumer.assign([TopicPartition(topic, partition, OFFSET_END) for partition in range(PARTITIONS)])

    def run(self) -> None:
        """Listen until told to end."""
        while not self.ended.is_set():
            message = self._consumer.poll(0.2)
            if message is None or message.error():
                continue
            now = time.perf_counter()
            headers = dict(message.headers() or [])
            value = message.value()
            answered = headers.get(ANSWERS_HEADER)
            if isinstance(answered, bytes):
                self.arrived[answered.decode()] = now
            elif isinstance(value, bytes):
                self.arrived[decode_selected(value).cause.event_id] = now
        self._consumer.close()


class Asker:
    """Sends requests: some for learners and contexts never seen, some again."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self._producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "linger.ms": 0})
        self._topic = settings.topic(INPUT)
        self._draw = random.Random(seed)
        self._asked: list[tuple[float, str, Context]] = []
        self._old = 0
        self.sent: dict[str, tuple[float, bool]] = {}

    def ask(self) -> None:
        """Send one request, and note when."""
        now = time.perf_counter()
        while self._old < len(self._asked) and self._asked[self._old][0] < now - AGAIN_AFTER_S:
            self._old += 1
        number = len(self.sent)
        is_new = self._draw.random() < NEW or not self._old
        if is_new:
            place = len(self._asked)
            user, context = f"visitor-{place // 4}", CONTEXTS[place % 4]
            self._asked.append((now, user, context))
        else:
            _, user, context = self._asked[self._draw.randrange(self._old)]
        value = encode_event(
            "fitly.strategy.requested.v1", "bench", f"q-{number}", user, datetime.now(UTC), {"context": context}
        )
        self.sent[event_key("bench", f"q-{number}")] = time.perf_counter(), is_new
        self._producer.produce(self._topic, value, user.encode(), partition_of(user.encode(), PARTITIONS))
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything is in the log."""
        self._producer.flush()


async def measure(
    settings: Settings, stack: Stack, rate: float, seconds: float, seed: int, say: Callable[[str], None]
) -> Latency:
    """Open a LIVE log, start worker and sink, and ask at an even rate."""
    await topics.create(settings, ClockMode.LIVE)
    await store.upgrade(settings.database_url)
    before = loop()
    worker = choose_neighbours(2)  # a page for each of its agents
    ports = {"worker": worker[0], "sink": choose_port(taken=worker)}
    try:
        for name, port in ports.items():
            say(f"starting a {name}")
            await stack.add(_role(name, settings, port))
        listener, asker = Listener(settings), Asker(settings, seed)
        listener.start()
        usage = Usage({status.name: status.pid for status in stack.statuses if status.pid is not None})
        moments = await _ask(asker, rate, seconds, say)
        await _answered(asker, listener)
        shares, page = usage.shares(), await asyncio.to_thread(read_page, ports["sink"])
    finally:
        for name in {status.name for status in stack.statuses} & set(ROLES):
            await stack.remove(name)
    listener.ended.set()
    listener.join()
    new, repeated, unanswered = _sorted_out(asker, listener, moments[0] + WARM_S)
    late = sum(sent - moment > LATE_S for (sent, _), moment in zip(asker.sent.values(), moments, strict=True))
    return Latency(
        per_second=rate,
        new=new,
        repeated=repeated,
        unanswered=unanswered,
        late=late / len(moments),
        sunk=int(page.total("fitly_sink_records_total")),
        behind=int(page.total("fitly_sink_lag_records")),
        loop=before.and_after(loop()),
        usage=shares,
    )


def _sorted_out(asker: Asker, listener: Listener, since: float) -> tuple[list[float], list[float], int]:
    """Give the times of new decisions and of repeated ones, and how many requests have no answer."""
    new: list[float] = []
    repeated: list[float] = []
    unanswered = 0
    for key, (sent, is_new) in asker.sent.items():
        if sent < since:
            continue
        if key in listener.arrived:
            (new if is_new else repeated).append(1000 * (listener.arrived[key] - sent))
        else:
            unanswered += 1
    return sorted(new), sorted(repeated), unanswered


async def _ask(asker: Asker, rate: float, seconds: float, say: Callable[[str], None]) -> list[float]:
    """Ask at an even rate; give the moments at which each request was to leave."""
    began = time.perf_counter()
    count = int(rate * (WARM_S + seconds))
    moments = [began + number / rate for number in range(count)]
    for number, moment in enumerate(moments):
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        asker.ask()
        if number % int(rate * 10) == 0:
            say(f"asking: {number / count:.0%}")
    asker.flush()
    return moments


async def _answered(asker: Asker, listener: Listener) -> None:
    deadline = time.perf_counter() + PATIENCE_S
    while len(listener.arrived) < len(asker.sent) and time.perf_counter() < deadline:  # noqa: ASYNC110 - nobody calls
        await asyncio.sleep(0.1)


def _role(name: str, settings: Settings, port: int) -> Role:
    async def ready() -> bool:
        page = await asyncio.to_thread(read_page, port)
        return page.total("fitly_ready") > 0 or page.total("fitly_partitions") == PARTITIONS

    return Role(name, (sys.executable, "-m", "fitly", name), env=environment(settings, port), ready=ready)


def percentile(ordered: list[float], share: float) -> float:
    """Give the value below which a share of an ordered list lies.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    3.0
    """
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")

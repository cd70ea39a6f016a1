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
from tests.bench.machine import loop_ns
from tests.bench.process import environment, read_page
from tests.bench.throughput import open_log
from tests.bench.workload import CONTEXTS, PARTITIONS

from fitly import store
from fitly.core.names import event_key, partition_of
from fitly.core.topics import INPUT, SELECTED
from fitly.core.vocabulary import ClockMode, Context
from fitly.local.ports import choose_port
from fitly.local.roles import Role
from fitly.wire.events import encode_event
from fitly.wire.selected import ANSWERS_HEADER, decode_selected

if TYPE_CHECKING:
    from fitly.local.stack import Stack
    from fitly.settings import Settings

WARM_S: Final = 10.0
PATIENCE_S: Final = 15.0
AGAIN_AFTER_S: Final = 3.0
"""A repeated request asks for what was first asked for at least so long ago."""
NEW: Final = 0.55


class Latency(NamedTuple):
    """Milliseconds from sending a request to holding its answer: new decisions, and repeated ones."""

    per_second: float
    new: list[float]
    repeated: list[float]
    unanswered: int
    loop_ns: float


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
    await open_log(settings, ClockMode.LIVE)
    await store.upgrade(settings.database_url)
    before = loop_ns()
    for name in ("worker", "sink"):
        await stack.add(_role(name, settings))
    try:
        listener, asker = Listener(settings), Asker(settings, seed)
        listener.start()
        measured_from = await _ask(asker, rate, seconds, say)
        await _answered(asker, listener)
    finally:
        for name in ("worker", "sink"):
            await stack.remove(name)
    listener.ended.set()
    listener.join()
    new: list[float] = []
    repeated: list[float] = []
    unanswered = 0
    for key, (sent, is_new) in asker.sent.items():
        if sent < measured_from:
            continue
        if key in listener.arrived:
            (new if is_new else repeated).append(1000 * (listener.arrived[key] - sent))
        else:
            unanswered += 1
    return Latency(rate, sorted(new), sorted(repeated), unanswered, (before + loop_ns()) / 2)


async def _ask(asker: Asker, rate: float, seconds: float, say: Callable[[str], None]) -> float:
    """Ask at an even rate; give the moment from which it counts."""
    began = time.perf_counter()
    count = int(rate * (WARM_S + seconds))
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        asker.ask()
        if number % int(rate * 5) == 0:
            say(f"asking: {100 * number / count:.0f} %")
    asker.flush()
    return began + WARM_S


async def _answered(asker: Asker, listener: Listener) -> None:
    deadline = time.perf_counter() + PATIENCE_S
    while len(listener.arrived) < len(asker.sent) and time.perf_counter() < deadline:  # noqa: ASYNC110 - nobody calls
        await asyncio.sleep(0.1)


def _role(name: str, settings: Settings) -> Role:
    port = choose_port()

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

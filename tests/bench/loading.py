"""A workload into the input log, before anything is measured: two processes of a foreign, fast client.

Knows partitions, stamps and ticks. Must never know what is measured afterwards.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from queue import Empty
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Producer
from tests.bench.process import BenchError
from tests.bench.workload import BEGIN, PARTITIONS, Event, Life, Shape

from fitly.core.numbers import HOUR, Millis
from fitly.core.topics import INPUT
from fitly.stream.generation import read_generation
from fitly.wire.events import encode_tick
from fitly.wire.signing import SIGNATURE_HEADER, sign

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from fitly.settings import Settings

Headers: TypeAlias = list[tuple[str, str | bytes | None]]

PROCESSES: Final = 2
GLANCE_S: Final = 0.1
TELL_S: Final = 10.0
FLUSH_S: Final = 120.0


class Log(NamedTuple):
    """Where to load to: what a process needs to know."""

    bootstrap: str
    topic: str
    key: bytes
    birth_id: str


class Loaded(NamedTuple):
    """How much there is: events, those of them that were sent twice, ticks, and bytes of all events."""

    requests: int
    outcomes: int
    repeats: int
    ticks: int
    bytes: int

    @property
    def events(self) -> int:
        """Records of learners."""
        return self.requests + self.outcomes + self.repeats


async def load(settings: Settings, shape: Shape, say: Callable[[str], None]) -> Loaded:
    """Write a workload to the log of an AS_OF stack, with a signed tick per hour and partition."""
    generation = await read_generation(settings)
    log = Log(settings.kafka_bootstrap, settings.topic(INPUT), settings.signing_key, generation.birth_id)
    context = multiprocessing.get_context("spawn")
    told: Queue[Loaded | int] = context.Queue()
    shares = [range(first, PARTITIONS, PROCESSES) for first in range(PROCESSES)]
    processes = [context.Process(target=fill, args=(log, shape, share, told), daemon=True) for share in shares]
    for process in processes:
        process.start()
    parts: list[Loaded] = []
    hours, everything, told_at = 0, shape.days * 24 * PARTITIONS, time.perf_counter()
    try:
        while len(parts) < PROCESSES:
            try:
                news = told.get_nowait()
            except Empty:
                if any(process.exitcode for process in processes):
                    message = "a process that loads the log has died"
                    raise BenchError(message) from None
                await asyncio.sleep(GLANCE_S)
                continue
            if isinstance(news, int):
                hours += news
                if time.perf_counter() - told_at > TELL_S:
                    told_at = time.perf_counter()
                    say(f"loading: {hours / everything:.0%}")
            else:
                parts.append(news)
    finally:
        for process in processes:
            process.terminate() if len(parts) < PROCESSES else process.join()
    return Loaded(*(sum(column) for column in zip(*parts, strict=True)))


def fill(log: Log, shape: Shape, partitions: range, told: Queue[Loaded | int]) -> None:
    """Fill some partitions; the body of a loading process."""
    producer = Producer(
        {
            "bootstrap.servers": log.bootstrap,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 512 * 1024,
            "queue.buffering.max.messages": 200_000,
            "delivery.report.only.error": True,
            "on_delivery": _refuse_loss,
        }
    )
    ticks = size = 0
    lives = {partition: Life(shape, partition) for partition in partitions}
    for hour, together in enumerate(zip(*(life.hours() for life in lives.values()), strict=True)):
        stamp = Millis(BEGIN + (hour + 1) * HOUR)
        for partition, events in zip(lives, together, strict=True):
            for event in events:
                _send(producer, log.topic, partition, event)
                size += len(event.value)
            tick = encode_tick(partition, stamp)
            headers: Headers = [(SIGNATURE_HEADER, sign(log.key, log.birth_id, tick))]
            _send(producer, log.topic, partition, Event(b"", tick, stamp), headers)
            ticks += 1
        if hour % 24 == 23:
            told.put(24 * len(lives))
    if unsent := producer.flush(FLUSH_S):
        message = f"{unsent} events are not in the log after {FLUSH_S:g} s"
        raise BenchError(message)
    everybody = lives.values()
    told.put(
        Loaded(
            requests=sum(life.requests for life in everybody),
            outcomes=sum(life.outcomes for life in everybody),
            repeats=sum(life.repeats for life in everybody),
            ticks=ticks,
            bytes=size,
        )
    )


def _refuse_loss(error: KafkaError | None, _: object) -> None:
    if error is not None:
        raise KafkaException(error)


def _send(
    producer: Producer,
    topic: str,
    partition: int,
    event: Event,
    headers: Headers | None = None,
) -> None:
    while True:
        try:
            producer.produce(
                topic, event.value, event.key or None, partition, timestamp=event.stamp, headers=headers or []
            )
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return

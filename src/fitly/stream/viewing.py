"""Views of experiments between looks: what the newest words add up to, for whoever watches.

Knows the merged rows of one process's partitions, and the topic that views go to. Must never know what a view says. A
view is no look: it is of whatever words have come, so it goes out beside the transactions, at most once a second, and
nothing follows from it. One that is lost is made again at the next word, and by whoever restores the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from fitly.core.errors import Retryable
from fitly.stream.clients import BACKOFF_S, started_producer
from fitly.wire.looks import viewed
from fitly.wire.merged import decode_merged

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from fitly.settings import Settings
    from fitly.wire.population import Population

log = structlog.get_logger(__name__)

PAUSE_S: Final = 1.0
"""Between two views of one experiment at least."""


class Viewer:
    """Publishes a view of every experiment whose merged sums have changed.

    Parameters
    ----------
    settings : Settings
        Broker and prefix.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows: dict[int, Mapping[bytes, bytes]] = {}
        self._told: dict[bytes, bytes] = {}
        self._new = asyncio.Event()
        self._stopping = False

    def see(self, partition: int, shard: Population) -> None:
        """Take the merged rows of a partition's experiments; where one is new, a view will go out."""
        rows = shard.experiments()
        if rows != self._rows.get(partition):
            self._rows[partition] = rows
            self._new.set()

    def forget(self, partitions: Iterable[int]) -> None:
        """Let go of partitions: another process looks at them now."""
        for partition in partitions:
            self._rows.pop(partition, None)

    async def quiet(self) -> None:
        """Publish nothing more."""
        self._stopping = True
        self._new.set()

    async def run(self) -> None:
        """Publish whenever something is new, for ever; wait out a broker that is away."""
        attempt = 0
        while True:
            await self._new.wait()
            if self._stopping:
                return
            try:
                async with started_producer(self._settings) as producer:
                    while not self._stopping:
                        await self._publish(producer)
                        attempt = 0
                        await asyncio.sleep(PAUSE_S)
                        await self._new.wait()
            except Retryable as error:
                pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
                log.warning("waiting", why=str(error), seconds=pause)
                attempt += 1
                self._new.set()
                await asyncio.sleep(pause)

    async def _publish(self, producer: AIOKafkaProducer) -> None:
        self._new.clear()
        for partition, rows in list(self._rows.items()):
            for key, value in rows.items():
                if self._told.get(key) != value and (sent := viewed(decode_merged(value), partition)) is not None:
                    topic = self._settings.topic(sent.topic)
                    await producer.send_and_wait(topic, sent.value, key=sent.key, partition=sent.partition)
                    self._told[key] = value

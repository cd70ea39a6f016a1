"""Putting the results of a fold on their way: record batches, built here and sent whole.

Knows topics, partitions and batches. Must never know what is in a record, and never commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fitly.core.errors import Broken

if TYPE_CHECKING:
    import aiokafka

    from fitly.wire.shard import Change, Outgoing

Headers = Sequence[tuple[str, bytes]]


class Shipment:
    """The records of one transaction: added one by one, sent in batches, and all awaited before the commit.

    Parameters
    ----------
    producer : AIOKafkaProducer
        In a transaction.
    partition : int
        Where records go that name no partition.

    Notes
    -----
    ``send_batch`` instead of ``send`` leaves out a future per record; that is a third of the cost of sending.
    """

    def __init__(self, producer: aiokafka.AIOKafkaProducer, partition: int) -> None:
        self._producer = producer
        self._partition = partition
        self._open: dict[tuple[str, int], Any] = {}
        self._sent: list[asyncio.Future[Any]] = []

    async def outputs(self, outgoing: Iterable[Outgoing], names: dict[str, str]) -> None:
        """Add records; `names` gives the broker's name of each topic."""
        for out in outgoing:
            partition = self._partition if out.partition is None else out.partition
            await self.add(names[out.topic], partition, out.key, out.value, out.headers, out.timestamp)

    async def changes(self, changes: Iterable[Change], names: dict[str, str]) -> None:
        """Add changed rows; `names` gives the changelog of each table."""
        for change in changes:
            await self.add(names[change.table], self._partition, change.key, change.value)

    async def add(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = (), timestamp: int | None = None
    ) -> None:
        """Add one record; a full batch is sent.

        Raises
        ------
        Broken
            The record is larger than a batch may be.
        """
        place = topic, partition
        batch = self._open.get(place)
        if batch is not None:
            if batch.append(key=key, value=value, timestamp=timestamp, headers=headers) is not None:
                return
            await self._send(place, batch)
        batch = self._open[place] = self._producer.create_batch()
        if batch.append(key=key, value=value, timestamp=timestamp, headers=headers) is None:
            message = f"a record of {len(value or b'')} bytes for {topic} fits no batch"
            raise Broken(message)

    async def close(self) -> None:
        """Send what is left and await every record's fate.

        A1: aiokafka commits a transaction one of whose batches failed (too large, bad stamp, no right): it looks at no future. So any
        error must come out here, before the commit.
        """
        for place, batch in self._open.items():
            await self._send(place, batch)
        self._open = {}
        await asyncio.gather(*self._sent)

    async def _send(self, place: tuple[str, int], batch: Any) -> None:  # noqa: ANN401 - aiokafka's BatchBuilder
        batch.close()
        self._sent.append(await self._producer.send_batch(batch, place[0], partition=place[1]))

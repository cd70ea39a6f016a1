"""Putting the results of a fold on their way: record batches, built here and sent whole.

Knows topics, partitions and batches. Must never know what is in a record, and never commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiokafka.errors import IllegalOperation

from fitly.core.errors import Broken

if TYPE_CHECKING:
    import aiokafka
    from aiokafka.structs import RecordMetadata

    from fitly.wire.shard import Change, Outgoing

Place = tuple[str, int]


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

    def __init__(self, producer: aiokafka.AIOKafkaProducer, partition: int = 0) -> None:
        self._producer = producer
        self._partition = partition
        self._open: dict[Place, Any] = {}
        self._sent: list[asyncio.Future[RecordMetadata]] = []

    async def outputs(self, outgoing: Iterable[Outgoing], names: dict[str, str]) -> None:
        """Add records; `names` gives the broker's name of each topic."""
        open_, home = self._open, self._partition
        for topic, key, value, headers, partition, timestamp in outgoing:
            place = names[topic], home if partition is None else partition
            batch = open_.get(place)
            if batch is None or batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers)) is None:
                await self._first(place, batch, key, value, list(headers), timestamp)

    async def changes(self, changes: Iterable[Change], names: dict[str, str]) -> None:
        """Add changed rows; `names` gives the changelog of each table."""
        open_, places = self._open, {table: (name, self._partition) for table, name in names.items()}
        for table, key, value in changes:
            batch = open_.get(places[table])
            if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
                await self._first(places[table], batch, key, value, [], None)

    async def _first(
        self,
        place: Place,
        full: Any,  # noqa: ANN401 - aiokafka's BatchBuilder
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
        timestamp: int | None,
    ) -> None:
        """Begin a batch with a record, after sending the one that was full.

        Raises
        ------
        Broken
            The record is larger than a batch may be.
        """
        if full is not None:
            await self._send(place, full)
        batch = self._open[place] = self._producer.create_batch()
        if batch.append(key=key, value=value, timestamp=timestamp, headers=headers) is None:
            message = f"a record of {len(value or b'')} bytes for {place[0]} fits no batch"
            raise Broken(message)

    async def close(self) -> list[RecordMetadata]:
        """Send what is left and await every record's fate; give where each batch begins.

        A1: aiokafka commits a transaction one of whose batches failed (too large, bad stamp, no right): it looks at
        no future. So any error must come out here, before the commit.
        """
        for place, batch in self._open.items():
            await self._send(place, batch)
        self._open = {}
        return await asyncio.gather(*self._sent)

    async def _send(self, place: Place, batch: Any) -> None:  # noqa: ANN401 - aiokafka's BatchBuilder
        batch.close()
        try:
            sent = await self._producer.send_batch(batch, place[0], partition=place[1])
        except IllegalOperation:  # the sender has failed since the last batch: that one's fate says of what
            await asyncio.gather(*self._sent)
            raise
        self._sent.append(sent)

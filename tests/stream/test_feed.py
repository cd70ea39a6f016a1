"""The sink's loop: the writer's own position is the truth, batches join, a database that is away is waited out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from tests.stream.world import World, until

from fitly.core.errors import Broken, Retryable
from fitly.core.topics import INPUT
from fitly.core.vocabulary import ClockMode
from fitly.metrics import SINK_LAG, Meters
from fitly.stream.feed import Feed

pytestmark = pytest.mark.kafka


class Shelf:
    """A writer that keeps what it is given, and can be away for a while."""

    topics: Sequence[str] = (INPUT,)

    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self.records: dict[int, list[ConsumerRecord]] = {}
        self.refusals = 0

    async def positions(self, topic: str) -> dict[int, int]:
        """Give them, unless away."""
        assert topic == INPUT
        self._away()
        return dict(self.places)

    async def apply(self, topic: str, partition: int, from_offset: int, to_offset: int, records: Sequence[Any]) -> int:
        """Keep a batch; it must join."""
        assert topic == INPUT
        self._away()
        assert self.places.get(partition, 0) == from_offset
        assert from_offset <= records[0].offset <= records[-1].offset < to_offset
        self.places[partition] = to_offset
        self.records.setdefault(partition, []).extend(records)
        return len(records)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _away(self) -> None:
        if self.refusals:
            self.refusals -= 1
            message = "the database is away"
            raise Retryable(message)

    def count(self) -> int:
        """Count what was kept."""
        return sum(map(len, self.records.values()))


@asynccontextmanager
async def feeding(world: World, shelf: Shelf, meters: Meters) -> AsyncIterator[asyncio.Task[None]]:
    """Run a feed for the length of a block."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(Feed(world.settings, shelf, meters).run(stop))
    yield task
    stop.set()
    async with asyncio.timeout(30):
        await asyncio.gather(task, return_exceptions=True)


async def kept(shelf: Shelf, count: int) -> None:
    async def there() -> bool:
        return shelf.count() == count

    await until(there, 60, f"{count} records are kept")


async def test_everything_is_applied_once_over_an_outage_and_a_restart(world: World) -> None:
    await world.create(ClockMode.LIVE)
    await world.publish(100)
    shelf, meters = Shelf(), Meters()
    shelf.refusals = 3
    opening = 2 * 4  # control records
    async with feeding(world, shelf, meters):
        await kept(shelf, 100 + opening)
    await world.publish(50)
    async with feeding(world, shelf, meters):
        await kept(shelf, 150 + opening)

        async def idle() -> bool:
            lags = [
                meters.registry.get_sample_value(SINK_LAG.name, {"topic": INPUT, "partition": str(p)}) for p in range(4)
            ]
            return lags == [0.0] * 4

        await until(idle, 20, "commit markers do not count as lag")
    log = await world.records(INPUT)
    assert {p: [r.offset for r in records] for p, records in shelf.records.items()} == {
        p: [r.offset for r in records] for p, records in log.items()
    }


async def test_two_feeds_share_partitions_without_applying_anything_twice(world: World) -> None:
    await world.create(ClockMode.LIVE)
    shelf = Shelf()  # one database, two sinks
    async with feeding(world, shelf, Meters()):
        await world.publish(100)
        async with feeding(world, shelf, Meters()):
            await world.publish(100)
            await kept(shelf, 200 + 8)
        await world.publish(50)
        await kept(shelf, 250 + 8)


async def test_a_database_ahead_of_the_topic_is_refused(world: World) -> None:
    await world.create(ClockMode.LIVE)
    shelf = Shelf()
    shelf.places = {1: 99}
    async with feeding(world, shelf, Meters()) as task:
        with pytest.raises(Broken, match="stands at offset 99") as caught:
            await asyncio.wait_for(asyncio.shield(task), 40)
    assert not caught.value.restart_helps

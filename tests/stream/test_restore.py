"""A restore tells the watchdog that it gets on: a slow link must not look like a worker that stands still."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from tests.stream.world import World

from fitly.core.topics import CONTEXTS_CHANGELOG
from fitly.core.vocabulary import ClockMode
from fitly.stream import restore
from fitly.stream.clients import started_producer
from fitly.stream.restore import FETCH_BYTES, load_rows
from fitly.wire.shard import Shard

pytestmark = pytest.mark.kafka

ROW = bytes(1_000)
BATCH = 50


async def test_a_restore_gets_on_in_small_steps(world: World) -> None:
    await world.create(ClockMode.LIVE)
    await _write(world, batches=40, commit=True)
    told: list[int] = []
    assert await load_rows(world.settings, 0, Shard(0, world.settings.signing_key), told.append) == 40 * BATCH
    assert sum(told) == 40 * BATCH
    # on the slowest link that the watchdog's 30 s allow, a step is well within them
    assert max(told) * len(ROW) <= FETCH_BYTES + BATCH * len(ROW) <= 30 * 12_000


async def test_passing_what_was_aborted_is_getting_on(world: World) -> None:
    await world.create(ClockMode.LIVE)
    await _write(world, batches=20, commit=False)
    await _write(world, batches=1, commit=True)
    told: list[int] = []
    with patch.object(restore, "_POLL_MS", 1):  # a poll ends before the next fetch does, as over a slow link
        assert await load_rows(world.settings, 0, Shard(0, world.settings.signing_key), told.append) == BATCH
    assert 0 in told
    assert sum(told) == BATCH


async def _write(world: World, *, batches: int, commit: bool) -> None:
    """Write rows to partition 0 of a changelog in one transaction."""
    async with started_producer(world.settings, f"{world.settings.prefix}rows") as producer:
        await producer.begin_transaction()
        for number in range(batches):
            batch = producer.create_batch()
            for row in range(BATCH):
                batch.append(key=b"%d-%d" % (number, row), value=ROW, timestamp=None)
            batch.close()
            await (await producer.send_batch(batch, world.settings.topic(CONTEXTS_CHANGELOG), partition=0))
        if commit:
            await producer.commit_transaction()
        else:
            await producer.abort_transaction()

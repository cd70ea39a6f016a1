"""Snapshots on a real broker: written whole, found from the end, read back; one where a release changes the fold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stream.world import World

from fitly.core.system import FOLD_KEY, FOLD_VERSION
from fitly.core.topics import CONTEXTS_CHANGELOG, SNAPSHOTS
from fitly.core.vocabulary import ClockMode
from fitly.stream.clients import started_producer
from fitly.stream.snapshots import Damaged, Kept, draft, kept, load, newest, write
from fitly.wire.rows import encode_fold_version
from fitly.wire.shard import Change, Shard
from fitly.wire.snapshots import PAGE_BYTES

pytestmark = pytest.mark.kafka


async def test_snapshots_are_found_newest_first_and_read_back(world: World) -> None:
    await world.create(ClockMode.LIVE)
    shard = Shard(1, world.settings.signing_key)
    shard.opened()
    rows = [Change("contexts", f"learner-{n}|MISSION".encode(), bytes(PAGE_BYTES // 2)) for n in range(5)]
    first = await write(world.settings, await draft(world.settings, shard), rows)
    await _half(world, shard, rows)
    second = await write(world.settings, await draft(world.settings, shard), rows[:3])
    await _half(world, shard, rows)

    found = await kept(world.settings)
    assert [one.manifest for one in found[1]] == [second, first]
    assert found[0] == found[2] == found[3] == []
    last = await newest(world.settings, 1)
    assert last == found[1][0]
    assert await newest(world.settings, 0) is None
    assert [change async for change in load(world.settings, found[1][1])] == rows
    assert [change async for change in load(world.settings, found[1][0])] == rows[:3]
    assert (first.pages, first.rows) == (3, 5)

    wrong = Kept(replace(second, digest="0"), found[1][0].begin, found[1][0].end)
    with pytest.raises(Damaged, match="not those that were written"):
        assert [change async for change in load(world.settings, wrong)]
    missing = Kept(first, found[1][1].begin + 1, found[1][1].end)
    with pytest.raises(Damaged, match="3 rows on 2 pages, where the manifest says 5 on 3"):
        assert [change async for change in load(world.settings, missing)]


async def _half(world: World, shard: Shard, rows: list[Change]) -> None:
    """Die in the middle of a snapshot: pages without a manifest."""

    def die() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await write(world.settings, await draft(world.settings, shard), rows, die)


async def test_where_a_release_changes_the_fold_a_snapshot_marks_the_place_once(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    await world.publish(40)
    worker = await world.started()
    await world.folded()
    await world.end()
    assert await worker.exit_code() == 0
    assert all(not found for found in (await kept(world.settings)).values()), "an AS_OF log needs none as it goes"
    before = await world.positions()
    async with started_producer(world.settings) as producer:
        topic, older = world.settings.topic(CONTEXTS_CHANGELOG), encode_fold_version(FOLD_VERSION - 1)
        await (await producer.send(topic, older, key=FOLD_KEY, partition=2))

    for _ in range(2):
        worker = world.start()
        await worker.says("restored", 4)
        await world.end()
        assert await worker.exit_code() == 0
        found = await kept(world.settings)
        (one,) = found.pop(2)
        assert not any(found.values())
        assert (one.manifest.folded_by, one.manifest.goes_on_by) == (FOLD_VERSION - 1, FOLD_VERSION)
        assert one.manifest.offset == before[2]
    records = await world.records(SNAPSHOTS)
    assert {partition: len(there) for partition, there in records.items()} == {2: 2}, "a page and a manifest, once"

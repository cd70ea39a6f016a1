"""Hazards of the group: joins and leaves, batches that go astray, long restores."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.stream.rig import rig
from tests.stream.scenarios.transactions import log_of
from tests.stream.world import World

from fitly.core.vocabulary import ClockMode
from fitly.metrics import LOST_BATCHES, Meters
from fitly.stream.app import build_app
from fitly.stream.generation import Generation
from fitly.stream.host import Host

SLOW = Path(__file__).parents[1] / "slow_restore.py"


async def a_batch_lost_on_the_way(world: World) -> None:
    """A2: a batch that does not join on to the one before is not folded; the hole is read again."""
    await world.create(ClockMode.LIVE)
    await world.publish(200)
    records = await log_of(world, 3)
    a, b = len(records) // 3, 2 * len(records) // 3
    async with rig(world, 3) as it:
        first = await it.assign()
        it.give(first, 0, records[:a])
        it.give(first, records[b - 1].offset + 1, records[b:])  # what lies between went astray
        _, offset, second = await it.takes(2)
        assert offset == records[a - 1].offset + 1
        assert second > first
        it.give(first, offset, records[a:b])  # of the epoch before: void, even where it would fit
        it.give(second, offset, records[a:])
        await it.reaches(records[-1].offset)
        assert it.host.meters.registry.get_sample_value(f"{LOST_BATCHES.name}_total", {"partition": "3"}) == 1
    await world.assert_exact(partitions=[3])


async def batches_from_before_a_rebalance(world: World) -> None:
    """A2: what was fetched before the hold is dropped, and the task seeks to its own position."""
    await world.create(ClockMode.LIVE)
    await world.publish(200)
    records = await log_of(world, 2)
    half = len(records) // 2
    async with rig(world, 2) as it:
        first = await it.assign()
        it.give(first, 0, records[:half])
        await it.reaches(records[half - 1].offset)
        await it.host.quiet()
        it.give(first, records[half - 1].offset + 1, records[half:])  # delivered late by the framework
        second = await it.assign()
        assert it.flow.taken[-1][1] == records[half - 1].offset + 1
        it.give(first, records[half - 1].offset + 1, records[half:])  # and later still
        it.give(second, records[half - 1].offset + 1, records[half:])
        await it.reaches(records[-1].offset)
        assert it.done == 4, "every batch is acknowledged to Faust, folded or not"
    await world.assert_exact(partitions=[2])


async def joins_and_leaves_under_load(world: World) -> None:
    """A2: Faust resumes before it seeks, aiokafka ignores "nothing committed": nothing must be skipped."""
    await world.create(ClockMode.LIVE)
    first = await world.started()
    await world.publish(400, rate=400)
    second = await world.started()
    await world.publish(400, rate=400)
    third = await world.started()
    await world.publish(400, rate=400)
    first.send(signal.SIGTERM)
    assert await first.exit_code() == 0
    await world.publish(400, rate=400)
    second.send(signal.SIGKILL)
    await world.publish(400, rate=400)
    await world.folded()
    await world.assert_exact()
    third.send(signal.SIGTERM)
    assert await third.exit_code() == 0


async def a_restore_longer_than_the_session(world: World) -> None:
    """A3: heartbeats go on while a partition is restored; two workers do not fence each other for ever."""
    await world.create(ClockMode.LIVE)
    await world.publish(300)
    workers = [world.start(script=SLOW, SLOW_RESTORE_S="9") for _ in range(2)]
    await world.folded(120)
    await world.publish(300)
    await world.folded(60)
    assert [worker.process.poll() for worker in workers] == [None, None]
    # one assignment when it joined, one when the other did, and room for one more: not one per session
    assert all(worker.log.count("assigned") <= 3 for worker in workers), [worker.log for worker in workers]
    await world.assert_exact()


async def no_standbys(world: World) -> None:
    """Faust's standbys would decode our changelogs: there are none, and foreign rows do not disturb a join."""
    app = build_app(world.settings, _idle_host(world))
    assert app.conf.table_standby_replicas == 0
    await world.create(ClockMode.LIVE)
    await world.started()
    await world.publish(200)
    second = await world.started()
    await world.folded()
    assert "error" not in second.log
    assert "decode" not in second.log.lower()
    await world.assert_exact()


async def no_static_membership(world: World) -> None:
    """C7: aiokafka's heartbeats carry no instance id, so none is given; the seam's test says when that changes."""
    assert build_app(world.settings, _idle_host(world)).conf.consumer_group_instance_id is None


def _idle_host(world: World) -> Host:
    return Host(world.settings, Meters(), Generation("birth", ClockMode.LIVE, 4), lambda _: None)

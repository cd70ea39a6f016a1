"""The worker from end to end: events in, decisions, outcomes and rows out, exactly once."""

from __future__ import annotations

import signal

import pytest
from tests.stream.world import World

from fitly.core.topics import OUTCOMES, SELECTED
from fitly.core.vocabulary import ClockMode

pytestmark = pytest.mark.kafka


async def test_events_become_decisions_outcomes_and_rows(world: World) -> None:
    await world.create(ClockMode.LIVE)
    worker = await world.started()
    await world.publish(200)
    await world.folded()
    outcomes = sum(len(records) for records in (await world.records(OUTCOMES)).values())
    assert outcomes == 200
    assert await world.records(SELECTED)
    await world.assert_exact()
    worker.send(signal.SIGTERM)
    assert await worker.exit_code() == 0


async def test_a_killed_worker_leaves_nothing_half_done(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    await world.publish(6_000)
    worker = await world.started()
    worker.send(signal.SIGKILL)
    await worker.exit_code()
    await world.started()
    await world.folded()
    await world.assert_exact()


async def test_workers_join_and_leave_under_load(world: World) -> None:
    await world.create(ClockMode.LIVE)
    first = await world.started()
    await world.publish(600, rate=400)
    second = await world.started()
    await world.publish(600, rate=400)
    first.send(signal.SIGTERM)
    await world.publish(600, rate=400)
    assert await first.exit_code() == 0
    await world.folded()
    await world.assert_exact()
    second.send(signal.SIGTERM)
    assert await second.exit_code() == 0


async def test_a_worker_without_topics_says_what_to_do_and_does_not_ask_for_a_restart(world: World) -> None:
    worker = world.start()
    assert await worker.exit_code() == 2
    assert "fitly topics create" in worker.log


async def test_a_worker_without_a_broker_says_so(world: World) -> None:
    world.settings = world.settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    worker = world.start()
    assert await worker.exit_code() == 3
    assert "cannot be reached" in worker.log

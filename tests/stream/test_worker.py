"""The worker from end to end: events in, decisions, outcomes and rows out, exactly once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

import pytest
from aiokafka import AIOKafkaConsumer
from tests.stream.world import World, is_there, until

from fitly.core.topics import OUTCOMES, SELECTED
from fitly.core.vocabulary import ClockMode
from fitly.metrics import Meters
from fitly.settings import Settings
from fitly.stream import worker
from fitly.stream.clients import Started, started_reader
from fitly.stream.generation import Generation
from fitly.stream.host import Host
from fitly.stream.worker import Worker

if TYPE_CHECKING:
    from fitly.stream.app import App

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


async def test_the_processes_of_one_worker_share_its_partitions_and_end_together(world: World) -> None:
    await world.create(ClockMode.LIVE)
    crew = await world.started(FITLY_PROCESSES="2")
    await crew.says("working", times=2)
    first, second = await crew.children(2)
    await world.publish(400)
    await world.folded()
    await world.assert_exact()
    os.kill(first, signal.SIGKILL)
    assert await crew.exit_code() == 4
    assert not is_there(second)


async def test_a_worker_of_several_processes_stops_as_told(world: World) -> None:
    await world.create(ClockMode.LIVE)
    crew = await world.started(FITLY_PROCESSES="2")
    await crew.says("working", times=2)
    children = await crew.children(2)
    await world.publish(100)
    await world.folded()
    crew.send(signal.SIGTERM)
    assert await crew.exit_code() == 0
    assert not any(map(is_there, children))


async def test_a_worker_that_is_killed_leaves_no_process_behind(world: World) -> None:
    await world.create(ClockMode.LIVE)
    crew = await world.started(agent=None)
    children = await crew.children(2)
    crew.send(signal.SIGKILL)
    await crew.exit_code()

    async def gone() -> bool:
        return not any(map(is_there, children))

    await until(gone, 20, "its processes are gone")


async def test_a_leader_that_knew_no_topic_shares_them_out_once_it_does(world: World) -> None:
    await world.create(ClockMode.LIVE)
    worker = world.start(script=Path(__file__).with_name("blind_leader.py"))
    await worker.says("Ignoring missing topic")  # the assignment that leaves everybody idle
    await worker.says("restored", times=4)


@pytest.mark.parametrize("away", [True, False])
async def test_the_watchdog_waits_for_a_broker_that_is_away_and_for_nothing_else(world: World, *, away: bool) -> None:
    asked: list[object] = []

    def reader(settings: Settings) -> Started[AIOKafkaConsumer]:
        asked.append(settings)
        return started_reader(settings)

    address = "127.0.0.1:9" if away else world.settings.kafka_bootstrap
    settings = world.settings.model_copy(update={"kafka_bootstrap": address, "watchdog_s": 0.3})
    host = Host(settings, Meters(), Generation("birth", ClockMode.LIVE, 4), lambda _: None)
    stuck = Worker(settings, host, Meters(), cast("App", SimpleNamespace(rebalancing=True)))

    async def asked_twice() -> bool:
        return len(asked) >= 3

    with patch.object(worker, "started_reader", reader):
        probe = host.guard(stuck._probe())
        await until(asked_twice, 30, "the broker is asked for")
        await host.release(probe)
    assert (host.progress > 0) == away


async def test_a_worker_without_topics_says_what_to_do_and_does_not_ask_for_a_restart(world: World) -> None:
    worker = world.start()
    assert await worker.exit_code() == 2
    assert "fitly topics create" in worker.log


async def test_a_worker_without_a_broker_says_so(world: World) -> None:
    world.settings = world.settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    worker = world.start()
    assert await worker.exit_code() == 3
    assert "cannot be reached" in worker.log

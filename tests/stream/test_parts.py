"""The small parts of the worker: watchdog, page, alarm, publisher."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from contextlib import aclosing
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from tests.stream.rig import rig
from tests.stream.scenarios.transactions import log_of
from tests.stream.world import MARCH, World, outcome, stamp

from fitly.core.errors import Refused
from fitly.core.names import partition_of
from fitly.core.topics import INPUT
from fitly.core.vocabulary import ClockMode
from fitly.metrics import METRICS, READY, REFUSAL_ALARM, Meters
from fitly.stream import commits
from fitly.stream.page import Page
from fitly.stream.publish import Publisher
from fitly.stream.read import follow
from fitly.stream.watchdog import Sample, Watchdog


def test_the_watchdog_bites_a_worker_that_owes_work_and_stands_still() -> None:
    bitten = threading.Event()
    watchdog = Watchdog(0.2, lambda: Sample(owes=True, progress=1), bitten.set)
    watchdog.start()
    assert bitten.wait(10)
    watchdog.join(5)


def test_the_watchdog_leaves_an_idle_worker_alone() -> None:
    glances = iter(range(10_000))
    bitten, looked = threading.Event(), threading.Event()

    def sample() -> Sample:
        if next(glances) == 2:
            looked.set()
        return Sample(owes=False, progress=1)

    watchdog = Watchdog(0.2, sample, bitten.set)
    watchdog.start()
    assert looked.wait(10)
    watchdog.stop()
    watchdog.join(5)
    assert not bitten.is_set()


def test_the_page_says_ready_only_when_it_is() -> None:
    meters, state = Meters(), {"ready": False}
    page = Page(0, meters, lambda: state["ready"], "127.0.0.1")
    page.start()

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{page.port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    assert get("/live")[0] == 200
    assert get("/ready")[0] == 503
    state["ready"] = True
    assert get("/ready")[0] == 200
    assert f"{READY.name} 1.0" in get("/metrics")[1]
    assert get("/elsewhere")[0] == 404
    page.stop()


def test_every_metric_has_a_name_of_ours_and_a_help() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.name.startswith("fitly_") and metric.help.endswith(".") for metric in METRICS)


@pytest.mark.kafka
async def test_too_many_refusals_raise_the_alarm_and_a_worker_is_not_ready(world: World) -> None:
    await world.create(ClockMode.LIVE)
    async with Publisher(world.settings) as publisher:
        keys = [key for n in range(3_000) if partition_of(key := f"k{n}".encode(), 4) == 0][:600]
        for key in keys:
            await publisher.send(key, b"no event")
            await publisher.send(key, outcome(world.draw, key.decode(), datetime.now(UTC)))
    records = await log_of(world, 0)
    assert len(records) == 2 + 1_200
    async with rig(world) as it:
        it.give(await it.assign(), 0, records)
        await it.reaches(records[-1].offset)
        assert it.host.meters.registry.get_sample_value(REFUSAL_ALARM.name, {"partition": "0"}) == 1
        assert not it.host.ready()


@pytest.mark.kafka
async def test_transactions_become_small_where_they_take_long(world: World) -> None:
    await world.create(ClockMode.LIVE)
    await world.publish(200)
    records = await log_of(world, 0)
    async with rig(world) as it:
        epoch = await it.assign()
        before = it.task._commits.most
        with patch.object(commits, "COMMIT_S", 1e-6):  # even on this link
            it.give(epoch, 0, records)
            await it.reaches(records[-1].offset)
        assert it.task._commits.most == commits.LEAST < before


@pytest.mark.kafka
async def test_a_publisher_sends_everything_with_stamps_in_order_and_ticks_between(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    await world.publish(20_000, learners=200, hours=30.0)
    log = await world.records(INPUT)
    events = [record for records in log.values() for record in records if record.key is not None]
    assert len(events) == 20_000
    assert all(partition_of(record.key, 4) == record.partition for record in events)
    for records in log.values():
        stamps = [record.timestamp for record in records]
        assert stamps == sorted(stamps)
        assert sum(b"clock.ticked" in record.value for record in records) == 29
    async with Publisher(world.settings) as publisher:
        last = max(record.timestamp for record in log[partition_of(b"learner-1", 4)])
        assert await publisher.now_of(b"learner-1") == last
        with pytest.raises(Refused, match="NOT_CLOUDEVENT"):
            await publisher.publish(b"{}")
    assert last >= stamp(MARCH)


@pytest.mark.kafka
async def test_following_gives_what_comes_after_a_given_offset(world: World) -> None:
    await world.create(ClockMode.LIVE)
    await world.publish(40)
    async with aclosing(follow(world.settings, INPUT, dict.fromkeys(range(4), 2))) as records:
        seen = [await anext(records) for _ in range(40)]
    assert all(record.key is not None for record in seen)

"""An AS_OF log, ticks and control events written before, folded under faults: what is left is what no fault leaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from tests.chaos import judge
from tests.chaos.acts import Scene
from tests.chaos.conftest import Ground
from tests.chaos.driver import Fleet
from tests.chaos.load import Author
from tests.chaos.refold import OUTPUTS, assert_equal, read_input, read_world, refold
from tests.chaos.watch import Watch, is_absorbed

from fitly.core.rules import Policy, Windows
from fitly.core.topics import CONTEXTS_CHANGELOG
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings
from fitly.stream import topics
from fitly.stream.control import Sequencer
from fitly.stream.publish import Publisher

pytestmark = [pytest.mark.kafka]

BEGIN = datetime(2013, 10, 1, tzinfo=UTC)
DAYS = 20
LEARNERS = 300
POLICIES = (Policy(dwell_days=0.25), Policy(epsilon=0.3, windows=Windows(mission=1.0, assessment=2.0)))
"""Put in force after a third and two thirds of the log."""
UP = 60_000
"""Bytes per second and connection from workers to the broker: what keeps the fold from being over before the faults."""
COMMIT = "100"
"""Records of a transaction, so that one passes the slow link well within its timeout."""


@pytest.mark.parametrize(
    ("events", "acts"),
    [
        pytest.param(
            10_000,
            (*["kill -9"] * 3, "stop", "nap", "broker", "join", "leave"),
            marks=pytest.mark.timeout(900),
        ),
        pytest.param(
            120_000,
            (*["kill -9"] * 20, *["stop"] * 4, *["nap"] * 4, *["broker"] * 3, *["join"] * 6, *["leave"] * 6),
            marks=[pytest.mark.long, pytest.mark.timeout(3_600)],
        ),
    ],
)
def test_faults_leave_the_tables_and_decisions_that_no_fault_leaves(
    events: int, acts: tuple[str, ...], ground: Ground
) -> None:
    settings, draw = ground.settings, Random(ground.seed)
    place = settings.kafka_bootstrap, settings.prefix
    asyncio.run(write_log(settings, Author(ground.seed, LEARNERS), events))
    log = read_input(*place)
    expected, bins = refold(log, settings.signing_key, draw)
    ground.tell(f"written { ({number: len(part) for number, part in log.items()}) }, bins {bins}")

    workers = Fleet("worker", ground.slow_env | {"FITLY_COMMIT_MAX_RECORDS": COMMIT}, ground.logs)
    watch = Watch(*place)
    scene = Scene(draw, settings.prefix, ground.stack, ground.link, watch, ground.tell, workers, most_events=250)
    try:
        ground.link.width.up = UP
        workers.join()
        workers.join()
        scene.settle()
        scene.play(draw.sample(acts, len(acts)))
        left = sum(part[-1].offset + 1 for part in log.values()) - watch.total()
        scene.tell(f"the acts end, {left:,} records are left")
        assert left > 0, "the log was folded before the last fault: make it longer, or the link slower"
        ground.link.width.up = None
        scene.until(lambda: is_absorbed(watch, log), "the whole log is absorbed")
        workers.leave_all()
        found = read_world(*place)
        assert_equal(expected, found)
        assert len(found.rows) > LEARNERS
        said = {topic: sum(len(part) for (name, _), part in found.said.items() if name == topic) for topic in OUTPUTS}
        scene.tell(f"{len(found.rows):,} rows and {said} are byte for byte those of a fold without faults")
        aborted = judge.aborted(*place, CONTEXTS_CHANGELOG)
        scene.tell(f"changes of rows in transactions that were aborted: {aborted:,}")
        assert aborted, "no fault met an open transaction: this run has proved less than it should"
        judge.judge_logs(workers)
    finally:
        ground.tell("\n".join([*scene.falls(), f"acts: {dict(scene.acts)}"]))
        workers.end()
        watch.close()


async def write_log(settings: Settings, author: Author, events: int) -> None:
    """Write the whole log: events in order of time, a tick of every partition each hour, control events between."""
    await topics.create(settings, ClockMode.AS_OF)
    step = timedelta(days=DAYS) / events
    parts = len(POLICIES) + 1
    for part in range(parts):
        async with Publisher(settings, as_of=True) as publisher:
            for number in range(events * part // parts, events * (part + 1) // parts):
                at = BEGIN + number * step
                line = author.write(at)
                await publisher.send(line.user_id.encode(), line.value, int(at.timestamp() * 1000))
        if part < len(POLICIES):
            await Sequencer(settings).revise(POLICIES[part])

"""Live load while workers and sink come, go, fall, stand still and restore slowly: afterwards everything adds up."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest
from tests.chaos import judge
from tests.chaos.acts import Scene
from tests.chaos.conftest import Ground
from tests.chaos.driver import Fleet
from tests.chaos.load import Author, LiveLoad, Sent
from tests.chaos.proxy import Width
from tests.chaos.watch import Watch

from fitly import bootstrap
from fitly.core.rules import Policy, Windows
from fitly.core.topics import CONTEXTS_CHANGELOG, INPUT
from fitly.core.vocabulary import ClockMode
from fitly.stream.control import Sequencer

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

ROUND = (*["kill -9"] * 6, "join", "leave", "stop", "broker", "slow restore", "kill -9 sink", "kill -9 experiments")
RATE = 80
LEARNERS = 400
UP = 300_000
"""Bytes per second and connection from workers to the broker: transactions stay open long enough to be hit."""
SECOND = 1 / 86_400
BRISK = Policy(
    dwell_days=5 * SECOND,
    windows=Windows(mission=30 * SECOND, content=15 * SECOND, assessment=30 * SECOND, session=15 * SECOND),
)
"""Decisions and windows so short that many are made and closed while the load lasts."""


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(1, marks=pytest.mark.timeout(900)),
        pytest.param(8, marks=[pytest.mark.long, pytest.mark.timeout(3_600)]),
    ],
)
def test_nothing_is_lost_doubled_or_changed_whatever_happens_to_workers_and_broker(rounds: int, ground: Ground) -> None:
    settings, draw = ground.settings, Random(ground.seed)
    asyncio.run(bootstrap.prepare(settings, ClockMode.LIVE))
    asyncio.run(Sequencer(settings).revise(BRISK))
    workers, sinks = Fleet("worker", ground.slow_env, ground.logs), Fleet("sink", ground.env, ground.logs)
    adders = Fleet("experiments", ground.env, ground.logs)
    workers.pardons *= rounds
    watch = Watch(settings.kafka_bootstrap, settings.prefix)
    scene = Scene(
        draw, settings.prefix, ground.stack, ground.link, watch, ground.tell, workers, sinks, adders, most_events=300
    )
    load = LiveLoad(settings.kafka_bootstrap, settings.topic(INPUT), Author(ground.seed, LEARNERS), rate=RATE)
    ground.link.width.up = UP
    try:
        workers.join()
        workers.join()
        sinks.join()
        adders.join()
        load.start()
        scene.settle()
        for number in range(rounds):
            scene.play(draw.sample(ROUND, len(ROUND)))
            asyncio.run(Sequencer(settings).revise(BRISK, f"round {number + 1}"))
        scene.advance(RATE)
        sent = load.finish()
        scene.tell(f"the load ends: {sent.records:,} records {sent.counts()}, {sent.astray} of them sent astray")
        ground.link.width = Width()
        judge_all(ground, scene, sent)
        workers.leave_all()
        sinks.leave_all()
        adders.leave_all()
        judge.judge_logs(workers, sinks, adders)
        assert scene.acts.keys() == set(ROUND)
        assert scene.acts["kill -9"] >= 6 * rounds
    finally:
        ground.tell("\n".join([*scene.falls(), f"acts: {dict(scene.acts)}"]))
        load.give_up()
        workers.end()
        watch.close()
        sinks.end()
        adders.end()


def judge_all(ground: Ground, scene: Scene, sent: Sent) -> None:
    """Hold everything that came out against itself and against what was sent."""
    place = ground.settings.kafka_bootstrap, ground.settings.prefix
    document = judge.verify(ground.env)
    scene.tell(f"verify holds; bins {json.dumps(document['bins'])}")
    filed = judge.judge_outcomes(*place, sent)
    modes = judge.judge_decisions(*place, sent)
    scene.tell(f"filed {dict(filed)}; decided {dict(modes)}")
    scene.tell(f"changes of rows in transactions that were aborted: {judge.aborted(*place, CONTEXTS_CHANGELOG):,}")

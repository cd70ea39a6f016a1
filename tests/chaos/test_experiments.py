"""A trial and a bandit while both agents are killed again and again: they report what those report that live."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Final, TypeAlias

import pytest
from tests.chaos import judge
from tests.chaos.acts import Scene
from tests.chaos.conftest import Ground
from tests.chaos.driver import Fleet
from tests.chaos.judge import Record
from tests.chaos.load import Author
from tests.chaos.refold import World, assert_equal, read_input, read_world, refold
from tests.chaos.watch import Watch, is_absorbed
from tests.core.trials import BANDIT, PLAN, started

from fitly.core.events import ControlEvent, ControlPayload, ExperimentDefined, ExperimentJudged, ExperimentReweighted
from fitly.core.experiments.concluding import conclusions
from fitly.core.experiments.plan import Bandit
from fitly.core.experiments.stated import Stated
from fitly.core.partials import Kind, Look
from fitly.core.rules import Policy, Windows
from fitly.core.topics import CONTEXTS_CHANGELOG, PARTIALS, POPULATION_CHANGELOG, RESULTS
from fitly.core.vocabulary import ClockMode, Context
from fitly.settings import Settings
from fitly.stream import topics
from fitly.stream.control import Sequencer
from fitly.stream.generation import Generation, read_generation
from fitly.stream.publish import Publisher
from fitly.wire.looks import is_provisional
from fitly.wire.population import Population

pytestmark = [pytest.mark.kafka]

BEGIN: Final = datetime(2013, 10, 1, tzinfo=UTC)
LEARNERS: Final = 200
EPOCH_DAYS: Final = 3
STAGES: Final = (1, *[EPOCH_DAYS] * 2, EPOCH_DAYS - 1)
"""Days of each part of the log: before the start; until past the close that ends an epoch, twice; the rest."""
UP: Final = 40_000
"""Bytes per second and connection to the broker: what keeps the agents from being done before the faults."""
COMMIT: Final = "50"
"""Records of a transaction of either agent."""
BRISK: Final = Policy(dwell_days=0.25, windows=Windows(mission=0.5, content=0.25, assessment=0.5, session=0.25))
TRIAL: Final = replace(
    PLAN, experiment_name="trial", measurement_days=2, min_duration_days=2, planned_days=6, planned_n=LEARNERS
)
WEIGHED: Final = replace(
    BANDIT,
    experiment_name="weighed",
    context=Context.CONTENT,
    measurement_days=1,
    planned_n=LEARNERS,
    bandit=Bandit(epoch_days=EPOCH_DAYS),
)
Reports: TypeAlias = dict[bytes | None, bytes | None]
"""Key of ``experiment-results`` -> value."""
Looks: TypeAlias = dict[tuple[str, int], Look]
"""Experiment and number of the look -> the look."""
ACTS: Final = (*["kill -9"] * 3, *["kill -9 experiments"] * 3, "join")


@pytest.mark.parametrize(
    ("events", "rounds"),
    [
        pytest.param(6_000, 1, marks=pytest.mark.timeout(900)),
        pytest.param(30_000, 4, marks=[pytest.mark.long, pytest.mark.timeout(3_600)]),
    ],
)
def test_killed_agents_report_what_agents_report_that_nobody_kills(events: int, rounds: int, ground: Ground) -> None:
    settings, draw = ground.settings, Random(ground.seed)
    place = settings.kafka_bootstrap, settings.prefix
    author = Author(ground.seed, LEARNERS)
    asyncio.run(topics.create(settings, ClockMode.AS_OF))
    generation = asyncio.run(read_generation(settings))
    env = ground.slow_env | {"FITLY_COMMIT_MAX_RECORDS": COMMIT, "FITLY_PRIORS": "off"}
    workers, adders = Fleet("worker", env, ground.logs), Fleet("experiments", env, ground.logs)
    folded = Watch(*place)
    added = Watch(*place, group="fitly-experiments", topic=PARTIALS)
    scene = Scene(
        draw, settings.prefix, ground.stack, ground.link, folded, ground.tell, workers, adders=adders, most_events=150
    )
    step, at = timedelta(days=sum(STAGES)) / events, BEGIN
    try:
        for number, days in enumerate(STAGES):
            until = at + timedelta(days=days)
            asyncio.run(write(settings, author, at, until, step))
            at = until
            if number == 0:
                asyncio.run(Sequencer(settings).propose(begun))
                workers.join()
                workers.join()
                adders.join()
                scene.settle()
                continue
            ground.link.width.up = UP
            scene.play(draw.sample(ACTS, len(ACTS)) * rounds)
            left = sum(part[-1].offset + 1 for part in read_input(*place).values()) - folded.total()
            scene.tell(f"the acts of part {number} end, {left:,} records are left")
            assert left > 0, "the log was folded before the last fault: make it longer, or the link slower"
            ground.link.width.up = None
            scene.until(lambda: is_absorbed(folded, read_input(*place)), "all that is written is folded")
            scene.until(lambda: is_absorbed(added, read_partials(*place)), "all partials are added up")
            if number < len(STAGES) - 1:
                scene.until(partial(has_weights, settings, number), "the bandit has new weights")
        adders.leave_all()
        scene.until(lambda: is_absorbed(folded, read_input(*place)), "the last word on the experiments is folded")
        workers.leave_all()
        world, bins = refold(read_input(*place), settings.signing_key, draw)
        scene.tell(f"bins {bins}")
        assert_equal(world, read_world(*place))
        expected, looks = added_up(world, generation, settings.signing_key)
        assert_reports(expected, place)
        assert len(expected) >= 2 * (sum(STAGES) - 2), "too few looks for a proof"
        said = assert_concluded(looks, asyncio.run(Sequencer(settings).history()))
        scene.tell(f"{len(expected)} reports, and {said} that follow from them, are those that no fault leaves")
        for name in (CONTEXTS_CHANGELOG, POPULATION_CHANGELOG):
            scene.tell(f"{name}: {judge.aborted(*place, name):,} records in transactions that were aborted")
        judge.judge_logs(workers, adders)
    finally:
        ground.tell("\n".join([*scene.falls(), f"acts: {dict(scene.acts)}"]))
        workers.end()
        adders.end()
        folded.close()
        added.close()


def begun(_history: Sequence[ControlEvent]) -> list[ControlPayload]:
    """Give what starts both experiments."""
    return [each for plan in (TRIAL, WEIGHED) for each in (ExperimentDefined(plan=plan), started(plan))]


async def write(settings: Settings, author: Author, since: datetime, until: datetime, step: timedelta) -> None:
    """Write what happens in some days, in order of time, with a tick of every partition each hour."""
    async with Publisher(settings, as_of=True) as publisher:
        at = since
        while at < until:
            line = author.write(at)
            await publisher.send(line.user_id.encode(), line.value, int(at.timestamp() * 1000))
            at += step


def read_partials(bootstrap: str, prefix: str) -> dict[int, list[Record]]:
    """Give what the partitions have said, by partition of its topic."""
    found: dict[int, list[Record]] = {}
    for record in judge.records(bootstrap, prefix, PARTIALS):
        found.setdefault(record.partition, []).append(record)
    return found


def has_weights(settings: Settings, times: int) -> bool:
    """Whether the bandit was given new weights so often."""
    history = asyncio.run(Sequencer(settings).history())
    return sum(isinstance(event.data, ExperimentReweighted) for event in history) >= times


def added_up(world: World, generation: Generation, control_key: bytes) -> tuple[Reports, Looks]:
    """Add up without faults what the partitions say, one partition of the input after the other; give every look."""
    reports: Reports = {}
    looks: Looks = {}
    for partition in range(generation.partitions):
        one = Population(partition, control_key, generation.birth_id, generation.clock_mode, generation.partitions)
        one.opened()
        said = [word for (_, home), words in sorted(world.told.items()) if home == partition for word in words]
        for offset, (key, value, headers) in enumerate(said):
            batch = one.fold([Record(partition, offset, 0, key, value, headers)])
            one.adopt(batch)
            reports |= {out.key: out.value for out in batch.outputs if out.topic == RESULTS}
            looks |= {(name, look.number): look for (kind, name), look in batch.looks() if kind is Kind.EXPERIMENTS}
    return reports, looks


def assert_reports(expected: Reports, place: tuple[str, str]) -> None:
    """Each look at an experiment went out once, and says what it says without faults."""
    found: dict[bytes | None, list[bytes | None]] = {}
    for record in judge.records(*place, RESULTS):
        if record.key is not None and not is_provisional(record.key):
            found.setdefault(record.key, []).append(record.value)
    assert found.keys() == expected.keys()
    differ = [key for key, value in expected.items() if found[key] != [value]]
    assert not differ, f"{differ[0]!r} of {len(differ)}: expected {expected[differ[0]]!r}, found {found[differ[0]]}"


def assert_concluded(looks: Looks, history: Sequence[ControlEvent]) -> dict[str, int]:
    """What the agents said of the experiments follows from the looks it names, and no verdict was passed over.

    Returns
    -------
    dict
        How often each kind was said.
    """
    said: Counter[str] = Counter()
    verdicts: dict[str, list[Stated]] = {}
    for number, event in enumerate(history):
        if not isinstance(event.data, ExperimentJudged | ExperimentReweighted):
            continue
        name = event.data.experiment_name
        look = looks[name, event.data.look]
        assert event.data in conclusions({(Kind.EXPERIMENTS, name): look}, history[:number])
        said[type(event.data).__name__] += 1
        if isinstance(event.data, ExperimentJudged):
            verdicts.setdefault(name, []).append(Stated(event.data.look, event.data.winner, tuple(event.data.unmet)))
    for name, found in verdicts.items():
        last = max(number for of, number in looks if of == name)
        assert found == list(looks[name, last].stated[: len(found)]), "in their order, whoever was away at a look"
    assert said.keys() == {"ExperimentJudged", "ExperimentReweighted"}
    return dict(said)

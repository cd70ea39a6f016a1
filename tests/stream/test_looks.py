"""Experiments on a real broker: looks go out once whatever happens, views in between, and verdicts are proposed."""

from __future__ import annotations

import asyncio
import signal
from random import Random

import pytest
from tests.stream.test_experiments import added_up
from tests.stream.world import PARTITIONS, World, until
from tests.wire.closings import NAME, PLAN, Speaker

from fitly.core.events import ControlPayload, ExperimentDefined, ExperimentJudged, ExperimentStarted
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.topics import PARTIALS, RESULTS
from fitly.core.vocabulary import ClockMode
from fitly.stream.clients import started_producer
from fitly.stream.control import Sequencer
from fitly.stream.generation import read_generation
from fitly.wire.partials import outgoing_partial
from fitly.wire.results import decode_report

pytestmark = pytest.mark.kafka

DAYS = 6


def spoken(birth: str, draw: Random) -> list[Speaker]:
    """Let every partition speak over some days."""
    speakers = [Speaker(number, birth=birth) for number in range(PARTITIONS)]
    for one in speakers:
        while len({word.closes for word in one.said}) <= DAYS:
            one.learns()
            one.passes(draw.choice((5, 11, 23)))
    return speakers


async def say(world: World, speakers: list[Speaker]) -> int:
    """Send all words, in any order, some twice; give how many."""
    words = [word for one in speakers for word in one.said]
    order = [*words, *world.draw.sample(words, len(words) // 3)]
    world.draw.shuffle(order)
    async with started_producer(world.settings) as producer:
        for number, one in enumerate(order):
            out = outgoing_partial(one, PARTITIONS, world.settings.signing_key)
            await producer.send(
                world.settings.topic(PARTIALS), out.value, key=out.key, partition=out.partition, headers=[*out.headers]
            )
            if number % 10 == 0:
                await producer.flush()
                await asyncio.sleep(0.05)
    return len(order)


async def results(world: World) -> dict[str, list[bytes]]:
    """Give what stands in the topic, in order, by key."""
    found: dict[str, list[bytes]] = {}
    for records in (await world.records(RESULTS)).values():
        for record in records:
            found.setdefault((record.key or b"").decode(), []).append(record.value or b"")
    return found


@pytest.mark.timeout(300)
async def test_looks_go_out_once_and_a_verdict_is_proposed_whoever_is_killed(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    birth = (await read_generation(world.settings)).birth_id
    begun: list[ControlPayload] = [
        ExperimentDefined(plan=PLAN),
        ExperimentStarted(experiment_name=NAME, plan_hash=plan_hash(PLAN)),
    ]
    await Sequencer(world.settings).propose(lambda history: begun[: 4 - len(history)])
    speakers = spoken(birth, world.draw)
    saying = asyncio.create_task(say(world, speakers))
    first = await world.started(agent="experiments", FITLY_COMMIT_MAX_RECORDS="7")

    async def some() -> bool:
        return len(await results(world)) > 1

    await until(some, 60, f"something is looked at; it said:\n{world.said()}")
    first.send(signal.SIGKILL)
    await first.exit_code()
    await saying
    last = await world.started(agent="experiments", FITLY_PRIORS="off")
    tables = await added_up(world)
    found = await results(world)
    looks = {key: values for key, values in found.items() if key != f"{NAME}|provisional"}
    (look,) = [look for one in tables.values() for look in one.looks.values()]
    assert len(looks) >= DAYS - 1
    assert all(len(values) == 1 for values in looks.values()), "each went out once"
    newest = decode_report(looks[f"{NAME}|{look.number}"][0])
    assert (newest.look, newest.participants) == (look.number, sum(look.sums.values()))

    async def viewed() -> bool:
        views = (await results(world)).get(f"{NAME}|provisional")
        return views is not None and decode_report(views[-1]).participants == sum(one.n for one in speakers)

    await until(viewed, 40, f"the newest words are shown; it said:\n{world.said()}")

    async def judged() -> list[ExperimentJudged]:
        return [e.data for e in await Sequencer(world.settings).history() if isinstance(e.data, ExperimentJudged)]

    async def is_judged() -> bool:
        return bool(await judged())

    await until(is_judged, 40, f"a verdict is proposed; it said:\n{world.said()}")
    assert all(each.winner is None and "duration" in each.unmet for each in await judged())
    last.send(signal.SIGTERM)
    assert await last.exit_code() == 0

"""The second agent on a real broker: whatever happens, the newest words are added up, and what follows is said once."""

from __future__ import annotations

import asyncio
import os
import signal
from unittest.mock import patch

import pytest
from tests.stream.rig import rig
from tests.stream.world import PARTITIONS, World, until

from fitly.core.errors import Refused, Retryable
from fitly.core.events import ControlEvent, PriorsRevised
from fitly.core.numbers import HOUR, Millis
from fitly.core.partials import Kind, Look, Merged, Partial, merged, newest
from fitly.core.revising import revisions
from fitly.core.topics import PARTIALS, POPULATION_CHANGELOG
from fitly.core.vocabulary import ClockMode, Context
from fitly.stream.agents import EXPERIMENTS_AGENT
from fitly.stream.clients import started_producer
from fitly.stream.control import Sequencer
from fitly.stream.generation import read_generation
from fitly.stream.proposing import Proposer
from fitly.wire.partials import decode_partial, home_of, outgoing_partial
from fitly.wire.population import Population

pytestmark = pytest.mark.kafka

NAMES = [context.value for context in Context]
HOME = home_of(Kind.PRIORS, "MISSION", PARTITIONS)


def word(birth_id: str, name: str, partition: int, offset: int) -> Partial:
    """Say something that follows from who says it and when."""
    sums = {"ALL.n": offset, "ALL.sum": offset * 700_000, "huge": (partition + 1) * 2**80 + offset}
    clock = Millis(1_700_000_000_000 + offset * 60_000)
    return Partial(Kind.PRIORS, name, partition, birth_id, offset, clock, sums)


async def say(world: World, words: list[Partial], *, pause: float = 0.0) -> None:
    """Send words to the topic in that order, in whatever order of offsets they are."""
    async with started_producer(world.settings) as producer:
        for number, one in enumerate(words):
            out = outgoing_partial(one, PARTITIONS, world.settings.signing_key)
            await producer.send(
                world.settings.topic(PARTIALS), out.value, key=out.key, partition=out.partition, headers=[*out.headers]
            )
            if pause and number % 50 == 0:
                await producer.flush()
                await asyncio.sleep(pause)


async def table(world: World) -> dict[int, Population]:
    """Restore the second agent's table."""
    born = await read_generation(world.settings)
    made = {
        number: Population(number, world.settings.signing_key, born.birth_id, born.clock_mode.value, born.partitions)
        for number in range(PARTITIONS)
    }
    for number, records in (await world.records(POPULATION_CHANGELOG)).items():
        for record in records:
            made[number].load("population", record.key, record.value)
    for one in made.values():
        one.opened()
    return made


async def refolded(world: World) -> dict[int, Population]:
    """Fold the topic once, here: what everything must be equal to."""
    born = await read_generation(world.settings)
    made = {
        number: Population(number, world.settings.signing_key, born.birth_id, born.clock_mode.value, born.partitions)
        for number in range(PARTITIONS)
    }
    for number, records in (await world.records(PARTIALS)).items():
        made[number].adopt(made[number].fold(records))
    return made


async def added_up(world: World) -> dict[int, Population]:
    """Wait until every partial is absorbed, and hold the table against a fault-free fold, byte for byte."""

    async def caught_up() -> bool:
        log, rows = await world.records(PARTIALS), await table(world)
        return all(rows[number].position.offset >= records[-1].offset for number, records in log.items())

    await until(caught_up, 60, f"the partials are added up; it said:\n{world.said()}")
    found, expected = await table(world), await refolded(world)
    for number in range(PARTITIONS):
        if expected[number].position.offset >= 0:
            assert list(found[number].state()) == list(expected[number].state())
    return found


def rows_of(tables: dict[int, Population]) -> dict[str, Merged]:
    """Give the merged rows by name."""
    found = (tables[home_of(Kind.PRIORS, name, PARTITIONS)].merged(Kind.PRIORS, name) for name in NAMES)
    return {row.name: row for row in found if row is not None}


async def priors_said(world: World) -> list[PriorsRevised]:
    """Give what was told of the population, in order."""
    return [e.data for e in await Sequencer(world.settings).history() if isinstance(e.data, PriorsRevised)]


async def told(world: World, count: int) -> list[PriorsRevised]:
    """Wait until so much was told."""

    async def enough() -> bool:
        return len(await priors_said(world)) >= count

    await until(enough, 40, f"{count} revisions; it said:\n{world.said()}")
    return await priors_said(world)


@pytest.mark.timeout(300)
async def test_kills_duplicates_and_disorder_leave_no_trace(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    birth = (await read_generation(world.settings)).birth_id
    words = [word(birth, name, p, offset) for offset in range(0, 600, 2) for name in NAMES for p in range(PARTITIONS)]
    stray = [replace_birth(one) for one in world.draw.sample(words, 40)]
    order = [*words, *world.draw.sample(words, 800), *stray]
    world.draw.shuffle(order)
    saying = asyncio.create_task(say(world, order, pause=0.05))
    for _ in range(3):
        agent = await world.started(agent="experiments", FITLY_COMMIT_MAX_RECORDS="40", FITLY_PRIORS="off")
        before = sum(one.ledger.read for one in (await table(world)).values())

        async def gets_on(before: int = before) -> bool:
            return sum(one.ledger.read for one in (await table(world)).values()) > before

        await until(gets_on, 40, "something more is committed")
        agent.send(signal.SIGKILL)
        await agent.exit_code()
    await saying
    last = await world.started(agent="experiments", FITLY_PRIORS="off")
    rows = rows_of(await added_up(world))
    for name in NAMES:
        assert rows[name].sums == merged(newest(one for one in words if one.name == name).values())
    bins = [one.ledger.bins for one in (await table(world)).values()]
    assert sum(one.get("INVALID/GENERATION", 0) for one in bins) == len(stray)
    assert sum(map(sum, (one.values() for one in bins))) == len(order)
    assert not await priors_said(world), "it was told to say nothing"
    last.send(signal.SIGTERM)
    assert await last.exit_code() == 0


def replace_birth(one: Partial) -> Partial:
    """Give the same word of another generation."""
    return one._replace(birth_id="of another log", offset=one.offset + 1_000_000)


async def test_partitions_change_hands_under_load(world: World) -> None:
    await world.create(ClockMode.LIVE)
    birth = (await read_generation(world.settings)).birth_id
    words = [word(birth, name, p, offset) for offset in range(200) for name in NAMES for p in range(PARTITIONS)]
    saying = asyncio.create_task(say(world, words, pause=0.1))
    first = await world.started(agent="experiments", FITLY_PRIORS="off")
    second = await world.started(agent="experiments", FITLY_PRIORS="off")
    first.send(signal.SIGTERM)
    assert await first.exit_code() == 0
    await saying
    rows = rows_of(await added_up(world))
    assert {name: row.sums["ALL.n"] for name, row in rows.items()} == dict.fromkeys(NAMES, 199 * PARTITIONS)
    second.send(signal.SIGTERM)
    assert await second.exit_code() == 0


async def test_what_follows_from_a_look_is_said_once_whoever_starts_again(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    birth = (await read_generation(world.settings)).birth_id
    await say(world, [word(birth, name, 0, 20) for name in NAMES])
    first = await world.started(agent="experiments")
    said = await told(world, len(NAMES))
    assert sorted(one.context.value for one in said) == sorted(NAMES)
    first.send(signal.SIGKILL)
    await first.exit_code()
    second = await world.started(agent="experiments")
    await second.says("restored", times=PARTITIONS)
    await say(world, [word(birth, "MISSION", 1, 21), word(birth, "MISSION", 0, 9_000)])  # hours later, much the same
    await say(world, [replace_sums(word(birth, "SESSION", 0, 9_000))])  # and something else
    assert (await told(world, len(NAMES) + 2))[-1].context in {Context.MISSION, Context.SESSION}
    tables = await added_up(world)
    looks = {subject: look for one in tables.values() for subject, look in one.looks.items()}
    assert revisions(looks, await Sequencer(world.settings).history()) == [], "nothing is left to say"


def replace_sums(one: Partial) -> Partial:
    """Give a word of learners who fare otherwise."""
    return one._replace(sums={"ALL.n": 9_000, "ALL.sum": 9_000 * 100_000})


async def test_a_crash_between_commit_and_proposal_loses_nothing(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    birth = (await read_generation(world.settings)).birth_id
    await say(world, [word(birth, "MISSION", 0, 20)])
    records = (await world.records(PARTIALS))[HOME]

    async def never(_: Proposer) -> None:
        await asyncio.Event().wait()

    with patch.object(Proposer, "run", never):
        async with rig(world, HOME, EXPERIMENTS_AGENT) as it:
            it.give(await it.assign(), 0, records)
            await it.reaches(records[-1].offset)
    assert not await priors_said(world)
    async with rig(world, HOME, EXPERIMENTS_AGENT) as again:
        await again.assign()
        (one,) = await told(world, 1)
        assert one.context is Context.MISSION
        assert not again.failures


async def test_two_who_propose_the_same_say_it_once(world: World) -> None:
    await world.create(ClockMode.LIVE)
    looks = {(Kind.PRIORS, name): Look(Millis(HOUR), {"ALL.n": 20, "ALL.sum": 2_000_000}) for name in NAMES}
    proposers = [Proposer(world.settings, revisions) for _ in range(3)]
    for number, one in enumerate(proposers):
        shard = Population(number, b"", "", "", PARTITIONS)
        shard.looks = looks
        one.see(number, shard)
    await asyncio.gather(*(one._propose() for one in proposers))
    assert sorted(one.context.value for one in await priors_said(world)) == sorted(NAMES)
    proposers[0].forget([0])
    await proposers[0]._propose()
    assert len(await priors_said(world)) == len(NAMES)


async def test_a_proposer_outlives_a_refusal_waits_for_a_broker_that_is_away_and_stops_when_told(world: World) -> None:
    await world.create(ClockMode.LIVE)
    one, shard = Proposer(world.settings, revisions), Population(0, b"", "", "", PARTITIONS)
    shard.looks = {(Kind.PRIORS, "MISSION"): Look(Millis(0), {"ALL.n": 1})}
    one.see(0, shard)
    real, troubles = one._sequencer.history, iter([Refused("ILLEGAL_MOVE", "it is over"), Retryable("away")])

    async def history() -> list[ControlEvent]:
        trouble = next(troubles, None)
        if trouble is not None:
            one._new.set()
            raise trouble
        return await real()

    with patch.object(one._sequencer, "history", history):
        running = asyncio.create_task(one.run())
        await told(world, 1)
    await one.quiet()
    one._new.set()
    async with asyncio.timeout(10):
        await running


async def test_a_worker_is_both_agents_and_its_sums_are_those_of_its_rows(world: World) -> None:
    await world.create(ClockMode.AS_OF)
    await world.publish(3_000, learners=60, hours=200)
    worker = world.start(agent=None)
    await worker.says("restored", times=2 * PARTITIONS)
    await world.folded()
    tables = await added_up(world)
    words = [decode_partial(record.value) for records in (await world.records(PARTIALS)).values() for record in records]
    rows = rows_of(tables)
    assert rows.keys() == set(NAMES)
    for name, row in rows.items():
        assert row.sums == merged(newest(one for one in words if one.name == name).values())
    assert {one.context.value for one in await told(world, len(NAMES))} == set(NAMES)
    first, second = await worker.children(2)
    os.kill(second, signal.SIGKILL)
    assert await worker.exit_code() == 4, "whoever ends takes the other along"
    assert first != second

"""Whose control events count, and what a log says of a wrong key and of a setting that it overrules."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import SecretStr
from tests.core.partition import replace
from tests.core.trials import NAME, PAUSED, PLAN, started
from tests.stream.world import World

from fitly.core.errors import Broken, Refused
from fitly.core.events import ControlEvent, ControlPayload, ExperimentDefined, PolicyRevised
from fitly.core.experiments.lifecycle import lived
from fitly.core.experiments.trial import Status
from fitly.core.rules import Policy
from fitly.core.topics import CONTROL
from fitly.core.vocabulary import ClockMode, Level
from fitly.settings import Settings
from fitly.stream.clients import started_producer
from fitly.stream.control import Sequencer, open_log, overruled
from fitly.stream.generation import read_control, read_generation
from fitly.wire.events import encode_control
from fitly.wire.signing import SIGNATURE_HEADER, sign

pytestmark = pytest.mark.kafka


def another(settings: Settings) -> Settings:
    """Give the same stack as one knows it who has another key."""
    return settings.model_copy(update={"control_key": SecretStr("not the key")})


async def test_with_another_key_an_open_log_is_not_opened_again(world: World) -> None:
    await world.create(ClockMode.LIVE)
    stranger = another(world.settings)
    for attempt in (
        open_log(stranger, ClockMode.LIVE, 4),
        read_generation(stranger),
        Sequencer(stranger).revise(Policy()),
    ):
        with pytest.raises(Broken, match=r"none of the 2 records of .*control is signed .* check FITLY_CONTROL_KEY"):
            await attempt
    assert len((await world.records(CONTROL))[0]) == 2


async def test_a_number_that_is_missing_among_the_signed_ones_is_refused(world: World) -> None:
    await world.create(ClockMode.LIVE)
    birth = (await read_generation(world.settings)).birth_id
    value = encode_control(4, "fitly.policy.revised.v1", PolicyRevised(revision=2, policy=Policy()), 0)  # type: ignore[arg-type]  # the time tells nothing here
    headers = [(SIGNATURE_HEADER, sign(world.settings.signing_key, birth, value))]
    async with started_producer(world.settings) as producer:
        await producer.send_and_wait(world.settings.topic(CONTROL), value, headers=headers)
    with pytest.raises(Broken, match=r"control offset \d+ is control event 4, and 3 is missing"):
        await read_control(world.settings)


async def test_what_a_partition_would_refuse_is_not_written(world: World) -> None:
    await world.create(ClockMode.LIVE)
    sequencer = Sequencer(world.settings)
    defined = ExperimentDefined(plan=PLAN)

    def twice(_: Sequence[ControlEvent]) -> list[ControlPayload]:
        return [started(), started()]

    with pytest.raises(Refused, match="there is no experiment 'any'"):
        await sequencer.propose(lambda _: [PAUSED])
    assert await sequencer.propose(lambda _: [defined]) == 3
    with pytest.raises(Refused, match="is ACTIVE and cannot be started"):
        await sequencer.propose(twice)
    large = replace(PLAN, segments=replace(PLAN.segments, attributes={"school": ("x" * 70_000,)}))
    with pytest.raises(Refused, match="at most 65536 are taken"):
        await sequencer.propose(lambda _: [ExperimentDefined(plan=large)])
    assert await sequencer.propose(lambda _: [started(), PAUSED]) == 5
    assert lived(await sequencer.history())[NAME].status is Status.PAUSED


async def test_a_setting_that_the_policy_overrules_is_told(world: World) -> None:
    await world.create(ClockMode.LIVE)
    assert await overruled(world.settings) == []  # not set
    wished = world.settings.model_copy(
        update={"default_level": Level.NONE, "erasure_sources": "registry, fitly/rights"}
    )
    first, second = await overruled(wished)
    assert first.what == "FITLY_DEFAULT_LEVEL is NONE, the policy in force says MEDIUM"
    assert second.what == "FITLY_ERASURE_SOURCES is registry, fitly/rights, the policy in force says any"
    assert "revise" in first.remedy
    await Sequencer(world.settings).revise(Policy(default_level=Level.NONE, sources=wished.sources))
    assert await overruled(wished) == []

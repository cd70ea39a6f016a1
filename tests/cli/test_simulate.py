"""Made-up learners are the same for the same seed, speak the contract, and have the effects that are said of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from statistics import mean, pstdev

import pytest

from fitly.core.numbers import DAY, to_millis
from fitly.core.vocabulary import Context, Level, Variant
from fitly.local.life import Arrival, Life
from fitly.local.simulate import START, Event, Oracle, Population, Standing, live, nothing_stands
from fitly.local.worlds import EVERY_METRIC, WORLDS
from fitly.wire.events import parse_event

EVERYDAY = Population(size=40, seed=3, run="a")
UNTIDY = Population(size=40, seed=3, run="a", world=WORLDS["untidy"])


def lived(people: Population, days: int, standing: Oracle = nothing_stands) -> list[Arrival]:
    return [arrival for each in Life(people, days=days).rounds(standing) for arrival in each.arrivals]


@pytest.mark.parametrize("people", [EVERYDAY, UNTIDY])
def test_the_same_seed_gives_the_same_events_in_order_of_arrival(people: Population) -> None:
    first, again = lived(people, 5), lived(people, 5)
    assert first == again
    assert [arrival.at for arrival in first] == sorted(arrival.at for arrival in first)


def test_a_tidy_log_has_no_event_twice_and_every_event_at_its_time() -> None:
    arrivals = lived(EVERYDAY, 5)
    assert len({arrival.event["id"] for arrival in arrivals}) == len(arrivals)
    assert all(arrival.at == parse_event(json.dumps(arrival.event).encode()).time for arrival in arrivals)


@pytest.mark.parametrize("world", WORLDS)
def test_every_event_fits_the_contract(world: str) -> None:
    for arrival in lived(Population(size=4, seed=3, run="a", world=WORLDS[world]), 10):
        assert parse_event(json.dumps(arrival.event).encode()).user_id == arrival.event["subject"]


def test_a_learner_asks_before_anything_happens_in_a_context() -> None:
    asked: set[tuple[str, str]] = set()
    for arrival in lived(EVERYDAY, 5):
        data = arrival.event["data"]
        if "context" in data:
            key = arrival.event["subject"], data["context"]
            assert arrival.event["type"] == "fitly.strategy.requested.v1" or key in asked
            asked.add(key)


def test_everything_that_goes_wrong_is_counted_as_it_is_sent() -> None:
    life = Life(Population(size=40, seed=5, run="a", world=WORLDS["untidy"]), days=40)
    arrivals = [arrival for each in life.rounds(applied(Variant.PATTERN_HEAVY)) for arrival in each.arrivals]
    assert life.sent.total() == len(arrivals)
    assert set(life.sent) == {
        "outcome",
        "request",
        "repeat",
        "late",
        "correction",
        "withdrawal",
        "denial",
        "preferences",
    }
    ids = [arrival.event["id"] for arrival in arrivals]
    assert len(ids) - len(set(ids)) == life.sent["repeat"]
    late = [arrival for arrival in arrivals if arrival.at - time_of(arrival) > 16 * DAY]
    assert len(late) == life.sent["late"]
    assert life.gone, "learners under PATTERN_HEAVY go away"


def test_learners_drop_out_by_what_is_on_their_screen() -> None:
    def gone(standing: Oracle) -> int:
        life = Life(Population(size=60, seed=5, run="a", world=WORLDS["untidy"]), days=40)
        for _ in life.rounds(standing):
            pass
        return len(life.gone)

    assert gone(applied(Variant.PATTERN_HEAVY)) > 2 * gone(applied(Variant.BALANCED))


def test_what_stands_is_asked_anew_for_every_round() -> None:
    life = Life(Population(size=5, seed=1, run="a", world=WORLDS["none"]), days=2)
    heard: dict[tuple[str, Context], Standing] = {}
    rounds = life.rounds(lambda user, context: heard.get((user, context)))
    for arrival in next(rounds).arrivals:
        if arrival.event["type"] == "fitly.strategy.requested.v1":
            context = Context(arrival.event["data"]["context"])
            heard[arrival.event["subject"], context] = Standing(
                arrival.event["id"].ljust(36), apply=False, variant=None
            )
    named = {arrival.event["data"]["decision_id"] for arrival in next(rounds).arrivals}
    assert named == {standing.decision_id for standing in heard.values()}


def test_rounds_join_without_gaps() -> None:
    rounds = list(Life(EVERYDAY, days=3).rounds(nothing_stands))
    assert [one.end for one in rounds[:-1]] == [one.begin for one in rounds[1:]]
    assert rounds[0].begin == to_millis(START)
    assert all(one.begin <= arrival.at < one.end for one in rounds for arrival in one.arrivals)
    assert all(later.begin > earlier.begin for earlier, later in pairwise(rounds))


@pytest.mark.parametrize("variant", Variant)
def test_an_applied_strategy_moves_the_reward_by_its_true_effect_and_nothing_is_cut_off(variant: Variant) -> None:
    people = Population(size=60, seed=3, run="a", world=WORLDS["common_effect"])
    learner, context = people.learner(0), Context.ASSESSMENT

    def rewards(standing: Standing | None) -> list[float]:
        events = (people.outcome(number, learner, context, START, standing) for number in range(3_000))
        return [mean(event["data"][metric] for metric in EVERY_METRIC) for event in events]

    alone, helped = rewards(None), rewards(Standing("d", apply=True, variant=variant))
    assert rewards(Standing("d", apply=False, variant=None)) == alone
    error = 0.2 * (2 / 3_000) ** 0.5
    truth = 0.1 if variant is Variant.BALANCED else 0.0
    assert mean(helped) - mean(alone) == pytest.approx(truth, abs=4 * error)
    assert mean(alone) == pytest.approx(learner.ability, abs=4 * error)
    assert pstdev(alone) == pytest.approx(0.2, rel=0.07)


def test_the_population_has_the_truth_of_its_world() -> None:
    people = Population(size=1_500, seed=1, run="a", world=WORLDS["heterogeneous"])
    learners = [people.learner(number) for number in range(people.size)]
    effects = [one.effects[Context.MISSION, Variant.PATTERN_HEAVY] for one in learners]
    assert mean(effects) == pytest.approx(people.world.mean_effect(Context.MISSION, Variant.PATTERN_HEAVY), abs=0.008)
    assert pstdev(effects) == pytest.approx(0.08, rel=0.07)
    assert pstdev(one.ability for one in learners) == pytest.approx(0.145, rel=0.07)
    assert {one.level for one in learners} == {Level.LOW, Level.MEDIUM, Level.HIGH}


def test_live_learners_ask_wait_and_react_to_what_they_hear() -> None:
    heard: dict[tuple[str, Context], Standing] = {}
    events = live(
        Population(size=3, seed=1, run="b"),
        standing=lambda user, context: heard.get((user, context)),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )
    for event in take(events, 12):
        assert event["type"] == "fitly.strategy.requested.v1"
        heard[event["subject"], Context(event["data"]["context"])] = Standing(
            "x" * 36, apply=True, variant=Variant.BALANCED
        )
    later = take(events, 300)
    outcomes = [event for event in later if event["type"] == "fitly.outcome.recorded.v1"]
    assert len(outcomes) > len(later) / 2
    assert {event["data"].get("decision_id") for event in outcomes} == {"x" * 36, None}


def applied(variant: Variant) -> Oracle:
    """Let one arm stand for everybody."""
    return lambda _user, _context: Standing("d" * 36, apply=True, variant=variant)


def time_of(arrival: Arrival) -> int:
    """Give the time an event says."""
    return to_millis(datetime.fromisoformat(arrival.event["time"]))


def take(events: Iterator[Event], count: int) -> list[Event]:
    """Take so many events."""
    return list(islice(events, count))

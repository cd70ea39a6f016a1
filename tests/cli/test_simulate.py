"""Made-up learners are the same for the same seed, speak the contract, and have the effects that are said of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from statistics import mean

import pytest

from fitly.core.vocabulary import Context, Variant
from fitly.local.simulate import EFFECTS, METRICS, START, Event, Population, Standing, live, offline
from fitly.wire.events import parse_event

PEOPLE = Population(size=40, seed=3, run="a")


def test_the_same_seed_gives_the_same_events_in_order_of_time() -> None:
    first, again = list(offline(PEOPLE, days=5)), list(offline(PEOPLE, days=5))
    assert first == again
    assert [event["time"] for event in first] == sorted(event["time"] for event in first)
    assert len({event["id"] for event in first}) == len(first)


def test_every_event_fits_the_contract() -> None:
    for event in offline(PEOPLE, days=3):
        assert parse_event(json.dumps(event).encode()).user_id == event["subject"]


def test_a_learner_asks_before_anything_happens_in_a_context() -> None:
    asked: set[tuple[str, str]] = set()
    for event in offline(PEOPLE, days=5):
        key = event["subject"], event["data"]["context"]
        assert event["type"] == "fitly.strategy.requested.v1" or key in asked
        asked.add(key)


@pytest.mark.parametrize("variant", Variant)
def test_an_applied_strategy_moves_the_metrics_by_its_true_effect(variant: Variant) -> None:
    context, learner = Context.ASSESSMENT, PEOPLE.learner(0)

    def average(standing: Standing | None) -> float:
        events = (PEOPLE.outcome(number, learner, context, START, standing) for number in range(3_000))
        return mean(float(event["data"][metric]) for event in events for metric in METRICS[context])

    alone = average(None)
    assert average(Standing("d", apply=False, variant=None)) == alone
    assert average(Standing("d", apply=True, variant=variant)) - alone == pytest.approx(
        EFFECTS[context, variant], abs=0.01
    )


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
    assert {event["data"]["decision_id"] for event in outcomes} == {"x" * 36}


def take(events: Iterator[Event], count: int) -> list[Event]:
    """Take so many events."""
    return list(islice(events, count))

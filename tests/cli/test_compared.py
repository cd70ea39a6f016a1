"""A simulation's report says what was found beside what is true, from decisions made up so that both are known."""

from __future__ import annotations

import json

import pytest

from fitly.cli import show
from fitly.cli.compared import lay_out
from fitly.core.numbers import DAY, Millis, to_millis
from fitly.core.rules import ArmPrior, ContextPriors
from fitly.core.vocabulary import Context, Level, Mode, Variant
from fitly.local import compared
from fitly.local.found import Decided, Found, correlation
from fitly.local.simulate import START, Population
from fitly.local.worlds import WORLDS

PEOPLE = Population(size=40, seed=2, run="a", world=WORLDS["common_effect"])
DAYS = 8
BEST, WORSE = Variant.PATTERN_HEAVY, Variant.BALANCED
"""In MISSION the first adds .1, the other nothing."""


def decided(
    number: int, mode: Mode, variant: Variant | None = None, *, day: float = 7, confidence: float = 0.9
) -> Decided:
    at = Millis(to_millis(START) + round(day * DAY))
    return Decided(PEOPLE.user_id(number), Context.MISSION, mode, variant, confidence, at)


def found(*decisions: Decided) -> Found:
    one = Found(PEOPLE, days=DAYS)
    for each in decisions:
        one.add(each)
    return one


def test_regret_is_what_was_missed_of_the_best_and_uniform_what_chance_would_have() -> None:
    tally = found(decided(0, Mode.EXPLOIT, BEST), decided(0, Mode.EXPLORE, WORSE), decided(0, Mode.CONTROL)).tally()
    assert (tally.decisions, tally.applied, tally.best) == (3, 2, 1)
    assert tally.regret == pytest.approx(0.2)
    assert tally.uniform == pytest.approx(3 * 0.075)
    assert tally.applied_regret == pytest.approx(0.1)
    assert tally.choice_ratio == pytest.approx(0.1 / 0.15)


def test_the_holdout_and_strangers_are_no_choice_of_the_policy() -> None:
    one = found(decided(0, Mode.HOLDOUT), decided(0, Mode.OPTED_OUT))
    one.add(Decided("somebody", Context.MISSION, Mode.EXPLOIT, BEST, 0.9, to_millis(START)))
    assert one.tally().decisions == 0
    assert one.modes == {Mode.HOLDOUT: 1, Mode.OPTED_OUT: 1}


def test_the_end_is_the_last_quarter_of_the_days() -> None:
    low = next(number for number in range(PEOPLE.size) if PEOPLE.learner(number).level is Level.LOW)
    one = found(decided(low, Mode.FALLBACK, day=5.9), decided(low, Mode.EXPLOIT, BEST, day=6.1, confidence=0.95))
    assert one.at_the_end(Level.LOW).applied_share == 1.0
    assert one.tally().applied_share == 0.5
    assert one.pairs() == [(PEOPLE.learner(low).ability, 0.95)]


def test_who_was_below_the_threshold_is_followed_up_to_confidence_and_down_again() -> None:
    medium = next(number for number in range(PEOPLE.size) if PEOPLE.learner(number).level is Level.MEDIUM)
    course = [Mode.EXPLOIT, Mode.FALLBACK, Mode.FALLBACK, Mode.PROBE, Mode.FALLBACK, Mode.CONTROL]
    one = found(*(decided(medium, mode, BEST if mode in (Mode.EXPLOIT, Mode.PROBE) else None) for mode in course))
    assert one.ascent() == (1, 1, 1, 2)
    one.add(decided(medium, Mode.FALLBACK))
    assert one.ascent().rose == 0, "rose counts who is confident now"


def test_confidence_that_is_the_same_for_all_depends_on_nothing() -> None:
    assert correlation([(0.1, 0.7), (0.9, 0.7)]) == 0.0
    assert correlation([]) == 0.0


def test_effects_are_held_against_the_truth_and_unknown_ones_are_said_to_be() -> None:
    arms = {BEST: ArmPrior(effect=0.08, se=0.02, spread=0.02, learners=30)}
    rows = compared.effects(PEOPLE.world, {Context.MISSION: ContextPriors(mean=0.5, reward_sd=0.2, arms=arms)})
    assert len(rows) == 16
    assert (rows[0]["truth"], rows[0]["effect"], rows[0]["covers"]) == (0.1, 0.08, True)
    assert (rows[1]["effect"], rows[1]["covers"]) == (None, None)


def test_an_event_in_a_wrong_bin_is_noticed() -> None:
    sent = {"outcome": 10, "request": 3, "repeat": 2, "late": 1}
    right = {"APPLIED": 12, "ORPHAN": 1, "DUPLICATE": 2, "LATE": 1, "SYSTEM": 99}
    assert all(line.holds for line in compared.ledger(sent, right))
    wrong = right | {"APPLIED": 11, "INVALID": 1}
    assert [line.holds for line in compared.ledger(sent, wrong)] == [False, True, True, False]


@pytest.mark.parametrize("lines", [[], compared.ledger({"outcome": 1}, {"APPLIED": 1})])
def test_the_report_can_be_read_by_people_and_by_programs(
    lines: list[compared.Line], capsys: pytest.CaptureFixture[str]
) -> None:
    one = found(decided(0, Mode.EXPLOIT, BEST), decided(1, Mode.CONTROL))
    document = compared.document(one, {}, lines)
    assert json.loads(json.dumps(document))["modes"] == {"CONTROL": 1, "EXPLOIT": 1}
    lay_out(document, show.console())
    said = capsys.readouterr().out
    assert "Effects on the population's reward" in said
    assert ("once and in time" in said) is bool(lines)
    assert "nan" not in said

"""An explanation follows from the record alone, mode by mode, and says where the record contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.partition import BIRTH, START, SURE, UNSURE, Fact, Partition, Policy, Switches

from fitly.core.deciding import decide
from fitly.core.decisions import Cause, Selected
from fitly.core.entries import ARMS
from fitly.core.explaining import Explanation, explain
from fitly.core.inforce import put_in_force
from fitly.core.learner import ContextRow, LearnerRow, Preferences
from fitly.core.names import ConfigId, DecisionId, EventKey, UserId
from fitly.core.numbers import CERTAIN, Millis, Nano
from fitly.core.rules import ArmPrior, ContextPriors, Priors, Rules
from fitly.core.tally import empty_arm
from fitly.core.vocabulary import Algorithm, Context, Level, Mode, Unit, Variant

HELPED = ARMS.join([empty_arm(1)._replace(n=9, raw=6_000_000, centred=900_000)])
HARMED = ARMS.join([empty_arm(code)._replace(n=9, centred=-900_000) for code in range(1, 5)])


def told(effect: float) -> ContextPriors:
    """Give what is known of everybody: the first arm helps by as much as the others harm."""
    arms = {arm: ArmPrior(effect=effect, se=0, spread=0.069, learners=20) for arm in Variant}
    if not effect:
        arms[Variant.PATTERN_HEAVY] = replace(arms[Variant.PATTERN_HEAVY], effect=0.053)
    return ContextPriors(mean=0.5, reward_sd=0.2, arms=arms)


def drawn(policy: Policy, *, arms: bytes = b"", informed: bool = False, level: Level = Level.MEDIUM) -> list[Selected]:
    """Decide for one learner by many causes."""
    priors = Priors(contexts={Context.SESSION: told(-0.053 if arms == HARMED else 0.0)} if informed else {})
    force = put_in_force(Rules(birth_id=BIRTH, partitions=1, policy_revision=3, policy=policy, priors=priors))
    row = ContextRow(user_id=UserId("ada"), context=Context.SESSION, arms=arms)
    learner = LearnerRow(UserId("ada"), Preferences(level=level), START, START)
    return [decide(row, learner, force, Millis(START), Cause(EventKey(f"k{n}"), 0, n))[1] for n in range(60)]


def first(mode: Mode, decisions: list[Selected]) -> Selected:
    return next(one for one in decisions if one.mode is mode)


def held(selected: Selected) -> Explanation:
    """Explain a record that must agree with itself."""
    explanation = explain(selected)
    assert explanation.contradictions == ()
    assert (explanation.mode, explanation.variant) == (selected.mode, selected.strategy_variant)
    assert explanation.steps[-1].fits
    assert not any(step.fits for step in explanation.steps[:-1])
    return explanation


EVEN: dict[str, Nano] = {"NONE": Nano(300_000_000), **{arm.value: Nano(175_000_000) for arm in Variant}}
DRAWN = drawn(Policy(holdout_share=0, epsilon=0.4, control_share=0.3), arms=HELPED, informed=True)


@pytest.mark.parametrize(
    ("preferences", "why"),
    [
        ({"level": "NONE"}, "the level is NONE"),
        ({"assessment_enabled": False}, "the learner has ASSESSMENT switched off"),
    ],
)
def test_an_opt_out_says_whose_it_is(preferences: dict[str, Fact], why: str) -> None:
    partition = Partition()
    partition.prefer(**preferences)
    explanation = held(partition.request().selected)
    assert explanation.steps[0].why == why
    assert explanation.draws == ()
    assert explanation.short.startswith("Nothing is personalized: the learner")


def test_a_switch_of_the_policy_is_told_with_its_revision() -> None:
    explanation = held(Partition(replace(SURE, switches=Switches(everything=True))).request().selected)
    assert explanation.steps[0].why == "policy revision 1 has ASSESSMENT, or everything in it, switched off"
    assert "the policy has switched it off" in explanation.short


def test_who_is_held_out_is_so_by_their_own_draw() -> None:
    explanation = held(Partition(replace(SURE, holdout_share=1)).request().selected)
    (fell,) = explanation.draws
    assert (fell.purpose, fell.low, fell.high) == ("holdout", 0.0, 1.0)
    assert [step.modes for step in explanation.steps] == [(Mode.OPTED_OUT,), (Mode.HOLDOUT,)]
    assert "100 % of learners" in explanation.short


def test_what_is_pinned_stays() -> None:
    partition = Partition()
    before = partition.request().selected
    partition.prefer(auto_adapt_enabled=False)
    partition.later(days=2)
    pinned = partition.request().selected
    explanation = held(pinned)
    assert before.strategy_variant is not None
    assert before.strategy_variant.label in explanation.short
    nothing = explain(pinned._replace(supersedes=None))
    assert any("supersedes" in one for one in nothing.contradictions)


def test_not_personalizing_may_be_pinned_too() -> None:
    partition = Partition(UNSURE)
    partition.request()
    partition.prefer(auto_adapt_enabled=False)
    partition.later(days=2)
    assert "not to personalize" in held(partition.request().selected).short


def test_with_auto_adapt_off_and_nothing_standing_that_is_told() -> None:
    partition = Partition()
    partition.prefer(auto_adapt_enabled=False)
    steps = held(partition.request().selected).steps
    assert steps[2].why == "automatic adapting is off, but no decision stood that may go on"


def test_below_the_threshold_the_greedy_arm_and_its_confidence_are_told() -> None:
    decisions = drawn(Policy(holdout_share=0, probe_share=0.5), arms=HARMED, informed=True)
    fallback = held(first(Mode.FALLBACK, decisions))
    assert fallback.greedy is not None
    assert "is below the threshold 0.7 of level MEDIUM" in fallback.steps[-1].why
    assert [fell.purpose for fell in fallback.draws] == ["holdout", "tie", "probe"]
    probe = held(first(Mode.PROBE, decisions))
    assert probe.variant is probe.greedy
    assert "50 % of such decisions" in probe.short
    (low,) = {explain(one).steps[-1].why.rpartition(", and ")[2] for one in drawn(UNSURE, level=Level.LOW)}
    assert low == "nothing is tried"


def test_control_exploring_and_exploiting_are_told_with_their_intervals() -> None:
    control, explore, exploit = (held(first(mode, DRAWN)) for mode in (Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT))
    assert [(fell.purpose, fell.low, fell.high) for fell in control.draws][1:] == [("control", 0.0, 0.3)]
    assert [fell.purpose for fell in explore.draws] == ["holdout", "control", "explore", "arm"]
    assert [(fell.purpose, fell.low, fell.high) for fell in exploit.draws][1:] == [
        ("control", 0.3, 1.0),
        ("explore", 0.4, 1.0),
    ]
    assert exploit.variant is exploit.greedy is Variant.PATTERN_HEAVY
    assert "Pattern-heavy is applied" in exploit.short
    assert "as is assumed until more is known" in held(drawn(SURE)[0]).short
    for explanation in (control, explore, exploit):
        assert all(fell.low <= fell.draw < fell.high for fell in explanation.draws)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mode": Mode.EXPLORE}, "mode is EXPLORE in the record, but EXPLOIT follows"),
        ({"strategy_variant": Variant.BALANCED}, "strategy_variant is BALANCED"),
        ({"confidence": 0.8}, "confidence is 0.8"),
        ({"propensities": EVEN}, "propensities is"),
        ({"propensities": {"NONE": Nano(300_000_000)}}, "propensities leave out an arm"),
        ({"unit": Unit.NONE}, "unit is none"),
        ({"apply": False}, "apply is False"),
        ({"config_id": ConfigId("x")}, "config_id is x"),
        ({"config_id": None}, "config_id is nothing"),
        ({"decision_id": DecisionId("x")}, "decision_id is x"),
        ({"arms": {}}, "no arm is in the record, though EXPLOIT needs some"),
        ({"threshold": 0.999}, "the draw 'probe' is not in the record"),
        ({"mode": Mode.HOLDOUT}, "mode is HOLDOUT"),
    ],
)
def test_a_record_that_contradicts_itself_is_told(changed: dict[str, object], told: str) -> None:
    selected = first(Mode.EXPLOIT, DRAWN)
    assert any(told in one for one in explain(selected._replace(**changed)).contradictions)  # type: ignore[arg-type]


def test_draws_that_would_lead_elsewhere_are_told() -> None:
    selected = first(Mode.CONTROL, DRAWN)
    explanation = explain(selected._replace(draws={**selected.draws, "control": 0.31, "explore": 0.5}))
    assert "mode is CONTROL in the record, but EXPLOIT follows from it" in explanation.contradictions


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(algorithm=Algorithm.THOMPSON), "every arm is as likely as it is believed to be the best"),
        (Policy(algorithm=Algorithm.UNIFORM), "every arm is as likely as the others"),
        (
            Policy(algorithm=Algorithm.FIXED, fixed_arm=Variant.PATTERN_HEAVY, floor=0.1),
            "the policy is fixed on an arm",
        ),
        (Policy(floor=0.1), ""),
        (Policy(shrinkage=0), ""),
    ],
    ids=["Thompson", "uniform", "fixed", "a floor", "plain averages"],
)
def test_every_algorithm_is_followed_with_the_intervals_of_its_draws(policy: Policy, words: str) -> None:
    decisions = drawn(replace(policy, holdout_share=0), arms=HELPED, informed=True)
    applied = [one for one in decisions if one.apply]
    assert applied
    for explanation in map(held, decisions):
        assert all(fell.low <= fell.draw < fell.high for fell in explanation.draws)
    assert words in explain(applied[0]).steps[-1].why


@pytest.mark.parametrize("draw", [0.3, 0.3 - 1e-12])
def test_a_draw_on_the_edge_of_a_share_fell_as_the_record_says(draw: float) -> None:
    for mode in (Mode.CONTROL, Mode.EXPLOIT):
        selected = first(mode, DRAWN)
        held(selected._replace(draws={**selected.draws, "control": draw}))


def test_a_record_of_before_the_grounds_were_told_is_believed_where_it_is_silent() -> None:
    partition = Partition()
    partition.prefer(level="NONE")
    opted_out = held(partition.request().selected._replace(grounds=None))
    assert len(opted_out.unsaid) == 1
    assert "does not allow it" in opted_out.short
    for mode in (Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT):
        held(first(mode, DRAWN)._replace(grounds=None, draws=dict(first(mode, DRAWN).draws)))
    held_out = drawn(replace(SURE, holdout_share=1))[0]
    held(held_out._replace(grounds=None, draws={}))
    fallback = drawn(UNSURE)[0]._replace(grounds=None)
    assert "the learner's level asks for 70 %" in held(fallback).short


def test_a_pin_is_believed_of_an_old_record() -> None:
    partition = Partition()
    partition.request()
    partition.prefer(auto_adapt_enabled=False)
    partition.later(days=2)
    held(partition.request().selected._replace(grounds=None))


@pytest.mark.parametrize("variant", [None, Variant.BALANCED])
def test_a_decision_of_an_experiment_is_told_by_its_name(variant: Variant | None) -> None:
    selected = first(Mode.EXPLOIT, DRAWN)
    enrolled = selected._replace(
        mode=Mode.EXPERIMENT,
        experiment="spring",
        strategy_variant=variant,
        apply=variant is not None,
        config_id=None,
        propensities={variant or "NONE": CERTAIN},
        unit=Unit.LEARNER,
        draws={},
        arms={},
    )
    explanation = explain(enrolled)
    assert (explanation.mode, explanation.variant) == (Mode.EXPERIMENT, variant)
    assert explanation.steps[-1].why == "the learner is enrolled in spring"
    assert "The experiment spring says" in explanation.short


def test_a_fallback_without_a_threshold_asks_for_more() -> None:
    selected = drawn(UNSURE)[0]._replace(threshold=None)
    explanation = explain(selected)
    assert "below the threshold - of level" in explanation.steps[-1].why
    assert "asks for more" in explanation.short

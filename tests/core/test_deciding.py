"""When a decision is made, in which mode, with which odds; and when what stands is repeated."""

from __future__ import annotations

import pytest
from tests.core.partition import BIRTH, SURE, UNSURE, ArmCode, Fact, Partition, Policy, Switches, Thresholds, replace

from fitly.core.learner import NEVER
from fitly.core.names import UserId, uniform
from fitly.core.numbers import CERTAIN, DAY
from fitly.core.vocabulary import MODE_CODES, Context, Feature, Mode, Unit, Variant

EVERY_ARM = {variant.value for variant in Variant}


def test_a_learner_with_level_none_is_opted_out() -> None:
    partition = Partition()
    partition.prefer(level="NONE")
    selected = partition.request().selected
    assert (selected.mode, selected.apply, selected.strategy_variant) == (Mode.OPTED_OUT, False, None)
    assert (selected.propensities, selected.unit) == ({"NONE": CERTAIN}, Unit.NONE)
    assert selected.parameters == {}
    assert selected.config_id is None
    assert selected.threshold is None


@pytest.mark.parametrize("context", Context)
def test_a_context_switched_off_by_the_learner_is_opted_out_and_the_others_are_not(context: Context) -> None:
    partition = Partition()
    off: dict[str, Fact] = {f"{context.value.lower()}_enabled": False}
    partition.prefer(**off)
    modes = {each: partition.request(context=each.value).selected.mode for each in Context}
    assert {each for each, mode in modes.items() if mode is Mode.OPTED_OUT} == {context}


@pytest.mark.parametrize(
    "switches",
    [Switches(everything=True), Switches(contexts=(Context.ASSESSMENT,)), Switches(arms=tuple(Variant))],
    ids=["everything", "the context", "every arm"],
)
def test_what_the_policy_switched_off_is_opted_out(switches: Switches) -> None:
    partition = Partition(replace(SURE, switches=switches))
    assert partition.request().selected.mode is Mode.OPTED_OUT


def test_a_held_out_learner_is_never_personalized_and_their_decision_says_the_share() -> None:
    partition = Partition(replace(SURE, holdout_share=0.05))
    held_out = next(
        user
        for user in (f"learner-{n}" for n in range(1_000))
        if uniform(BIRTH.encode(), "", UserId(user), "", "holdout") < 0.05
    )
    for context in Context:
        selected = partition.request(held_out, context.value).selected
        assert (selected.mode, selected.apply, selected.unit) == (Mode.HOLDOUT, False, Unit.LEARNER)
        assert selected.propensities == {"NONE": CERTAIN}
        assert selected.assignment_probability == 50_000_000
    everyone_else = partition.request("ada").selected
    assert everyone_else.assignment_probability == 950_000_000


def test_raising_the_holdout_share_keeps_everybody_who_was_held_out() -> None:
    small, large = Partition(replace(SURE, holdout_share=0.1)), Partition(replace(SURE, holdout_share=0.3))
    users = [f"learner-{n}" for n in range(200)]

    def held_out(partition: Partition) -> set[str]:
        return {user for user in users if partition.request(user).selected.mode is Mode.HOLDOUT}

    before, after = held_out(small), held_out(large)
    assert before < after


def test_with_auto_adapt_off_the_arm_stays_and_teaches_nothing() -> None:
    partition = Partition(replace(SURE, epsilon=1))
    first = partition.request().selected
    partition.prefer(auto_adapt_enabled=False, disabled_features=["assessment.frequency"])
    partition.later(days=2)
    pinned = partition.request().selected
    assert (pinned.mode, pinned.strategy_variant, pinned.apply) == (Mode.PINNED, first.strategy_variant, True)
    assert first.strategy_variant is not None
    assert pinned.propensities == {first.strategy_variant.value: CERTAIN}
    assert pinned.unit is Unit.NONE
    assert pinned.parameters[Feature.ASSESSMENT_FREQUENCY].because == "DISABLED"
    partition.outcome(score=1.0)
    (arm,) = partition.arms()
    assert (arm.selected, arm.n) == (2, 0)


def test_with_auto_adapt_off_not_personalizing_stays_too() -> None:
    partition = Partition(UNSURE)
    partition.request()
    partition.prefer(auto_adapt_enabled=False)
    partition.later(days=2)
    pinned = partition.request().selected
    assert (pinned.mode, pinned.apply, pinned.propensities) == (Mode.PINNED, False, {"NONE": CERTAIN})


def test_with_auto_adapt_off_and_nothing_standing_a_decision_is_drawn_as_ever() -> None:
    partition = Partition()
    partition.prefer(auto_adapt_enabled=False)
    assert partition.request().selected.mode is Mode.EXPLOIT


def test_an_opt_out_is_not_pinned_for_ever() -> None:
    partition = Partition()
    partition.prefer(level="NONE", auto_adapt_enabled=False)
    assert partition.request().selected.mode is Mode.OPTED_OUT
    assert partition.prefer(level="HIGH").selected.mode is Mode.EXPLOIT


def test_a_pinned_arm_that_is_switched_off_stands_no_longer() -> None:
    partition = Partition()
    first = partition.request().selected
    partition.prefer(auto_adapt_enabled=False)
    assert first.strategy_variant is not None
    partition.revise(replace(SURE, switches=Switches(arms=(first.strategy_variant,))))
    now = partition.request().selected
    assert now.strategy_variant is not first.strategy_variant
    partition.later(hours=1)
    assert partition.request().selected == now


def test_below_the_threshold_nothing_is_applied() -> None:
    selected = Partition(UNSURE).request().selected
    assert (selected.mode, selected.apply) == (Mode.FALLBACK, False)
    assert selected.propensities["NONE"] == CERTAIN
    assert selected.unit is Unit.NONE
    assert (selected.confidence, selected.threshold) == (0.5, 0.7)


@pytest.mark.parametrize("level", ["MEDIUM", "HIGH"])
def test_below_the_threshold_the_greedy_arm_is_probed_with_a_share(level: str) -> None:
    policy = replace(UNSURE, probe_share=0.25)
    modes = set()
    for n in range(60):
        partition = Partition(policy)
        partition.prefer(f"learner-{n}", level=level)
        selected = partition.request(f"learner-{n}").selected
        assert selected.propensities["NONE"] == 750_000_000
        assert sum(selected.propensities.values()) == CERTAIN
        assert selected.unit is Unit.DECISION
        assert selected.apply == (selected.mode is Mode.PROBE)
        modes.add(selected.mode)
    assert modes == {Mode.FALLBACK, Mode.PROBE}


def test_at_level_low_nothing_is_probed() -> None:
    partition = Partition(replace(SURE, probe_share=1))
    partition.prefer(level="LOW")
    selected = partition.request().selected
    assert (selected.mode, selected.threshold, selected.propensities["NONE"]) == (Mode.FALLBACK, 0.85, CERTAIN)


def test_confident_decisions_are_drawn_as_control_with_a_share_of_their_own() -> None:
    selected = Partition(replace(SURE, control_share=1)).request().selected
    assert (selected.mode, selected.apply, selected.unit) == (Mode.CONTROL, False, Unit.NONE)
    drawn = Partition(replace(SURE, control_share=0.5)).request().selected
    assert drawn.propensities["NONE"] == 500_000_000
    assert drawn.unit is Unit.DECISION


def test_exploring_takes_any_eligible_arm_and_exploiting_the_best() -> None:
    policy = replace(SURE, epsilon=0.5, switches=Switches(arms=(Variant.CONSERVATIVE,)))
    seen: dict[Mode, set[Variant | None]] = {}
    for n in range(80):
        selected = Partition(policy).request(f"learner-{n}").selected
        assert selected.propensities.keys() == {"NONE", *EVERY_ARM} - {"CONSERVATIVE"}
        seen.setdefault(selected.mode, set()).add(selected.strategy_variant)
    assert seen.keys() == {Mode.EXPLORE, Mode.EXPLOIT}
    assert seen[Mode.EXPLORE] == set(Variant) - {Variant.CONSERVATIVE}


def test_the_greedy_arm_is_the_one_with_the_highest_expected_effect() -> None:
    partition = Partition(SURE)
    partition.know(PREDICTION_HEAVY=0.05, BALANCED=0.08)
    first = partition.request().selected
    assert first.strategy_variant is Variant.BALANCED
    assert first.propensities[Variant.BALANCED] == CERTAIN
    assert first.arms[Variant.BALANCED].expected == 0.08
    assert first.confidence == pytest.approx(0.94167, abs=1e-5)
    partition.know(PREDICTION_HEAVY=0.1, BALANCED=0.08)
    partition.outcome(score=1.0)
    partition.later(days=8)
    second = partition.request().selected
    assert second.strategy_variant is Variant.PREDICTION_HEAVY
    assert (second.arms[Variant.BALANCED].n, second.arms[Variant.BALANCED].mean) == (1, 625_000)


def test_a_learners_own_decisions_move_what_is_expected_for_them() -> None:
    partition = Partition(replace(SURE, control_share=0.5))
    partition.know(PREDICTION_HEAVY=0.05, BALANCED=0.08)
    for _ in range(12):
        applied = partition.request().selected.apply
        partition.outcome(score=0.0 if applied else 1.0)
        partition.later(days=8)
    believed = partition.request().selected.arms
    assert believed[Variant.BALANCED].expected < 0.08
    assert believed[Variant.CONSERVATIVE].expected == 0.0, "of which nothing is known, and which was never drawn"


def test_without_shrinkage_the_greedy_arm_is_the_plain_highest_average() -> None:
    partition = Partition(replace(SURE, shrinkage=0))
    partition.request()
    partition.outcome(score=0.9)
    partition.later(days=8)
    selected = partition.request().selected
    assert selected.strategy_variant is not None
    assert selected.arms[selected.strategy_variant].expected == 0.6
    assert {view.expected for view in selected.arms.values() if not view.n} == {0.5}


def test_the_same_event_gives_the_same_decision_in_any_world() -> None:
    policy = Policy()
    first = Partition(policy).request(event_id="r1").selected
    second = Partition(policy).request(event_id="r1").selected
    assert first == second
    assert Partition(policy).request(event_id="r2").selected.decision_id != first.decision_id


def test_a_decision_carries_what_explains_it() -> None:
    partition = Partition(Policy(holdout_share=0))
    told = partition.request(event_id="r1")
    selected = told.selected
    assert selected.cause.offset == told.record.offset
    assert selected.cause.partition == 0
    assert set(selected.arms) == set(Variant)
    assert {"tie", "control"} <= selected.draws.keys()
    assert all(0 <= draw < 1 for draw in selected.draws.values())
    assert (selected.epsilon, selected.policy_revision, selected.experiment) == (0.1, 1, None)
    assert selected.decided_at == partition.now
    assert selected.valid_until == partition.now + 30 * DAY
    assert selected.supersedes is None


def test_asking_again_within_the_dwell_repeats_the_standing_decision_and_says_what_it_answers() -> None:
    partition = Partition()
    first = partition.request(event_id="r1")
    partition.later(hours=23.9)
    again = partition.request(event_id="r2")
    assert again.selected == first.selected
    assert again.to("strategy-selected")[0].value == first.to("strategy-selected")[0].value
    assert first.answers is None
    assert again.answers is not None
    assert partition.arms()[0].selected == 1
    assert len(partition.decisions()) == 1


def test_the_same_request_twice_is_a_duplicate_without_an_answer() -> None:
    partition = Partition()
    told = partition.request()
    again = partition.again(told)
    assert (again.bin, again.outputs) == ("DUPLICATE", [])


def test_after_the_dwell_a_request_brings_a_new_decision_that_supersedes() -> None:
    partition = Partition()
    first = partition.request().selected
    partition.later(days=1)
    second = partition.request().selected
    assert second.decision_id != first.decision_id
    assert second.supersedes == first.decision_id
    one, two = partition.decisions()
    assert (one.until, two.since) == (partition.now, partition.now)


def test_an_outcome_brings_a_decision_where_none_stands_or_its_dwell_is_past() -> None:
    partition = Partition()
    first = partition.outcome()
    assert first.bin == "ORPHAN"
    assert first.decided
    partition.later(hours=2)
    assert not partition.outcome().decided
    partition.later(days=1)
    told = partition.outcome()
    assert told.bin == "APPLIED"
    assert told.decided
    assert told.filed.decision_id == first.selected.decision_id


def test_a_decision_stands_until_it_expires_and_not_longer() -> None:
    partition = Partition()
    first = partition.request().selected
    partition.later(days=30)
    told = partition.outcome()
    assert told.bin == "ORPHAN"
    assert told.selected.supersedes == first.decision_id


def test_contexts_decide_by_themselves() -> None:
    partition = Partition(replace(SURE, epsilon=1))
    ids = {partition.request(context=context.value).selected.decision_id for context in Context}
    assert len(ids) == 4


def test_a_decision_carries_the_parameters_of_its_context() -> None:
    partition = Partition()
    for context in Context:
        parameters = partition.request(context=context.value).selected.parameters
        assert parameters.keys() == {feature for feature in Feature if feature.context is context}
        assert {parameter.because for parameter in parameters.values()} == {"DEFAULT"}


def test_at_most_one_config_is_active_and_it_is_the_arm_of_the_newest_applied_decision() -> None:
    partition = Partition(replace(SURE, epsilon=1, dwell_days=0))
    for n in range(12):
        partition.later(hours=1)
        selected = partition.request(event_id=f"r{n}").selected
        (active,) = [arm for arm in partition.arms() if arm.active]
        assert selected.strategy_variant is not None
        assert active.arm == ArmCode[selected.strategy_variant.name]
    idle = [arm for arm in partition.arms() if not arm.active]
    assert idle
    assert all(arm.deactivated > 0 for arm in idle)
    assert sum(arm.selected for arm in partition.arms()) == 12


def test_a_decision_not_to_apply_leaves_the_active_config_as_it_is() -> None:
    partition = Partition()
    partition.request()
    partition.later(days=2)
    partition.revise(replace(SURE, control_share=1))
    partition.request()
    assert [arm.active for arm in partition.arms()] == [1]


def test_an_opt_out_leaves_no_config_active() -> None:
    partition = Partition()
    partition.request()
    partition.prefer(level="NONE")
    assert [(arm.active, arm.deactivated) for arm in partition.arms()] == [(0, partition.now)]


def test_new_rules_are_in_force_from_the_next_record_on() -> None:
    partition = Partition()
    partition.request()
    partition.later(days=2)
    partition.revise(replace(SURE, control_share=1, epsilon=0.3, valid_days=2))
    selected = partition.request().selected
    assert (selected.mode, selected.policy_revision, selected.epsilon) == (Mode.CONTROL, 2, 0.3)
    assert selected.valid_until == partition.now + 2 * DAY


def test_an_arm_that_was_switched_off_is_replaced_at_once_although_it_dwells() -> None:
    partition = Partition()
    first = partition.request().selected
    assert first.strategy_variant is not None
    second = partition.revise(replace(SURE, switches=Switches(arms=(first.strategy_variant,)))).selected
    assert second.strategy_variant not in (None, first.strategy_variant)
    assert second.supersedes == first.decision_id
    assert partition.request().selected == second


def test_what_was_switched_off_comes_back_when_it_is_switched_on() -> None:
    partition = Partition()
    partition.request()
    assert partition.revise(replace(SURE, switches=Switches(everything=True))).selected.mode is Mode.OPTED_OUT
    assert partition.revise(SURE).selected.mode is Mode.EXPLOIT


def test_the_row_of_a_decision_says_what_was_drawn_and_when_its_window_closes() -> None:
    partition = Partition(replace(SURE, thresholds=Thresholds(medium=0.65)))
    selected = partition.request().selected
    (entry,) = partition.decisions()
    assert entry.mode == MODE_CODES[Mode.EXPLOIT]
    assert (entry.apply, entry.threshold, entry.revision) == (1, 650_000_000, 1)
    assert selected.strategy_variant is not None
    assert entry.propensity == selected.propensities[selected.strategy_variant]
    assert entry.closes == partition.now + 7 * DAY
    assert partition.row().closes_at == entry.closes < NEVER

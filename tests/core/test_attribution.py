"""Which decision an outcome belongs to, and whether it was applied."""

from __future__ import annotations

import pytest
from tests.core.partition import SURE, UNSURE, ArmCode, Partition, Told, replace

from fitly.core.vocabulary import Context, Variant


def other_than(variant: Variant | None) -> str:
    return next(each.value for each in Variant if each is not variant)


def orphaned(told: Told) -> bool:
    filed = told.filed
    assert told.bin == filed.disposition
    if told.bin == "ORPHAN":
        assert (filed.decision_id, filed.config_id, filed.reward) == (None, None, None)
        assert filed.metrics.performance == 800_000
    return told.bin == "ORPHAN"


def test_an_outcome_that_names_its_decision_belongs_to_it_even_when_another_stands() -> None:
    partition = Partition(replace(SURE, epsilon=1))
    first = partition.request().selected
    partition.later(days=1)
    partition.request()
    told = partition.outcome(decision_id=first.decision_id)
    assert told.filed.decision_id == first.decision_id
    assert told.filed.config_id == first.config_id
    assert told.filed.strategy_variant is first.strategy_variant
    assert told.filed.personalization_applied is True


def test_an_outcome_that_names_none_belongs_to_the_decision_that_stood_at_its_event_time() -> None:
    partition = Partition(replace(SURE, epsilon=1))
    early = partition.now
    first = partition.request().selected
    partition.later(days=1)
    second = partition.request().selected
    assert partition.outcome(time=early).filed.decision_id == first.decision_id
    assert partition.outcome(time=partition.now - 1).filed.decision_id == first.decision_id
    assert partition.outcome(time=partition.now).filed.decision_id == second.decision_id


def test_where_nothing_stood_an_outcome_is_an_orphan_and_brings_the_first_decision() -> None:
    partition = Partition()
    told = partition.outcome()
    assert orphaned(told)
    assert told.decided
    assert orphaned(partition.outcome(time=partition.now - 1))


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "not-a-decision-id-but-36-characters!"])
def test_a_decision_nobody_knows_makes_an_orphan(name: str) -> None:
    partition = Partition()
    partition.request()
    assert orphaned(partition.outcome(decision_id=name))


def test_a_decision_of_another_context_or_learner_makes_an_orphan() -> None:
    partition = Partition()
    of_ada = partition.request().selected.decision_id
    partition.request("bob")
    assert orphaned(partition.outcome("bob", decision_id=of_ada))
    assert orphaned(partition.outcome(context="SESSION", decision_id=of_ada))


def test_another_variant_than_the_decisions_is_a_contradiction() -> None:
    partition = Partition()
    selected = partition.request().selected
    assert orphaned(partition.outcome(strategy_variant=other_than(selected.strategy_variant)))
    assert selected.strategy_variant is not None
    assert not orphaned(partition.outcome(strategy_variant=selected.strategy_variant.label))


def test_a_variant_beside_a_decision_not_to_apply_is_a_contradiction_unless_it_was_not_shown() -> None:
    partition = Partition(replace(SURE, control_share=1))
    partition.request()
    assert orphaned(partition.outcome(strategy_variant="BALANCED"))
    told = partition.outcome(strategy_variant="BALANCED", personalization_applied=False)
    assert not orphaned(told)
    assert (told.filed.strategy_variant, told.filed.personalization_applied) == (None, False)


def test_a_decision_is_forgotten_sixteen_days_after_it_ended_though_the_row_may_still_hold_it() -> None:
    partition = Partition()
    decision = partition.request().selected.decision_id
    partition.later(days=30 + 16)
    assert partition.outcome(decision_id=decision).filed.decision_id == decision
    forgetful = Partition()
    decision = forgetful.request().selected.decision_id
    forgetful.later(days=30 + 16, hours=1 / 3_600_000)
    assert forgetful.applied(decision, applied=True).bin == "ORPHAN"
    assert orphaned(forgetful.outcome(decision_id=decision))


def test_applied_where_the_decision_was_not_to_is_a_contradiction() -> None:
    partition = Partition(UNSURE)
    partition.request()
    assert orphaned(partition.outcome(personalization_applied=True))
    assert not orphaned(partition.outcome(personalization_applied=False))


def test_the_first_outcomes_flag_binds_the_next() -> None:
    partition = Partition()
    partition.request()
    assert partition.outcome(personalization_applied=False).filed.personalization_applied is False
    assert orphaned(partition.outcome(personalization_applied=True))
    assert partition.outcome(personalization_applied=False).bin == "APPLIED"
    assert partition.outcome().filed.personalization_applied is False


def test_an_outcome_that_says_yes_agrees_with_a_decision_to_apply() -> None:
    partition = Partition()
    partition.request()
    assert partition.outcome(personalization_applied=True).filed.personalization_applied is True
    assert orphaned(partition.outcome(personalization_applied=False))


def test_a_decision_not_shown_teaches_nothing_whoever_says_so_first() -> None:
    partition = Partition()
    decision = partition.request().selected.decision_id
    partition.outcome()
    (before,) = partition.arms()
    assert before.n == 1
    told = partition.applied(decision, applied=False)
    assert (told.bin, told.outputs) == ("APPLIED", [])
    (after,) = partition.arms()
    assert (after.n, after.raw, after.centred, after.centred2) == (0, 0, 0, 0)
    partition.outcome()
    assert partition.arms()[0].n == 0


def test_a_consumers_word_outranks_an_outcomes_in_any_order() -> None:
    partition = Partition()
    decision = partition.request().selected.decision_id
    partition.outcome(personalization_applied=False)
    assert partition.arms()[0].n == 0
    partition.applied(decision, applied=True)
    assert partition.arms()[0].n == 1
    partition.applied(decision, applied=False)
    assert partition.arms()[0].n == 0
    told = partition.outcome(personalization_applied=True)
    assert not orphaned(told)
    assert told.filed.personalization_applied is False
    assert partition.arms()[0].n == 0


def test_after_an_opt_out_a_consumers_word_teaches_nothing() -> None:
    partition = Partition()
    decision = partition.request().selected.decision_id
    partition.outcome()
    partition.applied(decision, applied=False)
    partition.prefer(level="NONE")
    told = partition.applied(decision, applied=True)
    assert (told.bin, told.outputs) == ("OPTED_OUT", [])
    assert partition.arms()[0].n == 0


def test_the_sums_are_the_same_whether_the_consumer_speaks_before_the_outcome_or_after() -> None:
    def sums(*, consumer_first: bool) -> tuple[object, ...]:
        partition = Partition()
        decision = partition.request(event_id="r").selected.decision_id
        if consumer_first:
            partition.applied(decision, applied=True, event_id="c")
        partition.outcome(event_id="o")
        if not consumer_first:
            partition.applied(decision, applied=True, event_id="c")
        return tuple(partition.arms()), tuple(partition.decisions())

    assert sums(consumer_first=True) == sums(consumer_first=False)


def test_a_consumer_cannot_have_applied_what_was_decided_against() -> None:
    partition = Partition(UNSURE)
    decision = partition.request().selected.decision_id
    assert partition.applied(decision, applied=True).bin == "ORPHAN"
    assert partition.applied(decision, applied=False).bin == "APPLIED"


def test_a_consumer_may_name_a_decision_of_any_context() -> None:
    partition = Partition()
    for context in Context:
        decision = partition.request(context=context.value).selected.decision_id
        assert partition.applied(decision, applied=True).bin == "APPLIED"


def test_a_consumer_of_a_decision_nobody_knows_is_an_orphan_and_remembered() -> None:
    partition = Partition()
    told = partition.applied("00000000-0000-4000-8000-000000000000", applied=True)
    assert told.bin == "ORPHAN"
    assert partition.again(told).bin == "DUPLICATE"


def test_control_and_holdout_teach_the_baseline_and_a_fallback_nothing() -> None:
    def taught(partition: Partition) -> dict[int, int]:
        partition.request()
        assert partition.outcome().bin == "APPLIED"
        return {arm.arm: arm.n for arm in partition.arms()}

    assert taught(Partition(replace(SURE, control_share=1))) == {ArmCode.CONTROL: 1}
    assert taught(Partition(replace(SURE, holdout_share=1))) == {ArmCode.HOLDOUT: 1}
    assert taught(Partition(UNSURE)) == {}
    probed = taught(Partition(replace(UNSURE, probe_share=1)))
    assert [code for code in probed if ArmCode.PATTERN_HEAVY <= code <= ArmCode.CONSERVATIVE] == [*probed]
    assert [*probed.values()] == [1]


def test_intervals_are_kept_sixteen_days_after_they_ended() -> None:
    partition = Partition()
    first = partition.request().selected
    partition.later(days=1)
    ended = partition.request()
    partition.later(days=16)
    partition.request()
    assert partition.outcome(decision_id=first.decision_id).bin == "APPLIED"
    partition.later(days=1)
    partition.request()
    assert partition.outcome(decision_id=first.decision_id).bin == "ORPHAN"
    assert partition.outcome(decision_id=ended.selected.decision_id).bin == "APPLIED"

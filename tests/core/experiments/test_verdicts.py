"""A winner needs every condition; a report names each, what is suspicious, what is alarming, and what is left to do."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from tests.core.experiments.test_report import BANDIT, crowd, grouped, told
from tests.core.experiments.trials import added, at, learner, plan, trial

from fitly.core.experiments.alerting import AlertKind
from fitly.core.experiments.enrolment import Enrolment, How, State
from fitly.core.experiments.figures import Check, CountedUnit, Suspicion
from fitly.core.experiments.judging import SignificanceKind
from fitly.core.experiments.plan import Guardrail, Measure
from fitly.core.experiments.planned import PlannedLook
from fitly.core.experiments.planning import planned_units
from fitly.core.experiments.report import Report, report
from fitly.core.experiments.trial import Status
from fitly.core.numbers import DAY, Millis

ENGAGED = Guardrail(metric=Measure.ENGAGEMENT, margin=0.05)


def conditions(of: Report) -> dict[str, object]:
    return {each.name: each.met for each in of.verdict.conditions}


def checked(of: Report, suspicion: Suspicion, unit: CountedUnit = CountedUnit.LEARNER) -> Check:
    return next(each for each in of.checks if each.suspicion is suspicion and each.unit is unit)


def alerted(of: Report) -> list[tuple[AlertKind, str | None]]:
    return [(each.kind, each.variant_id) for each in of.alerts]


def test_a_clear_effect_wins_at_any_look() -> None:
    found = told(plan(), crowd((0.0, 0.1), 100))
    assert found.verdict.winner == found.verdict.contender == "A"
    assert found.verdict.unmet == ()
    assert found.verdict.significance_kind is SignificanceKind.SEQUENTIAL
    assert found.verdict.significance is not None
    assert found.verdict.significance <= 0.01
    assert list(conditions(found)) == [
        "participants", "duration", "sample_ratio", "joins", "opt_outs", "missing_metric", "primary", "guardrails",
        "unjoined_as_zero",
    ]  # fmt: skip
    assert alerted(found) == [(AlertKind.VERDICT_READY, "A")]


def test_what_could_not_be_tested_is_no_condition_that_is_met() -> None:
    nobody_left = told(plan(), crowd((0.0, 0.1), 100))
    assert conditions(nobody_left)["opt_outs"] == "NOT_APPLICABLE"
    assert next(each.detail for each in nobody_left.verdict.conditions if each.name == "opt_outs").endswith(
        "no test (EMPTY_CELL)"
    )


def test_nobody_wins_before_the_minima_and_no_p_is_told() -> None:
    early = told(plan(min_duration_days=40), crowd((0.0, 0.1), 100))
    assert early.verdict.unmet == ("duration",)
    assert (early.verdict.significance, early.verdict.significance_reason) == (None, "MINIMA_NOT_MET")
    few = told(plan(min_participants=101), crowd((0.0, 0.1), 100))
    assert few.verdict.unmet == ("participants",)
    assert few.left.minimum_participants == pytest.approx(1 / (100 / 16))


def test_the_control_wins_where_every_treatment_is_worse_and_guards_nothing() -> None:
    found = told(plan(3, guardrails=(ENGAGED,)), crowd((0.0, -0.1, -0.15), 100))
    assert found.verdict.winner == "control"
    assert conditions(found)["guardrails"] == "NOT_APPLICABLE"


def test_the_better_of_two_winners_wins() -> None:
    assert told(plan(3), crowd((0.0, 0.1, 0.2), 100)).verdict.winner == "B"
    assert told(plan(3), crowd((0.0, 0.2, 0.1), 100)).verdict.winner == "A"


def test_the_planned_look_is_taken_once_and_stands() -> None:
    of, faint = plan(planned_days=40), crowd((0.0, 0.045), 50, seed=2)
    assert told(of, faint, look=39).planned_look is None
    assert told(of, faint, look=39).verdict.winner is None
    at_end = told(of, faint, look=40)
    assert at_end.planned_look is not None
    assert at_end.comparisons[0].fixed is not None
    assert at_end.planned_look == PlannedLook(
        look=40,
        p_values={"A": at_end.comparisons[0].fixed.p_value},
        differences={"A": at_end.comparisons[0].difference},
    )
    assert at_end.verdict.winner == "A"
    assert at_end.verdict.significance_kind is SignificanceKind.FIXED
    later = told(of, [*faint, *crowd((0.0, 0.0), 10, seed=8)], look=47, planned=at_end.planned_look)
    assert later.planned_look == at_end.planned_look
    assert later.verdict.significance == at_end.verdict.significance
    lost = told(of, faint, look=47, planned=PlannedLook(look=40, p_values={"A": 0.5}))
    assert lost.verdict.winner is None, "a later look is not another planned one"


def test_the_planned_look_speaks_for_the_side_on_which_it_was_found_alone() -> None:
    of, worse = plan(planned_days=40), crowd((0.07, 0.0), 50, seed=2)
    at_end = told(of, worse, look=40)
    assert at_end.planned_look is not None
    assert at_end.verdict.winner == "control"
    late = [*worse, *(learner(arm, value) for arm, value in ((0, 0.1), (1, 0.9)) for _ in range(8))]
    turned = told(of, late, look=47, planned=at_end.planned_look)
    assert turned.comparisons[0].difference is not None
    assert turned.comparisons[0].difference > 0
    assert turned.comparisons[0].always_valid is not None
    assert turned.comparisons[0].always_valid.p_value > 0.01
    assert turned.verdict.winner is None, "found worse once, and better by nothing that was tested"


def test_no_winner_is_named_between_looks() -> None:
    """Partitions' words are not of one moment there: verdicts come from looks only."""
    found = report(trial(plan()), added(crowd((0.0, 0.1), 100)), look=0, closed_at=at(30), planned=None)
    assert (found.verdict.winner, found.verdict.unmet) == (None, ())
    assert alerted(found) == []


def test_a_bandits_learner_is_one_participant_in_however_many_epochs() -> None:
    mine = [
        [learner(arm, 0.5 + arm * 0.1 + each / 100, epoch=epoch, uniform=1) for epoch, arm in enumerate((0, 1, 0, 1))]
        for each in range(15)
    ]
    found = told(trial(plan(bandit=BANDIT), *[[0.5, 0.5]] * 4), mine)
    assert found.comparisons[0].n_treatment == 30
    assert "participants" in found.verdict.unmet
    assert found.left.minimum_participants is not None
    assert found.left.minimum_participants > 0


def test_whoever_has_no_value_is_no_participant() -> None:
    nothing = [learner(arm, None) for arm in (0, 1) for _ in range(10)]
    found = told(plan(), [*crowd((0.0, 0.4), 10), *nothing])
    assert "participants" in found.verdict.unmet
    assert found.left.minimum_participants == pytest.approx(10 / (10 / 16))
    assert "participants" not in told(plan(min_participants=10), [*crowd((0.0, 0.4), 10), *nothing]).verdict.unmet


def test_a_view_between_looks_is_not_the_planned_look() -> None:
    found = told(plan(planned_days=20), crowd((0.0, 0.04), 50, seed=2), look=0, planned=None)
    assert (found.is_provisional, found.planned_look) == (True, None)


def test_guardrails_are_kept_open_or_crossed() -> None:
    def guarded(level: int, size: int = 400) -> Report:
        random = Random(1)
        learners = [
            one._replace(n_engagement=1, s_engagement=500_000 + one.variant * level + random.randint(-99_999, 99_999))
            for one in crowd((0.0, 0.2), size)
        ]
        return told(plan(guardrails=(ENGAGED,)), learners)

    kept, open_, crossed = guarded(0), guarded(0, size=25), guarded(-60_000)
    assert kept.verdict.winner == "A"
    assert (open_.verdict.unmet, open_.verdict.winner) == (("guardrails",), None)
    assert crossed.verdict.unmet == ("guardrails",)
    assert (AlertKind.GUARDRAIL_CROSSED, "A") in alerted(crossed)
    assert (AlertKind.GUARDRAIL_CROSSED, "A") not in alerted(open_)
    worse = guarded(-30_000)
    assert (AlertKind.GUARDRAIL_CROSSED, "A") not in alerted(worse), "worse, but not by the margin"


def ratio_of(of: Report) -> Check:
    return next(each for each in of.checks if each.suspicion is Suspicion.SAMPLE_RATIO)


def test_whom_an_attribute_assigned_is_no_sample_ratio_beside_those_we_drew() -> None:
    given = crowd((0.0, 0.0), 200, how=How.GIVEN)[:200]
    ratio = ratio_of(told(plan(), [*crowd((0.0, 0.0), 300), *given]))
    assert (ratio.observed, ratio.expected) == ({"control": 300, "A": 300}, {"control": 300.0, "A": 300.0})
    assert not ratio.blocks
    alone = ratio_of(told(plan(), [*crowd((0.0,), 300, how=How.GIVEN), *crowd((0.0, 0.0), 50, how=How.GIVEN)]))
    assert (alone.observed, alone.blocks) == ({"control": 350, "A": 50}, True), "a trial that was randomized elsewhere"


def test_whom_an_attribute_assigned_is_no_sample_ratio_of_a_bandit() -> None:
    given = [one._replace(epoch=1, how=How.GIVEN) for one in crowd((0.0, 0.0), 200)[:200]]
    drawn = [one._replace(epoch=1) for one in [*crowd((0.0,), 40), *crowd((0.0, 0.0), 160)[160:]]]
    uniform = crowd((0.0, 0.0), 50, uniform=1)
    started = trial(plan(bandit=BANDIT), [0.5, 0.5], [0.2, 0.8])
    ratio = ratio_of(told(started, [*given, *drawn, *uniform]))
    assert ratio.observed == {"control": 90, "A": 210}
    assert ratio.expected == pytest.approx({"control": 90.0, "A": 210.0})
    assert not ratio.blocks
    nobody = ratio_of(told(started, given))
    assert (nobody.observed, nobody.p_value_reason) == ({"control": 0, "A": 0}, "TOO_FEW")


def test_a_group_counts_in_the_sample_ratio_where_we_drew_it() -> None:
    def group(name: int, arm: int, *hows: How) -> list[Enrolment]:
        return [learner(arm, 0.5, how=how, cluster=name.to_bytes(8, "big")) for how in hows]

    drawn = [one for name in range(1, 7) for one in group(name, name % 2, How.DRAWN)]
    given = [one for name in range(7, 12) for one in group(name, 1, How.GIVEN)]
    stray = group(2, 1, How.GIVEN)
    both = group(12, 0, How.GIVEN, How.DRAWN)
    assert ratio_of(told(grouped(), [*drawn, *given, *stray, *both])).observed == {"control": 4, "A": 3}
    assert ratio_of(told(grouped(), given)).observed == {"control": 0, "A": 5}


def test_an_arm_that_learners_opt_out_of_blocks_at_once() -> None:
    """Also of those whose days still run, and where groups were randomized."""
    learners = crowd((0.0, 0.3), 400)
    leaving = [one._replace(state=State.LEFT) if n >= 700 else one for n, one in enumerate(learners)]
    assert told(plan(), leaving).verdict.unmet == ("opt_outs",)
    groups = [one._replace(cluster=(1 + n % 10 + 10 * (n // 400)).to_bytes(8, "big")) for n, one in enumerate(leaving)]
    found = checked(told(grouped(), groups), Suspicion.OPT_OUTS, CountedUnit.GROUP)
    assert (found.observed, found.blocks) == ({"control": 0, "A": 100}, True)


def test_a_sample_ratio_mismatch_blocks_whatever_was_found() -> None:
    found = told(plan(), [*crowd((0.0, 0.3), 400), *crowd((0.0,), 200)])
    ratio = checked(found, Suspicion.SAMPLE_RATIO)
    assert found.comparisons[0].fixed is not None
    assert found.comparisons[0].fixed.p_value < 1e-30
    assert ratio.blocks
    assert ratio.log10_e is not None
    assert ratio.log10_e >= 3
    assert found.verdict.unmet == ("sample_ratio",)
    assert alerted(found) == [(AlertKind.MISMATCH, None)]


def test_what_blocks_is_the_evidence_that_may_be_looked_at_daily_and_not_the_days_chi_square() -> None:
    found = told(plan(planned_n=100_000), [*crowd((0.0, 0.4), 150), *crowd((0.0,), 90)])
    ratio = checked(found, Suspicion.SAMPLE_RATIO)
    assert (ratio.alarm, ratio.blocks) == (True, False)
    assert ratio.p_value is not None
    assert ratio.p_value < 0.001
    assert found.verdict.winner == "A"
    assert found.alerts[0].detail.endswith("blocks nothing")


def lossy(lost: int, size: int = 400, **plan_: Any) -> Report:  # noqa: ANN401 - of the plan
    learners = crowd((0.0, 0.3), size - lost) + [learner(arm, 0.5 if arm == 0 else None) for arm in (0, 1)] * lost
    return told(plan(**plan_), learners)


def test_learners_without_any_outcome_in_one_arm_block() -> None:
    found = lossy(20)
    assert checked(found, Suspicion.JOINS).blocks
    assert found.verdict.unmet == ("joins",)


def test_decisions_without_an_outcome_in_one_arm_block_although_every_learner_has_some() -> None:
    random = Random(6)
    learners = []
    for arm, keeps in ((0, 0.9), (1, 0.7)):
        for _ in range(300):
            joined = 1 + sum(random.random() < keeps for _ in range(5))
            learners.append(learner(arm, 0.5 + 0.3 * arm, decisions=6)._replace(joined=joined, n=joined))
    found = told(plan(), learners)
    assert checked(found, Suspicion.JOINS).p_value_reason == "EMPTY_CELL"
    assert checked(found, Suspicion.JOINS, CountedUnit.DECISION).blocks


def test_opt_outs_in_one_arm_block() -> None:
    gone = [one._replace(state=State.OPTED_OUT) if i % 10 == 0 and one.variant else one
            for i, one in enumerate(crowd((0.0, 0.3), 400))]  # fmt: skip
    assert told(plan(), gone).verdict.unmet == ("opt_outs",)


@pytest.mark.parametrize(
    ("primary", "blocks"), [(Measure.COMPOSITE, True), (Measure.RETENTION, True), (Measure.ENGAGEMENT, False)]
)
def test_a_metric_that_comes_more_often_in_one_arm_blocks_what_is_made_of_it(
    primary: Measure,
    blocks: bool,  # noqa: FBT001
) -> None:
    learners = [
        one._replace(n_retention=int(i % 2 or not one.variant), s_retention=500_000, n_engagement=1, s_engagement=1)
        for i, one in enumerate(crowd((0.0, 0.3), 200))
    ]
    found = told(plan(primary_metric=primary), learners)
    missing = next(each for each in found.checks if each.measure is Measure.RETENTION)
    assert (missing.alarm, missing.blocks) == (True, blocks)


def test_what_is_applied_less_in_one_arm_is_told_and_blocks_nothing() -> None:
    learners = [one._replace(applied=2 if one.variant == 1 else one.variant and i % 3)
                for i, one in enumerate(crowd((0.0, 0.3, 0.1), 300))]  # fmt: skip
    found = told(plan(3), learners)
    applied = checked(found, Suspicion.APPLIED, CountedUnit.DECISION)
    assert set(applied.observed) == {"A", "B"}, "the control applies nothing by its plan"
    assert (applied.alarm, applied.blocks) == (True, False)
    assert found.verdict.winner == "A"


def test_groups_hang_together_in_checks_too() -> None:
    """Whole classes without an outcome: learner by learner that would look like a mismatch."""
    random = Random(2)
    learners: list[Enrolment] = []
    for group in range(40):
        worth = None if random.random() < 0.5 else 0.5
        learners += [
            learner(group % 2, worth and random.random(), cluster=(group + 1).to_bytes(8, "big")) for _ in range(30)
        ]
    joins = checked(told(grouped(), learners), Suspicion.JOINS, CountedUnit.GROUP)
    assert joins.p_value is not None
    assert joins.p_value > 0.001
    by_learner = told(plan(), learners)
    assert checked(by_learner, Suspicion.JOINS).p_value is not None
    assert not joins.blocks


def test_an_effect_that_is_only_in_what_joined_does_not_win() -> None:
    learners = crowd((0.0, 0.15), 200)
    quiet = [one._replace(decisions=one.decisions + 2) if one.variant else one for one in learners]
    found = told(plan(), quiet)
    assert "unjoined_as_zero" in found.verdict.unmet


def test_an_arm_that_hardly_anybody_comes_into_has_collapsed() -> None:
    found = told(plan(), crowd((0.0,), 100))
    assert alerted(found) == [(AlertKind.MISMATCH, None), (AlertKind.ARM_COLLAPSED, "A")]


def test_a_bandit_that_gives_one_arm_all_it_may_has_converged() -> None:
    least = 0.05 + 0.9 * 0.1 / 2
    found = told(trial(plan(bandit=BANDIT), [0.5, 0.5], [1 - least, least]), [])
    assert alerted(found) == [(AlertKind.BANDIT_CONVERGED, "control")]
    assert alerted(told(trial(plan(bandit=BANDIT), [0.5, 0.5]), [])) == []


def test_under_half_of_the_decisions_with_an_outcome_is_alarming() -> None:
    learners = [one._replace(decisions=5) for one in crowd((0.0, 0.1), 30)]
    assert [kind for kind, _ in alerted(told(plan(), learners))] == [AlertKind.LOW_JOIN_RATE] * 2


def test_the_days_left_follow_from_the_rate_at_which_learners_close() -> None:
    found = told(plan(planned_n=1_000, planned_days=50), crowd((0.0, 0.0), 80), look=30)
    assert found.left.measured_per_day == pytest.approx(10)
    assert found.left.planned_n == pytest.approx(84)
    assert (found.left.planned_end, found.left.minimum_duration, found.left.minimum_participants) == (20, 0, 0)
    opened = [one._replace(state=State.OPEN) for one in crowd((0.0, 0.0), 50)]
    early = told(plan(planned_n=1_000), opened, look=10)
    assert early.left.planned_n == pytest.approx(100 + 4), "ten a day, and the first close in four days"
    assert early.outlooks[0].detectable_now_reason == "TOO_FEW"
    nobody = told(plan(), [], look=10)
    assert (nobody.left.planned_n_reason, nobody.left.minimum_participants_reason) == ("TOO_FEW", "TOO_FEW")
    draft = told(trial(plan(), started_at=None, status=Status.DRAFT), [])
    assert (draft.left.measured_per_day_reason, draft.window.start) == ("TOO_FEW", None)


def test_what_comes_after_the_end_is_no_duration() -> None:
    ended = trial(plan(min_duration_days=20), status=Status.COMPLETED, ended_at=at(10))
    assert told(ended, crowd((0.0, 0.2), 100), look=30).verdict.unmet == ("duration",)


def test_the_days_of_a_pause_are_no_duration_and_do_not_put_off_the_planned_look() -> None:
    of, faint = plan(min_duration_days=20, planned_days=40), crowd((0.0, 0.1), 100)
    paused = trial(of, status=Status.PAUSED, paused_since=at(28), paused_for=Millis(10 * DAY))
    found = told(paused, faint, look=30)
    assert found.verdict.unmet == ("duration",)
    assert "18 days of 20" in next(each.detail for each in found.verdict.conditions if each.name == "duration")
    assert (found.left.minimum_duration, found.left.planned_end) == (2, 10)
    assert told(paused, faint, look=50).verdict.unmet == ("duration",), "18 days, however long the pause"
    again = replace(paused, status=Status.ACTIVE, paused_since=None, paused_for=Millis(12 * DAY))
    assert told(again, faint, look=32).verdict.unmet == ()
    assert told(again, faint, look=39).planned_look is None
    assert told(again, faint, look=40).planned_look is not None


def test_a_bandits_plan_counts_learners_and_its_figures_learner_epochs() -> None:
    """600 learners, a fifth of them uniform, each drawn once in every one of ten weeks."""
    of = plan(bandit=BANDIT, planned_n=600, planned_days=70)
    assert planned_units(of) == 600 * 0.2 * 10
    assert planned_units(replace(of, planned_days=3)) == 600 * 0.2, "one epoch at least"
    assert planned_units(plan(planned_n=600)) == 600
    uniform = [[one._replace(uniform=1, epoch=epoch) for epoch in (0, 1)] for one in crowd((0.0, 0.0), 60)]
    found = told(trial(of, [0.5, 0.5], [0.5, 0.5]), uniform, look=14)
    assert found.comparisons[0].always_valid is not None
    assert found.comparisons[0].always_valid.planned == 1_200
    assert found.outlooks[0].n_planned == 1_200
    assert found.left.planned_n is not None
    assert found.left.planned_n > 0, "120 learners were measured twice: a fifth of the plan, and not twice the slice"


def test_power_is_told_for_the_planned_end() -> None:
    outlook = told(plan(planned_n=1_000), crowd((0.0, 0.0), 200)).outlooks[0]
    assert outlook.detectable_now is not None
    assert outlook.detectable_planned is not None
    assert outlook.detectable_planned < outlook.detectable_now < 0.05
    assert outlook.power["0.01"] < outlook.power["0.02"] < outlook.power["0.05"] <= 1
    assert outlook.power[f"{0.02:g}"] == pytest.approx(0.87, abs=0.06)


def test_before_weights_are_set_the_plans_stand() -> None:
    bare = replace(trial(plan()), epoch=None)
    found = told(bare, crowd((0.0, 0.0), 5))
    assert checked(found, Suspicion.SAMPLE_RATIO).expected == {"control": 5.0, "A": 5.0}
    assert found.arms[0].weight is None
    nobody = checked(told(bare, []), Suspicion.SAMPLE_RATIO)
    assert (nobody.observed, nobody.p_value_reason) == ({"control": 0, "A": 0}, "TOO_FEW")

"""A report says what the raw data say, as the reference libraries have it, and gives a reason where it says nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from tests.core.experiments.trials import NUMBER, added, at, learner, plan, trial

from fitly.core.experiments.enrolment import Enrolment, How, Reason, State
from fitly.core.experiments.figures import Allocation, Comparison, CountedUnit, Family, Role
from fitly.core.experiments.plan import Bandit, Guardrail, Measure, Plan, RandomizationUnit
from fitly.core.experiments.report import Report, report
from fitly.core.experiments.trial import Afterwards, Status, Trial
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sequential import Sequential, always_valid
from fitly.wire.results import decode_report, encode_report

RAIL = Guardrail(metric=Measure.ENGAGEMENT, margin=0.05)


def told(of: Plan | Trial, learners: list[Any], *, look: int = 30, **given: Any) -> Report:  # noqa: ANN401
    started = trial(of) if isinstance(of, Plan) else of
    return report(started, added(learners), look=look, closed_at=at(look), **({"planned": None} | given))


def crowd(effects: tuple[float, ...], size: int, seed: int = 1, **fields_: Any) -> list[Enrolment]:  # noqa: ANN401
    """Draw learners of arms with these effects, one after the other."""
    random = Random(seed)
    return [
        learner(arm, min(max(random.gauss(0.5 + effect, 0.1), 0), 1), decisions=2, **fields_)
        for arm, effect in enumerate(effects)
        for _ in range(size)
    ]


def values(learners: list[Enrolment], arm: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([one.composite / one.n / 1e6 for one in learners if one.variant == arm and one.n])


def primary(of: Report) -> Comparison:
    return of.comparisons[0]


def test_shares_are_compared_as_gbstats_compares_them() -> None:
    learners = [
        learner(arm, None, n_completion=1, s_completion=1_000_000 * (number < of))
        for arm, (of, size) in enumerate([(193, 346), (205, 337)])
        for number in range(size)
    ]
    found = primary(told(plan(primary_metric=Measure.COMPLETION, planned_n=5_000), learners))
    assert found.always_valid is not None
    assert found.always_valid.p_value == pytest.approx(0.904782907759, rel=1e-9)
    assert found.always_valid.ci == pytest.approx([-0.0849919085324, 0.186002182799], rel=1e-9)
    assert found.lift_ci == pytest.approx([-0.0482554998049, 0.229341276469], rel=1e-9)
    halved = [*learners[1:], learner(0, None, n_completion=2, s_completion=1_000_000)]
    found_half = primary(told(plan(primary_metric=Measure.COMPLETION, planned_n=5_000), halved))
    one, other = Moments.of([1.0] * 205 + [0.0] * 132), Moments.of([1.0] * 192 + [0.5] + [0.0] * 153)
    expected = always_valid(one, other)
    assert isinstance(expected, Sequential)
    assert found_half.always_valid is not None
    assert found_half.always_valid.p_value == pytest.approx(expected.p_value), "a half is no share"


def test_two_arms_are_compared_as_scipy_compares_the_raw_data() -> None:
    learners = crowd((0.0, 0.03), 150)
    found = primary(told(plan(), learners))
    one, other = values(learners, 1), values(learners, 0)
    test = stats.ttest_ind(one, other, equal_var=False)
    assert (found.measure, found.role, found.allocation) == (Measure.COMPOSITE, Role.PRIMARY, Allocation.RANDOMIZED)
    assert (found.n_treatment, found.n_control, found.unit) == (150, 150, CountedUnit.LEARNER)
    assert found.difference == pytest.approx(one.mean() - other.mean(), rel=1e-6)
    assert found.lift == pytest.approx(one.mean() / other.mean() - 1, rel=1e-6)
    assert found.d == pytest.approx((one.mean() - other.mean()) / math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))
    assert found.fixed is not None
    assert found.fixed.p_value == pytest.approx(test.pvalue, rel=1e-6)
    assert found.fixed.ci == pytest.approx(tuple(test.confidence_interval(0.95)), rel=1e-6)
    assert found.always_valid is not None
    assert found.always_valid.planned == 1_000
    assert found.always_valid.p_value > found.fixed.p_value
    assert found.robust is None
    assert found.robust_reason is None


def test_an_arm_has_its_counts_means_and_spread() -> None:
    learners = [
        *crowd((0.0, 0.1), 20),
        learner(1, None, decisions=3),
        learner(1, 0.9, state=State.OPTED_OUT),
        learner(1, 0.8, state=State.OPEN),
        Enrolment(NUMBER, reason=Reason.HOLDOUT),
    ]
    found = told(plan(), learners)
    arm = found.arms[1]
    assert (arm.variant_id, arm.is_control, arm.weight) == ("A", False, 0.5)
    assert (arm.enrolled, arm.open, arm.measured, arm.opted_out, arm.with_outcome) == (23, 1, 22, 1, 21)
    assert arm.decisions == 44
    assert arm.join_rate == pytest.approx(41 / 44)
    assert arm.applied_share == 1
    assert arm.measures[Measure.COMPOSITE].n == 21
    mine = values([one for one in learners if one.variant == 1 and one.state != State.OPEN and not one.reason], 1)
    assert arm.measures[Measure.COMPOSITE].mean == pytest.approx(mine.mean(), rel=1e-6)
    assert arm.measures[Measure.COMPOSITE].sd == pytest.approx(mine.std(ddof=1), rel=1e-5)
    assert arm.provisional[Measure.COMPOSITE].mean == pytest.approx(0.8)
    assert arm.unjoined_as_zero.n == 22
    assert (arm.applied_only.n, found.arms[0].applied_only.n) == (21, 0)
    assert (found.participants, found.not_enrolled) == (43, {"HOLDOUT": 1})


def test_the_mean_before_takes_noise_out_and_whoever_has_none_stays() -> None:
    random = Random(5)
    learners, raw = [], []
    for place in range(300):
        arm, before = place % 2, random.gauss(0.5, 0.1)
        value = before + 0.02 * arm + random.gauss(0, 0.03)
        covered = place % 5 != 0
        learners.append(learner(arm, value, before_n=int(covered), before_sum=round(before * 1e6) * covered))
        raw.append((arm, round(value * 1e6) / 1e6, round(before * 1e6) / 1e6, covered))
    found = primary(told(plan(), learners))
    x, y = (np.array([each[place] for each in raw if each[3]]) for place in (2, 1))
    theta = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
    sides = [[v - theta * (b - x.mean()) if c else v for a, v, b, c in raw if a == arm] for arm in (1, 0)]
    test = stats.ttest_ind(*sides, equal_var=False)
    assert found.cuped is not None
    assert (found.cuped.covered, found.cuped.uncovered) == (240, 60)
    assert found.cuped.theta == pytest.approx(theta, rel=1e-6)
    assert found.cuped.p_value == pytest.approx(test.pvalue, rel=1e-6)
    assert found.fixed is not None
    assert found.cuped.se < found.fixed.se


def test_where_the_mean_before_explains_everything_there_is_nothing_left_to_test() -> None:
    learners = [learner(place % 2, 0.1 * place, before_n=1, before_sum=100_000 * place) for place in range(8)]
    assert primary(told(plan(), learners)).cuped_reason == "ZERO_VARIANCE"


def test_p_are_held_together_by_holm_for_the_primary_metric_and_by_bh_for_the_rest() -> None:
    learners = [
        one._replace(n_retention=1, s_retention=one.composite // 2, n_engagement=1, s_engagement=400_000 + 7 * at_)
        for at_, one in enumerate(crowd((0.0, 0.02, 0.03), 100))
    ]
    found = told(plan(3), learners)
    by_role = {
        family: [each for each in found.comparisons if each.adjusted and each.adjusted.family is family]
        for family in Family
    }
    assert [each.treatment for each in by_role[Family.HOLM]] == ["A", "B"]
    low, high = sorted(each.fixed.p_value for each in by_role[Family.HOLM] if each.fixed)
    smallest = min(each.adjusted.fixed for each in by_role[Family.HOLM] if each.adjusted and each.adjusted.fixed)
    assert smallest == pytest.approx(min(2 * low, 1))
    assert low < high
    rest = by_role[Family.BENJAMINI_HOCHBERG]
    assert len(rest) == 8
    assert {each.adjusted.tests for each in rest if each.adjusted} == {4}, "two metrics were never seen"


def classes(effect: float, count: int, seed: int = 3) -> list[Enrolment]:
    random, learners = Random(seed), []
    for group in range(count):
        level = random.gauss(0.5, 0.05) + effect * (group % 2)
        for _ in range(random.randint(3, 9)):
            value = min(max(random.gauss(level, 0.1), 0), 1)
            learners.append(learner(group % 2, value, cluster=(group + 1).to_bytes(8, "big")))
    return learners


def grouped(**given: Any) -> Plan:  # noqa: ANN401 - of the plan
    return plan(unit=RandomizationUnit.GROUP, group_kind="class", **given)


def test_where_groups_are_randomized_they_are_what_is_tested() -> None:
    learners = classes(0.0, 30)
    found = told(grouped(), learners)
    one = primary(found)
    assert one.unit is CountedUnit.GROUP
    assert one.robust is not None
    assert one.fixed is not None
    assert (one.robust.groups_treatment, one.robust.groups_control) == (15, 15)
    assert one.robust.se > one.fixed.se
    assert one.adjusted is not None
    assert one.adjusted.fixed == one.robust.p_value
    assert (one.cuped, one.cuped_reason) == (None, "CLUSTERED")
    ratio = found.checks[0]
    assert (ratio.unit, ratio.observed) == (CountedUnit.GROUP, {"control": 15, "A": 15})
    assert {check.unit for check in found.checks} == {CountedUnit.GROUP}
    clusters = next(each for each in found.verdict.conditions if each.name == "clusters")
    assert clusters.met is True
    assert "under 40" in clusters.detail
    assert found.outlooks[0].n_now == 30
    assert found.arms[1].groups == 15


def test_the_always_valid_interval_over_groups_has_their_robust_error() -> None:
    one = primary(told(grouped(), classes(0.1, 60)))
    assert one.always_valid is not None
    assert one.robust is not None
    assert one.difference is not None
    reach = one.always_valid.ci.upper - one.difference
    assert reach / one.robust.se == pytest.approx(3, abs=1), "a few robust standard errors, and not of learners"
    assert one.always_valid.planned < 1_000


def test_the_interval_of_the_lift_is_of_groups_where_groups_were_randomized() -> None:
    one = primary(told(grouped(), classes(0.1, 60)))
    assert one.lift is not None
    assert one.lift_ci is not None
    assert one.robust is not None
    control = one.difference / one.lift if one.difference else 0.0
    reach = (one.lift_ci.upper - one.lift_ci.lower) * control
    assert reach > 0.9 * (one.robust.ci.upper - one.robust.ci.lower), "not as narrow as learners would make it"


def test_a_roll_out_does_not_mix_its_groups_with_those_that_were_compared() -> None:
    compared = classes(0.1, 30)
    out = [
        each._replace(variant=1, how=How.ROLLED_OUT, cluster=each.cluster, composite=each.composite // 2)
        for each in compared
    ]
    rolling = trial(grouped(), status=Status.COMPLETED, afterwards=Afterwards.ROLL_OUT, winner="A", ended_at=at(29))
    before, after = told(grouped(), compared), told(rolling, [*compared, *out])
    assert after.checks == before.checks
    assert after.comparisons == before.comparisons
    assert (after.arms[1].groups, after.roll_out[0].n_control) == (15, 0)


def test_a_roll_out_of_a_bandit_counts_each_learner_once() -> None:
    ended = {"status": Status.COMPLETED, "afterwards": Afterwards.ROLL_OUT, "winner": "A", "ended_at": at(20)}
    held = crowd((0.0, 0.0), 40, how=How.HELD_BACK)[:40]
    rolled = crowd((0.1, 0.1), 40, how=How.ROLLED_OUT)[40:]
    found = told(trial(plan(bandit=BANDIT), **ended), [*held, *rolled]).roll_out[0]
    assert found.unit is CountedUnit.LEARNER
    assert (found.robust, found.robust_reason) == (None, None)
    assert found.fixed is not None
    assert found.always_valid is not None
    assert found.always_valid.planned == 1_000, "learners are what is planned"


def test_ten_groups_an_arm_are_needed() -> None:
    assert "clusters" in told(grouped(), classes(0.3, 18)).verdict.unmet
    assert "clusters" not in told(grouped(), classes(0.3, 20)).verdict.unmet
    assert primary(told(grouped(), classes(0.3, 2))).robust_reason == "TOO_FEW"
    assert primary(told(grouped(), [])).robust_reason == "TOO_FEW"


BANDIT = Bandit()


def bandits(epochs: int, seed: int = 4) -> list[list[Enrolment]]:
    """Learners who are drawn anew each epoch; the weights of the rest lean to arm 1, and everybody gets better."""
    random, learners = Random(seed), []
    for _ in range(80):
        ability, is_uniform, mine = random.gauss(0.4, 0.1), random.random() < 0.5, []
        for epoch in range(epochs):
            arm = int(random.random() < (0.5 if is_uniform else 0.5 + 0.3 * epoch))
            value = min(max(random.gauss(ability + 0.1 * epoch + 0.02 * arm, 0.05), 0), 1)
            mine.append(learner(arm, value, epoch=epoch, uniform=int(is_uniform)))
        learners.append(mine)
    return learners


def test_of_a_bandit_the_uniform_slice_alone_is_tested_and_the_rest_is_labelled() -> None:
    learners = bandits(2)
    started = trial(plan(bandit=BANDIT), [0.5, 0.5], [0.2, 0.8])
    found = told(started, learners)
    uniform = [each for mine in learners for each in mine if each.uniform]
    one = primary(found)
    assert (one.allocation, one.unit) == (Allocation.UNIFORM_SLICE, CountedUnit.LEARNER_EPOCH)
    assert one.n_treatment + one.n_control == len(uniform)
    assert one.difference == pytest.approx(values(uniform, 1).mean() - values(uniform, 0).mean(), rel=1e-6)
    everybody = found.allocated[0]
    assert everybody.allocation is Allocation.BANDIT_ALLOCATED
    assert everybody.n_treatment + everybody.n_control == 160
    assert {everybody.fixed_reason, everybody.always_valid_reason, everybody.lift_ci_reason} == {"NOT_RANDOMIZED"}
    assert (everybody.difference is not None, everybody.adjusted) == (True, None)
    assert found.arms[0].enrolled + found.arms[1].enrolled == 160
    assert found.window.measurement_days == 7


def test_of_a_bandit_learners_are_the_clusters_of_their_epochs() -> None:
    learners = bandits(3)
    found = primary(told(trial(plan(bandit=BANDIT), [0.5, 0.5], [0.2, 0.8], [0.1, 0.9]), learners))
    uniform = [mine for mine in learners if mine[0].uniform]
    flat = [each for mine in uniform for each in mine]
    means = [values(flat, arm).mean() for arm in (0, 1)]
    counts = [sum(each.variant == arm for each in flat) for arm in (0, 1)]
    scores = [
        sum((1 if each.variant else -1) * (each.composite / 1e6 - means[each.variant]) / counts[each.variant]
            for each in mine) for mine in uniform
    ]  # fmt: skip
    assert found.robust is not None
    assert found.robust.clusters is CountedUnit.LEARNER
    assert found.robust.groups_treatment is None
    assert found.robust.se == pytest.approx(math.sqrt(sum(score**2 for score in scores)), rel=0.02)
    assert found.cuped_reason == "CLUSTERED"


def test_expected_counts_follow_from_the_weights_that_each_was_drawn_with() -> None:
    learners = bandits(2)
    flat = [each for mine in learners for each in mine]
    ratio = told(trial(plan(bandit=BANDIT), [0.5, 0.5], [0.2, 0.8]), learners).checks[0]
    uniform = sum(each.uniform for each in flat)
    assigned = [sum(each.epoch == epoch and not each.uniform for each in flat) for epoch in (0, 1)]
    assert ratio.expected["A"] == pytest.approx(uniform / 2 + assigned[0] / 2 + assigned[1] * 0.8)
    assert sum(ratio.observed.values()) == sum(ratio.expected.values()) == 160
    assert not ratio.alarm


def test_factors_have_main_effects_and_interactions() -> None:
    cells = [{"tone": tone, "length": length} for tone in ("plain", "warm") for length in ("short", "long")]
    learners = crowd((0.0, 0.1, 0.05, 0.15), 60)
    found = told(plan(4, cells=cells), learners)
    assert [(each.factors, each.levels) for each in found.factors] == [
        (("length",), ("long",)), (("tone",), ("warm",)), (("length", "tone"), ("long", "warm")),
    ]  # fmt: skip
    cell = [values(learners, arm).mean() for arm in range(4)]
    assert found.factors[0].estimate == pytest.approx((cell[1] - cell[0] + cell[3] - cell[2]) / 2, rel=1e-5)
    assert found.factors_reason is None
    assert told(plan(4, cells=cells), []).factors_reason == "EMPTY_CELL"
    assert told(plan(4, cells=[cells[0]] * 4), learners).factors_reason == "EMPTY_CELL"
    assert told(plan(), learners[:120]).factors_reason == "NO_FACTORS"
    assert told(grouped(cells=cells[:2]), classes(0, 20)).factors_reason == "CLUSTERED"


def test_a_roll_out_is_held_against_those_held_back() -> None:
    rolled = [
        one._replace(how=How.ROLLED_OUT if one.variant else How.HELD_BACK) for one in crowd((0.0, 0.2), 30, seed=9)
    ]
    started = trial(plan(), afterwards=Afterwards.ROLL_OUT, winner="A", ended_at=at(20))
    found = told(started, [*crowd((0.0, 0.2), 30), *rolled])
    assert {each.allocation for each in found.roll_out} == {Allocation.ROLL_OUT}
    assert found.roll_out[0].n_treatment == 30
    assert primary(found).n_treatment == 30, "the experiment itself stays what it was"
    assert told(trial(plan()), rolled).roll_out == ()


def parts(of: object) -> Iterator[Any]:
    """Give every dataclass in a report."""
    if is_dataclass(of):
        yield of
        for field in fields(of):
            yield from parts(getattr(of, field.name))
    elif isinstance(of, dict):
        for each in of.values():
            yield from parts(each)
    elif isinstance(of, tuple):
        for each in of:
            yield from parts(each)


WORTH = some.one_of(some.none(), some.sampled_from([0.0, 0.5, 1.0]), some.floats(0, 1))


@given(
    some.lists(some.tuples(some.integers(0, 2), WORTH, some.sampled_from(State), some.integers(0, 3)), max_size=40),
    some.sampled_from(["learners", "groups", "bandit"]),
    some.integers(0, 100),
)
def test_whatever_is_undefined_has_a_reason_and_nothing_is_nan(
    drawn: list[tuple[int, float | None, State, int]], kind: str, look: int
) -> None:
    of = {"learners": plan(3, guardrails=(RAIL,)), "bandit": plan(3, bandit=BANDIT)}.get(kind) or grouped(variants=3)
    is_grouped, uniform = kind == "groups", int(kind == "bandit")
    learners: list[Any] = [
        learner(arm, worth, state=state, decisions=n, before_n=n, before_sum=n * 300_000, epoch=n, uniform=uniform,
                cluster=((arm + 10 * n + 1) * is_grouped).to_bytes(8, "big"))
        for arm, worth, state, n in drawn if state is not State.NOT_ENROLLED
    ]  # fmt: skip
    found = told(trial(of, *[[1 / 3] * 3] * 4), learners, look=look)
    for part in parts(found):
        for field in fields(part):
            reason = f"{field.name}_reason"
            if hasattr(part, reason) and field.name not in ("p_value", "robust", "factors", "power"):
                assert (getattr(part, field.name) is None) == (getattr(part, reason) is not None), (part, field.name)
    assert b"NaN" not in encode_report(found)
    assert encode_report(decode_report(encode_report(found))) == encode_report(found)

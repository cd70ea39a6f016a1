"""Over all learners, personalizing is compared as scipy does on one mean per learner, and only where it may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fitly.core.numbers import DAY, Millis, to_datetime
from fitly.core.population import MEASURES
from fitly.core.population_effectiveness import PopulationRecord, population_effectiveness
from fitly.core.statistics.own_baseline import Measuring
from fitly.core.vocabulary import Context

AT = Millis(20_500 * DAY)
MICRO = st.integers(0, 1_000_000)
OFFERED = st.lists(st.tuples(MICRO, st.none() | MICRO), min_size=5, max_size=40)
"""Learners who were offered personalization: their applied mean, and their control mean if they have one."""
HELD_OUT = st.lists(MICRO, min_size=5, max_size=40)


def sums_of(offered: list[tuple[int, int | None]], held_out: list[int], measure: str = "performance") -> dict[str, int]:
    """Add up what such learners contribute; half of what is offered is control, where there is any."""
    groups = {
        "APPLIED": [applied for applied, _ in offered],
        "CONTROL": [control for _, control in offered if control is not None],
        "PAIRED": [applied - control for applied, control in offered if control is not None],
        "OFFERED": [overall(each) for each in offered],
        "HOLDOUT": held_out,
    }
    sums: dict[str, int] = {}
    for group, values in groups.items():
        sums[f"{group}.{measure}_n"] = len(values)
        sums[f"{group}.{measure}_sum"] = sum(values)
        sums[f"{group}.{measure}_squares"] = sum(value * value for value in values)
    return {name: value for name, value in sums.items() if value}


def overall(learner: tuple[int, int | None]) -> int:
    applied, control = learner
    return applied if control is None else (applied + control) // 2


def told(sums: dict[str, int], measuring: Measuring | None = None) -> dict[tuple[str, str], PopulationRecord]:
    found = population_effectiveness(Context.MISSION, sums, AT, measuring=measuring or Measuring())
    return {(record.measure, record.baseline_kind): record for record in found}


@given(OFFERED, HELD_OUT)
def test_offering_it_is_held_against_the_holdout_by_welch(
    offered: list[tuple[int, int | None]], held_out: list[int]
) -> None:
    record = told(sums_of(offered, held_out))["performance", "HOLDOUT"]
    one, other = np.array([overall(each) for each in offered]) / 1e6, np.array(held_out) / 1e6
    assert (record.unit, record.learners_personalized, record.learners_baseline) == ("learner", len(one), len(other))
    assert record.difference == pytest.approx(float(one.mean() - other.mean()), abs=1e-9)
    if float(np.ptp(one)) < 1e-4 and float(np.ptp(other)) < 1e-4:
        return  # scipy loses what is left of the variance
    reference = stats.ttest_ind(one, other, equal_var=False)
    assert record.p_value == pytest.approx(float(reference.pvalue), rel=1e-6, abs=1e-9)
    bounds = reference.confidence_interval(0.95)
    assert record.difference_interval is not None
    assert record.difference_interval["lower"] == pytest.approx(bounds.low, abs=1e-8)
    assert record.difference_interval["upper"] == pytest.approx(bounds.high, abs=1e-8)
    assert record.p_value is not None
    assert record.is_statistically_significant == (record.p_value < 0.05)


@given(OFFERED, HELD_OUT)
def test_applying_it_is_held_against_each_learners_own_control(
    offered: list[tuple[int, int | None]], held_out: list[int]
) -> None:
    record = told(sums_of(offered, held_out))["performance", "CONTROL"]
    both = [(applied / 1e6, control / 1e6) for applied, control in offered if control is not None]
    assert (record.unit, record.learners_personalized, record.learners_baseline) == ("decision", len(both), len(both))
    if len(both) < 5:
        assert (record.difference, record.p_value, record.difference_interval, record.improvement) == (None,) * 4
        assert record.p_value_reason == record.difference_reason == "TOO_FEW"
        return
    one, other = np.array(both).T
    assert record.difference == pytest.approx(float(np.mean(one - other)), abs=1e-9)
    if float(np.ptp(one - other)) > 1e-4:
        assert record.p_value == pytest.approx(float(stats.ttest_rel(one, other).pvalue), rel=1e-6, abs=1e-9)
    if record.improvement is not None:
        assert record.improvement == pytest.approx(100 * float(np.mean(one - other)) / float(other.mean()), rel=1e-6)


@given(OFFERED, HELD_OUT)
def test_beside_the_pooled_baseline_there_is_a_difference_and_no_test(
    offered: list[tuple[int, int | None]], held_out: list[int]
) -> None:
    record = told(sums_of(offered, held_out))["performance", "BOTH"]
    one = np.array([applied for applied, _ in offered]) / 1e6
    other = np.array([*(control for _, control in offered if control is not None), *held_out]) / 1e6
    assert (record.unit, record.learners_personalized, record.learners_baseline) == ("none", len(one), len(other))
    assert record.difference == pytest.approx(float(one.mean() - other.mean()), abs=1e-9)
    assert (record.p_value, record.difference_interval) == (None, None)
    assert record.p_value_reason == record.difference_interval_reason == "NOT_RANDOMIZED"
    assert not record.is_statistically_significant


def test_every_measure_and_baseline_is_told_and_what_is_missing_has_its_reason() -> None:
    found = told({})
    assert found.keys() == {(m, kind) for m in MEASURES for kind in ("CONTROL", "HOLDOUT", "BOTH")}
    assert len({record.id for record in found.values()}) == len(found)
    for record in found.values():
        assert (record.difference, record.difference_reason) == (None, "TOO_FEW")
        assert (record.p_value_reason, record.improvement_reason) == ("TOO_FEW", "TOO_FEW")
        assert (record.context, record.calculated_at, record.is_provisional) == ("MISSION", to_datetime(AT), False)
    (first, *_) = population_effectiveness(Context.MISSION, {}, AT, is_provisional=True)
    assert first.is_provisional


def test_fewer_than_five_learners_on_a_side_are_not_told() -> None:
    offered: list[tuple[int, int | None]] = [(500_000 + n, 400_000 + n * n) for n in range(4)]
    held_out = [100_000, 200_000, 300_000, 250_000, 100_000]
    found = told(sums_of(offered, held_out))
    assert all(record.difference is None for record in found.values())
    seen = told(sums_of(offered, held_out), Measuring(least_learners=2))
    assert all(seen["performance", kind].difference is not None for kind in ("CONTROL", "HOLDOUT", "BOTH"))


def test_learners_who_are_all_alike_carry_no_test() -> None:
    found = told(sums_of([(500_000, 400_000)] * 6, [300_000] * 6))
    assert found["performance", "CONTROL"].p_value_reason == "ZERO_VARIANCE"
    assert found["performance", "HOLDOUT"].p_value_reason == "ZERO_VARIANCE"
    assert found["performance", "CONTROL"].improvement == pytest.approx(25.0)


def test_learners_who_study_more_do_not_make_it_look_bad() -> None:
    """Able learners study more and so more often have a control decision: means of unequal crowds would deceive."""
    effect, able, other = 50_000, 800_000, 400_000
    offered: list[tuple[int, int | None]] = [(able + effect + n, able + 3 * n % 7) for n in range(20)]
    offered += [(other + effect + n, None) for n in range(60)]
    record = told(sums_of(offered, []))["performance", "CONTROL"]
    assert record.difference == pytest.approx(0.05, abs=1e-4)
    crowds = told(sums_of(offered, []))["performance", "BOTH"].difference
    assert crowds is not None
    assert crowds < -0.2

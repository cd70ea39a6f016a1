"""Differences and their intervals are those of scipy's Welch test on the raw data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import EMPTY, Sums
from fitly.core.statistics.welch import difference, difference_interval, improvement

MICROS = st.integers(0, 1_000_000)
SAMPLES = st.lists(MICROS, min_size=2, max_size=40)
LEVELS = st.sampled_from([0.8, 0.95, 0.99])


@given(SAMPLES, SAMPLES, LEVELS)
def test_the_interval_is_that_of_scipy(applied: list[int], baseline: list[int], level: float) -> None:
    assume(len(set(applied)) > 1 or len(set(baseline)) > 1)
    one, other = np.array(applied) / 1e6, np.array(baseline) / 1e6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy doubts itself where one side hardly varies
        reference = stats.ttest_ind(one, other, equal_var=False).confidence_interval(level)
    found = difference_interval(Sums.of(applied), Sums.of(baseline), level)
    assert found == pytest.approx((reference.low, reference.high), rel=1e-6, abs=1e-9)
    assert difference(Sums.of(applied), Sums.of(baseline)) == pytest.approx(float(one.mean() - other.mean()), abs=1e-12)


@given(SAMPLES, SAMPLES, LEVELS)
def test_a_percentage_is_given_only_of_a_baseline_that_is_surely_not_zero(
    applied: list[int], baseline: list[int], level: float
) -> None:
    one, other = np.array(applied) / 1e6, np.array(baseline) / 1e6
    found = improvement(Sums.of(applied), Sums.of(baseline), level)
    if len(set(baseline)) == 1:
        lower = upper = other[0]
    else:
        lower, upper = stats.t.interval(level, len(other) - 1, other.mean(), stats.sem(other))
    assume(abs(lower) > 1e-9 or lower == upper)  # a bound on the very edge may fall to either side
    if lower <= 0 <= upper:
        assert found is Missing.BASELINE_TOUCHES_ZERO
    else:
        assert found == pytest.approx(float(100 * (one.mean() - other.mean()) / other.mean()), rel=1e-6, abs=1e-9)


def test_too_few_values_give_no_figure() -> None:
    one, two = Sums.of([1]), Sums.of([1, 2])
    assert difference(EMPTY, one) is difference(one, EMPTY) is Missing.TOO_FEW
    for applied, baseline in ((EMPTY, two), (two, EMPTY), (one, two), (two, one)):
        assert difference_interval(applied, baseline, 0.95) is Missing.TOO_FEW
    assert improvement(two, one, 0.95) is improvement(EMPTY, two, 0.95) is Missing.TOO_FEW


def test_without_any_variance_there_is_a_difference_but_no_interval() -> None:
    ones, twos = Sums.of([1, 1, 1]), Sums.of([2, 2])
    assert difference(ones, twos) == pytest.approx(-1e-6)
    assert difference_interval(ones, twos, 0.95) is Missing.ZERO_VARIANCE

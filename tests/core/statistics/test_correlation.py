"""Correlation, p and interval are those of scipy's pearsonr on the raw data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fitly.core.statistics.correlation import Correlation, correlation
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import EMPTY, Sums
from fitly.core.statistics.welch import Interval

MICROS = st.integers(0, 1_000_000)
SAMPLES = st.lists(MICROS, min_size=1, max_size=40)


@given(SAMPLES, SAMPLES, st.sampled_from([0.9, 0.95]))
def test_it_is_that_of_scipy(applied: list[int], baseline: list[int], level: float) -> None:
    values = np.array([*applied, *baseline]) / 1e6
    assume(len(values) >= 4)
    assume(float(np.ptp(values)) > 1e-4)  # below, scipy itself warns of its own rounding
    flags = np.array([1.0] * len(applied) + [0.0] * len(baseline))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = stats.pearsonr(flags, values)
        interval = reference.confidence_interval(level)
    found = correlation(Sums.of(applied), Sums.of(baseline), level)
    assert isinstance(found, Correlation)
    assert found.r == pytest.approx(reference.statistic, rel=1e-6, abs=1e-9)
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-5, abs=1e-9)
    assert found.interval == pytest.approx((interval.low, interval.high), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("sign", "high", "low"), [(1.0, 900_000, 100_000), (-1.0, 100_000, 900_000)])
def test_a_perfect_correlation_has_no_width(sign: float, high: int, low: int) -> None:
    found = correlation(Sums.of([high] * 4), Sums.of([low] * 4), 0.95)
    assert found == Correlation(sign, 0.0, Interval(sign, sign))


def test_groups_of_equal_mean_are_not_correlated() -> None:
    found = correlation(Sums.of([1, 3]), Sums.of([2, 2]), 0.95)
    assert isinstance(found, Correlation)
    assert (found.r, found.p_value) == (0.0, 1.0)


def test_too_few_values_or_an_empty_side_give_no_figure() -> None:
    assert correlation(Sums.of([1, 2]), Sums.of([3]), 0.95) is Missing.TOO_FEW
    assert correlation(Sums.of([1, 2, 3, 4]), EMPTY, 0.95) is Missing.TOO_FEW
    assert correlation(EMPTY, Sums.of([1, 2, 3, 4]), 0.95) is Missing.TOO_FEW


def test_equal_values_give_no_figure() -> None:
    assert correlation(Sums.of([7] * 8), Sums.of([7] * 6), 0.95) is Missing.ZERO_VARIANCE

"""Welch, d, lift, non-inferiority and ratios equal scipy, numpy and gbstats' formulas on the raw data."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from scipy import stats
from tests.core.statistics.samples import SEEDS, answers, drawn, moments

from fitly.core.statistics.effect_size import cohens_d
from fitly.core.statistics.joint import JointMoments
from fitly.core.statistics.lift import Lift, lift
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import EMPTY, Moments
from fitly.core.statistics.noninferiority import Kept, kept_at_end, kept_at_look
from fitly.core.statistics.ratio import ratio
from fitly.core.statistics.sequential import Sequential, Tuning, always_valid
from fitly.core.statistics.welch import Welch, welch

ONE, TWO, SAME = Moments.of([1.0]), Moments.of([1.0, 2.0]), Moments.of([3.0, 3.0])


@given(SEEDS)
def test_welch_is_that_of_scipy(seed: int) -> None:
    one, other = drawn(seed)
    reference = stats.ttest_ind(one, other, equal_var=False)
    interval = reference.confidence_interval(0.95)
    found = welch(moments(one), moments(other), 0.95)
    assert isinstance(found, Welch)
    scale = 1e-9 * (abs(one.mean()) + abs(other.mean())) * 1e-3  # what subtracting means far from 0 leaves of them
    assert found.difference == pytest.approx(one.mean() - other.mean(), rel=1e-9, abs=scale)
    assert (found.t, found.df) == pytest.approx((reference.statistic, reference.df), rel=1e-8, abs=1e-9)
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-8, abs=1e-300)
    assert found.interval == pytest.approx((interval.low, interval.high), rel=1e-8, abs=scale)


def test_one_side_without_variance_is_tested_as_scipy_does() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = stats.ttest_ind([3.0, 3.0], [1.0, 2.0], equal_var=False)
    found = welch(SAME, TWO, 0.95)
    assert isinstance(found, Welch)
    assert (found.t, found.df, found.p_value) == pytest.approx((reference.statistic, reference.df, reference.pvalue))


def test_too_few_or_equal_values_say_so() -> None:
    assert welch(ONE, TWO, 0.95) is welch(TWO, EMPTY, 0.95) is Missing.TOO_FEW
    assert welch(SAME, SAME, 0.95) is Missing.ZERO_VARIANCE
    assert cohens_d(ONE, TWO) is cohens_d(TWO, EMPTY) is Missing.TOO_FEW
    assert cohens_d(SAME, SAME) is Missing.ZERO_VARIANCE


def test_the_tiniest_variances_do_not_underflow() -> None:
    found = welch(Moments(9, 1e-160, 1e-320), Moments(9, 0.0, 1e-320), 0.95)
    assert isinstance(found, Welch)
    assert found.df == pytest.approx(16)


@given(SEEDS)
def test_d_is_the_difference_in_pooled_standard_deviations(seed: int) -> None:
    one, other = drawn(seed)
    n, m = len(one), len(other)
    reference = stats.ttest_ind(one, other, equal_var=True).statistic * math.sqrt(1 / n + 1 / m)
    assert cohens_d(moments(one), moments(other)) == pytest.approx(reference, rel=1e-8, abs=1e-10)


@given(SEEDS)
def test_lift_is_the_delta_method_of_gbstats(seed: int) -> None:
    for binary, (one, other) in ((False, drawn(seed)), (True, answers(seed))):
        found = lift(moments(one), moments(other), 0.95, binary=binary)
        if not other.mean():
            assert found is Missing.ZERO_BASELINE
            continue
        assert isinstance(found, Lift)
        first, second = (side.var(ddof=0 if binary else 1) / len(side) for side in (one, other))
        variance = first / other.mean() ** 2 + second * one.mean() ** 2 / other.mean() ** 4
        assert found.lift == pytest.approx((one.mean() - other.mean()) / other.mean(), rel=1e-9, abs=1e-12)
        if not variance:
            assert found.interval is Missing.ZERO_VARIANCE
            continue
        df = (first + second) ** 2 / (first**2 / (len(one) - 1) + second**2 / (len(other) - 1))
        se = math.sqrt(variance)
        assert found.se == pytest.approx(se, rel=1e-8)
        assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.lift) / se, df), rel=1e-7, abs=1e-300)
        assert found.interval == pytest.approx(
            (found.lift - stats.t.isf(0.025, df) * se, found.lift + stats.t.isf(0.025, df) * se), rel=1e-8, abs=1e-12
        )


def test_lift_without_a_baseline_or_without_enough_says_so() -> None:
    zero = Moments.of([0.0, 0.0])
    assert lift(TWO, EMPTY, 0.95) is lift(EMPTY, TWO, 0.95) is Missing.TOO_FEW
    assert lift(TWO, zero, 0.95) is Missing.ZERO_BASELINE
    assert lift(TWO, ONE, 0.95) == Lift(0.5, Missing.TOO_FEW, Missing.TOO_FEW, Missing.TOO_FEW)
    assert lift(SAME, Moments.of([2.0, 2.0]), 0.95) == Lift(0.5, *(Missing.ZERO_VARIANCE,) * 3)
    # Nothing of the baseline's spread is left where the treatment's mean is 0 and never varies.
    assert lift(zero, TWO, 0.95) == Lift(-1.0, *(Missing.ZERO_VARIANCE,) * 3)


@given(SEEDS)
def test_at_the_end_a_margin_is_kept_as_scipys_one_sided_test_says(seed: int) -> None:
    one, other = drawn(seed)
    margin = 0.3 * other.std()
    found = kept_at_end(moments(one), moments(other), margin)
    assert isinstance(found, Kept)
    reference = stats.ttest_ind(one + margin, other, equal_var=False, alternative="greater")
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-12)
    assert found.kept is bool(reference.pvalue < 0.05)
    assert found.kept == (found.lower > -margin) or abs(reference.pvalue - 0.05) < 1e-9


def test_at_a_look_a_margin_is_kept_where_the_sequence_says() -> None:
    random = np.random.default_rng(3)
    one, other = (moments(random.normal(0, 1, 4_000)) for _ in range(2))
    sequence = always_valid(one, other, Tuning(planned=8_000))
    assert isinstance(sequence, Sequential)
    edge = -sequence.interval.lower
    for margin, kept in ((edge * 1.01, True), (edge * 0.99, False)):
        found = kept_at_look(one, other, margin, Tuning(planned=8_000))
        assert found == Kept(kept, -edge)
    assert kept_at_look(TWO, TWO, 1.0) is Missing.BURN_IN
    assert kept_at_end(ONE, TWO, 1.0) is Missing.TOO_FEW


@given(SEEDS)
def test_a_ratio_over_learners_is_that_of_totals_with_the_delta_methods_variance(seed: int) -> None:
    y, _ = drawn(seed)
    x = np.random.default_rng(seed).uniform(1, 5, len(y))
    found = ratio(JointMoments.of(x.tolist(), y.tolist()))
    assert isinstance(found, Moments)
    share = y.sum() / x.sum()
    assert found.mean == pytest.approx(share, rel=1e-12)
    assert found.variance == pytest.approx(((y - share * x) / x.mean()).var(ddof=1), rel=1e-6)


def test_a_ratio_needs_two_learners_and_something_to_divide_by() -> None:
    assert ratio(JointMoments.of([1.0], [1.0])) is Missing.TOO_FEW
    assert ratio(JointMoments.of([0.0, 0.0], [1.0, 2.0])) is Missing.ZERO_BASELINE

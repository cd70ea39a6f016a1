"""CUPED is Welch's test on adjusted outcomes, and a pair's correlation is scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from tests.core.statistics.samples import SEEDS, Floats, drawn

from fitly.core.statistics.correlation import Correlation, pearson
from fitly.core.statistics.cuped import Cuped, cuped, slope
from fitly.core.statistics.joint import JointMoments
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.welch import Welch


def paired(seed: int) -> list[tuple[Floats, Floats]]:
    """Give (covariate, outcome) of three arms."""
    random = np.random.default_rng(seed)
    arms = [*drawn(seed)]
    arms += [np.concatenate([arms[1], arms[0][::2]])]
    spread = float(arms[0].std())
    return [(0.5 * y + random.normal(0, spread, len(y)), y) for y in arms]


def joint(arm: tuple[Floats, Floats]) -> JointMoments:
    return JointMoments.of(arm[0].tolist(), arm[1].tolist())


@given(SEEDS)
def test_it_is_scipys_test_on_what_is_left_of_the_outcomes(seed: int) -> None:
    arms = paired(seed)
    x, y = (np.concatenate([arm[which] for arm in arms]) for which in (0, 1))
    theta = np.cov(y, x)[0, 1] / x.var(ddof=1)
    one, other = (outcome - theta * (covariate - x.mean()) for covariate, outcome in arms[:2])
    reference = stats.ttest_ind(one, other, equal_var=False)
    interval = reference.confidence_interval(0.95)
    samples = [joint(arm) for arm in arms]
    found = cuped(samples[0], samples[1], samples[0] + samples[1] + samples[2], 0.95)
    assert isinstance(found, Cuped)
    assert isinstance(found.test, Welch)
    scale = (interval.high - interval.low) * 1e-6
    assert found.theta == pytest.approx(theta, rel=1e-7, abs=1e-9)
    assert found.test.difference == pytest.approx(one.mean() - other.mean(), rel=1e-7, abs=scale)
    assert found.test.p_value == pytest.approx(reference.pvalue, rel=1e-5, abs=1e-12)
    assert found.test.interval == pytest.approx((interval.low, interval.high), rel=1e-6, abs=scale)


def test_a_covariate_that_explains_everything_leaves_no_spread_to_test_against() -> None:
    one, other = JointMoments.of([0.1, 0.2, 0.7], [0.3, 0.6, 2.1]), JointMoments.of([0.4, 0.5], [1.2, 1.5])
    found = cuped(one, other, one + other, 0.95)
    assert isinstance(found, Cuped)
    assert found.theta == pytest.approx(3)
    assert found.test is Missing.ZERO_VARIANCE


def test_a_constant_covariate_or_too_few_pairs_say_so() -> None:
    flat, one = JointMoments.of([1.0, 1.0], [1.0, 2.0]), JointMoments.of([1.0], [1.0])
    assert cuped(flat, flat, flat + flat, 0.95) is Missing.CONSTANT_COVARIATE
    assert slope(one) is Missing.TOO_FEW
    pair = JointMoments.of([1.0, 2.0], [1.0, 3.0])
    found = cuped(pair, one, pair + one, 0.95)
    assert isinstance(found, Cuped)
    assert found.test is Missing.TOO_FEW


@given(SEEDS, some.sampled_from([0.9, 0.95]))
def test_a_correlation_is_that_of_scipy(seed: int, level: float) -> None:
    x, y = paired(seed)[0]
    if len(x) < 4:
        assert pearson(joint((x, y)), level) is Missing.TOO_FEW
        return
    reference = stats.pearsonr(x, y)
    interval = reference.confidence_interval(level)
    found = pearson(joint((x, y)), level)
    assert isinstance(found, Correlation)
    assert found.r == pytest.approx(reference.statistic, rel=1e-8, abs=1e-10)
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-300)
    assert found.interval == pytest.approx((interval.low, interval.high), rel=1e-7, abs=1e-9)


def test_equal_values_do_not_correlate_and_a_perfect_line_has_no_width() -> None:
    assert pearson(JointMoments.of([1.0] * 3, [1.0, 2.0, 3.0]), 0.95) is Missing.TOO_FEW
    assert pearson(JointMoments.of([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]), 0.95) is Missing.ZERO_VARIANCE
    found = pearson(JointMoments.of([1.0, 2.0, 3.0, 4.0], [-2.0, -4.0, -6.0, -8.0]), 0.95)
    assert isinstance(found, Correlation)
    assert (found.r, found.p_value, found.interval) == (-1.0, 0.0, (-1.0, -1.0))

"""Two shares are compared as statsmodels compares them."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as some
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportion_effectsize,
    proportions_ztest,
)

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.proportions import Proportions, Successes, proportions, wilson

SAMPLES = some.integers(1, 5_000).flatmap(lambda n: some.builds(Successes, some.just(n), some.integers(0, n)))


@given(SAMPLES, SAMPLES)
def test_figures_are_those_of_statsmodels(one: Successes, other: Successes) -> None:
    found = proportions(one, other, 0.95)
    assert isinstance(found, Proportions)
    assert found.h == pytest.approx(proportion_effectsize(one.rate, other.rate), rel=1e-9, abs=1e-12)
    for method, interval in (("wald", found.wald), ("newcomb", found.newcombe)):
        reference = confint_proportions_2indep(one.count, one.n, other.count, other.n, compare="diff", method=method)
        assert interval == pytest.approx(reference, rel=1e-9, abs=1e-12)
    if one.count + other.count in {0, one.n + other.n}:
        assert found.z is found.p_value is Missing.ZERO_VARIANCE
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        z, p_value = proportions_ztest([one.count, other.count], [one.n, other.n])
    assert (found.z, found.p_value) == pytest.approx((z, p_value), rel=1e-9, abs=1e-300)


@given(SAMPLES, some.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_of_a_share_is_wilsons(sample: Successes, level: float) -> None:
    reference = proportion_confint(sample.count, sample.n, alpha=1 - level, method="wilson")
    assert wilson(sample, level) == pytest.approx(reference, rel=1e-9, abs=1e-12)


def test_an_empty_arm_has_no_share() -> None:
    assert proportions(Successes(), Successes(3, 1), 0.95) is Missing.TOO_FEW
    assert proportions(Successes(3, 1), Successes(), 0.95) is Missing.TOO_FEW


def test_counts_add_up() -> None:
    assert Successes(3, 1) + Successes(4, 4) == Successes(7, 5)
    assert math.isclose(Successes(4, 3).rate, 0.75)

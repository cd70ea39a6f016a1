"""A learner is compared with their own control decisions, where there are enough of them."""

from __future__ import annotations

import pytest

from fitly.core.rules import RewardWeights
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.own_baseline import UNKNOWN, Measuring, Sample, own_figures
from fitly.core.statistics.sums import EMPTY, Sums

GOOD = Sums.of([700_000, 800_000, 900_000, 750_000, 850_000, 800_000, 820_000, 780_000])
PLAIN = Sums.of([400_000, 500_000, 450_000, 550_000, 500_000, 480_000])


def test_enough_of_their_own_gives_every_figure() -> None:
    found = own_figures(Sample(GOOD, GOOD, GOOD, GOOD, GOOD), Sample(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN))
    assert found.differences == pytest.approx((0.32,) * 4)
    assert found.improvements == pytest.approx((100 * 0.32 / 0.48,) * 4)
    assert isinstance(found.r, float)
    assert found.r > 0.9
    assert found.significant
    assert isinstance(found.composite_score, float)
    assert found.composite_score > 75


def test_one_decision_too_few_says_so_and_gives_nothing() -> None:
    seven = GOOD.without(Sums.of([700_000]))
    assert own_figures(Sample(seven), Sample(PLAIN)) is UNKNOWN
    assert own_figures(Sample(GOOD), Sample(PLAIN.without(Sums.of([400_000])))) is UNKNOWN
    assert UNKNOWN.r is Missing.NO_RANDOMIZED_OWN_BASELINE
    assert UNKNOWN.composite_score is Missing.NO_POPULATION_BASELINE
    assert not UNKNOWN.significant


def test_metrics_that_were_not_measured_are_missing_alone() -> None:
    found = own_figures(Sample(GOOD, performance=GOOD), Sample(PLAIN, performance=PLAIN))
    assert found.differences[0] is Missing.TOO_FEW
    assert isinstance(found.differences[1], float)
    assert isinstance(found.composite_score, float)


def test_equal_outcomes_have_no_correlation_and_are_not_flagged() -> None:
    same, less = Sums.of([500_000] * 8), Sums.of([500_000] * 6)
    found = own_figures(Sample(same, performance=same), Sample(less, performance=less))
    assert found.r is found.p_value is found.interval is Missing.ZERO_VARIANCE
    assert found.differences[1] == 0.0
    assert not found.significant


def test_the_level_the_minima_and_the_weights_are_given_from_outside() -> None:
    chosen = Measuring(least_applied=2, least_control=2, alpha=0.9, weights=RewardWeights(retention=1, performance=0))
    mixed, plain = Sums.of([1, 5]), Sums.of([2, 3])
    found = own_figures(Sample(mixed, performance=GOOD), Sample(plain, performance=PLAIN), chosen)
    assert found.composite_score is Missing.TOO_FEW
    assert found.significant
    assert own_figures(Sample(EMPTY), Sample(plain), chosen) is UNKNOWN

"""A learner is described against other learners: differences as numpy has them, and nothing that looks like a test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fitly.core.statistics.composite import shrunk_distance
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.own_baseline import UNKNOWN, Measuring, Sample
from fitly.core.statistics.population_baseline import described_figures
from fitly.core.statistics.sums import EMPTY, Sums
from fitly.core.statistics.welch import Interval

MICROS = st.integers(0, 1_000_000)
DECISIONS = st.lists(MICROS, min_size=1, max_size=30)
LEARNERS = st.lists(MICROS, min_size=5, max_size=60)


def pair(decisions: list[int], learners: list[int]) -> tuple[Sample, Sample]:
    mine, others = Sums.of(decisions), Sums.of(learners)
    return Sample(mine, performance=mine), Sample(others, performance=others)


@given(DECISIONS, LEARNERS)
def test_a_description_is_numpy_on_the_raw_means(decisions: list[int], learners: list[int]) -> None:
    found = described_figures(*pair(decisions, learners))
    mine, others = np.array(decisions) / 1e6, np.array(learners) / 1e6
    between = float(mine.mean() - others.mean())
    assert found.differences[1] == pytest.approx(between, abs=1e-9)
    spread = float(np.std(others, ddof=1))
    if len(set(learners)) == 1:
        assert isinstance(found.composite_score, Missing)
        return
    size = len(mine) * len(others) / (len(mine) + len(others))
    d = between / spread * size / (size + 10)
    assert found.composite_score == pytest.approx(100 * float(stats.norm.cdf(d / math.sqrt(2))), abs=1e-6)
    lower = float(others.mean()) - float(stats.t.ppf(0.975, len(others) - 1)) * float(stats.sem(others))
    if lower > 1e-9:
        assert found.improvements[1] == pytest.approx(100 * between / float(others.mean()), rel=1e-6, abs=1e-9)
    elif lower < -1e-9:
        assert found.improvements[1] is Missing.BASELINE_TOUCHES_ZERO


@given(DECISIONS, LEARNERS)
def test_nothing_in_a_description_can_be_read_as_a_test(decisions: list[int], learners: list[int]) -> None:
    found = described_figures(*pair(decisions, learners))
    assert found.r is found.p_value is found.interval is Missing.NO_RANDOMIZED_OWN_BASELINE
    assert found.difference_interval is Missing.NO_RANDOMIZED_OWN_BASELINE
    assert not found.significant
    assert not any(isinstance(figure, Interval) for figure in (*found.differences, *found.improvements))


def test_fewer_than_five_learners_are_no_baseline_for_they_could_be_told_apart() -> None:
    assert described_figures(*pair([500_000], [1, 2, 3, 4])) is UNKNOWN
    assert described_figures(*pair([500_000], [1, 2]), Measuring(least_learners=2)) is not UNKNOWN


def test_a_metric_that_too_few_learners_have_is_missing_alone() -> None:
    mine, others = pair([500_000], [1, 2, 3, 4, 5])
    mine, others = mine._replace(retention=mine.composite), others._replace(retention=Sums.of([1, 2, 3, 4]))
    found = described_figures(mine, others)
    assert found.differences[0] is found.improvements[0] is Missing.TOO_FEW
    assert isinstance(found.differences[1], float)
    assert isinstance(found.composite_score, float)


def test_a_metric_the_learner_never_had_is_missing_alone() -> None:
    mine, others = pair([500_000], [1, 2, 3, 4, 5])
    found = described_figures(mine._replace(performance=EMPTY), others)
    assert found.differences[1] is found.improvements[1] is found.composite_score is Missing.TOO_FEW


def test_a_distance_needs_a_spread_between_learners() -> None:
    assert shrunk_distance(Sums.of([1]), Sums.of([1]), 10) is Missing.TOO_FEW
    assert shrunk_distance(EMPTY, Sums.of([1, 2]), 10) is Missing.TOO_FEW
    assert shrunk_distance(Sums.of([1]), Sums.of([2, 2]), 10) is Missing.ZERO_VARIANCE

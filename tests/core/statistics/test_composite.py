"""The composite score is the closed form, and says what it claims to say."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fitly.core.statistics.composite import composite_score, shrunk_effect
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import EMPTY, Sums

MICROS = st.integers(0, 1_000_000)
SAMPLES = st.lists(MICROS, min_size=2, max_size=40)


@given(SAMPLES, SAMPLES, st.sampled_from([0.0, 10.0]))
def test_an_effect_is_cohens_d_drawn_towards_nothing(applied: list[int], baseline: list[int], weight: float) -> None:
    assume(len(set(applied)) > 1 or len(set(baseline)) > 1)
    one, other = np.array(applied) / 1e6, np.array(baseline) / 1e6
    n, m = len(one), len(other)
    pooled = math.sqrt(((n - 1) * one.var(ddof=1) + (m - 1) * other.var(ddof=1)) / (n + m - 2))
    assume(pooled > 1e-5)
    h = n * m / (n + m)
    expected = (one.mean() - other.mean()) / pooled * h / (h + weight)
    assert shrunk_effect(Sums.of(applied), Sums.of(baseline), weight) == pytest.approx(
        float(expected), rel=1e-6, abs=1e-9
    )


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 1)), min_size=1, max_size=4))
def test_the_score_is_the_normal_distribution_at_the_weighted_mean(pairs: list[tuple[float, float]]) -> None:
    effects, weights = [effect for effect, _ in pairs], [weight for _, weight in pairs]
    leaning = sum(effect * weight for effect, weight in pairs) / sum(weights)
    assert composite_score(effects, weights) == pytest.approx(100 * stats.norm.cdf(leaning / math.sqrt(2)), rel=1e-9)


def test_it_is_the_chance_that_a_personalized_outcome_beats_an_ordinary_one() -> None:
    draw = random.Random(7)
    wins = sum(draw.gauss(0.6, 1) > draw.gauss(0, 1) for _ in range(40_000))
    assert composite_score([0.6], [1.0]) == pytest.approx(wins / 400, abs=0.7)


def test_metrics_that_are_missing_leave_their_weight_to_the_others() -> None:
    assert composite_score([1.0, Missing.TOO_FEW], [0.1, 0.9]) == composite_score([1.0], [1.0])


def test_without_any_effect_the_first_reason_is_given() -> None:
    assert composite_score([Missing.ZERO_VARIANCE, Missing.TOO_FEW], [0.5, 0.5]) is Missing.ZERO_VARIANCE
    assert composite_score([1.0], [0.0]) is Missing.TOO_FEW


def test_too_few_or_equal_values_give_no_effect() -> None:
    two = Sums.of([1, 2])
    assert shrunk_effect(EMPTY, two, 10) is shrunk_effect(two, Sums.of([1]), 10) is Missing.TOO_FEW
    assert shrunk_effect(Sums.of([1, 1]), Sums.of([2, 2]), 10) is Missing.ZERO_VARIANCE

"""Moments add up to those of everything together, do not cancel, and are the same from integers and from floats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.statistics.samples import SEEDS, drawn, moments

from fitly.core.statistics.joint import NO_PAIRS, JointMoments, JointSums
from fitly.core.statistics.moments import EMPTY, Moments, together
from fitly.core.statistics.sums import Sums

MICROS = some.lists(some.integers(0, 1_000_000), max_size=30)
PAIRS = some.lists(some.tuples(some.integers(0, 1_000_000), some.integers(-1_000_000, 1_000_000)), max_size=30)


@given(SEEDS)
def test_mean_and_variance_are_those_of_numpy(seed: int) -> None:
    for sample in drawn(seed):
        found = moments(sample)
        assert found.mean == pytest.approx(sample.mean(), rel=1e-12)
        assert found.variance == pytest.approx(sample.var(ddof=1), rel=1e-9)
        assert found.population_variance == pytest.approx(sample.var(), rel=1e-9)


@given(SEEDS)
def test_the_moments_of_parts_add_up(seed: int) -> None:
    one, other = drawn(seed)
    whole = np.concatenate([one, other])
    found = moments(one) + moments(other)
    assert found.n == len(whole)
    assert found.mean == pytest.approx(whole.mean(), rel=1e-12)
    assert found.variance == pytest.approx(whole.var(ddof=1), rel=1e-9)
    assert together([EMPTY, moments(one), EMPTY]) == moments(one)


def test_a_small_spread_far_from_nothing_is_not_lost() -> None:
    far = [1.7e9 + step for step in (0.0, 0.25, 0.5)]
    assert Moments.of(far).variance == pytest.approx(0.0625, rel=1e-12)
    assert (Moments.of(far[:1]) + Moments.of(far[1:])).variance == pytest.approx(0.0625, rel=1e-6)


def test_equal_values_have_no_spread_at_all() -> None:
    assert Moments.of([0.1] * 3).squares == 0.0
    assert Moments.of([0.1] * 3).mean == 0.1


@given(MICROS)
def test_moments_of_integers_and_of_floats_are_the_same(values: list[int]) -> None:
    exact, floats = Moments.read(Sums.of(values)), Moments.of([value / 1e6 for value in values])
    assert exact.n == floats.n
    assert exact.mean == pytest.approx(floats.mean, rel=1e-12)
    assert exact.squares == pytest.approx(floats.squares, rel=1e-9, abs=1e-18)


@given(PAIRS, PAIRS)
def test_pairs_add_up_and_can_be_taken_back(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    both = JointSums.of([*one, *other])
    assert JointSums.of(one) + JointSums.of(other) == both
    assert both - JointSums.of(other) == JointSums.of(one)
    exact = JointMoments.read(both)
    added = JointMoments.read(JointSums.of(one)) + JointMoments.read(JointSums.of(other))
    floats = JointMoments.of([x / 1e6 for x, _ in one + other], [y / 1e6 for _, y in one + other])
    for found in (added, floats):
        assert (found.n, found.mean_x, found.mean_y) == pytest.approx((exact.n, exact.mean_x, exact.mean_y), abs=1e-15)
        assert (found.xx, found.yy, found.xy) == pytest.approx((exact.xx, exact.yy, exact.xy), rel=1e-9, abs=1e-13)


def test_nothing_added_is_nothing() -> None:
    pairs = JointMoments.of([1.0, 2.0], [1.0, 3.0])
    assert NO_PAIRS + pairs == pairs + NO_PAIRS == pairs
    assert NO_PAIRS + NO_PAIRS == NO_PAIRS == JointMoments.read(JointSums())
    assert pairs.y == Moments.of([1.0, 3.0])

"""Sums are exact: they read like numpy on the raw data, merge in any order and can be taken back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitly.core.statistics.sums import EMPTY, Sums

MICROS = st.integers(0, 1_000_000)
SAMPLES = st.lists(MICROS, max_size=50)


@given(st.lists(MICROS, min_size=2, max_size=50))
def test_mean_and_variance_are_those_of_numpy_on_the_raw_data(values: list[int]) -> None:
    raw = np.array(values) / 1e6
    sample = Sums.of(values)
    assert sample.mean == pytest.approx(float(np.mean(raw)), rel=1e-12, abs=1e-15)
    assert sample.variance == pytest.approx(float(np.var(raw, ddof=1)), rel=1e-9, abs=1e-18)


@given(SAMPLES, SAMPLES)
def test_merging_knows_no_order_and_can_be_undone_to_the_bit(one: list[int], other: list[int]) -> None:
    first, second = Sums.of(one), Sums.of(other)
    assert first.merged(second) == second.merged(first) == Sums.of([*one, *other])
    assert first.merged(second).without(second) == first
    assert first.merged(EMPTY) == first


@given(MICROS, st.integers(1, 30))
def test_equal_values_have_no_spread_whatever_they_are(value: int, count: int) -> None:
    assert Sums.of([value] * count).spread == 0

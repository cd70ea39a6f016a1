"""Differences of pairs are tested as scipy's paired t does on the raw pairs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.paired import Shift, shift
from fitly.core.statistics.sums import EMPTY, Sums

PAIRS = st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 1_000_000)), min_size=2, max_size=40)


@given(PAIRS, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_paired_t_is_that_of_scipy(pairs: list[tuple[int, int]], level: float) -> None:
    differences = [one - other for one, other in pairs]
    assume(len(set(differences)) > 1)
    one, other = (np.array(side) / 1e6 for side in zip(*pairs, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy doubts itself where the differences hardly vary
        reference = stats.ttest_rel(one, other)
    found = shift(Sums.of(differences), level)
    assert isinstance(found, Shift)
    assert found.p_value == pytest.approx(float(reference.pvalue), rel=1e-6, abs=1e-9)
    bounds = reference.confidence_interval(level)
    assert found.interval == pytest.approx((bounds.low, bounds.high), rel=1e-6, abs=1e-9)
    assert found.mean == pytest.approx(float(np.mean(one - other)), abs=1e-12)


def test_one_pair_or_pairs_that_all_differ_alike_carry_no_test() -> None:
    assert shift(EMPTY, 0.95) is Missing.TOO_FEW
    assert shift(Sums.of([5]), 0.95) == Shift(5e-6, Missing.TOO_FEW, Missing.TOO_FEW)
    assert shift(Sums.of([5, 5]), 0.95) == Shift(5e-6, Missing.ZERO_VARIANCE, Missing.ZERO_VARIANCE)

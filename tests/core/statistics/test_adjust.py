"""Families of tests are adjusted as statsmodels adjusts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from statsmodels.stats.multitest import multipletests

from fitly.core.statistics.adjust import benjamini_hochberg, holm
from fitly.core.statistics.missing import Missing

FAMILIES = some.lists(some.floats(0, 1), min_size=1, max_size=40)


@given(FAMILIES)
def test_both_are_those_of_statsmodels(family: list[float]) -> None:
    for method, ours in (("holm", holm), ("fdr_bh", benjamini_hochberg)):
        reference = multipletests(family, method=method)[1]
        assert ours(family) == pytest.approx(list(reference), rel=1e-9, abs=1e-300)


@given(FAMILIES)
def test_what_was_not_tested_stays_missing_and_does_not_count(family: list[float]) -> None:
    for ours in (holm, benjamini_hochberg):
        gap: list[float | Missing] = [Missing.TOO_FEW, *family, Missing.ZERO_VARIANCE]
        assert ours(gap) == [Missing.TOO_FEW, *ours(family), Missing.ZERO_VARIANCE]


def test_an_empty_family_is_no_trouble() -> None:
    assert holm([]) == benjamini_hochberg([]) == []

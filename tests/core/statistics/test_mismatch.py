"""Sample ratios and tables are tested as scipy tests them, to the far end of the tail, and one may look at any time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from fitly.core.statistics.chi_square import ChiSquare, chi_square
from fitly.core.statistics.contingency import by_arm, contingency
from fitly.core.statistics.mismatch import ALARM, expected_counts, is_mismatch, log_e_value, sample_ratio
from fitly.core.statistics.missing import Missing

ARMS = some.lists(some.tuples(some.integers(0, 5_000), some.floats(0.05, 5)), min_size=2, max_size=34)
TABLES = some.integers(2, 8).flatmap(
    lambda columns: some.lists(
        some.lists(some.integers(0, 300), min_size=columns, max_size=columns), min_size=2, max_size=6
    )
)


@given(ARMS)
def test_the_sample_ratio_is_tested_as_scipy_does(arms: list[tuple[int, float]]) -> None:
    observed, weights = [count for count, _ in arms], [weight for _, weight in arms]
    found = sample_ratio(observed, expected_counts(sum(observed), weights))
    if not sum(observed):
        assert found is Missing.TOO_FEW
        return
    assert isinstance(found, ChiSquare)
    reference = stats.chisquare(observed, np.array(weights) / sum(weights) * sum(observed))
    assert found.chi2 == pytest.approx(reference.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-8, abs=1e-300)
    assert found.df == len(arms) - 1


@given(some.integers(1, 40), some.floats(0, 20_000))
def test_the_tails_logarithm_goes_on_where_floats_end(df: int, statistic: float) -> None:
    found = chi_square(statistic, df)
    assert found.log10_p_value == pytest.approx(
        stats.chi2.logsf(statistic, df) / math.log(10), rel=1e-9, abs=1e-12
    ) or (
        statistic > 1_300  # where scipy's own logarithm ends
    )
    higher = chi_square(statistic * 1.01 + 0.1, df)
    assert higher.log10_p_value <= found.log10_p_value - (0.01 if statistic > df else 0)


@pytest.mark.parametrize(
    ("statistic", "df", "log10"),
    # By the asymptotic series of erfc (df 1) and exactly, exp(-x/2) (df 2).
    [
        (1e5, 1, -21717.322159443942),
        (1e5, 2, -5e4 / math.log(10)),
        (4e6, 2, -2e6 / math.log(10)),
        (math.inf, 3, -math.inf),
    ],
)
def test_the_far_tail_is_that_of_the_closed_form(statistic: float, df: int, log10: float) -> None:
    found = chi_square(statistic, df)
    assert found.log10_p_value == pytest.approx(log10, rel=1e-10)
    assert found.p_value == 0.0


def test_one_arm_or_nobody_has_no_ratio() -> None:
    assert sample_ratio([3], [3.0]) is sample_ratio([0, 0], [0.0, 0.0]) is Missing.TOO_FEW


@given(TABLES)
def test_tables_are_tested_as_scipy_does_without_correction(table: list[list[int]]) -> None:
    found = contingency(table)
    if not all(map(sum, table)) or not all(map(sum, zip(*table, strict=True))):
        assert found is Missing.EMPTY_CELL
        return
    reference = stats.chi2_contingency(table, correction=False)
    assert isinstance(found, ChiSquare)
    assert found.chi2 == pytest.approx(reference.statistic, rel=1e-9, abs=1e-9)
    assert found.df == reference.dof
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-8, abs=1e-300)


def test_a_single_arm_or_answer_is_no_table() -> None:
    assert contingency([[1, 2]]) is contingency([[1], [2]]) is Missing.TOO_FEW
    assert by_arm([0, 0], [5, 7]) is Missing.EMPTY_CELL


def test_the_evidence_against_the_shares_is_a_martingale() -> None:
    """The mean of E over all draws of eight people in three arms is 1."""
    weights, mean = [0.5, 0.3, 0.2], 0.0
    for one in range(9):
        for other in range(9 - one):
            counts = [one, other, 8 - one - other]
            chance = stats.multinomial.pmf(counts, 8, weights)
            mean += chance * math.exp(log_e_value([(counts, weights)]))
    assert mean == pytest.approx(1.0, rel=1e-9)


def test_segments_of_changed_weights_multiply() -> None:
    first, second = ([60, 40], [0.5, 0.5]), ([10, 90], [1.0, 9.0])
    assert log_e_value([first, second]) == pytest.approx(log_e_value([first]) + log_e_value([second]))
    assert log_e_value([]) == 0.0
    # Read as one segment, the change itself would look like a mismatch.
    assert log_e_value([first, second]) < log_e_value([([70, 130], [0.5, 0.5])])


def test_looking_after_every_enrolment_hardly_ever_alarms_and_finds_what_is_broken() -> None:
    """400 experiments of 400 people right, 40 with 42 % where 50 % should be: a look after each person."""
    random = np.random.default_rng(5)

    def alarms(share: float, people: int) -> bool:
        counts = [0, 0]
        for one in random.random(people) < share:
            counts[bool(one)] += 1
            if is_mismatch(log_e_value([(counts, [0.5, 0.5])]), ALARM):
                return True
        return False

    assert sum(alarms(0.5, 400) for _ in range(400)) <= 2
    assert sum(alarms(0.42, 2_000) for _ in range(40)) >= 38

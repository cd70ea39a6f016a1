"""Off-policy estimates equal vw-estimators and closed forms on the raw data, and keep what they promise."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pytest
from estimators.bandits import ips, snips
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import norm

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.offpolicy import Estimate, Weighed, alpha_of, off_policy

SCALE: Final = 10**12
Totals: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


class Row(NamedTuple):
    """One decision: whose, how likely it was, how likely it would have been, what came of it, what a model says."""

    learner: int
    logged: float
    target: float
    reward: float
    model: float
    worth: float


shares: Final = some.floats(0.05, 1)
rows: Final = some.lists(
    some.builds(Row, some.integers(0, 8), shares, some.floats(0, 1), *[some.floats(0, 1)] * 3), min_size=1, max_size=60
)


def micro(value: float) -> int:
    return round(value * SCALE)


def totals(data: list[Row]) -> Totals:
    """Sum up n, w, r and d of each learner in floats."""
    found: dict[int, Totals] = defaultdict(lambda: np.zeros(4))
    for row in data:
        weight = row.target / row.logged
        term = row.worth + weight * (row.reward - row.model)
        found[row.learner] += np.array([1, weight, weight * row.reward, term])
    return np.array([*found.values()])


def weighed(data: list[Row]) -> Weighed:
    return Weighed.of([(round(n), micro(w), micro(r), micro(d)) for n, w, r, d in totals(data)])


def test_nothing_is_estimated_where_no_decision_weighs_anything() -> None:
    found = off_policy(Weighed.of([(1, 0, 0, 0)] * 200), least=0)
    assert found.ips == found.snips == found.dr == Missing.NOT_ENOUGH
    assert (found.ess, found.mean_weight) == (0, 0)


def test_a_spread_beyond_the_floats_is_unlimited_and_breaks_nothing() -> None:
    found = off_policy(Weighed.of([(1, 10**200, 10**300, 0), (1, 1, 0, 0)]), least=0)
    assert isinstance(found.ips, Estimate)
    assert found.ips.se == float("inf")


@given(data=rows)
def test_estimates_equal_the_reference_and_errors_the_closed_form(data: list[Row]) -> None:
    found = off_policy(weighed(data), scale=SCALE, least=0)
    by_learner = totals(data)
    n, w, r, d = by_learner.T
    assert found.decisions == len(data)
    assert found.mean_weight == pytest.approx(w.sum() / n.sum(), rel=1e-9, abs=1e-11)
    if w.sum() < 1e-3 or len(by_learner) < 2:
        return
    assert found.ess == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-9)
    reference = {"ips": ips.Estimator(), "snips": snips.Estimator()}
    for row in data:
        for estimator in reference.values():
            estimator.add_example(row.logged, row.reward, row.target)
    assert isinstance(found.ips, Estimate)
    assert isinstance(found.snips, Estimate)
    assert isinstance(found.dr, Estimate)
    assert found.ips.value == pytest.approx(reference["ips"].get(), rel=1e-9, abs=1e-11)
    assert found.snips.value == pytest.approx(reference["snips"].get(), rel=1e-9, abs=1e-9)
    assert found.dr.value == pytest.approx(d.sum() / n.sum(), rel=1e-9, abs=1e-11)
    for estimate, above, below in ((found.ips, r, n), (found.snips, r, w), (found.dr, d, n)):
        residuals = above - below * above.sum() / below.sum()
        count = len(by_learner)
        se = np.sqrt(count / (count - 1) * (residuals**2).sum()) / below.sum()
        assert estimate.se == pytest.approx(se, rel=1e-7, abs=1e-9)
        reach = norm.ppf(1 - alpha_of(1, 0.05) / 2) * estimate.se
        assert estimate.interval == pytest.approx((estimate.value - reach, estimate.value + reach))


@given(one=rows, other=rows)
def test_sums_of_learners_who_are_apart_add_up(one: list[Row], other: list[Row]) -> None:
    moved = [row._replace(learner=row.learner + 100) for row in other]
    merged = Weighed(*(a + b for a, b in zip(weighed(one), weighed(moved), strict=True)))
    assert merged == weighed([*one, *moved])


def test_where_target_and_log_agree_all_three_are_the_plain_mean() -> None:
    data = [Row(n, 0.3, 0.3, n % 2, 0.4, 0.4) for n in range(200)]
    found = off_policy(weighed(data), scale=SCALE)
    assert (found.ess, found.mean_weight) == (200, 1)
    for estimate in (found.ips, found.snips, found.dr):
        assert isinstance(estimate, Estimate)
        assert estimate.value == pytest.approx(0.5)


@pytest.mark.parametrize("sums", [Weighed(), Weighed.of([(5, 0, 0, 3)]), Weighed.of([(5, 9, 9, 9)] * 99)])
def test_too_few_effective_learners_give_no_answer(sums: Weighed) -> None:
    found = off_policy(sums)
    assert {found.ips, found.snips, found.dr} == {Missing.NOT_ENOUGH}


def test_one_learner_with_many_decisions_is_one_learner() -> None:
    data = [Row(0, 0.5, 0.5, 1, 0.5, 0.5)] * 5_000
    assert off_policy(weighed(data), scale=SCALE).ess == 1
    assert off_policy(weighed(data), scale=SCALE, least=1).ips is Missing.NOT_ENOUGH


def test_sums_are_read_by_their_names() -> None:
    sums = Weighed.of([(1, 2, 3, 4)])
    assert Weighed.read({f"{name}0": value for name, value in sums._asdict().items()} | {"n": 7}, "0") == sums


def test_errors_of_all_weekly_looks_add_to_the_level() -> None:
    assert sum(alpha_of(look, 0.05) for look in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)


def test_intervals_cover_the_truth_at_their_level_where_learners_are_correlated() -> None:
    """A policy that logs uniformly, a target that prefers one of two arms, learners of different ability."""
    random, covered, runs = np.random.default_rng(7), {"ips": 0, "snips": 0, "dr": 0}, 400
    truth = 0.8 * 0.6 + 0.2 * 0.5
    for _ in range(runs):
        data = []
        for learner in range(150):
            ability = random.normal(0, 0.15)
            for _ in range(random.integers(1, 9)):
                arm = random.integers(2)
                reward = (0.6, 0.5)[arm] + ability + random.normal(0, 0.1)
                data.append(Row(learner, 0.5, (0.8, 0.2)[arm], reward, 0.5, 0.5))
        found = off_policy(weighed(data), alpha=0.1, scale=SCALE)
        for name in covered:
            estimate = getattr(found, name)
            covered[name] += estimate.interval.lower <= truth <= estimate.interval.upper
    for count in covered.values():
        assert 0.92 < count / runs < 0.98

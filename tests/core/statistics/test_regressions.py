"""Clusters and factors are estimated as statsmodels' least squares estimate them, and power as it tells it."""

from __future__ import annotations

import warnings
from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from statsmodels.api import OLS
from statsmodels.stats.power import TTestIndPower
from tests.core.statistics.samples import SEEDS

from fitly.core.statistics.clusters import Clustered, ClusterSums, ClusterTest, clustered_difference
from fitly.core.statistics.factors import Effect, factorial
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.power import days_left, needed, power

People = list[tuple[int, int, int]]
"""Arm, cluster and value in millionths."""


def people(seed: int, *, apart: bool) -> People:
    random = np.random.default_rng(seed)
    groups = int(random.integers(4, 12))
    ability = random.normal(500_000, 100_000, groups)
    found = [(int(group % 2 if apart else random.integers(2)), group) for group in range(groups) for _ in range(2)]
    found += [
        (int(group % 2 if apart else random.integers(2)), group) for group in random.integers(0, groups, 60).tolist()
    ]
    return [(arm, group, int(ability[group] + random.normal(0, 50_000) + arm * 30_000)) for arm, group in found]


@given(SEEDS, some.booleans())
def test_clusters_are_those_of_statsmodels_whether_they_stand_in_one_arm_or_in_both(seed: int, apart: bool) -> None:  # noqa: FBT001
    data = people(seed, apart=apart)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for arm, group, value in data:
        groups[arm, group].append(value)
    sides = [
        Clustered.read(ClusterSums.of((len(values), sum(values)) for (a, _), values in groups.items() if a == arm))
        for arm in (0, 1)
    ]
    control, treatment = sides
    assert isinstance(control, Clustered)
    assert isinstance(treatment, Clustered)
    both = [group for arm, group in groups if arm and (0, group) in groups]
    across = sum(
        (sum(groups[0, group]) / 1e6 - len(groups[0, group]) * control.mean)
        * (sum(groups[1, group]) / 1e6 - len(groups[1, group]) * treatment.mean)
        for group in both
    )
    found = clustered_difference(treatment, control, 0.95, shared=len(both), across=across)
    assert isinstance(found, ClusterTest)
    arms, labels, values = np.array(data).T
    model = OLS(values / 1e6, np.column_stack([np.ones(len(arms)), arms]))
    plain = model.fit(cov_type="cluster", cov_kwds={"groups": labels})
    assert (found.difference, found.se) == pytest.approx((plain.params[1], plain.bse[1]), rel=1e-8)
    assert found.p_value == pytest.approx(plain.pvalues[1], rel=1e-7, abs=1e-300)
    assert found.interval == pytest.approx(tuple(plain.conf_int()[1]), rel=1e-7, abs=1e-12)
    student = model.fit(cov_type="cluster", cov_kwds={"groups": labels}, use_t=True)
    assert found.t_p_value == pytest.approx(student.pvalues[1], rel=1e-7, abs=1e-300)
    assert found.t_interval == pytest.approx(tuple(student.conf_int()[1]), rel=1e-7, abs=1e-12)
    assert found.clusters == len({group for _, group, _ in data})


def test_one_cluster_in_an_arm_or_no_spread_between_them_is_no_test() -> None:
    one, two = Clustered(1, 5, 0.5, 0.1), Clustered(2, 5, 0.5, 0.1)
    assert clustered_difference(one, two, 0.95) is clustered_difference(two, one, 0.95) is Missing.TOO_FEW
    flat = Clustered(2, 5, 0.5, 0.0)
    assert clustered_difference(flat, flat, 0.95) is Missing.ZERO_VARIANCE
    assert Clustered.read(ClusterSums()) is Missing.TOO_FEW


def test_pupils_counted_where_schools_were_randomized_are_fooled_far_more_often() -> None:
    """300 experiments of 30 schools without any effect: share of p < .05 by pupil, and by school with t."""
    random, naive, robust = np.random.default_rng(2), 0, 0
    for _ in range(300):
        sums = [ClusterSums(), ClusterSums()]
        pupils = [Moments(), Moments()]
        for school in range(30):
            scores = random.normal(random.normal(0.5, 0.1), 0.2, 20)
            sums[school % 2] += ClusterSums.of([(20, round(scores.sum() * 1e6))])
            pupils[school % 2] += Moments.of(scores.tolist())
        sides = [Clustered.read(one) for one in sums]
        assert isinstance(sides[0], Clustered)
        assert isinstance(sides[1], Clustered)
        found = clustered_difference(sides[0], sides[1], 0.95)
        assert isinstance(found, ClusterTest)
        robust += found.t_p_value < 0.05
        error = (pupils[0].variance / pupils[0].n + pupils[1].variance / pupils[1].n) ** 0.5
        naive += abs(pupils[0].mean - pupils[1].mean) > 1.96 * error
    assert robust / 300 < 0.09
    assert naive / 300 > 0.3


@given(SEEDS, some.sampled_from([(2, 2), (2, 3), (2, 2, 2)]))
def test_factors_are_those_of_statsmodels(seed: int, levels: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    values = {
        place: random.normal(sum(place), 1 + place[0], random.integers(2, 9)) for place in product(*map(range, levels))
    }
    found = factorial(levels, {place: Moments.of(each.tolist()) for place, each in values.items()}, 0.95)
    assert isinstance(found, tuple)
    columns, outcomes = [], []
    for place, each in values.items():
        coded = [
            np.prod([(place[f] == which) - 1 / levels[f] for f, which in zip(one.factors, one.levels, strict=True)])
            for one in found
        ]
        columns += [[1.0, *coded]] * len(each)
        outcomes += each.tolist()
    reference = OLS(np.array(outcomes), np.array(columns)).fit(cov_type="HC1")
    for place_, effect in enumerate(found, 1):
        assert effect.estimate == pytest.approx(reference.params[place_], rel=1e-7, abs=1e-10)
        assert effect.se == pytest.approx(reference.bse[place_], rel=1e-7)
        assert effect.p_value == pytest.approx(reference.pvalues[place_], rel=1e-5, abs=1e-12)
        assert effect.interval == pytest.approx(tuple(reference.conf_int()[place_]), rel=1e-6, abs=1e-9)


def test_a_main_effect_is_the_mean_difference_over_the_other_factors_levels() -> None:
    cells = {place: Moments(5, 10.0 * place[0] + place[1] + 4.0 * place[0] * place[1], 1.0) for place in PLACES}
    found = factorial([2, 2], cells, 0.95)
    assert isinstance(found, tuple)
    assert [one.estimate for one in found] == pytest.approx([12.0, 3.0, 4.0])


PLACES: list[tuple[int, ...]] = [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_an_empty_combination_or_nobody_to_spare_is_no_estimate() -> None:
    full = dict.fromkeys(PLACES, Moments.of([1.0, 2.0]))
    assert factorial([2, 2], full | {(1, 1): Moments()}, 0.95) is Missing.EMPTY_CELL
    assert factorial([2, 3], full, 0.95) is Missing.EMPTY_CELL
    assert factorial([2, 2], dict.fromkeys(PLACES, Moments.of([1.0])), 0.95) is Missing.TOO_FEW


def test_without_any_spread_an_effect_is_certain_and_none_is_none() -> None:
    found = factorial([2, 2], {place: Moments(4, float(place[0]), 0.0) for place in PLACES}, 0.95)
    assert isinstance(found, tuple)
    first, second, _ = found
    assert isinstance(first, Effect)
    assert (first.estimate, first.p_value) == (1.0, 0.0)
    assert (second.estimate, second.p_value) == (0.0, 1.0)


@given(
    some.floats(0.02, 2), some.integers(2, 3_000), some.sampled_from([1.0, 0.25, 4.0]), some.sampled_from([0.05, 0.01])
)
def test_power_is_within_a_hundredth_of_statsmodels(d: float, n: int, ratio: float, alpha: float) -> None:
    if n * ratio < 2:
        return
    reference = TTestIndPower().power(d, n, alpha, ratio=ratio)
    if np.isnan(reference):  # where scipy's noncentral t has given up
        assert d * np.sqrt(n * ratio / (1 + ratio)) > 5
        reference = 1.0
    assert power(d, n, ratio=ratio, alpha=alpha) == pytest.approx(reference, rel=0.01)
    assert power(-d, n, ratio=ratio, alpha=alpha) == power(d, n, ratio=ratio, alpha=alpha)


@pytest.mark.parametrize("d", [0.05, 0.1, 0.2, 0.5, 0.8, 1.5])
@pytest.mark.parametrize(("goal", "ratio"), [(0.8, 1.0), (0.9, 0.25), (0.8, 4.0)])
def test_the_people_needed_are_within_a_hundredth_of_statsmodels(d: float, goal: float, ratio: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = float(np.squeeze(TTestIndPower().solve_power(d, power=goal, alpha=0.05, ratio=ratio)))
    assert needed(d, goal=goal, ratio=ratio) == pytest.approx(reference, rel=0.01)


def test_no_effect_is_never_found_and_a_huge_one_at_once() -> None:
    assert needed(0.0) is Missing.TOO_FEW
    assert needed(3_000.0) == 2.0


def test_days_left_follow_from_the_rate_observed() -> None:
    assert days_left(100, 40, 6) == 10
    assert days_left(100, 100, 0) == 0
    assert days_left(100, 40, 0) is Missing.TOO_FEW

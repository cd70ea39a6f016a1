"""A bandit's weights follow from what was measured, the same on any machine, and keep their floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from fitly.core.experiments.plan import Bandit, BanditAlgorithm
from fitly.core.experiments.reweighting import reweighted
from fitly.core.numbers import CERTAIN
from fitly.core.statistics.moments import Moments

THOMPSON = Bandit(algorithm=BanditAlgorithm.THOMPSON)


def block(*means: float, n: int = 100, sd: float = 0.2) -> dict[int, Moments]:
    return {place: Moments(n, mean, sd * sd * (n - 1)) for place, mean in enumerate(means)}


def test_epsilon_greedy_gives_the_best_all_but_the_exploration_and_the_floor() -> None:
    found = reweighted(Bandit(), [block(0.5, 0.6, 0.4)], 3)
    least = 0.05 + 0.85 * 0.1 / 3
    assert [part / CERTAIN for part in found.weights] == pytest.approx([least, 1 - 2 * least, least], abs=1e-8)
    assert found.n == (100, 100, 100)


def test_epsilon_greedy_shares_what_is_tied() -> None:
    assert reweighted(Bandit(), [block(0.5, 0.5)], 2).weights == (CERTAIN // 2, CERTAIN // 2)


def test_nothing_measured_weighs_all_alike() -> None:
    for bandit in (Bandit(), THOMPSON):
        found = reweighted(bandit, [], 4)
        assert {round(part / CERTAIN, 6) for part in found.weights} == {0.25}
        assert {belief.sd for belief in found.posteriors} == {1.0}


def test_thompson_gives_the_chance_to_be_best_as_monte_carlo_has_it() -> None:
    found = reweighted(THOMPSON, [block(0.50, 0.52, 0.53), block(0.60, 0.61, 0.60, n=60)], 3)
    rng, draws = np.random.default_rng(1), 400_000
    drawn = np.stack([rng.normal(belief.mean, belief.sd, draws) for belief in found.posteriors])
    shares = np.bincount(drawn.argmax(axis=0), minlength=3) / draws
    expected = 0.05 + 0.85 * shares
    error = 0.85 * np.sqrt(shares * (1 - shares) / draws)
    assert np.all(np.abs(np.array(found.weights) / CERTAIN - expected) < 3 * error + 1e-6)


def test_a_population_that_gets_better_while_weights_move_makes_no_arm_look_better() -> None:
    early, late = (
        {0: Moments(190, 0.4, 7.5), 1: Moments(10, 0.4, 0.4)},
        {0: Moments(10, 0.6, 0.4), 1: Moments(190, 0.6, 7.5)},
    )
    found = reweighted(THOMPSON, [early, late], 2)
    assert found.posteriors[0].mean == pytest.approx(found.posteriors[1].mean)
    assert found.weights[0] == pytest.approx(CERTAIN / 2, rel=1e-6)


def test_an_epoch_that_lacks_an_arm_waits_since_its_level_is_no_ones_to_compare() -> None:
    whole = [block(0.5, 0.6)]
    assert (
        reweighted(THOMPSON, [*whole, {0: Moments(50, 0.9, 1.0)}], 2).weights == reweighted(THOMPSON, whole, 2).weights
    )


def test_one_learner_an_arm_is_enough_to_begin_with() -> None:
    found = reweighted(THOMPSON, [{0: Moments(1, 0.2, 0.0), 1: Moments(1, 0.8, 0.0)}], 2)
    assert found.weights[1] > found.weights[0] > 0


@given(
    some.lists(some.lists(some.floats(0, 1), min_size=4, max_size=4), max_size=3),
    some.sampled_from(BanditAlgorithm),
    some.integers(2, 4),
)
def test_weights_add_to_one_and_keep_their_floor(
    levels: list[list[float]], algorithm: BanditAlgorithm, variants: int
) -> None:
    bandit = Bandit(algorithm=algorithm)
    blocks = [block(*means[:variants]) for means in levels]
    found = reweighted(bandit, blocks, variants)
    assert sum(found.weights) == CERTAIN
    assert min(found.weights) >= 0.05 * CERTAIN - 2
    assert found == reweighted(bandit, blocks, variants)

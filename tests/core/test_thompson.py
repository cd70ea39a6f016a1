"""Thompson's propensities: how likely each belief is to be the best, by numbers drawn and by another integral."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.integrate import quad
from scipy.stats import norm

from fitly.core.confidence import Belief
from fitly.core.thompson import NODES, chances, legendre

DRAWS: Final = 200_000
KNOWN: Final = {
    "nothing": [Belief(0.0, 0.1)] * 4,
    "one arm": [Belief(0.3, 0.1)],
    "one well, three not at all": [Belief(0.03, 0.02), *[Belief(0.0, 0.1)] * 3],
    "one very well": [Belief(0.02, 0.005), Belief(0.0, 0.1), Belief(-0.05, 0.07)],
    "all well": [Belief(0.05, 0.02), Belief(0.04, 0.03), Belief(-0.02, 0.02), Belief(0.0, 0.025)],
    "one hopeless": [Belief(0.5, 0.02), Belief(0.0, 0.02), Belief(0.48, 0.05)],
}
beliefs: Final = some.lists(
    some.builds(Belief, some.floats(-0.3, 0.3), some.floats(0.01, 0.15)), min_size=1, max_size=4
)


def test_the_nodes_are_those_of_gauss_and_legendre() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    ours = np.array(legendre(NODES))[::-1]
    np.testing.assert_allclose(ours[:, 0], nodes, atol=1e-15)
    np.testing.assert_allclose(ours[:, 1], weights, atol=1e-15)


@pytest.mark.parametrize("name", KNOWN)
def test_chances_are_within_three_standard_errors_of_monte_carlo(name: str) -> None:
    known = KNOWN[name]
    random = np.random.default_rng(4)
    drawn = random.normal([each.mean for each in known], [each.sd for each in known], (DRAWS, len(known)))
    shares = np.bincount(drawn.argmax(axis=1), minlength=len(known)) / DRAWS
    for ours, share in zip(chances(known), shares, strict=True):
        assert abs(ours - share) <= 3 * math.sqrt(max(ours * (1 - ours), 1 / DRAWS) / DRAWS)


@given(known=beliefs)
def test_chances_add_to_one_and_equal_a_finer_integral(known: list[Belief]) -> None:
    ours = chances(known)
    assert sum(ours) == pytest.approx(1, abs=1e-12)
    exact = [best(known, place) for place in range(len(known))]
    np.testing.assert_allclose(ours, exact, atol=1e-4)


def best(known: list[Belief], place: int) -> float:
    """Integrate as finely as scipy can, between all edges there are."""
    mean, sd = known[place]

    def height(at: float) -> float:
        others = math.prod(norm.cdf(at, *each) for index, each in enumerate(known) if index != place)
        return float(norm.pdf(at, mean, sd) * others)

    edges = sorted({edge for m, s in known for n in (-5, 0, 5) if abs((edge := m + n * s) - mean) < 8 * sd})
    bounds = [mean - 8 * sd, *edges, mean + 8 * sd]
    return sum(quad(height, low, high, epsabs=1e-9)[0] for low, high in pairwise(bounds))


def test_two_beliefs_have_a_closed_form() -> None:
    first, _ = chances([Belief(0.05, 0.03), Belief(0.01, 0.04)])
    assert first == pytest.approx(norm.cdf(0.04 / 0.05), abs=1e-9)


def test_what_is_believed_without_a_doubt_is_best_where_it_is_higher() -> None:
    assert chances([Belief(0.1, 0.0), Belief(0.2, 0.0)]) == (0.0, 1.0)
    assert chances([Belief(0.1, 0.0)] * 2) == (0.5, 0.5)

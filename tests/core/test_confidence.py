"""What is believed of an arm's effect, and how sure that is."""

from __future__ import annotations

import math

import pytest

from fitly.core.confidence import Belief, belief, confidence
from fitly.core.entries import Evidence
from fitly.core.inforce import Prior
from fitly.core.rules import Policy

PRIOR = Prior(0.0, 0.01, 0.04, informed=True)


def said(own: tuple[int, float], other: tuple[int, float], weight: float = 1.0) -> Evidence:
    """So many decisions with the arm, and without, of these mean centred rewards; those without weigh ``weight``."""
    (n, mean), (n0, mean0) = own, other
    w0 = round(n0 * weight * 1e6)
    drawn = (n, round(n * mean * 1e6), 0, n * 10**6, n * 10**6, round(n * mean * 1e12))
    beside = (n0, round(n0 * mean0 * 1e6), w0, round(w0 * weight), round(w0 * mean0 * 1e6))
    return Evidence(1, *(0,) * 10, *drawn, *beside)


@pytest.mark.parametrize("own", [None, said((0, 0), (0, 0)), said((1, 0.9), (9, 0.1)), said((9, 0.9), (1, 0.1))])
def test_without_two_decisions_on_each_side_a_learner_has_the_prior(own: Evidence | None) -> None:
    assert belief(own, PRIOR) == Belief(0.0, 0.1)
    assert belief(own, PRIOR._replace(mean=0.03)) == Belief(0.03, 0.1)


def test_with_two_on_each_side_the_datum_is_their_difference() -> None:
    found = belief(said((4, 0.2), (2, 0.1)), PRIOR)
    weight = 0.01 / (0.01 + 0.04 * (1 / 4 + 1 / 2))
    assert found.mean == pytest.approx(weight * 0.1)
    assert found.sd == pytest.approx(math.sqrt(0.01 * (1 - weight)))


def test_equal_weights_count_as_none_whatever_they_are() -> None:
    assert belief(said((4, 0.2), (2, 0.1), weight=7), PRIOR) == pytest.approx(belief(said((4, 0.2), (2, 0.1)), PRIOR))


def test_the_populations_effect_is_where_a_learners_own_begins() -> None:
    found = belief(said((4, 0.2), (2, 0.1)), PRIOR._replace(mean=-0.05))
    weight = 0.01 / (0.01 + 0.04 * (1 / 4 + 1 / 2))
    assert found.mean == pytest.approx(-0.05 + weight * 0.15)


def test_confidence_is_the_policys_until_enough_learners_inform_it() -> None:
    believed = Belief(0.3, 0.1)
    assert confidence(believed, PRIOR._replace(informed=False), Policy(initial_confidence=0.4)) == 0.4
    assert confidence(believed, PRIOR, Policy()) == pytest.approx(0.99865, abs=1e-5)


def test_confidence_of_no_effect_is_one_half_and_of_harm_below() -> None:
    assert confidence(Belief(0.0, 0.1), PRIOR, Policy()) == 0.5
    assert confidence(Belief(-0.1, 0.1), PRIOR, Policy()) < 0.2


def test_confidence_does_not_depend_on_ability() -> None:
    """Centred rewards are all it sees: a learner who is 0.3 better throughout has the same sums."""
    able, other = said((6, 0.35), (6, 0.30)), said((6, 0.05), (6, 0.0))
    assert belief(able, PRIOR).mean == pytest.approx(belief(other, PRIOR).mean)

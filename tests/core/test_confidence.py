"""What is believed of an arm's effect, and how sure that is."""

from __future__ import annotations

import math

import pytest

from fitly.core.confidence import Belief, NotApplied, belief, confidence
from fitly.core.entries import ArmEntry
from fitly.core.inforce import Prior
from fitly.core.rules import Policy
from fitly.core.tally import empty_arm

PRIOR = Prior(0.0, 0.01, 0.04, informed=True)


def taught(n: int, mean: float) -> ArmEntry:
    return empty_arm(1)._replace(n=n, centred=round(n * mean * 1_000_000))


def not_applied(n: int, mean: float) -> NotApplied:
    return NotApplied(n, round(n * mean * 1_000_000))


@pytest.mark.parametrize("arm", [None, empty_arm(1)])
def test_without_a_decision_of_their_own_a_learner_has_the_prior(arm: ArmEntry | None) -> None:
    assert belief(arm, NotApplied(0, 0), PRIOR) == Belief(0.0, 0.1)
    assert belief(arm, NotApplied(0, 0), PRIOR._replace(mean=0.03)) == Belief(0.03, 0.1)


def test_before_two_decisions_on_each_side_the_arms_mean_counts_half() -> None:
    found = belief(taught(5, 0.2), not_applied(1, 0.9), PRIOR)
    weight = 0.01 / (0.01 + 2 * 0.04 / 5)
    assert found.mean == pytest.approx(weight * 0.2)
    assert found.sd == pytest.approx(math.sqrt(0.01 * (1 - weight)))


def test_with_two_on_each_side_the_datum_is_their_difference() -> None:
    found = belief(taught(4, 0.2), not_applied(2, 0.1), PRIOR)
    weight = 0.01 / (0.01 + 0.04 * (1 / 4 + 1 / 2))
    assert found.mean == pytest.approx(weight * 0.1)
    assert found.sd == pytest.approx(math.sqrt(0.01 * (1 - weight)))


def test_the_populations_effect_is_where_a_learners_own_begins() -> None:
    found = belief(taught(4, 0.2), not_applied(2, 0.1), PRIOR._replace(mean=-0.05))
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
    assert belief(taught(6, 0.35), not_applied(6, 0.30), PRIOR).mean == pytest.approx(
        belief(taught(6, 0.05), not_applied(6, 0.0), PRIOR).mean
    )

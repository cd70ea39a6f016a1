"""How an arm is chosen, with the true probability of each."""

from __future__ import annotations

import pytest

from fitly.core.numbers import CERTAIN, Nano
from fitly.core.policies import ALGORITHMS, best, epsilon_greedy, epsilon_greedy_odds, greedy, pick, share, with_none
from fitly.core.vocabulary import Algorithm, Variant

ALL = tuple(Variant)


def no_draw(purpose: str) -> float:
    raise AssertionError(purpose)


def test_the_best_arm_alone_needs_no_draw() -> None:
    assert greedy((Variant.BALANCED,), no_draw) is Variant.BALANCED


def test_ties_are_broken_uniformly_by_a_draw() -> None:
    assert [greedy(ALL, lambda _, at=n: at / 4) for n in range(4)] == [*ALL]  # type: ignore[misc]


def test_a_draw_next_to_one_takes_the_last() -> None:
    assert pick(ALL, 1.0) is ALL[-1]
    assert pick(ALL, 0.0) is ALL[0]


def test_exploring_takes_any_arm_and_exploiting_the_best() -> None:
    draws = {"explore": 0.05, "arm": 0.3}
    assert epsilon_greedy(ALL, ALL[:1], 0.1, draws.__getitem__) == (ALL[1], True)
    draws = {"explore": 0.1}
    assert epsilon_greedy(ALL, ALL[:1], 0.1, draws.__getitem__) == (ALL[0], False)


@pytest.mark.parametrize("arms", [ALL[:1], ALL[:2], ALL[:3], ALL])
@pytest.mark.parametrize("epsilon", [0, 0.1, 1 / 3, 1])
@pytest.mark.parametrize("control", [0.0, 0.1, 0.123456789, 1.0])
def test_probabilities_add_to_one_exactly_whatever_rounding_leaves(
    arms: tuple[Variant, ...], epsilon: float, control: float
) -> None:
    for top in (arms[:1], arms[-1:], arms):
        applied = Nano(round(CERTAIN * (1 - control)))
        odds = with_none(arms, epsilon_greedy_odds(arms, top, epsilon), applied, top[0])
        assert sum(odds.values()) == CERTAIN
        assert min(odds.values()) >= 0
        assert [*odds] == ["NONE", *arms]
        assert odds["NONE"] == CERTAIN - applied
        for arm in arms:
            wanted = applied * (epsilon / len(arms) + (1 - epsilon) / len(top) * (arm in top))
            assert abs(odds[arm] - wanted) <= len(arms)


def test_the_remainder_goes_to_the_greedy_arm() -> None:
    parts = share(100, dict.fromkeys(ALL[:3], 1 / 3), ALL[2])
    assert [*parts.values()] == [33, 33, 34]


def test_best_keeps_the_order_given() -> None:
    assert best({ALL[2]: 1.0, ALL[0]: 1.0, ALL[1]: 0.5}) == (ALL[2], ALL[0])


def test_every_algorithm_of_the_vocabulary_has_a_rule() -> None:
    assert set(ALGORITHMS) == set(Algorithm)

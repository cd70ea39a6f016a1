"""How an arm is chosen among the eligible, with the true probability of each.

Knows expected effects and uniform draws. Must never know learners, modes or events.
Each algorithm is two functions: the odds of every arm, and the draw of one; the map at the foot names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from fitly.core.numbers import CERTAIN, Nano
from fitly.core.vocabulary import Algorithm, Variant

NONE: Final = "NONE"
"""The key of "do not apply" among a decision's propensities."""

Draw: TypeAlias = Callable[[str], float]
"""Gives the uniform draw for a purpose."""


class Choice(NamedTuple):
    """An arm, and whether chance rather than knowledge chose it."""

    variant: Variant
    explored: bool


def best(expected: Mapping[Variant, float]) -> tuple[Variant, ...]:
    """Give the arms that share the highest expected value, in the order given.

    >>> best({Variant.BALANCED: 0.2, Variant.CONSERVATIVE: 0.2, Variant.PATTERN_HEAVY: 0.1})
    (<Variant.BALANCED: 'BALANCED'>, <Variant.CONSERVATIVE: 'CONSERVATIVE'>)
    """
    top = max(expected.values())
    return tuple([variant for variant, value in expected.items() if value == top])


def pick(among: tuple[Variant, ...], uniform: float) -> Variant:
    """Give one of several with equal chances."""
    return among[min(int(uniform * len(among)), len(among) - 1)]


def greedy(top: tuple[Variant, ...], draw: Draw) -> Variant:
    """Give the best arm; a draw is made only where several share the first place."""
    return top[0] if len(top) == 1 else pick(top, draw("tie"))


def share(total: int, shares: Mapping[Variant, float], remainder_to: Variant) -> dict[Variant, Nano]:
    """Split a probability by shares (adding to 1), exactly; what rounding leaves goes to one arm.

    >>> share(10, {Variant.BALANCED: 1 / 3, Variant.CONSERVATIVE: 2 / 3}, Variant.CONSERVATIVE)
    {<Variant.BALANCED: 'BALANCED'>: 3, <Variant.CONSERVATIVE: 'CONSERVATIVE'>: 7}
    """
    parts = {variant: Nano(int(total * part)) for variant, part in shares.items()}
    parts[remainder_to] = Nano(total - sum(part for variant, part in parts.items() if variant is not remainder_to))
    return parts


@lru_cache(maxsize=4096)
def with_none(
    arms: tuple[Variant, ...], shares: tuple[float, ...], applied: Nano, remainder_to: Variant
) -> dict[str, Nano]:
    """Give the probabilities over arms and ``NONE``; they add to 10^9 exactly.

    Parameters
    ----------
    arms : tuple of Variant
        Arms with a chance.
    shares : tuple of float
        Their shares of what is applied; add to 1.
    applied : Nano
        Probability of applying any of them.
    remainder_to : Variant
        Takes what rounding leaves: the greedy arm.

    Examples
    --------
    >>> with_none((Variant.BALANCED,), (1.0,), Nano(900_000_000), Variant.BALANCED)
    {'NONE': 100000000, 'BALANCED': 900000000}
    """
    parts = share(applied, dict(zip(arms, shares, strict=True)), remainder_to)
    return {NONE: Nano(CERTAIN - applied), **{arm.value: part for arm, part in parts.items()}}


@lru_cache(maxsize=1024)
def epsilon_greedy_odds(arms: tuple[Variant, ...], top: tuple[Variant, ...], epsilon: float) -> tuple[float, ...]:
    """Give each arm's share: epsilon uniformly over all, the rest uniformly over the best.

    >>> epsilon_greedy_odds((Variant.BALANCED, Variant.CONSERVATIVE), (Variant.BALANCED,), 0.1)
    (0.9500000000000001, 0.05)
    """
    each, bonus = epsilon / len(arms), (1 - epsilon) / len(top)
    return tuple([each + bonus if arm in top else each for arm in arms])


def epsilon_greedy(arms: tuple[Variant, ...], top: tuple[Variant, ...], epsilon: float, draw: Draw) -> Choice:
    """Explore with probability epsilon, uniformly over all eligible arms; else take the best, ties uniform.

    Source: Sutton and Barto, *Reinforcement Learning*, 2nd edition, section 2.2.
    """
    if draw("explore") < epsilon:
        return Choice(pick(arms, draw("arm")), explored=True)
    return Choice(greedy(top, draw), explored=False)


class Rule(NamedTuple):
    """One algorithm: the odds it gives, and how it draws by them."""

    odds: Callable[[tuple[Variant, ...], tuple[Variant, ...], float], tuple[float, ...]]
    choose: Callable[[tuple[Variant, ...], tuple[Variant, ...], float, Draw], Choice]


ALGORITHMS: Final = {Algorithm.EPSILON_GREEDY: Rule(epsilon_greedy_odds, epsilon_greedy)}

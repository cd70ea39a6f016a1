"""How an arm is chosen among the eligible, with the true probability of each.

Knows expected effects and uniform draws. Must never know learners, modes or events.
Each algorithm is one function from expected values to a `Choice`; the map at the foot names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from fitly.core.numbers import CERTAIN, Nano, nano
from fitly.core.rules import Policy
from fitly.core.vocabulary import Algorithm, Variant

Draw: TypeAlias = Callable[[str], float]
"""Gives the uniform draw for a purpose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An arm, whether chance rather than knowledge chose it, and every arm's probability (adds to 10^9)."""

    variant: Variant
    explored: bool
    propensities: dict[Variant, Nano]


def best(expected: Mapping[Variant, float]) -> tuple[Variant, ...]:
    """Give the arms that share the highest expected value, in the vocabulary's order.

    >>> best({Variant.BALANCED: 0.2, Variant.CONSERVATIVE: 0.2, Variant.PATTERN_HEAVY: 0.1})
    (<Variant.BALANCED: 'BALANCED'>, <Variant.CONSERVATIVE: 'CONSERVATIVE'>)
    """
    top = max(expected.values())
    return tuple(variant for variant in Variant if expected.get(variant) == top)


def pick(among: tuple[Variant, ...], uniform: float) -> Variant:
    """Give one of several with equal chances."""
    return among[min(int(uniform * len(among)), len(among) - 1)]


def share(total: Nano, among: Mapping[Variant, float], remainder_to: Variant) -> dict[Variant, Nano]:
    """Split a probability by shares (adding to 1), exactly; what rounding leaves goes to one arm.

    >>> share(Nano(10), {Variant.BALANCED: 1 / 3, Variant.CONSERVATIVE: 2 / 3}, Variant.CONSERVATIVE)
    {<Variant.BALANCED: 'BALANCED'>: 3, <Variant.CONSERVATIVE: 'CONSERVATIVE'>: 7}
    """
    parts = {variant: Nano(int(total * part)) for variant, part in among.items()}
    parts[remainder_to] = Nano(total - sum(part for variant, part in parts.items() if variant != remainder_to))
    return parts


def epsilon_greedy(expected: Mapping[Variant, float], policy: Policy, draw: Draw) -> Choice:
    """Explore with probability epsilon, uniformly over all eligible arms; else take the best, ties uniform.

    Source: Sutton and Barto, *Reinforcement Learning*, 2nd edition, section 2.2.
    """
    top = best(expected)
    explored = draw("explore") < policy.epsilon
    arms = tuple(variant for variant in Variant if variant in expected)
    variant = pick(arms, draw("arm")) if explored else pick(top, draw("tie"))
    each, bonus = policy.epsilon / len(arms), (1 - policy.epsilon) / len(top)
    shares = {arm: each + (bonus if arm in top else 0.0) for arm in arms}
    return Choice(variant, explored, share(CERTAIN, shares, top[0]))


def scaled(propensities: Mapping[Variant, Nano], by: float, remainder_to: Variant) -> dict[Variant, Nano]:
    """Multiply every arm's probability by a share, keeping the sum exact."""
    total = Nano(CERTAIN - nano(1 - by))
    return share(total, {arm: part / CERTAIN for arm, part in propensities.items()}, remainder_to)


ALGORITHMS: Final[dict[Algorithm, Callable[[Mapping[Variant, float], Policy, Draw], Choice]]] = {
    Algorithm.EPSILON_GREEDY: epsilon_greedy,
}

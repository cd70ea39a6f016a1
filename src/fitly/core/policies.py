"""How an arm is chosen among the eligible, with the true probability of each.

Knows what is believed of arms, and uniform draws. Must never know learners, modes or events.
Each algorithm is two functions: the odds of every arm, and the draw of one by those odds; the map at the foot names
them. What is drawn follows what was computed, so that a logged probability is true by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, TypeAlias

from fitly.core.confidence import Belief
from fitly.core.numbers import CERTAIN, Nano
from fitly.core.thompson import chances
from fitly.core.vocabulary import Algorithm, Variant

NONE: Final = "NONE"
"""The key of "do not apply" among a decision's propensities."""

Draw: TypeAlias = Callable[[str], float]
"""Gives the uniform draw for a purpose."""


class Ways(Protocol):
    """How to choose: a policy, or one that only looks on."""

    @property
    def algorithm(self) -> Algorithm:
        """The name of its rule."""

    @property
    def epsilon(self) -> float:
        """Share of exploration, for epsilon-greedy."""

    @property
    def floor(self) -> float:
        """The least share of every eligible arm."""

    @property
    def fixed_arm(self) -> Variant | None:
        """The one arm, for a fixed policy."""


class Known(NamedTuple):
    """What is known when an arm is to be chosen.

    Attributes
    ----------
    arms : tuple of Variant
        Eligible arms, one at least.
    beliefs : tuple of Belief
        What is believed of each one's effect.
    expected : tuple of float
        What greed compares: the beliefs' means, or plain averages.
    top : tuple of Variant
        The arms that lead; see `leaders`.
    """

    arms: tuple[Variant, ...]
    beliefs: tuple[Belief, ...]
    expected: tuple[float, ...]
    top: tuple[Variant, ...]


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


def leaders(expected: Mapping[Variant, float], ways: Ways) -> tuple[Variant, ...]:
    """Give the arms that a policy would take if it left nothing to chance: the best, or the one it is fixed on."""
    fixed = ways.fixed_arm
    return best(expected) if fixed is None or fixed not in expected else (fixed,)


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


def with_floor(shares: tuple[float, ...], floor: float) -> tuple[float, ...]:
    """Give every arm a least share; what is left goes by the shares given.

    >>> with_floor((1.0, 0.0), 0.05)
    (0.9500000000000001, 0.05)
    """
    left = 1 - len(shares) * floor
    return tuple([floor + left * part for part in shares]) if floor else shares


def draw_by(parts: Mapping[str, Nano], arms: tuple[Variant, ...], uniform: float) -> Variant:
    """Draw one of the arms by their parts: with one uniform number, exactly as likely as the parts say.

    >>> draw_by({NONE: Nano(5), "BALANCED": Nano(1), "CONSERVATIVE": Nano(4)}, (Variant.BALANCED,), 0.99)
    <Variant.BALANCED: 'BALANCED'>
    """
    possible = [arm for arm in arms if parts[arm]] or arms[-1:]
    left = uniform * sum([parts[arm] for arm in possible])
    for arm in possible:
        left -= parts[arm]
        if left < 0:
            return arm
    return possible[-1]


@lru_cache(maxsize=1024)
def epsilon_greedy_odds(arms: tuple[Variant, ...], top: tuple[Variant, ...], epsilon: float) -> tuple[float, ...]:
    """Give each arm's share: epsilon uniformly over all, the rest uniformly over the best.

    >>> epsilon_greedy_odds((Variant.BALANCED, Variant.CONSERVATIVE), (Variant.BALANCED,), 0.1)
    (0.9500000000000001, 0.05)
    """
    each, bonus = epsilon / len(arms), (1 - epsilon) / len(top)
    return tuple([each + bonus if arm in top else each for arm in arms])


def epsilon_of(known: Known, ways: Ways) -> float:
    """Give the share of exploration with the floor in it: a floor under epsilon-greedy is a larger epsilon."""
    floor = len(known.arms) * ways.floor
    return floor + (1 - floor) * ways.epsilon


def _greedy_odds(known: Known, ways: Ways) -> tuple[float, ...]:
    return epsilon_greedy_odds(known.arms, known.top, epsilon_of(known, ways))


def epsilon_greedy(known: Known, ways: Ways, parts: Mapping[str, Nano], draw: Draw) -> Choice:  # noqa: ARG001 - the interface
    """Explore with probability epsilon, uniformly over all eligible arms; else take the best, ties uniform.

    Source: Sutton and Barto, *Reinforcement Learning*, 2nd edition, section 2.2.
    """
    if draw("explore") < epsilon_of(known, ways):
        return Choice(pick(known.arms, draw("arm")), explored=True)
    return Choice(greedy(known.top, draw), explored=False)


def thompson_odds(known: Known, ways: Ways) -> tuple[float, ...]:
    """Give each arm the probability that it is the best, as far as is believed.

    Source: Thompson, *Biometrika* 25 (1933), 285-294.
    """
    return with_floor(chances(known.beliefs), ways.floor)


def fixed_odds(known: Known, ways: Ways) -> tuple[float, ...]:
    """Give the one arm everything, but for the floor of the others."""
    return with_floor(tuple([float(arm in known.top) for arm in known.arms]), ways.floor)


def uniform_odds(known: Known, ways: Ways) -> tuple[float, ...]:  # noqa: ARG001 - the interface of a rule
    """Give every eligible arm the same."""
    return (1 / len(known.arms),) * len(known.arms)


def by_odds(known: Known, ways: Ways, parts: Mapping[str, Nano], draw: Draw) -> Choice:
    """Draw by the odds; whatever is not among the leading arms was exploration, and under uniform odds all is."""
    chosen = draw_by(parts, known.arms, draw("arm"))
    return Choice(chosen, explored=chosen not in known.top or ways.algorithm is _UNIFORM)


class Rule(NamedTuple):
    """One algorithm: the odds it gives, and how it draws by them (as integer parts, in which ``NONE`` has its own)."""

    odds: Callable[[Known, Ways], tuple[float, ...]]
    choose: Callable[[Known, Ways, Mapping[str, Nano], Draw], Choice]


_UNIFORM: Final = Algorithm.UNIFORM

ALGORITHMS: Final = {
    Algorithm.EPSILON_GREEDY: Rule(_greedy_odds, epsilon_greedy),
    Algorithm.THOMPSON: Rule(thompson_odds, by_odds),
    Algorithm.FIXED: Rule(fixed_odds, by_odds),
    Algorithm.UNIFORM: Rule(uniform_odds, by_odds),
}

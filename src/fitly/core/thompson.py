"""How likely each of several normal beliefs is to be the best: Thompson sampling's true propensities.

Knows means and standard deviations, and how to integrate. Must never know what an arm is, nor draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from fitly.core.confidence import Belief

NODES: Final = 32
"""Nodes of the quadrature: of one integral per arm."""
REACH: Final = 6.0
"""Standard deviations beyond which a normal density counts as nothing (2e-9 of it lies there)."""
LEAST_SD: Final = 1e-9
"""What is believed without a doubt is believed with this one, so that the same holds for it as for the rest."""


def legendre(count: int) -> tuple[tuple[float, float], ...]:
    """Give nodes on [-1, 1] and weights of Gauss and Legendre's quadrature.

    Source: Press et al., *Numerical Recipes*, section 4.6: Newton's method on the recurrence of the polynomials.

    >>> [(round(node, 6), round(weight, 6)) for node, weight in legendre(3)]
    [(0.774597, 0.555556), (0.0, 0.888889), (-0.774597, 0.555556)]
    """
    return tuple([_root(count, math.cos(math.pi * (place + 0.75) / (count + 0.5))) for place in range(count)])


def _root(count: int, near: float) -> tuple[float, float]:
    """Give the root of the polynomial near a guess, and its weight; six steps are more than doubles can tell apart."""
    node, slope = near, 1.0
    for _ in range(6):
        value, before = 1.0, 0.0
        for degree in range(count):
            value, before = ((2 * degree + 1) * node * value - degree * before) / (degree + 1), value
        slope = count * (node * value - before) / (node * node - 1)
        node -= value / slope
    return node, 2 / ((1 - node * node) * slope * slope)


_POINTS: Final = legendre(NODES)


def chances(beliefs: Sequence[Belief]) -> tuple[float, ...]:
    """Give the probability that each belief, drawn independently of the others, comes out highest.

    P(arm is best) = the integral of its density times the probability that each other is below. It is taken from where
    the highest of all the beliefs' lower ends is, since before that some other is surely above, to the arm's own upper
    end: the nodes then lie close together where a narrow belief of another makes the integrand rise steeply, which
    nodes placed around the arm's own mean would miss.

    Parameters
    ----------
    beliefs : sequence of Belief
        Normal beliefs, one per arm.

    Returns
    -------
    tuple of float
        Adds to 1 but for rounding; equal beliefs have equal chances.

    Examples
    --------
    >>> [round(chance, 6) for chance in chances([Belief(0.1, 0.1), Belief(0.0, 0.1)])]
    [0.76025, 0.23975]
    >>> chances([Belief(0.1, 0.1)])
    (1.0,)
    """
    known = [(belief.mean, max(belief.sd, LEAST_SD)) for belief in beliefs]
    lowest = max(mean - REACH * sd for mean, sd in known)
    parts = [_best(known, place, lowest) for place in range(len(known))]
    whole = math.fsum(parts)
    return tuple([part / whole for part in parts])


def _best(known: list[tuple[float, float]], place: int, lowest: float) -> float:
    """Integrate for one arm."""
    mean, sd = known[place]
    highest = mean + REACH * sd
    if highest <= lowest:
        return 0.0
    others = [(m, s * _ROOT_2) for index, (m, s) in enumerate(known) if index != place]
    middle, half = (lowest + highest) / 2, (highest - lowest) / 2
    total = 0.0
    for node, weight in _POINTS:
        at = middle + half * node
        height = (at - mean) / sd
        part = weight * math.exp(-0.5 * height * height)
        for other, scale in others:
            part *= 0.5 * math.erfc((other - at) / scale)
        total += part
    return total * half / (sd * _ROOT_2_PI)


_ROOT_2: Final = math.sqrt(2)
_ROOT_2_PI: Final = math.sqrt(2 * math.pi)

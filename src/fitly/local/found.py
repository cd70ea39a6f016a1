"""What was decided, held against what is true of the learners: the figures of a simulation.

Knows decisions, learners and their true effects. Must never know how either came to be here: a loop in memory and a
real stack are judged by the same sums.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from fitly.core.numbers import DAY, Millis, to_millis
from fitly.core.vocabulary import Context, Level, Mode, Variant
from fitly.local.simulate import START, Learner, Population

PERSONAL: Final = frozenset({Mode.FALLBACK, Mode.PROBE, Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT})
"""Modes of learners who may be personalized: what a policy answers for."""
UNSURE: Final = frozenset({Mode.FALLBACK, Mode.PROBE})
QUARTERS: Final = 4
LAST: Final = QUARTERS - 1
BANDS: Final = (0.0, 0.05, 0.1)
"""Between which true effects of their best arm learners are told apart."""


class Decided(NamedTuple):
    """What is remembered of a decision."""

    user_id: str
    context: Context
    mode: Mode
    variant: Variant | None
    confidence: float
    at: Millis


class Cell(NamedTuple):
    """Which decisions are counted together: the quarter of the days, the learner's quarter by ability, and so on."""

    quarter: int
    context: Context
    level: Level
    ability: int
    band: int


@dataclass(slots=True)
class Tally:
    """Sums over decisions of learners who may be personalized.

    Attributes
    ----------
    decisions, applied, best : int
        How many; of these applied; of these with an arm than which none is truly better.
    regret, uniform : float
        What was missed of the best choice, and what uniform choice of an arm would have missed on average.
    applied_regret, applied_uniform : float
        The same over applied decisions, against the best arm: the choice of the arm alone.
    """

    decisions: int = 0
    applied: int = 0
    best: int = 0
    regret: float = 0.0
    uniform: float = 0.0
    applied_regret: float = 0.0
    applied_uniform: float = 0.0

    def add(self, other: Tally) -> None:
        """Add up."""
        self.decisions += other.decisions
        self.applied += other.applied
        self.best += other.best
        self.regret += other.regret
        self.uniform += other.uniform
        self.applied_regret += other.applied_regret
        self.applied_uniform += other.applied_uniform

    @property
    def applied_share(self) -> float:
        """Share of the decisions that personalize."""
        return self.applied / self.decisions if self.decisions else float("nan")

    @property
    def best_share(self) -> float:
        """Share of the applied decisions with the best arm."""
        return self.best / self.applied if self.applied else float("nan")

    @property
    def regret_ratio(self) -> float:
        """Regret as a share of uniform choice's."""
        return self.regret / self.uniform if self.uniform else float("nan")

    @property
    def choice_ratio(self) -> float:
        """The same over applied decisions."""
        return self.applied_regret / self.applied_uniform if self.applied_uniform else float("nan")


class Ascent(NamedTuple):
    """Learners (in a context) at MEDIUM or HIGH who were once below their threshold.

    Attributes
    ----------
    below : int
        How many.
    probed, rose : int
        Of these: how many were probed, and how many were confident later.
    driest : int
        The longest row of decisions below the threshold without a probe.
    """

    below: int
    probed: int
    rose: int
    driest: int


class Found:
    """Decisions of a simulation, added up as they come.

    Parameters
    ----------
    people : Population
        Whose decisions.
    days : int
        How long they were simulated; the last quarter of it is "in the end".
    start : datetime
        Midnight of the first day.
    """

    def __init__(self, people: Population, *, days: int, start: datetime = START) -> None:
        self.people = people
        self.days = days
        self.start = to_millis(start)
        self.learners = {learner.user_id: learner for learner in map(people.learner, range(people.size))}
        self.modes: Counter[Mode] = Counter()
        self.cells: dict[Cell, Tally] = defaultdict(Tally)
        self.confidences: dict[tuple[str, Context], list[float]] = {}
        self._ranks = _quarters(list(self.learners.values()))
        self._runs: dict[tuple[str, Context], list[int]] = {}

    def add(self, decided: Decided) -> None:
        """Count a decision; those of one learner and context come in their order."""
        learner = self.learners.get(decided.user_id)
        if learner is None:
            return
        self.modes[decided.mode] += 1
        if decided.mode not in PERSONAL:
            return
        day = (decided.at - self.start) / DAY
        quarter = min(LAST, max(0, int(QUARTERS * day / self.days)))
        self._judge(decided, learner, day, quarter)
        if quarter == LAST:
            self.confidences.setdefault((decided.user_id, decided.context), []).append(decided.confidence)
        if learner.level in (Level.MEDIUM, Level.HIGH):
            self._follow(decided)

    def _judge(self, decided: Decided, learner: Learner, day: float, quarter: int) -> None:
        context, variant = decided.context, decided.variant
        effects = [learner.effect(context, arm, day) for arm in Variant]
        best, mean = max(effects), sum(effects) / len(effects)
        most = max(best, 0.0)
        band = sum(best > edge for edge in BANDS)
        tally = self.cells[Cell(quarter, context, learner.level, self._ranks[learner.number], band)]
        tally.decisions += 1
        tally.uniform += most - mean
        if variant is None:
            tally.regret += most
            return
        effect = learner.effect(context, variant, day)
        tally.applied += 1
        tally.best += effect >= best
        tally.regret += most - effect
        tally.applied_regret += best - effect
        tally.applied_uniform += best - mean

    def _follow(self, decided: Decided) -> None:
        """Follow a learner below the threshold: [below?, probed?, rose?, run without a probe, longest]."""
        state = self._runs.setdefault((decided.user_id, decided.context), [0, 0, 0, 0, 0])
        if decided.mode in UNSURE:
            state[0], state[2] = 1, 0
            state[1] |= decided.mode is Mode.PROBE
            state[3] = 0 if decided.mode is Mode.PROBE else state[3] + 1
            state[4] = max(state[4], state[3])
        else:
            state[2], state[3] = state[0], 0

    # -- figures ---------------------------------------------------------------------------------------------

    def tally(self, fits: Callable[[Cell], bool] = lambda _cell: True) -> Tally:
        """Add up the cells that fit."""
        total = Tally()
        for cell, tally in self.cells.items():
            if fits(cell):
                total.add(tally)
        return total

    def at_the_end(self, level: Level) -> Tally:
        """Add up the last quarter of the days for one level."""
        return self.tally(lambda cell: cell.quarter == LAST and cell.level is level)

    def by_ability(self, quarter: int) -> Tally:
        """Add up one quarter of the learners, from the least able to the ablest."""
        return self.tally(lambda cell: cell.ability == quarter)

    def by_benefit(self, band: int) -> Tally:
        """Add up the learners whose best arm's true effect is in a band; see `BANDS`."""
        return self.tally(lambda cell: cell.band == band)

    def pairs(self) -> list[tuple[float, float]]:
        """Give ability and confidence in the end, for each learner and context."""
        return [
            (self.learners[user].ability, sum(each) / len(each)) for (user, _), each in self.confidences.items() if each
        ]

    def diligences(self) -> list[float]:
        """Give the share of the days on which they study, for each of `pairs`."""
        return [self.learners[user].diligence for (user, _), each in self.confidences.items() if each]

    def ascent(self) -> Ascent:
        """Tell what became of those who were below their threshold."""
        below = [state for state in self._runs.values() if state[0]]
        return Ascent(
            len(below),
            sum(state[1] for state in below),
            sum(state[2] for state in below),
            max((state[4] for state in below), default=0),
        )


def correlation(pairs: list[tuple[float, float]]) -> float:
    """Give Pearson's correlation; 0 where one side does not vary: what is the same for all depends on nothing.

    >>> correlation([(0.1, 1.0), (0.2, 2.0), (0.3, 3.0)]), correlation([(0.1, 1.0), (0.2, 1.0)])
    (1.0, 0.0)
    """
    if not pairs:
        return 0.0
    one, other = np.array(pairs).T
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return round(float(np.corrcoef(one, other)[0, 1]), 12)


def correlation_beside(pairs: list[tuple[float, float]], beside: list[float]) -> float:
    """Give the partial correlation of two things beside a third: of what neither follows from that.

    What follows is a straight line, a parabola and a logarithm of the third, by least squares.

    Parameters
    ----------
    pairs : list of pair
        The two.
    beside : list of float
        The third, positive.

    Examples
    --------
    >>> days = [0.1, 0.2, 0.4, 0.5, 0.7, 0.9]
    >>> able = [0.2, 0.1, 0.5, 0.4, 0.8, 0.7]
    >>> correlation_beside([(a, 3 * d) for a, d in zip(able, days)], days)
    0.0
    """
    if len(pairs) <= _LEAST_BESIDE:
        return 0.0
    third = np.array(beside)
    follows = np.column_stack([np.ones_like(third), third, third**2, np.log(third)])
    both = np.array(pairs)
    left = both - follows @ np.linalg.lstsq(follows, both, rcond=None)[0]
    if (left.std(axis=0) <= _NOTHING_LEFT * np.maximum(both.std(axis=0), 1.0)).any():
        return 0.0
    return round(float(np.corrcoef(left.T)[0, 1]), 12)


_LEAST_BESIDE: Final = 5
_NOTHING_LEFT: Final = 1e-12


def _quarters(learners: list[Learner]) -> dict[int, int]:
    """Give each learner's quarter by ability, 0 for the least able."""
    order = sorted(learners, key=lambda learner: (learner.ability, learner.number))
    return {learner.number: place * QUARTERS // len(order) for place, learner in enumerate(order)}

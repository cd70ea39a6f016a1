"""Looking every day: how often something is found where nothing is, and how often what is there is found.

Knows experiments in which nothing helps, and some in which something does. Must never know how a figure is shown.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from tests.bench.figures import Figure
from tests.bench.traps.worlds import (
    MEAN,
    SD,
    Flags,
    Floats,
    Ints,
    Looks,
    drawn,
    looked_at,
    micros,
    moment,
    named,
    plan,
    trial,
)

from fitly.core.experiments.comparing import Pair, Sample
from fitly.core.experiments.figures import CountedUnit
from fitly.core.experiments.planned import PlannedLook
from fitly.core.experiments.planning import DIFFERENCES, outlook
from fitly.core.experiments.report import report
from fitly.core.experiments.verdict import RULE
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sequential import Tuning, looked
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import welch

MOST_FALSE: Final = 0.05
WELL_ABOVE: Final = 0.10
NEAR: Final = 0.03
DAYS: Final = 90
MEASURED: Final = 14
LEARNERS: Final = 1_000


class Ps(NamedTuple):
    """The p of every look: arrays (experiment, look)."""

    always_valid: Floats
    fixed: Floats


def ps(looks: Looks, planned: float) -> Ps:
    """Make both tests at every look, with the product's own functions."""
    experiments, count, _ = looks.n.shape
    valid, fixed = np.ones((experiments, count)), np.ones((experiments, count))
    tuning = Tuning(planned=planned)
    for experiment in range(experiments):
        for look in range(count):
            sides = looks.moments(experiment, look)
            valid[experiment, look] = _p(looked(*sides, tuning))
            fixed[experiment, look] = _p(welch(*sides, 0.95))
    return Ps(valid, fixed)


def _p(found: object) -> float:
    return 1.0 if isinstance(found, Missing) else float(found.p_value)  # type: ignore[attr-defined]


def share(what: str, world: str, found: Floats | Flags, bound: str, *, most: float = 1.0, least: float = 0.0) -> Figure:
    """Tell a share of experiments with its binomial error."""
    value, count = float(np.mean(found)), len(found)
    error = math.sqrt(max(value * (1 - value), 0.25 / count) / count)
    holds = least <= value <= most if bound else None
    return Figure(what, world, value, error, f"{int(np.sum(found)):,} of {count:,} experiments", bound, holds)


def nothing_helps(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """A/A, looked at on each of 90 days: what is ever found."""
    looks = looked_at(*drawn(rng, experiments, LEARNERS), DAYS)
    found = ps(looks, LEARNERS)
    valid, end = found.always_valid, found.fixed[:, -1]
    rule = (valid.min(axis=1) <= RULE.sequential_p) | (end <= RULE.fixed_p)
    either = (valid.min(axis=1) <= MOST_FALSE) | (end <= MOST_FALSE)
    world = f"nothing helps; {LEARNERS:,} learners, {DAYS} daily looks"
    return [
        share("always-valid p ≤ .05 at any look", world, valid.min(axis=1) <= MOST_FALSE, "≤ 5 %", most=MOST_FALSE),
        share(
            "naive p ≤ .05 at any look (what peeking does)",
            world,
            found.fixed.min(axis=1) <= MOST_FALSE,
            "> 10 %",
            least=WELL_ABOVE,
        ),
        share("the verdict's rule, .01 at any look or .04 at the end", world, rule, "≤ 5 %", most=MOST_FALSE),
        share("plainly either, .05 at any look or .05 at the end", world, either, ""),
        share("a winner in the report", world, _won(looks, found), "≤ 5 %", most=MOST_FALSE),
    ]


def _won(looks: Looks, found: Ps) -> Floats:
    """Ask the report at every look at which it could name a winner: where the primary metric is significant."""
    experiments, count, _ = looks.n.shape
    of = plan(LEARNERS, DAYS)
    started, won = trial(of), np.zeros(experiments)
    for experiment in range(experiments):
        for look in range(count):
            is_last = look == count - 1
            if found.always_valid[experiment, look] > RULE.sequential_p and not (
                is_last and found.fixed[experiment, look] <= RULE.fixed_p
            ):
                continue
            sums = named([looks.sums(experiment, look, arm) for arm in (0, 1)])
            planned = None if is_last else PlannedLook(look=0, p_values={})
            told = report(started, sums, look=look + 1, closed_at=moment(look + 1), planned=planned)
            won[experiment] = max(won[experiment], told.verdict.winner is not None)
    return won


def something_helps(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """Power: foretold by each experiment from the half of its learners, and found at its planned end."""
    figures = []
    for effect in (DIFFERENCES[0], DIFFERENCES[1]):
        looks = looked_at(*drawn(rng, experiments, LEARNERS, effect=effect), 2)
        foretold = float(np.mean([_foretold(looks, each, effect) for each in range(experiments)]))
        found = np.array([_p(welch(*looks.moments(each, 1), 0.95)) for each in range(experiments)]) <= RULE.fixed_p
        world = f"+{effect:g} helps; {LEARNERS:,} learners, one look at .04"
        bound = f"{100 * foretold:.1f} ± 3 %, foretold halfway"
        figures.append(share("found", world, found, bound, least=foretold - NEAR, most=foretold + NEAR))
    daily = ps(looked_at(*drawn(rng, experiments // 4, LEARNERS, effect=effect), DAYS), LEARNERS)
    rule = (daily.always_valid.min(axis=1) <= RULE.sequential_p) | (daily.fixed[:, -1] <= RULE.fixed_p)
    world = f"+{effect:g} helps; {LEARNERS:,} learners, {DAYS} daily looks"
    return [*figures, share("found by the verdict's rule", world, rule, "")]


def _foretold(looks: Looks, experiment: int, effect: float) -> float:
    """Ask what the report tells at the first look of the power at the planned end."""
    treatment, control = (Sample(each, each) for each in looks.moments(experiment, 0))
    told = outlook("treatment", Pair(treatment, control, None), CountedUnit.LEARNER, LEARNERS)
    return told.power[f"{effect:g}"]


def rolling(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """A/A: a learner counted once, with a mean that is complete, against means that go on moving at every look."""
    frozen, moving = np.zeros(experiments), np.zeros(experiments)
    tuning = Tuning(planned=LEARNERS)
    for experiment in range(experiments):
        arm, daily, joined = _outcomes(rng)
        for day in range(DAYS):
            since = np.minimum(day - joined + 1, MEASURED)
            means = daily[np.arange(LEARNERS), np.maximum(since, 1) - 1]
            for flags, who in ((moving, since > 0), (frozen, since == MEASURED)):
                treatment, control = (_added(means[who & (arm == side)]) for side in (1, 0))
                flags[experiment] = max(flags[experiment], _p(looked(treatment, control, tuning)) <= MOST_FALSE)
    world = f"nothing helps, learners are alike; {LEARNERS:,}, an outcome a day for {MEASURED} days, {DAYS} daily looks"
    return [
        share("a learner counts once, when complete: always-valid p ≤ .05", world, frozen, "≤ 5 %", most=MOST_FALSE),
        share("means that go on moving: always-valid p ≤ .05", world, moving, ""),
    ]


def _outcomes(rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Draw arms, running means over a learner's days, and the day each joined."""
    arm = rng.integers(0, 2, LEARNERS)
    values = micros(rng.normal(MEAN, SD, (LEARNERS, MEASURED)))
    means = np.cumsum(values, axis=1) // np.arange(1, MEASURED + 1)
    return arm, means, rng.integers(0, DAYS - MEASURED, LEARNERS)


def _added(values: Ints) -> Moments:
    return Moments.read(Sums(len(values), int(values.sum()), int((values * values).sum())))

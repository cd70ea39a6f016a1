"""Schools are randomized and pupils are counted: what goes wrong, and what does not.

Knows schools whose pupils are alike. Must never know how a figure is shown.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from tests.bench.figures import Figure
from tests.bench.traps.peeking import share
from tests.bench.traps.worlds import Ints, micros, moment, named, plan, trial

from fitly.core.experiments.figures import Suspicion
from fitly.core.experiments.plan import RandomizationUnit
from fitly.core.experiments.report import Report, report
from fitly.core.statistics.mismatch import ALARM, sample_ratio
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import Sums

PUPILS: Final = 25
"""Of a class, on average."""
ALIKE, APART = 0.04, 0.12
"""Spread of classes' means, and of pupils within a class: a tenth of the variance lies between classes."""
MOST_FALSE: Final = 0.07
"""With ten groups an arm, cluster-robust errors are a little too small; that is told in the report."""


class Arm(NamedTuple):
    """One arm's classes: pupils, sums and squares of each (10^-6)."""

    pupils: Ints
    totals: Ints
    squares: Ints


def classes_randomized(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """A/A over classes: sample ratio and effect, taken by pupils and by classes."""
    figures = []
    for classes in (20, 80):
        flags = {name: np.zeros(experiments) for name in ("pupils", "groups", "naive", "robust", "normal", "valid")}
        for experiment in range(experiments):
            arms = _arms(rng, classes)
            told = _report(arms, classes)
            counted = sample_ratio([int(arm.pupils.sum()) for arm in arms], _even(arms))
            flags["pupils"][experiment] = not isinstance(counted, Missing) and counted.p_value < ALARM
            flags["groups"][experiment] = any(
                check.alarm for check in told.checks if check.suspicion is Suspicion.SAMPLE_RATIO
            )
            primary = told.comparisons[0]
            if primary.fixed is not None and primary.robust is not None:
                flags["naive"][experiment] = primary.fixed.p_value <= 0.05
                flags["robust"][experiment] = primary.robust.p_value <= 0.05
                flags["normal"][experiment] = primary.robust.normal_p_value <= 0.05
            if primary.always_valid is not None:
                flags["valid"][experiment] = primary.always_valid.p_value <= 0.05
        world = f"nothing helps; {classes} classes of some {PUPILS} pupils are randomized"
        bound = "≤ 7 %"
        figures += [
            share("mismatch, pupils counted (p < .001)", world, flags["pupils"], ""),
            share("mismatch, classes counted (p < .001)", world, flags["groups"], "≤ 0.5 %", most=0.005),
            share("effect, pupils tested (p ≤ .05)", world, flags["naive"], ""),
            share("effect, CR1 with normal quantile", world, flags["normal"], ""),
            share("effect, CR1 with t (decides)", world, flags["robust"], bound, most=MOST_FALSE),
            share("effect, always-valid over classes, one look", world, flags["valid"], "≤ 5 %", most=0.05),
        ]
    return figures


def _even(arms: list[Arm]) -> list[float]:
    return [sum(int(arm.pupils.sum()) for arm in arms) / 2] * 2


def _arms(rng: np.random.Generator, classes: int) -> list[Arm]:
    """Draw classes, each into one of the arms by itself."""
    pupils = 5 + rng.poisson(PUPILS - 5, classes)
    side = rng.integers(0, 2, classes)
    levels = rng.normal(0.5, ALIKE, classes)
    values = micros(rng.normal(np.repeat(levels, pupils), APART))
    starts = np.concatenate([[0], np.cumsum(pupils)[:-1]])
    totals, squares = np.add.reduceat(values, starts), np.add.reduceat(values * values, starts)
    return [Arm(pupils[side == arm], totals[side == arm], squares[side == arm]) for arm in (0, 1)]


def _report(arms: list[Arm], classes: int) -> Report:
    sums = named([Sums(*(int(each.sum()) for each in arm)) for arm in arms])
    for place, arm in enumerate(arms):
        for at, (n, total, _) in enumerate(zip(*(each.tolist() for each in arm), strict=True)):
            group = f"cluster.{place}{at:015x}.{place}"
            sums |= {f"{group}.enrolled": n, f"{group}.measured": n}
            for behind in ("", ".filled"):
                sums |= {f"{group}.composite{behind}.n": n, f"{group}.composite{behind}.sum": total}
    of = plan(classes * PUPILS, 90, unit=RandomizationUnit.GROUP, group_kind="class")
    return report(trial(of), sums, look=90, closed_at=moment(89), planned=None)

"""The gate's figures from the runs: each with its world, its size, its error and what it has to reach.

Knows which figure follows from which runs, and the bounds of the specification. Must never know how a run is made or
how a table looks.

Errors are standard errors over whole runs where there are several (decisions of one learner hang together), else
binomial; that of a correlation counts learners, not learners in contexts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Final, NamedTuple

from tests.bench.gate import Run, added

from fitly.core.vocabulary import Level
from fitly.local.compared import WIDE
from fitly.local.found import QUARTERS, correlation, correlation_beside

MOST_CORRELATED: Final = 0.1
APPLIED: Final = {Level.HIGH: 0.85, Level.MEDIUM: 0.85, Level.LOW: 0.70}
MOST_FALSE: Final = 0.05
HALVED: Final = 0.5
COVERED: Final = (0.93, 0.97)
HELPING, NOTHING, COMMON, VARYING, ABLE = (
    "true_effect_08",
    "none",
    "common_effect",
    "heterogeneous",
    "able_learners",
)
DOUBTFUL: Final = "doubtful"


class Figure(NamedTuple):
    """One figure.

    Attributes
    ----------
    what, world : str
        In words.
    value, error : float
        The figure and its standard error, NaN where none can be given.
    counted : str
        What it was taken over.
    bound : str
        What it has to reach, empty for one that is only told.
    holds : bool or None
        Whether it does.
    percent : bool
        Whether it is a share.
    """

    what: str
    world: str
    value: float
    error: float
    counted: str
    bound: str = ""
    holds: bool | None = None
    percent: bool = True


def figures(runs: Sequence[Run]) -> list[Figure]:
    """Give every figure that the runs allow, those with a bound first."""
    found: list[Figure] = []
    for make in (_applied, _false, _related, _risen, _regret, _covered, _mode_shares, _by_ability):
        found += make(runs)
    return sorted(found, key=lambda figure: figure.holds is None)


def of(runs: Sequence[Run], world: str, policy: str = "default") -> list[Run]:
    """Give the runs of a world under a policy."""
    return [run for run in runs if run.job.world == world and run.job.policy == policy]


# -- the gate ----------------------------------------------------------------------------------------------------


def _applied(runs: Sequence[Run]) -> list[Figure]:
    """Who is helped ends up with help."""
    mine = of(runs, HELPING)
    return [_share(mine, level, least, 1.0) for level, least in APPLIED.items()] if mine else []


def _false(runs: Sequence[Run]) -> list[Figure]:
    """Where nothing helps, the cautious are left alone."""
    mine = of(runs, NOTHING)
    return [_share(mine, Level.LOW, 0.0, MOST_FALSE)] if mine else []


def _share(runs: Sequence[Run], level: Level, least: float, most: float) -> Figure:
    ends = [run.ends[level] for run in runs]
    whole, what = added(ends), f"applied in the end, {level.value}"
    value, bound = whole.applied_share, f"> {least:.0%}" if most >= 1 else f"≤ {most:.0%}"
    holds = value > least if most >= 1 else value <= most
    error = _error([end.applied_share for end in ends], math.sqrt(value * (1 - value) / max(whole.decisions, 1)))
    return Figure(what, runs[0].job.world, value, error, f"{whole.decisions:,} decisions", bound, holds)


def _related(runs: Sequence[Run]) -> list[Figure]:
    """Confidence knows nothing of ability; where the able study more, nothing beside how much they study."""
    told = []
    for world in (HELPING, NOTHING, ABLE):
        if mine := of(runs, world):
            each = [correlation(run.pairs) for run in mine]
            told.append(_correlation("correlation of confidence and ability", mine, each, bounded=world != ABLE))
    if mine := of(runs, ABLE):
        each = [correlation_beside(run.pairs, run.diligences) for run in mine]
        told.append(_correlation("the same, among those who study as often", mine, each, bounded=True))
    return told


def _correlation(what: str, runs: Sequence[Run], each: Sequence[float], *, bounded: bool) -> Figure:
    learners = sum(run.job.learners for run in runs)
    value, error = mean(each), _error(each, 1 / math.sqrt(max(learners - 3, 1)))
    bound, holds = (f"|r| < {MOST_CORRELATED:g}", abs(value) < MOST_CORRELATED) if bounded else ("", None)
    return Figure(what, runs[0].job.world, value, error, f"{learners:,} learners", bound, holds, percent=False)


def _risen(runs: Sequence[Run]) -> list[Figure]:
    """Nobody is stuck: who begins below the threshold is probed, and rises where something helps."""
    mine = of(runs, HELPING, DOUBTFUL)
    if not mine:
        return []
    below, rose = sum(run.ascent.below for run in mine), sum(run.ascent.rose for run in mine)
    value = rose / max(below, 1)
    error = _error([run.ascent.rose / max(run.ascent.below, 1) for run in mine], _binomial(value, below))
    what = "of those below the threshold at MEDIUM and HIGH, confident in the end"
    where = f"{HELPING}, everybody below at first"
    return [
        Figure(what, where, value, error, f"{below:,} learners in a context", "> 85 %", value > APPLIED[Level.MEDIUM])
    ]


def _regret(runs: Sequence[Run]) -> list[Figure]:
    """Choosing costs less than chance would."""
    told = []
    for world, bounded in ((COMMON, True), (VARYING, False)):
        if not (mine := of(runs, world)):
            continue
        whole = added(run.whole for run in mine)
        error = _error([run.whole.regret_ratio for run in mine], math.nan)
        bound, holds = (f"≤ {HALVED:.0%}", whole.regret_ratio <= HALVED) if bounded else ("", None)
        counted = f"{whole.decisions:,} decisions"
        told.append(
            Figure("regret, of uniform choice's, from day 1", world, whole.regret_ratio, error, counted, bound, holds)
        )
    return told


def _covered(runs: Sequence[Run]) -> list[Figure]:
    """The intervals of the population's effects hold the truth as often as they say."""
    tidy = [run for world in (HELPING, NOTHING, COMMON, ABLE) for run in of(runs, world)]
    told = []
    for where, mine, bounded in (("effects alike", tidy, True), (VARYING, of(runs, VARYING), False)):
        inside = [[abs(effect.z) <= WIDE for effect in run.effects] for run in mine if run.effects]
        count = sum(map(len, inside))
        if not count:
            continue
        value = sum(map(sum, inside)) / count
        error = _error([mean(each) for each in inside], _binomial(value, count))
        bound, holds = ("93 to 97 %", COVERED[0] <= value <= COVERED[1]) if bounded else ("", None)
        counted = f"{count:,} intervals"
        told.append(Figure("95 % intervals that hold the true effect", where, value, error, counted, bound, holds))
    return told


# -- only told ---------------------------------------------------------------------------------------------------


def _mode_shares(runs: Sequence[Run]) -> list[Figure]:
    """What the bolder do where nothing helps."""
    mine = of(runs, NOTHING)
    told = []
    for level in (Level.MEDIUM, Level.HIGH):
        if mine:
            figure = _share(mine, level, 0.0, 1.0)
            told.append(figure._replace(bound="", holds=None))
    return told


def _by_ability(runs: Sequence[Run]) -> list[Figure]:
    """The able and the less able are served alike."""
    told = []
    for world in (COMMON, VARYING):
        if not (mine := of(runs, world)):
            continue
        for quarter in range(QUARTERS):
            whole = added(run.quartiles[quarter] for run in mine)
            who, counted = f"quarter {quarter + 1} by ability", f"{whole.decisions:,} decisions"
            best = [run.quartiles[quarter].best_share for run in mine]
            ratio = [run.quartiles[quarter].regret_ratio for run in mine]
            told += [
                Figure(f"best arm, of applied; {who}", world, whole.best_share, _error(best, math.nan), counted),
                Figure(f"regret, of uniform's; {who}", world, whole.regret_ratio, _error(ratio, math.nan), counted),
            ]
    return told


def _error(each: Sequence[float], otherwise: float) -> float:
    """Give the standard error of a mean over runs, or what is said in its place where there is one run only."""
    return stdev(each) / math.sqrt(len(each)) if len(each) > 1 else otherwise


def _binomial(share: float, count: int) -> float:
    return math.sqrt(share * (1 - share) / max(count, 1))

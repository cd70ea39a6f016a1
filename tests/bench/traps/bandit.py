"""A bandit while the population changes: what its uniform slice says of the truth, and what all its learners say.

Knows learners who come back every week, get better, and are sent where it seems best. Must never know how a figure is
shown.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from tests.bench.figures import Figure
from tests.bench.traps.peeking import share
from tests.bench.traps.worlds import Flags, Floats, Ints, micros, moment, plan, trial

from fitly.core.experiments.plan import Bandit, BanditAlgorithm
from fitly.core.experiments.report import Report, report
from fitly.core.experiments.reweighting import reweighted
from fitly.core.numbers import CERTAIN
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import Interval, Welch, welch

EPOCHS: Final = 10
LEARNERS: Final = 600
UNIFORM: Final = 0.2
EFFECT: Final = 0.01
ABILITY, NOISE = 0.08, 0.1
RISE: Final = 0.015
"""By so much everybody gets better in a week."""
COVERED: Final = (0.93, 0.97)


def population_changes(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """How often 95 % intervals hold the true effect, from the uniform slice and from everybody."""
    figures = []
    for algorithm in BanditAlgorithm:
        uniform, always, naive = (np.zeros(experiments) for _ in range(3))
        biases = np.zeros((2, experiments))
        for experiment in range(experiments):
            told, everybody = _lived(rng, Bandit(algorithm=algorithm, uniform_share=UNIFORM))
            primary = told.comparisons[0]
            assert primary.robust is not None
            assert primary.always_valid is not None
            uniform[experiment] = _holds(primary.robust.ci)
            always[experiment] = _holds(primary.always_valid.ci)
            naive[experiment] = _holds(everybody.interval)
            biases[:, experiment] = (primary.difference or 0.0) - EFFECT, everybody.difference - EFFECT
        world = (
            f"{algorithm}: +{EFFECT:g} helps, all get better by {RISE:g} a week; {LEARNERS:,} learners, {EPOCHS} weeks"
        )
        low, high = COVERED
        figures += [
            share("uniform slice: 95 % intervals hold the truth", world, uniform, "93 to 97 %", least=low, most=high),
            share("uniform slice: always-valid ones do", world, always, "> 93 %", least=low),
            share("all learners, naively: 95 % intervals hold the truth", world, naive, ""),
            bias("uniform slice: bias of the effect", world, biases[0]),
            bias("all learners, naively: bias of the effect", world, biases[1]),
        ]
    return figures


def _holds(interval: Interval) -> bool:
    return interval.lower <= EFFECT <= interval.upper


def bias(what: str, world: str, found: Floats) -> Figure:
    """Tell by how much estimates miss the truth on average, with the standard error of that."""
    error = float(found.std(ddof=1) / np.sqrt(len(found)))
    return Figure(what, world, float(found.mean()), error, f"{len(found):,} experiments", percent=False)


def _lived(rng: np.random.Generator, bandit: Bandit) -> tuple[Report, Welch]:
    """Live the weeks, moving the weights by the product's own function, and report at the end."""
    ability = rng.normal(0.4, ABILITY, LEARNERS)
    is_uniform = rng.random(LEARNERS) < UNIFORM
    weights, blocks, drawn = [[CERTAIN // 2] * 2], [], []
    for epoch in range(EPOCHS):
        chance = np.where(is_uniform, 0.5, weights[-1][1] / CERTAIN)
        arm = (rng.random(LEARNERS) < chance).astype(int)
        values = micros(ability + RISE * epoch + EFFECT * arm + rng.normal(0, NOISE, LEARNERS))
        drawn.append((arm, values))
        blocks.append({side: Moments.read(_added(values[arm == side])) for side in (0, 1)})
        weights.append(list(reweighted(bandit, blocks, 2).weights))
    sums = _named(is_uniform, drawn)
    of = plan(LEARNERS, 7 * EPOCHS, bandit=bandit)
    told = report(trial(of, weights[:-1]), sums, look=7 * EPOCHS, closed_at=moment(7 * EPOCHS), planned=None)
    pooled = [Moments.read(_added(np.concatenate([values[arm == side] for arm, values in drawn]))) for side in (0, 1)]
    naive = welch(pooled[1], pooled[0], 0.95)
    assert isinstance(naive, Welch)
    return told, naive


def _added(values: Ints) -> Sums:
    return Sums(len(values), int(values.sum()), int((values * values).sum()))


def _named(is_uniform: Flags, drawn: list[tuple[Ints, Ints]]) -> dict[str, int]:
    """Name the sums of both slices, by epoch as well, and the products over the uniform slice's learners."""
    sums: dict[str, int] = {}
    counts = np.stack([np.stack([arm == side for arm, _ in drawn]).sum(axis=0) for side in (0, 1)])
    totals = np.stack([np.stack([values * (arm == side) for arm, values in drawn]).sum(axis=0) for side in (0, 1)])
    for side in (0, 1):
        for slice_, who in (("u", is_uniform), ("a", ~is_uniform)):
            at = f"{side}.{slice_}"
            chosen = [values[(arm == side) & who] for arm, values in drawn]
            whole = _added(np.concatenate(chosen))
            sums |= {f"{at}.{epoch}.enrolled": len(each) for epoch, each in enumerate(chosen)}
            for name in ("enrolled", "measured", "with_outcome", "decisions", "joined", "dd", "jj", "dj"):
                sums[f"{at}.{name}"] = whole.n
            for behind in ("", ".filled"):
                sums |= {f"{at}.composite{behind}.{part}": value for part, value in zip(_PARTS, whole, strict=True)}
        n, s = counts[side][is_uniform], totals[side][is_uniform]
        for name, value in (("learners", n > 0), ("nn", n * n), ("ns", n * s), ("ss", s * s)):
            sums[f"{side}.u.composite.{name}"] = int(value.sum())
    (n, m), (s, t) = counts[:, is_uniform], totals[:, is_uniform]
    for name, value in (("nn", n * m), ("ns", n * t), ("sn", s * m), ("ss", s * t)):
        sums[f"0.u.1.composite.{name}"] = int(value.sum())
    return sums


_PARTS: Final = ("n", "sum", "squares")

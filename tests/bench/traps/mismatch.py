"""Learners who go missing: how small a loss in one arm is found, how often a loss is found where none is.

Knows enrolments and losses. Must never know how a figure is shown.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from tests.bench.figures import Figure
from tests.bench.traps.peeking import share
from tests.bench.traps.worlds import Floats, Ints, looked_at, micros, moment, named, plan, trial

from fitly.core.experiments.mismatches import PER_CONCENTRATION
from fitly.core.experiments.report import Report, report
from fitly.core.statistics.bunched import share_by_arm
from fitly.core.statistics.joint import JointSums
from fitly.core.statistics.mismatch import ALARM, CONCENTRATION, is_mismatch, log_e_value, sample_ratio
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import Sums

RARELY: Final = 0.001
LOSS: Final = 0.03
FOUND: Final = 0.8
SIZES: Final = (10_000, 100_000, 1_000_000)
LOSSES: Final = (0.005, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15)
LOOKS: Final = 90
EVEN: Final = (0.5, 0.5)


def nothing_lost(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """A/A: how often the sample ratio ever alarms, looked at every day."""
    learners = 10_000
    arrived = rng.binomial(np.full((experiments, LOOKS), learners // LOOKS), 0.5).cumsum(axis=1)
    whole = np.arange(1, LOOKS + 1) * (learners // LOOKS)
    evidence, chi = np.zeros(experiments), np.zeros(experiments)
    for experiment in range(experiments):
        for seen, of in zip(arrived[experiment].tolist(), whole.tolist(), strict=True):
            counts = (seen, of - seen)
            evidence[experiment] = max(evidence[experiment], is_mismatch(_log_e(counts, learners)))
            chi[experiment] = max(chi[experiment], _chi_alarms(counts))
    world = f"nobody is lost; {learners:,} learners, {LOOKS} daily looks"
    return [
        share("e-process ever blocks", world, evidence, "≤ 0.1 %", most=RARELY),
        share("chi-square at .001 ever alarms", world, chi, ""),
    ]


def _log_e(counts: tuple[int, int], planned: int) -> float:
    return log_e_value([(counts, EVEN)], max(CONCENTRATION, planned / PER_CONCENTRATION))


def _chi_alarms(counts: tuple[int, int]) -> bool:
    found = sample_ratio(counts, [sum(counts) / 2] * 2)
    return not isinstance(found, Missing) and found.p_value < ALARM


def learners_lost(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """Some of one arm's learners are lost before they are counted: how often that blocks, and the least that does."""
    figures = []
    for learners in SIZES:
        blocked: dict[float, Floats] = {}
        alarmed: dict[float, Floats] = {}
        for loss in LOSSES:
            treated = rng.binomial(learners, 0.5, experiments)
            kept = rng.binomial(treated, 1 - loss)
            pairs = list(zip(kept.tolist(), (learners - treated).tolist(), strict=True))
            blocked[loss] = np.array([is_mismatch(_log_e(pair, learners)) for pair in pairs], float)
            alarmed[loss] = np.array([_chi_alarms(pair) for pair in pairs], float)
        world = f"{LOSS:.0%} of one arm's learners are lost, {learners:,} enrolled"
        figures.append(share("e-process blocks at the end", world, blocked[LOSS], ""))
        figures.append(share("chi-square alarms at the end", world, alarmed[LOSS], ""))
        figures += [_least("least loss that blocks in 80 %", learners, blocked)]
        figures += [_least("least loss that alarms in 80 %", learners, alarmed)]
    return figures


def _least(what: str, learners: int, found: dict[float, Floats]) -> Figure:
    """Tell the least loss of those tried that is found in 80 of 100 experiments."""
    least = next((loss for loss, flags in found.items() if flags.mean() >= FOUND), float("nan"))
    count = len(next(iter(found.values())))
    return Figure(what, f"{learners:,} enrolled", least, float("nan"), f"{count:,} experiments per loss")


def outcomes_lost(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """So many of one arm's decisions never get their outcome: decisions of one learner hang together."""
    figures = []
    for learners in SIZES[:2]:
        for loss, bound, least in ((LOSS, "> 99 %" if learners == SIZES[1] else "", 0.99), (0.0, "", 0.0)):
            flags = np.zeros(experiments)
            for experiment in range(experiments):
                found = share_by_arm([_joins(rng, learners // 2, each) for each in (0.0, loss)])
                flags[experiment] = not isinstance(found, Missing) and found.p_value < ALARM
            world = f"{loss:.0%} of one arm's outcomes are lost; {learners:,} learners, 1 to 20 decisions each"
            figures.append(share("joins by decision block", world, flags, bound, least=least))
    return figures


def _joins(rng: np.random.Generator, learners: int, loss: float) -> JointSums:
    """Draw an arm's decisions and how many joined; learners differ in how often they come back."""
    decisions = rng.integers(1, 21, learners)
    joined: Ints = rng.binomial(decisions, rng.beta(8, 2, learners) * (1 - loss))
    return JointSums(
        learners, int(decisions.sum()), int(joined.sum()), int((decisions * decisions).sum()),
        int((joined * joined).sum()), int((decisions * joined).sum()),
    )  # fmt: skip


def blocks_whatever_is_found(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """One report of 100,000 learners: a large effect, and 3 % of one arm's outcomes lost, or of its learners."""
    del experiments  # one is enough: it is no matter of chance
    learners, figures = SIZES[1], []
    for what in ("outcomes", "learners"):
        told = _lossy(rng, learners, of_learners=what == "learners")
        p = next(each.fixed.p_value for each in told.comparisons if each.fixed is not None)
        unmet = bool({"sample_ratio", "joins"} & {*told.verdict.unmet})
        checks = ", ".join(f"{check.suspicion} by {check.unit}" for check in told.checks if check.blocks)
        world = f"{LOSS:.0%} of one arm's {what} lost of {learners:,}; p = {p:.0e}; {checks or 'nothing'} blocks"
        holds = unmet and told.verdict.winner is None and p < 1e-30
        figures.append(
            Figure("no verdict although p < 1e-30", world, float(holds), float("nan"), "1 report", "yes", holds)
        )
    return figures


def _lossy(rng: np.random.Generator, learners: int, *, of_learners: bool) -> Report:
    arm = rng.integers(0, 2, (1, learners))
    values = micros(rng.normal(0.5, 0.12, (1, learners)) + 0.02 * arm)
    looks = looked_at(arm, values, 1)
    sums = [looks.sums(0, 0, side) for side in (0, 1)]
    counts: dict[str, list[int]] = {}
    if of_learners:
        kept = round(sums[1].n * (1 - LOSS))
        sums[1] = Sums(kept, sums[1].total * kept // sums[1].n, sums[1].squares * kept // sums[1].n)
    else:
        joined = [sums[0].n, round(sums[1].n * (1 - LOSS))]
        counts = dict.fromkeys(("with_outcome", "joined", "jj", "dj"), joined)
    told = named(sums, counts=counts)
    return report(trial(plan(learners, 90)), told, look=30, closed_at=moment(30), planned=None)

"""One simulated world in memory, and what was found in it: the runs behind the gate's figures.

Knows which worlds are run and what is kept of a run. Must never know words, tables or what a figure has to reach.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from typing import Final, NamedTuple

from fitly.core.rules import Policy
from fitly.core.vocabulary import Context, Level, Variant
from fitly.local.found import QUARTERS, Ascent, Found, Tally
from fitly.local.life import Life
from fitly.local.loop import Loop
from fitly.local.simulate import Population
from fitly.local.worlds import WORLDS

DOUBTFUL: Final = Policy(initial_confidence=0.5)
"""Everybody begins below every threshold: what is learned, is learned from probes."""
POLICIES: Final = {"default": Policy(), "doubtful": DOUBTFUL}


class Job(NamedTuple):
    """One run: a world, how many learners for how long, the seed of everything, a policy by name, and where."""

    world: str
    seed: int
    learners: int
    days: int
    policy: str = "default"
    contexts: tuple[Context, ...] = tuple(Context)


class Effect(NamedTuple):
    """What was found of one arm in one context, beside the truth."""

    context: Context
    variant: Variant
    effect: float
    se: float
    spread: float
    learners: int
    truth: float

    @property
    def z(self) -> float:
        """How many standard errors from the truth."""
        return (self.effect - self.truth) / self.se


class Run(NamedTuple):
    """What one run showed.

    Attributes
    ----------
    whole : Tally
        All decisions of learners who may be personalized.
    ends : dict
        The last quarter of the days, by level.
    quartiles : list of Tally
        All decisions by ability, the least able first.
    pairs : list
        Ability and confidence in the end, per learner and context.
    diligences : list
        The share of the days on which they study, for each of these.
    ascent : Ascent
        Those who were below their threshold.
    effects : list of Effect
        What the second agent said last.
    outcomes, seconds : float
        Size and duration.
    """

    job: Job
    whole: Tally
    ends: dict[Level, Tally]
    quartiles: list[Tally]
    pairs: list[tuple[float, float]]
    diligences: list[float]
    ascent: Ascent
    effects: list[Effect]
    outcomes: int
    seconds: float


def run(job: Job) -> Run:
    """Live a world's days in memory, and keep what the gate asks for."""
    began = time.perf_counter()
    world = replace(WORLDS[job.world], contexts=job.contexts)
    people = Population(size=job.learners, seed=job.seed, run="gate", world=world)
    found = Found(people, days=job.days)
    loop = Loop(POLICIES[job.policy], seed=job.seed, heard=found.add)
    life = Life(people, days=job.days)
    loop.play(life)
    effects = [
        Effect(context, variant, arm.effect, arm.se, arm.spread, arm.learners, world.mean_effect(context, variant))
        for context, priors in sorted(loop.priors.items())
        for variant, arm in sorted(priors.arms.items())
    ]
    return Run(
        job,
        found.tally(),
        {level: found.at_the_end(level) for level in (Level.LOW, Level.MEDIUM, Level.HIGH)},
        [found.by_ability(quarter) for quarter in range(QUARTERS)],
        found.pairs(),
        found.diligences(),
        found.ascent(),
        effects,
        life.sent["outcome"],
        time.perf_counter() - began,
    )


def run_all(jobs: Sequence[Job], done: Callable[[Run], None], processes: int | None = None) -> list[Run]:
    """Run jobs side by side, the results in the order of the jobs.

    Parameters
    ----------
    done : callable
        Told each run as it ends.
    processes : int, optional
        How many at a time; as many as the machine has cores without it.
    """
    found: dict[Job, Run] = {}
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for each in as_completed([pool.submit(run, job) for job in jobs]):
            one = each.result()
            found[one.job] = one
            done(one)
    return [found[job] for job in jobs]


def jobs_of(
    seeds: int, learners: int, days: int, worlds: Iterable[str] | None = None, first_seed: int = 1
) -> list[Job]:
    """Give the gate's jobs: every world so many times, and one more for those who begin in doubt.

    Each has seeds of its own: two worlds of one seed share their learners' abilities, the luck of every outcome and of
    every draw, and a figure over both would rest on one run where two are counted.
    """
    wanted = [Job(world, number * SEEDS_APART, learners, days) for number, world in enumerate(GATE)]
    wanted.append(Job("true_effect_08", len(GATE) * SEEDS_APART, learners, days, "doubtful"))
    chosen = None if worlds is None else set(worlds)
    return [
        job._replace(seed=job.seed + first_seed + number)
        for number in range(seeds)
        for job in wanted
        if chosen is None or job.world in chosen
    ]


GATE: Final = ("true_effect_08", "none", "common_effect", "heterogeneous", "able_learners")
"""The worlds the gate is about."""
SEEDS_APART: Final = 1000
"""Between the first seeds of two worlds."""


def added(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up into a new one."""
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total

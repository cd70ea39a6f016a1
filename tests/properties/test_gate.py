"""The gate in small: learners of known truth live in memory, and what is found of them is what it has to be.

`make bench-statistics` takes the same figures from more worlds, learners, days and seeds, with their errors. Here one
context is enough, and every bound has the room that so few learners need (three standard errors).
"""

from __future__ import annotations

import math
from functools import lru_cache

import pytest
from tests.bench.gate import Job, Run, run

from fitly.core.vocabulary import Context, Level
from fitly.local.compared import WIDE
from fitly.local.found import correlation

LEARNERS, DAYS = 250, 60
HERE = (Context.CONTENT,)

pytestmark = pytest.mark.timeout(300)


@lru_cache(maxsize=1)
def lived(world: str, policy: str = "default") -> Run:
    """Live one world; tests of one world come one after the other."""
    return run(Job(world, 1, LEARNERS, DAYS, policy, HERE))


@pytest.mark.parametrize(("level", "least"), [(Level.HIGH, 0.85), (Level.MEDIUM, 0.85), (Level.LOW, 0.70)])
def test_learners_whom_every_arm_helps_end_up_with_one(level: Level, least: float) -> None:
    end = lived("true_effect_08").ends[level]
    assert end.applied_share > least - 3 * binomial(least, end.decisions)


@pytest.mark.parametrize("world", ["true_effect_08", "none"])
def test_confidence_does_not_depend_on_ability(world: str) -> None:
    assert abs(correlation(lived(world).pairs)) < 0.1 + 3 / math.sqrt(LEARNERS)


def test_the_cautious_are_left_alone_where_nothing_helps() -> None:
    end = lived("none").ends[Level.LOW]
    assert end.applied_share <= 0.05 + 3 * binomial(0.05, end.decisions)


def test_where_nothing_helps_those_below_their_threshold_are_probed_all_the_same() -> None:
    ascent = lived("none").ascent
    assert ascent.below > 20
    assert ascent.probed > ascent.below / 2
    assert ascent.driest <= DAYS


def test_choosing_costs_at_most_half_of_what_chance_would() -> None:
    assert lived("common_effect").whole.regret_ratio <= 0.5


def test_the_best_arm_is_found_whatever_the_ability() -> None:
    assert all(quarter.best_share > 0.6 for quarter in lived("common_effect").quartiles)


@pytest.mark.parametrize("world", ["common_effect", "true_effect_08", "none"])
def test_the_populations_effects_are_within_four_standard_errors_of_the_truth(world: str) -> None:
    effects = lived(world).effects
    assert len(effects) == 4
    assert all(abs(effect.z) < 2 * WIDE for effect in effects)
    assert sum(abs(effect.z) < WIDE for effect in effects) >= 2


def test_everybody_who_begins_below_the_threshold_rises_by_probes_where_something_helps() -> None:
    ascent = lived("true_effect_08", "doubtful").ascent
    assert ascent.below > 100
    assert ascent.rose > 0.85 * ascent.below


def binomial(share: float, count: int) -> float:
    """Give the standard error of a share."""
    return math.sqrt(share * (1 - share) / count)

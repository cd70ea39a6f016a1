"""The odds a decision carries are those of its draw: a hundred thousand hashes against them, in every mode."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
import pytest
from scipy.stats import chisquare
from tests.core.partition import BIRTH, START

from fitly.core.deciding import Drawn, Draws, _gated, _personalize, decide
from fitly.core.decisions import Cause
from fitly.core.eligibility import is_held_out
from fitly.core.entries import ARMS
from fitly.core.inforce import InForce, put_in_force
from fitly.core.learner import ContextRow, LearnerRow, Preferences
from fitly.core.names import EventKey, UserId, uniform
from fitly.core.numbers import CERTAIN, Millis
from fitly.core.rules import ArmPrior, ContextPriors, Policy, Priors, Rules, Switches
from fitly.core.tally import empty_arm
from fitly.core.thompson import chances
from fitly.core.vocabulary import Algorithm, Context, Mode, Variant

DRAWS: Final = 100_000
LEAST_P: Final = 1e-4
"""Draws are hashes, so a test that passes once passes for ever; this guards what is written here, not chance."""
ADA: Final = UserId("ada")
POLICY: Final = Policy(holdout_share=0, control_share=0.1, epsilon=0.2, probe_share=0.15)
KNOWN: Final = ArmPrior(effect=0.0, se=0.01, spread=0.1, learners=20)
EFFECTS: Final = dict(zip(Variant, (0.1, 0.1, 0.12, 0.11), strict=True))
INFORMED: Final = Priors(
    contexts={
        Context.SESSION: ContextPriors(
            mean=0.5,
            reward_sd=0.2,
            arms={arm: replace(KNOWN, effect=effect) for arm, effect in EFFECTS.items()},
        )
    }
)
TAUGHT: Final = ARMS.join([empty_arm(1)._replace(n=9, raw=6_000_000, centred=900_000), empty_arm(3)._replace(n=1)])
HARM: Final = Priors(
    contexts={
        Context.SESSION: ContextPriors(
            mean=0.5, reward_sd=0.2, arms=dict.fromkeys(Variant, replace(KNOWN, effect=-0.1))
        )
    }
)

ALL_THREE: Final = {Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT}

CASES: Final = {
    "one arm is best": (POLICY, INFORMED, TAUGHT, {Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT}),
    "nothing is known": (POLICY, Priors(), b"", {Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT}),
    "three arms are eligible": (
        replace(POLICY, switches=Switches(arms=(Variant.PATTERN_HEAVY,)), epsilon=1),
        Priors(),
        TAUGHT,
        {Mode.CONTROL, Mode.EXPLORE},
    ),
    "below the threshold": (POLICY, HARM, TAUGHT, {Mode.FALLBACK, Mode.PROBE}),
    "Thompson": (replace(POLICY, algorithm=Algorithm.THOMPSON), INFORMED, TAUGHT, ALL_THREE),
    "Thompson with nothing known": (
        replace(POLICY, algorithm=Algorithm.THOMPSON),
        Priors(),
        b"",
        {*ALL_THREE} - {Mode.EXPLORE},
    ),
    "Thompson with a floor, an arm off": (
        replace(
            POLICY,
            algorithm=Algorithm.THOMPSON,
            floor=0.1,
            switches=Switches(arms=(Variant.BALANCED,)),
            control_share=0.5,
        ),
        INFORMED,
        TAUGHT,
        ALL_THREE,
    ),
    "fixed": (
        replace(POLICY, algorithm=Algorithm.FIXED, fixed_arm=Variant.BALANCED),
        Priors(),
        TAUGHT,
        {Mode.CONTROL, Mode.EXPLOIT},
    ),
    "fixed with a floor": (
        replace(POLICY, algorithm=Algorithm.FIXED, fixed_arm=Variant.BALANCED, floor=0.07),
        Priors(),
        TAUGHT,
        ALL_THREE,
    ),
    "uniform": (replace(POLICY, algorithm=Algorithm.UNIFORM), Priors(), TAUGHT, {Mode.CONTROL, Mode.EXPLORE}),
    "uniform over three": (
        replace(POLICY, algorithm=Algorithm.UNIFORM, switches=Switches(arms=(Variant.CONSERVATIVE,))),
        Priors(),
        b"",
        {Mode.CONTROL, Mode.EXPLORE},
    ),
    "epsilon-greedy with a floor, tied": (replace(POLICY, floor=0.2), Priors(), b"", ALL_THREE),
    "Thompson below the threshold": (
        replace(POLICY, algorithm=Algorithm.THOMPSON),
        HARM,
        TAUGHT,
        {Mode.FALLBACK, Mode.PROBE},
    ),
    "plain averages": (
        replace(POLICY, shrinkage=0),
        Priors(),
        TAUGHT,
        {Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT},
    ),
}


def in_force(policy: Policy, priors: Priors) -> InForce:
    return put_in_force(Rules(birth_id=BIRTH, partitions=1, policy=policy, priors=priors))


@pytest.fixture(autouse=True)
def _chances_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work Thompson's quadrature out once per belief, not once per draw."""
    monkeypatch.setattr("fitly.core.policies.chances", lru_cache(chances))


def drawn_for(row: ContextRow, learner: LearnerRow, force: InForce, cause: EventKey) -> Drawn:
    """Give what `decide` draws, without the record it writes: a hundred thousand records would take a minute."""
    draws = Draws(force, cause, row)
    gated = _gated(row, learner, force, draws, Millis(START))
    return gated or _personalize(row, learner, force, draws, force.eligible[row.context])


@pytest.mark.parametrize("name", CASES)
def test_draws_follow_the_odds_that_are_told(name: str) -> None:
    policy, priors, arms, modes = CASES[name]
    force = in_force(policy, priors)
    row = ContextRow(user_id=ADA, context=Context.SESSION, arms=arms)
    learner = LearnerRow(user_id=ADA, preferences=Preferences(), created_at=START, updated_at=START)
    drawn: Counter[str] = Counter()
    seen: set[Mode] = set()
    _, first = decide(row, learner, force, Millis(START), Cause(EventKey("k0"), 0, 0))
    odds: dict[str, int] = dict(first.propensities)
    for n in range(DRAWS):
        one = drawn_for(row, learner, force, EventKey(f"k{n}"))
        assert one.propensities == odds
        seen.add(one.mode)
        drawn[one.variant or "NONE"] += 1
    assert seen == modes
    assert sum(odds.values()) == CERTAIN
    matches(drawn, odds)


@pytest.mark.parametrize("name", CASES)
def test_a_decision_says_what_was_drawn_for_it(name: str) -> None:
    policy, priors, arms, _ = CASES[name]
    force = in_force(policy, priors)
    row = ContextRow(user_id=ADA, context=Context.SESSION, arms=arms)
    learner = LearnerRow(user_id=ADA, preferences=Preferences(), created_at=START, updated_at=START)
    for n in range(100):
        _, selected = decide(row, learner, force, Millis(START), Cause(EventKey(f"k{n}"), 0, n))
        one = drawn_for(row, learner, force, EventKey(f"k{n}"))
        assert (selected.mode, selected.strategy_variant) == (one.mode, one.variant)
        assert selected.propensities == one.propensities


def matches(drawn: Counter[str], odds: dict[str, int]) -> None:
    possible = [arm for arm, part in odds.items() if part]
    assert set(drawn) <= set(possible)
    total = sum(drawn.values())
    expected = np.array([odds[arm] / CERTAIN * total for arm in possible])
    assert chisquare([drawn[arm] for arm in possible], expected * (total / expected.sum())).pvalue > LEAST_P


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_holdout_is_as_large_as_its_share(share: float) -> None:
    force = in_force(replace(POLICY, holdout_share=share), Priors())
    held = sum(is_held_out(force, UserId(f"learner-{n}")) for n in range(DRAWS))
    assert chisquare([held, DRAWS - held], [share * DRAWS, (1 - share) * DRAWS]).pvalue > LEAST_P


def test_draws_are_uniform_and_those_of_two_purposes_independent() -> None:
    cells: Counter[tuple[int, int]] = Counter()
    for n in range(DRAWS):
        one, two = (uniform(BIRTH.encode(), f"k{n}", ADA, "MISSION", purpose) for purpose in ("explore", "control"))
        cells[int(one * 8), int(two * 8)] += 1
    assert chisquare([cells[a, b] for a in range(8) for b in range(8)]).pvalue > LEAST_P

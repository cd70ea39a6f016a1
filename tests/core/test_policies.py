"""How an arm is chosen, with the true probability of each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.partition import SURE, Partition, Switches

from fitly.core.confidence import Belief
from fitly.core.numbers import CERTAIN, Nano
from fitly.core.policies import (
    ALGORITHMS,
    Known,
    best,
    draw_by,
    epsilon_greedy,
    epsilon_greedy_odds,
    greedy,
    leaders,
    pick,
    share,
    with_floor,
    with_none,
)
from fitly.core.rules import Policy, Shadow
from fitly.core.vocabulary import Algorithm, Mode, Variant

ALL = tuple(Variant)
FIXED = replace(SURE, algorithm=Algorithm.FIXED, fixed_arm=Variant.BALANCED)


def known(*means: float, top: tuple[Variant, ...] = ALL[:1]) -> Known:
    """Give what is known of the first arms: beliefs of those means."""
    return Known(ALL[: len(means)], tuple([Belief(mean, 0.1) for mean in means]), means, top)


def no_draw(purpose: str) -> float:
    raise AssertionError(purpose)


def test_the_best_arm_alone_needs_no_draw() -> None:
    assert greedy((Variant.BALANCED,), no_draw) is Variant.BALANCED


def test_ties_are_broken_uniformly_by_a_draw() -> None:
    assert [greedy(ALL, lambda _, at=n: at / 4) for n in range(4)] == [*ALL]  # type: ignore[misc]


def test_a_draw_next_to_one_takes_the_last() -> None:
    assert pick(ALL, 1.0) is ALL[-1]
    assert pick(ALL, 0.0) is ALL[0]


def test_exploring_takes_any_arm_and_exploiting_the_best() -> None:
    four = known(0.1, 0, 0, 0)
    draws = {"explore": 0.05, "arm": 0.3}
    assert epsilon_greedy(four, Policy(), {}, draws.__getitem__) == (ALL[1], True)
    draws = {"explore": 0.1}
    assert epsilon_greedy(four, Policy(), {}, draws.__getitem__) == (ALL[0], False)


@pytest.mark.parametrize("arms", [ALL[:1], ALL[:2], ALL[:3], ALL])
@pytest.mark.parametrize("epsilon", [0, 0.1, 1 / 3, 1])
@pytest.mark.parametrize("control", [0.0, 0.1, 0.123456789, 1.0])
def test_probabilities_add_to_one_exactly_whatever_rounding_leaves(
    arms: tuple[Variant, ...], epsilon: float, control: float
) -> None:
    for top in (arms[:1], arms[-1:], arms):
        applied = Nano(round(CERTAIN * (1 - control)))
        odds = with_none(arms, epsilon_greedy_odds(arms, top, epsilon), applied, top[0])
        assert sum(odds.values()) == CERTAIN
        assert min(odds.values()) >= 0
        assert [*odds] == ["NONE", *arms]
        assert odds["NONE"] == CERTAIN - applied
        for arm in arms:
            wanted = applied * (epsilon / len(arms) + (1 - epsilon) / len(top) * (arm in top))
            assert abs(odds[arm] - wanted) <= len(arms)


def test_the_remainder_goes_to_the_greedy_arm() -> None:
    parts = share(100, dict.fromkeys(ALL[:3], 1 / 3), ALL[2])
    assert [*parts.values()] == [33, 33, 34]


def test_best_keeps_the_order_given() -> None:
    assert best({ALL[2]: 1.0, ALL[0]: 1.0, ALL[1]: 0.5}) == (ALL[2], ALL[0])


def test_every_algorithm_of_the_vocabulary_has_a_rule() -> None:
    assert set(ALGORITHMS) == set(Algorithm)


FLOORED = {
    Algorithm.EPSILON_GREEDY: Policy(epsilon=0, floor=0.05),
    Algorithm.THOMPSON: Policy(algorithm=Algorithm.THOMPSON, floor=0.05),
    Algorithm.FIXED: Policy(algorithm=Algorithm.FIXED, fixed_arm=ALL[0], floor=0.05),
    Algorithm.UNIFORM: Policy(algorithm=Algorithm.UNIFORM, floor=0.05),
}


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("arms", [1, 2, 3, 4])
def test_a_floor_is_what_no_arm_has_less_of(algorithm: Algorithm, arms: int) -> None:
    policy = FLOORED[algorithm]
    odds = ALGORITHMS[algorithm].odds(known(*[2.0, 0, 0, 0][:arms]), policy)
    assert sum(odds) == pytest.approx(1, abs=1e-12)
    assert min(odds) == pytest.approx(1 / arms if algorithm is Algorithm.UNIFORM else 0.05 if arms > 1 else 1)


def test_a_floor_of_a_quarter_leaves_four_arms_nothing_but_equal_chances() -> None:
    assert with_floor((1.0, 0.0, 0.0, 0.0), 0.25) == (0.25,) * 4


def test_without_a_floor_shares_stay_as_they_are() -> None:
    shares = (0.7, 0.3)
    assert with_floor(shares, 0.0) is shares


def test_an_arm_without_a_chance_is_never_drawn() -> None:
    parts = {"NONE": Nano(0), ALL[0]: Nano(0), ALL[1]: Nano(7), ALL[2]: Nano(0)}
    assert {draw_by(parts, ALL[:3], n / 100) for n in range(101)} == {ALL[1]}


def test_where_rounding_left_nothing_for_any_arm_the_last_is_taken() -> None:
    assert draw_by(dict.fromkeys(ALL, Nano(0)), ALL, 0.5) is ALL[-1]


def test_a_fixed_policy_leads_with_its_arm_and_any_other_with_the_best() -> None:
    expected = {ALL[0]: 1.0, ALL[2]: 0.0}
    assert leaders(expected, FIXED) == (Variant.BALANCED,)
    assert leaders(expected, Policy()) == ALL[:1]
    assert leaders({ALL[0]: 1.0}, FIXED) == ALL[:1]


@pytest.mark.parametrize(
    ("policy", "mode"),
    [
        (FIXED, Mode.EXPLOIT),
        (replace(SURE, algorithm=Algorithm.UNIFORM), Mode.EXPLORE),
        (replace(FIXED, initial_confidence=0.5, probe_share=1), Mode.PROBE),
    ],
)
def test_a_decision_follows_its_policys_algorithm(policy: Policy, mode: Mode) -> None:
    selected = Partition(policy).request().selected
    assert selected.mode is mode
    if policy.fixed_arm is not None:
        assert selected.strategy_variant is policy.fixed_arm


def test_a_fixed_policy_whose_arm_is_off_has_no_other() -> None:
    policy = replace(FIXED, switches=Switches(arms=(Variant.BALANCED,)))
    assert Partition(policy).request().selected.mode is Mode.OPTED_OUT


def test_thompson_draws_the_likely_best_and_now_and_then_another() -> None:
    partition = Partition(replace(SURE, algorithm=Algorithm.THOMPSON))
    partition.know(BALANCED=0.08, CONSERVATIVE=0.05)
    modes = {partition.request(f"learner-{n}").selected.mode for n in range(30)}
    assert modes == {Mode.EXPLOIT, Mode.EXPLORE}
    selected = partition.request("learner-0").selected
    assert len({*selected.propensities.values()}) > 2
    assert sum(selected.propensities.values()) == CERTAIN


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"algorithm": Algorithm.FIXED}, "needs its fixed_arm"),
        ({"fixed_arm": Variant.BALANCED}, "needs its fixed_arm"),
        ({"shadows": (Shadow(name="a"), Shadow(name="a"))}, "same name"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Policy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a|b", "a\0", " a", "a ", "ä"])
def test_a_shadows_name_can_stand_everywhere(name: str) -> None:
    with pytest.raises(ValueError, match="rename"):
        Shadow(name=name)

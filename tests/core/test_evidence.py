"""What closed decisions say of their arms: by weight, and until it is taken back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.partition import Fact

from fitly.core.entries import EVIDENCE, NO_OVERLAP, OVERLAP, DecisionEntry, Evidence, Shown
from fitly.core.evidence import HEAVIEST, HEAVIEST_BESIDE, overlaps, weigh, weight
from fitly.core.numbers import ONE
from fitly.core.vocabulary import ArmCode

ALL_ARMS = OVERLAP.pack(4_500, 10_000, 10_000, 10_000)


def decision(arm: int, *, overlap: bytes = ALL_ARMS, propensity: int = 225_000_000, **known: Fact) -> DecisionEntry:
    """A closed decision to which one outcome came, 0.6 where 0.5 was the learner's own."""
    entry = DecisionEntry(
        b"d" * 16, 0, 1, 1, 0, 255 if arm in (0, 6) else arm, arm, int(0 < arm < 5), propensity, 0, 1, overlap, -1, 0,
        is_open=0, outcomes=1, reward=600_000, centred=100_000, measured=1, composite=600_000, n_completion=1,
        s_completion=700_000,
    )  # fmt: skip
    return entry._replace(**known)


def opened(entry: DecisionEntry) -> DecisionEntry:
    return entry._replace(is_open=1)


def of(evidence: bytes) -> dict[int, Evidence]:
    return {said.arm: said for said in EVIDENCE.all(evidence)}


def test_an_open_decision_says_nothing() -> None:
    entry = opened(decision(2))
    assert weigh(b"", entry, entry._replace(outcomes=2)) == b""


def test_a_drawn_arm_speaks_with_the_inverse_of_its_propensity() -> None:
    said = of(weigh(b"", opened(decision(2)), decision(2)))
    heavy = weight(225_000_000)
    assert heavy == 4_444_444
    measured, drawn = (1, 600_000, 0, 0, 0, 0, 1, 700_000, 0, 0), (1, 100_000, 10**10, heavy, 19_753_082, heavy * 10**5)
    assert said == {2: Evidence(2, *measured, *drawn, 0, 0, 0, 0, 0)}


def test_both_sides_of_a_comparison_are_worth_the_same_on_average() -> None:
    """What an arm weighs when it is drawn and what "not" weighs beside it when that is, times their odds, are equal."""
    odds = {"PATTERN_HEAVY": 22_500_000, "BALANCED": 855_000_000, "NONE": 100_000_000}
    for code, share in zip((1, 2, 3, 4), OVERLAP.unpack(overlaps(odds)), strict=True):
        arm = ("", "PATTERN_HEAVY", "", "BALANCED", "")[code]
        drawn = odds.get(arm, 0) * weight(odds[arm]) if arm else 0
        assert share * 100 * 1_000_000_000 == pytest.approx(drawn, rel=1e-6)
    assert OVERLAP.unpack(overlaps({"CONSERVATIVE": 1})) == (0, 0, 0, 1)
    assert overlaps({"NONE": 10**9}) == NO_OVERLAP


def test_a_rare_draw_weighs_twenty_and_no_more() -> None:
    assert weight(1) == weight(49_999_999) == HEAVIEST == 20 * ONE
    assert weight(50_000_001) < HEAVIEST


@pytest.mark.parametrize("arm", [ArmCode.CONTROL, ArmCode.FALLBACK])
def test_a_decision_not_to_apply_speaks_beside_every_arm_that_had_a_chance(arm: ArmCode) -> None:
    overlap = OVERLAP.pack(4_500, 0, 10_000, 0)
    entry = decision(arm, overlap=overlap, propensity=100_000_000)
    said = of(weigh(b"", opened(entry), entry))
    assert sorted(said) == sorted([arm, 1, 3])
    for code, heavy in ((1, 4_500_000), (3, 10_000_000)):
        assert said[code][-5:] == (1, 100_000, heavy, heavy * heavy // ONE, heavy * 100_000)
        assert said[code].n == said[code].drawn == 0
    assert (said[arm].n, said[arm].drawn, said[arm].w) == (1, 1, 10 * ONE)


@pytest.mark.parametrize("arm", [ArmCode.HOLDOUT, ArmCode.PATTERN_HEAVY])
def test_what_was_not_randomized_itself_is_counted_and_has_no_weight(arm: ArmCode) -> None:
    entry = decision(arm, overlap=NO_OVERLAP)
    (said,) = EVIDENCE.all(weigh(b"", opened(entry), entry))
    assert (said.arm, said.n, said.composite) == (arm, 1, 600_000)
    assert said[11:] == (0,) * 11


def test_a_default_reward_speaks_of_the_arm_and_not_of_how_learners_fare() -> None:
    entry = decision(2, outcomes=0, measured=0, composite=0, n_completion=0, s_completion=0, defaulted=1)
    (said,) = EVIDENCE.all(weigh(b"", opened(entry), entry))
    assert (said.n, said.drawn, said.x) == (0, 1, 100_000)


def test_outcomes_after_the_window_tell_how_a_learner_fares_and_teach_no_arm() -> None:
    entry = decision(2, outcomes=0, reward=0, centred=0)
    (said,) = EVIDENCE.all(weigh(b"", opened(entry), entry))
    assert (said.n, said.composite, said.drawn) == (1, 600_000, 0)


@pytest.mark.parametrize("silent", [{"arm": int(ArmCode.NOTHING)}, {"shown": int(Shown.CONSUMER_SAYS_NO)}])
def test_a_decision_that_teaches_nothing_says_nothing(silent: dict[str, Any]) -> None:
    entry = decision(2)._replace(**silent)
    assert weigh(b"", opened(entry), entry) == b""


def test_a_window_to_which_nothing_came_says_nothing() -> None:
    entry = decision(2, outcomes=0, measured=0)
    assert weigh(b"", opened(entry), entry) == b""


def test_what_is_taken_back_is_as_if_it_had_never_been_said() -> None:
    first, second = decision(2), decision(ArmCode.CONTROL, propensity=100_000_000, centred=-40_000)
    evidence = weigh(weigh(b"", opened(first), first), opened(second), second)
    corrected = second._replace(reward=900_000, centred=260_000, composite=900_000)
    assert weigh(weigh(evidence, second, corrected), corrected, second) == evidence
    denied = first._replace(shown=Shown.CONSUMER_SAYS_NO)
    without = weigh(evidence, first, denied)
    assert of(without)[2] == of(weigh(b"", opened(second), second))[2]


@pytest.mark.parametrize("propensity", [1, 100, 1_000])
def test_what_hardly_ever_happens_still_fits_a_row(propensity: int) -> None:
    evidence, entry = b"", decision(0, propensity=propensity, centred=-1_000_000)
    for _ in range(500):
        evidence = weigh(evidence, opened(entry), entry)
    assert of(evidence)[2].w0 == 500 * HEAVIEST_BESIDE

"""A winner needs every condition; each is told, met or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fitly.core.experiments.verdict import NOT_APPLICABLE, Contrast, Evidence, Verdict, verdict
from fitly.core.statistics.missing import Missing

CLEAR = Contrast(treatment="b", difference=0.1, sequential_p=0.004, fixed_p=0.001, as_zero=0.08)
SOUND = Evidence(
    control="a",
    contrasts=[CLEAR],
    participants={"a": 20, "b": 900},
    days=14,
    at_end=False,
    mismatches={"sample_ratio": (False, "p = 0.6")},
    guardrails={"engagement": (True, "lower bound -0.01 above -0.02")},
)


def met(found: Verdict) -> dict[str, object]:
    return {one.name: one.met for one in found.conditions}


def test_where_every_condition_is_met_there_is_a_winner() -> None:
    found = verdict(SOUND)
    assert found.winner == "b"
    assert met(found) == dict.fromkeys(
        ("participants", "duration", "sample_ratio", "primary", "guardrails", "unjoined_as_zero"), True
    )
    assert all(one.detail for one in found.conditions)


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (replace(SOUND, participants={"a": 19, "b": 900}), "participants"),
        (replace(SOUND, participants={"b": 900}), "participants"),
        (replace(SOUND, days=13.9), "duration"),
        (replace(SOUND, mismatches={"sample_ratio": (True, "p = 1e-30")}), "sample_ratio"),
        (replace(SOUND, mismatches={"joins": (True, "p = 1e-9")}), "joins"),
        (replace(SOUND, contrasts=[replace(CLEAR, sequential_p=0.011)]), "primary"),
        (replace(SOUND, contrasts=[replace(CLEAR, sequential_p=Missing.BURN_IN)]), "primary"),
        (replace(SOUND, contrasts=[replace(CLEAR, difference=Missing.TOO_FEW)]), "primary"),
        (replace(SOUND, guardrails={"engagement": (False, "-0.03")}), "guardrails"),
        (replace(SOUND, contrasts=[replace(CLEAR, as_zero=-0.01)]), "unjoined_as_zero"),
        (replace(SOUND, contrasts=[replace(CLEAR, as_zero=Missing.TOO_FEW)]), "unjoined_as_zero"),
        (replace(SOUND, clusters={"a": 9, "b": 30}), "clusters"),
    ],
)
def test_one_unmet_condition_is_enough_for_no_winner(broken: Evidence, name: str) -> None:
    found = verdict(broken)
    assert found.winner is None
    assert met(found)[name] is False


def test_the_fixed_p_counts_at_the_planned_end_alone() -> None:
    late = replace(SOUND, contrasts=[replace(CLEAR, sequential_p=0.5, fixed_p=0.04)])
    assert verdict(late).winner is None
    assert verdict(replace(late, at_end=True)).winner == "b"
    assert (
        verdict(replace(late, at_end=True, contrasts=[replace(CLEAR, sequential_p=0.5, fixed_p=0.041)])).winner is None
    )


def test_what_is_not_there_does_not_stand_in_the_way() -> None:
    found = verdict(replace(SOUND, days=None, guardrails={}))
    assert found.winner == "b"
    assert met(found)["duration"] == met(found)["guardrails"] == NOT_APPLICABLE


def test_the_best_of_several_significant_treatments_wins_after_holm() -> None:
    better = Contrast(treatment="c", difference=0.2, sequential_p=0.006, fixed_p=0.5, as_zero=0.2)
    both = replace(SOUND, participants={"a": 90, "b": 90, "c": 90}, contrasts=[CLEAR, better])
    assert verdict(both).winner == "c"  # Holm: 2 x .004 and 1 x .006, carried up to .008
    crowd = [replace(CLEAR, treatment=f"t{n}", sequential_p=0.006) for n in range(2)]
    assert verdict(replace(both, contrasts=crowd)).winner is None


def test_the_control_wins_where_every_treatment_is_worse() -> None:
    worse = replace(CLEAR, difference=-0.1, as_zero=-0.1)
    found = verdict(replace(SOUND, contrasts=[worse]))
    assert found.winner == "a"
    unclear = replace(worse, treatment="c", sequential_p=0.4)
    assert verdict(replace(SOUND, contrasts=[worse, unclear])).winner is None


def test_few_clusters_are_warned_of_and_enough_are_not() -> None:
    few, enough = (verdict(replace(SOUND, clusters={"a": n, "b": n})) for n in (12, 40))
    assert (few.winner, enough.winner) == ("b", "b")
    said = {found: {one.name: one.detail for one in found.conditions}["clusters"] for found in (few, enough)}
    assert "too small" in said[few]
    assert "too small" not in said[enough]


def test_an_experiment_of_one_arm_has_no_winner() -> None:
    found = verdict(replace(SOUND, contrasts=[], participants={"a": 50}))
    assert found.winner is None
    assert met(found)["primary"] is met(found)["unjoined_as_zero"] is False

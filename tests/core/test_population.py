"""A row's contribution to the sums of all, held against numpy on what its learners really did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.core.partition import HOURS, Partition, Policy

from fitly.core.entries import EVIDENCE, TYPED, Evidence, Typed
from fitly.core.learner import ContextRow
from fitly.core.names import UserId
from fitly.core.partials import Kind
from fitly.core.population import ARM_SUMS, GROUPS, MEASURES, NO_ROW, contribution, listed, move, named
from fitly.core.vocabulary import Context, Variant

ROW = ContextRow(user_id=UserId("ada"), context=Context.SESSION)
NAME = (Kind.PRIORS, "SESSION")


def said(arm: int, **known: int) -> Evidence:
    return Evidence(arm, *(0,) * 21)._replace(**known)


def of_arm(each: Evidence) -> dict[str, int]:
    told = contribution(ROW._replace(evidence=EVIDENCE.join([each]))).get(NAME, {})
    return {name: told.get(f"PREDICTION_HEAVY.{name}", 0) for name in ARM_SUMS}


def moved(before: ContextRow, after: ContextRow) -> dict[str, int] | None:
    """Give what moves when a row becomes another; None where that is nothing."""
    sums = listed({})
    return named(sums) if move(sums, before, after) else None


def test_a_row_of_nothing_contributes_nothing() -> None:
    assert contribution(ROW) == {}
    assert moved(ROW, ROW) is None


def test_own_outcomes_and_their_types_are_added_up() -> None:
    partition = Partition()
    partition.request()
    for score in (0.2, 0.9):
        partition.outcome(score=score, retention_score=0.5)
    told = contribution(partition.row())[Kind.PRIORS, "ASSESSMENT"]
    rewards = [round(250_000 * (0.5 + score + 0.5 + 0.5)) for score in (0.2, 0.9)]
    assert (told["ALL.n"], told["ALL.sum"]) == (2, sum(rewards))
    of = "ASSESSMENT_COMPLETED"
    assert (told[f"{of}.n_retention"], told[f"{of}.s_retention"]) == (2, 1_000_000)
    assert (told[f"{of}.n_performance"], told[f"{of}.s_performance"]) == (2, 1_100_000)
    assert f"{of}.n_completion" not in told


def test_a_learner_is_one_in_the_products_of_their_weights() -> None:
    each = said(2, drawn=3, x=90_000, w=12_000_000, wx=36, n0=2, x0=-10_000, w0=20_000_000, wx0=-50)
    told = of_arm(each)
    w, y, w0, y0 = 12_000_000, 36, 20_000_000, -50
    size, d = 1_200_000, 30_000 + 5_000
    assert told == {
        "clusters": 1, "learners": 1, "w": w, "y": y, "w0": w0, "y0": y0,
        "ww": w * w, "wy": w * y, "yy": y * y, "w0w0": w0 * w0, "w0y0": w0 * y0, "y0y0": y0 * y0,
        "ww0": w * w0, "wy0": w * y0, "yw0": y * w0, "yy0": y * y0,
        "pairs": 1, "h": size, "hh": size * size, "hd": size * d, "hdd": size * d * d,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("known", "expected"),
    [({}, (0, 0, 0)), ({"drawn": 1, "w": 5}, (1, 0, 0)), ({"drawn": 2, "w": 5, "n0": 1, "w0": 2}, (1, 1, 0))],
)
def test_a_learner_with_too_little_on_a_side_is_no_pair(known: dict[str, int], expected: tuple[int, ...]) -> None:
    told = of_arm(said(2, **known))
    assert (told["clusters"], told["learners"], told["pairs"]) == expected


def test_the_spread_within_a_learner_is_around_each_arms_own_mean() -> None:
    values = {1: [10, 30, 50], 0: [5, -5]}
    evidence = EVIDENCE.join(
        [said(arm, drawn=len(x), x=sum(x), x2=sum(v * v for v in x), w=1) for arm, x in values.items()]
    )
    told = contribution(ROW._replace(evidence=evidence))[NAME]
    expected = sum(np.var(x, ddof=1) * (len(x) - 1) for x in values.values())
    assert (told["WITHIN.squares"], told["WITHIN.free"]) == (expected, 3)


def test_how_learners_fare_is_one_mean_each_by_group() -> None:
    evidence = EVIDENCE.join(
        [
            said(1, n=2, composite=1_000_000, n_performance=1, s_performance=300_000),
            said(3, n=1, composite=800_001),
            said(0, n=1, composite=100_000),
            said(6, n=1, composite=200_000),
        ]
    )
    told = contribution(ROW._replace(evidence=evidence))[NAME]
    assert (told["APPLIED.composite_n"], told["APPLIED.composite_sum"]) == (1, 600_000)
    assert told["APPLIED.composite_squares"] == 600_000**2
    assert told["CONTROL.composite_sum"] == 100_000
    assert (told["PAIRED.composite_n"], told["PAIRED.composite_sum"]) == (1, 500_000)
    assert "PAIRED.performance_n" not in told
    assert told["OFFERED.composite_sum"] == round(2_100_001 / 5)
    assert (told["APPLIED.performance_n"], told["APPLIED.performance_sum"]) == (1, 300_000)
    assert not [name for name in told if name.startswith("HOLDOUT")]
    held = contribution(ROW._replace(evidence=EVIDENCE.join([said(5, n=2, composite=900_000)])))[NAME]
    assert {name.split(".")[0] for name in held} == {"HOLDOUT"}
    assert set(GROUPS) == {"APPLIED", "CONTROL", "HOLDOUT", "OFFERED"}
    assert len(MEASURES) == 5


ROWS = [
    ROW,
    ROW._replace(evidence=EVIDENCE.join([said(6, n=1, composite=3)])),
    ROW._replace(
        own_n=3, own_sum=7, evidence=EVIDENCE.join([said(1, drawn=2, x=3, x2=6, w=5, wx=9, n=1, composite=4)])
    ),
    ROW._replace(
        own_n=3, own_sum=7, evidence=EVIDENCE.join([said(1, drawn=2, x=3, x2=5, w=5, wx=9, n=1, composite=4)])
    ),
    ROW._replace(
        own_n=4, own_sum=7, evidence=EVIDENCE.join([said(1, drawn=3, x=4, x2=9, w=6, wx=1, n=1, composite=4)])
    ),
    ROW._replace(
        own_n=4, own_sum=9, evidence=EVIDENCE.join([said(1, drawn=3, x=4, x2=9, w=6, wx=1, n=2, composite=9)])
    ),
    ROW._replace(typed=TYPED.join([Typed(2, 1, 5, 1, 6, 0, 0, 0, 0), Typed(0, 0, 0, 1, 6, 0, 0, 0, 0)])),
    ROW._replace(typed=TYPED.join([Typed(0, 1, 2, 1, 7, 0, 0, 0, 0), Typed(2, 1, 5, 1, 6, 0, 0, 0, 0)])),
    ROW._replace(
        evidence=EVIDENCE.join(
            [
                said(0, drawn=2, x=7, x2=40, w=3, wx=2, n=2, composite=6, n_performance=1, s_performance=9),
                said(2, drawn=2, x=-4, x2=8, w=4, wx=-3, n=2, composite=5, n0=2, x0=7, w0=8, wx0=5),
                said(6, n=1, composite=3),
            ]
        )
    ),
    ROW._replace(
        evidence=EVIDENCE.join(
            [
                said(2, drawn=2, x=-4, x2=8, w=4, wx=-3, n=2, composite=5, n0=3, x0=9, w0=9, wx0=6),
                said(0, drawn=3, x=9, x2=44, w=4, wx=4, n=3, composite=8, n_performance=1, s_performance=9),
                said(3, n=1, composite=2, n_performance=1, s_performance=1),
                said(6, n=1, composite=3),
            ]
        )
    ),
    ROW._replace(evidence=EVIDENCE.join([said(5, n=2, composite=9), said(4, n0=1, x0=2, w0=3, wx0=1)])),
]


@pytest.mark.parametrize("before", range(len(ROWS)))
@pytest.mark.parametrize("after", range(len(ROWS)))
def test_what_a_change_moves_is_the_difference_of_the_contributions(before: int, after: int) -> None:
    old, new = (contribution(ROWS[each]).get(NAME, {}) for each in (before, after))
    names = sorted(old.keys() | new.keys())
    differences = {n: change for n in names if (change := new.get(n, 0) - old.get(n, 0))}
    assert (moved(ROWS[before], ROWS[after]) or {}) == differences
    assert (moved(ROWS[before], ROWS[after]) is None) == (not differences)


def test_a_row_that_goes_takes_everything_along() -> None:
    for row in ROWS:
        assert (moved(row, NO_ROW) or {}) == {n: -value for n, value in contribution(row).get(NAME, {}).items()}


def test_a_closed_decision_reaches_the_sums_and_an_open_one_does_not() -> None:
    partition = Partition(Policy(holdout_share=0, control_share=0.5, epsilon=1))
    users = [f"u{n}" for n in range(40)]
    for user in users:
        partition.request(user)
        partition.outcome(user, 0.75)
    assert not [name for name in sums(partition) if name.startswith(("WITHIN", "APPLIED", "CONTROL"))]
    partition.later(days=7, hours=1)
    partition.tick()
    found = sums(partition)
    assert found["APPLIED.composite_n"] + found["CONTROL.composite_n"] == len(users)
    weights = [found.get(f"{variant}.w", 0) for variant in Variant]
    assert all(weights)
    applied = found["APPLIED.composite_n"]
    assert sum(found[f"{variant}.clusters"] for variant in Variant) == applied + 4 * found["CONTROL.composite_n"]
    assert HOURS


def sums(partition: Partition) -> dict[str, Any]:
    return partition.shard.sums.totals[Kind.PRIORS, "ASSESSMENT"]

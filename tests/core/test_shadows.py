"""What shadows would have done: scored where chance decided, summed up by learner, taken back with what it rests on."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from tests.core.partition import SURE, UNSURE, Context, Partition, Switches, Windows, replace

from fitly.core.decisions import Selected
from fitly.core.entries import DECISIONS
from fitly.core.learner import ContextRow
from fitly.core.numbers import CERTAIN, ONE
from fitly.core.rules import Policy, Shadow
from fitly.core.shadows import (
    LOGGED,
    MOST_SHADOWS,
    SCORES,
    SUMMED,
    Score,
    contribution,
    differences,
    let_go,
    mark,
    scored,
    sums_name,
    weight_bound,
    weight_class,
)
from fitly.core.statistics.offpolicy import Weighed
from fitly.core.topics import CONTEXTS
from fitly.core.vocabulary import Algorithm, Mode, Variant
from fitly.wire.summing import Sums

SAME = Shadow(name="same")
FIXED = Shadow(name="fixed", algorithm=Algorithm.FIXED, fixed_arm=Variant.BALANCED)
UNIFORM = Shadow(name="uniform", algorithm=Algorithm.UNIFORM)
PLAIN = Shadow(name="plain", shrinkage=0)
LIVE = Policy(holdout_share=0, shadows=(SAME, FIXED, UNIFORM, PLAIN))


def scores(partition: Partition, user: str = "ada") -> dict[bytes, Score]:
    """Give how the newest decision was scored, by shadow."""
    row = partition.row(user)
    newest = DECISIONS.at(row.decisions, -1).id[:8]
    return {score.shadow: score for score in SCORES.all(row.shadows) if score.about == newest}


def sums(partition: Partition, shadow: Shadow, user: str = "ada") -> dict[str, int]:
    return contribution(partition.row(user)).get(sums_name(Context.ASSESSMENT, shadow), {})


def drawn(partition: Partition, wanted: str | None = None) -> Selected:
    """Ask for one learner after the other until one gets what is wanted."""
    for n in range(200):
        selected = partition.request(f"learner-{n}").selected
        if (selected.strategy_variant or "NONE") == wanted:
            return selected
    raise AssertionError(wanted)


def test_a_shadow_that_is_the_policy_gives_what_was_drawn_the_logged_probability() -> None:
    partition = Partition(LIVE)
    for arm in ("NONE", "BALANCED", "CONSERVATIVE"):
        selected = drawn(partition, arm)
        assert scores(partition, selected.user_id)[mark(SAME)].target == selected.propensities[arm]


def test_each_shadow_says_how_likely_it_would_have_drawn_the_same() -> None:
    partition = Partition(LIVE)
    selected = drawn(partition, "BALANCED")
    found = scores(partition, selected.user_id)
    assert found[mark(FIXED)].target == 0.9 * CERTAIN
    assert found[mark(UNIFORM)].target == 0.225 * CERTAIN
    other = drawn(partition, "PATTERN_HEAVY")
    assert scores(partition, other.user_id)[mark(FIXED)].target == 0
    none = drawn(partition, "NONE")
    assert {score.target for score in scores(partition, none.user_id).values()} == {0.1 * CERTAIN}
    assert {score.outside for score in found.values()} == {0}


def test_what_could_not_be_drawn_is_outside() -> None:
    live = replace(LIVE, algorithm=Algorithm.FIXED, fixed_arm=Variant.CONSERVATIVE)
    partition = Partition(live)
    partition.request()
    assert scores(partition)[mark(FIXED)].outside == 0.9 * CERTAIN
    assert scores(partition)[mark(UNIFORM)].outside == 3 * 0.225 * CERTAIN


def test_below_the_threshold_a_shadow_probes_its_own_arm() -> None:
    partition = Partition(replace(LIVE, initial_confidence=0.5, algorithm=Algorithm.FIXED, fixed_arm=Variant.BALANCED))
    selected = drawn(partition, "BALANCED")
    assert selected.mode is Mode.PROBE
    found = scores(partition, selected.user_id)
    assert found[mark(FIXED)].target == 0.1 * CERTAIN
    assert found[mark(UNIFORM)].target == 0.025 * CERTAIN
    assert found[mark(UNIFORM)].outside == 0.075 * CERTAIN


def test_a_shadow_fixed_on_an_arm_that_is_off_would_apply_nothing() -> None:
    partition = Partition(replace(LIVE, switches=Switches(arms=(Variant.BALANCED,))))
    none = drawn(partition, "NONE")
    assert scores(partition, none.user_id)[mark(FIXED)].target == CERTAIN
    other = drawn(partition, "CONSERVATIVE")
    assert scores(partition, other.user_id)[mark(FIXED)].target == 0


def test_a_shadow_may_compare_plain_averages_where_the_policy_compares_effects_and_the_other_way_round() -> None:
    for live, shadow in ((LIVE, PLAIN), (replace(LIVE, shrinkage=0), SAME)):
        partition = Partition(replace(live, epsilon=0.999, control_share=0.01))
        partition.request()
        partition.outcome(score=0.0)
        partition.later(days=2)
        partition.request()
        target = scores(partition)[mark(shadow)].target
        assert 0 < target < CERTAIN


@pytest.mark.parametrize(
    "policy",
    [replace(LIVE, holdout_share=1), replace(LIVE, shadow_share=0), replace(LIVE, control_share=0), UNSURE],
    ids=["held out", "no share", "nothing is left to chance", "no shadow"],
)
def test_what_chance_did_not_decide_is_not_scored(policy: Policy) -> None:
    partition = Partition(policy)
    partition.request()
    assert not partition.row().shadows


def test_a_share_of_the_decisions_is_looked_on_by_their_hash() -> None:
    partition = Partition(replace(LIVE, shadow_share=0.3))
    seen = 0
    for n in range(200):
        selected = partition.request(f"learner-{n}").selected
        assert bool(partition.row(f"learner-{n}").shadows) == (selected.draws["shadow"] < 0.3)
        seen += selected.draws["shadow"] < 0.3
    assert 40 < seen < 80


def test_a_decision_counts_when_its_window_has_closed() -> None:
    partition = Partition(LIVE)
    selected = partition.request().selected
    partition.outcome(score=0.9, event_id="o")
    assert not sums(partition, SAME)
    partition.later(days=8)
    partition.tick()
    found = sums(partition, SAME)
    (reward,) = [entry.reward for entry in partition.decisions()]
    assert (found["learners"], found["n"], found["w"], found["r"]) == (1, 1, ONE, reward)
    assert found["outside"] == 0
    assert found[f"largest.{weight_class(ONE)}"] == 1
    assert sums(partition, FIXED)["w"] in {0, round(0.9 / selected.propensities["BALANCED"] * 1e15)}


def test_the_doubly_robust_term_corrects_a_model_of_what_was_known_before() -> None:
    partition = Partition(LIVE)
    partition.request()
    partition.outcome(score=0.9)
    partition.later(days=8)
    partition.tick()
    (entry,) = partition.decisions()
    for shadow in (SAME, UNIFORM, FIXED):
        (score,) = [each for each in SCORES.all(partition.row().shadows) if each.shadow == mark(shadow)]
        assert (score.model, score.worth) == (500_000, 500_000)
        weight = score.target / entry.propensity
        assert sums(partition, shadow)["d"] == pytest.approx(500_000 + weight * (entry.reward - 500_000), abs=1)


def test_a_correction_moves_the_sums_and_a_withdrawal_leaves_the_decision_idle() -> None:
    partition = Partition(LIVE)
    partition.request()
    partition.outcome(score=0.9, event_id="o")
    partition.later(days=8)
    partition.tick()
    before = sums(partition, SAME)["r"]
    partition.correct("o", performance_score=0.1)
    assert sums(partition, SAME)["r"] == before - 200_000
    partition.correct("o", withdrawn=True)
    found = sums(partition, SAME)
    assert "n" not in found
    assert (found["n0"], found["w0"], found["r0"], found["d0"]) == (1, ONE, 0, 0)


def test_a_window_to_which_nothing_came_counts_apart_with_nothing_and_with_a_default_as_such() -> None:
    for default, n in ((None, 0), (0.3, 1)):
        partition = Partition(replace(LIVE, default_reward=default))
        partition.request()
        partition.later(days=8)
        partition.tick()
        found = sums(partition, SAME)
        assert (found.get("n", 0), found["n0"]) == (n, 1)
        assert found["r0"] == (0 if default is None else 300_000)


def test_a_reset_takes_everything_out() -> None:
    partition = Partition(LIVE)
    partition.request()
    partition.outcome()
    partition.later(days=8)
    partition.tick()
    assert sums(partition, SAME)
    partition.reset()
    assert contribution(partition.row()) == {}


def test_a_decision_that_is_let_go_of_leaves_its_sums() -> None:
    partition = Partition(LIVE)
    partition.request()
    partition.outcome()
    partition.later(days=8)
    partition.tick()
    before = contribution(partition.row())
    partition.later(days=50)
    partition.request()
    row = partition.row()
    assert DECISIONS.count(row.decisions) == 1
    assert SCORES.count(row.shadows) == len(LIVE.shadows) + 1
    assert SUMMED.count(row.shadow_sums) == len(LIVE.shadows) + 1
    assert contribution(row) == before


def test_of_too_many_decisions_the_oldest_is_closed_and_its_score_kept() -> None:
    partition = Partition(replace(LIVE, dwell_days=0, windows=replace(SURE.windows, assessment=300)))
    for _ in range(70):
        partition.later(hours=1)
        partition.request()
    row = partition.row()
    assert SCORES.count(row.shadows) == 64 * (len(LIVE.shadows) + 1)
    assert sums(partition, SAME)["n0"] == 70 - 64


def test_a_row_keeps_the_sums_of_so_many_shadows() -> None:
    partition = Partition(LIVE)
    for n in range(6):
        partition.revise(replace(LIVE, shadows=(Shadow(name=f"one-{n}"), Shadow(name=f"two-{n}"))))
        partition.request()
        partition.later(days=50)
    row = partition.row()
    kept = [each.shadow for each in SUMMED.all(row.shadow_sums)]
    assert len(kept) == MOST_SHADOWS
    assert kept[0] == LOGGED
    assert mark(Shadow(name="two-4")) in kept
    assert mark(Shadow(name="one-0")) not in kept


def test_what_acted_is_summed_up_beside_with_weights_of_one() -> None:
    partition = Partition(LIVE)
    partition.request()
    partition.outcome(score=0.9)
    partition.later(days=8)
    partition.tick()
    found = contribution(partition.row())[sums_name(Context.ASSESSMENT, None)]
    assert (found["n"], found["w"], found["outside"]) == (1, ONE, 0)
    assert found["r"] == found["d"] == partition.decisions()[0].reward


def test_a_shadow_under_the_same_name_that_says_something_else_has_sums_of_its_own() -> None:
    partition = Partition(LIVE)
    partition.request()
    partition.later(days=8)
    other = Shadow(name="same", epsilon=0.5)
    partition.revise(replace(LIVE, shadows=(other,)))
    partition.request()
    partition.later(days=8)
    partition.tick()
    assert (sums(partition, SAME)["n0"], sums(partition, other)["n0"]) == (1, 1)


def test_what_moves_is_the_difference_of_what_two_rows_contribute() -> None:
    partition = Partition(LIVE)
    rows: list[ContextRow | None] = [None]
    for score in (0.9, None, 0.4):
        partition.request()
        rows.append(partition.row())
        if score is not None:
            partition.outcome(score=score, event_id=f"o{score}")
            rows.append(partition.row())
        partition.later(days=8)
        partition.tick()
        rows.append(partition.row())
    partition.correct("o0.4", performance_score=0.8)
    rows.append(partition.row())
    partition.later(days=60)
    partition.request()
    rows.append(partition.row())
    partition.reset()
    rows += [partition.row(), None]
    totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    moves = []
    for before, after in pairwise(rows):
        moved = dict(differences(before, after))
        moves.append(len(moved))
        for name, changes in moved.items():
            for each, change in changes:
                assert change
                totals[name][each] += change
        wanted = {} if after is None else contribution(after)
        found = {name: {each: value for each, value in sums.items() if value} for name, sums in totals.items()}
        nothing_left_out = {n: {each: value for each, value in sums.items() if value} for n, sums in wanted.items()}
        assert {name: sums for name, sums in found.items() if sums} == nothing_left_out
    five = len(LIVE.shadows) + 1
    assert moves == [0, 0, five, 0, five, 0, 0, five, five - 1, 0, five, 0]


def test_nothing_to_forget_changes_nothing() -> None:
    row = ContextRow(user_id=Partition().request().selected.user_id, context=Context.MISSION)
    assert let_go(row, []) is row
    assert (scored(row), contribution(row)) == ([], {})


def test_weights_fall_into_classes_whose_bound_is_above_them() -> None:
    for weight in (0, 1, 999_999, ONE, 3 * ONE, 40 * ONE, ONE * ONE):
        bound = weight_bound(weight_class(weight))
        assert weight <= bound * ONE <= max(weight * 1.1, 1_000)
    assert weight_class(10**15) == weight_class(10**14)


def test_sums_equal_those_of_the_decisions_and_outcomes_themselves() -> None:
    partition = Partition(replace(LIVE, epsilon=0.4, windows=replace(SURE.windows, assessment=1)))
    said: dict[str, list[tuple[Selected, list[float]]]] = defaultdict(list)
    users = [f"learner-{n}" for n in range(12)]
    for round_ in range(30):
        for place, user in enumerate(users):
            if (round_ * 7 + place) % 3:
                said[user].append((partition.request(user).selected, []))
                for score in range((round_ + place) % 3):
                    told = partition.outcome(user, score=(round_ * 13 + score * 5 + place) % 10 / 10)
                    assert told.filed.reward is not None
                    said[user][-1][1].append(told.filed.reward / ONE)
        partition.later(days=1.1)
    partition.tick()
    for shadow in (SAME, UNIFORM, FIXED):
        merged: dict[str, int] = defaultdict(int)
        for user in users:
            for name, value in sums(partition, shadow, user).items():
                merged[name] += value
        clusters = [
            [(weight_of(shadow, made), sum(rewards) / len(rewards)) for made, rewards in said[user] if rewards]
            for user in users
        ]
        n, w, r = [], [], []
        for learner in clusters:
            n.append(len(learner))
            w.append(sum(weight for weight, _ in learner))
            r.append(sum(weight * reward for weight, reward in learner))
        found = Weighed.read(merged)
        assert (found.learners, found.n, found.nn) == (len(users), sum(n), sum(each * each for each in n))
        assert found.w / ONE == pytest.approx(sum(w), rel=1e-5)
        assert found.ww / ONE**2 == pytest.approx(sum(each * each for each in w), rel=1e-5)
        assert found.r / ONE == pytest.approx(sum(r), rel=1e-5)
        assert found.rr / ONE**2 == pytest.approx(sum(each * each for each in r), rel=1e-5)
        assert found.nr / ONE == pytest.approx(sum(a * b for a, b in zip(n, r, strict=True)), rel=1e-5)


def weight_of(shadow: Shadow, selected: Selected) -> float:
    """Work out the weight from the decision as it was sent."""
    arm = selected.strategy_variant
    if arm is None:
        return 1.0
    expected = {each: view.expected for each, view in selected.arms.items()}
    top = [each for each, value in expected.items() if value == max(expected.values())]
    share = {
        "same": 0.1 / 4 + 0.9 / len(top) * (arm in top),
        "uniform": 0.25,
        "fixed": float(arm is Variant.BALANCED),
    }[shadow.name]
    return 0.9 * share * CERTAIN / selected.propensities[arm]


def test_a_window_that_closes_as_another_decision_is_let_go_is_not_taken_for_it() -> None:
    partition = Partition(replace(SURE, control_share=0.5, shadows=(SAME,), windows=Windows(assessment=20)))
    partition.prefer(level="NONE")
    partition.request()  # not scored, and closed from the beginning
    partition.later(hours=1)
    partition.prefer(level="MEDIUM")  # scored
    partition.revise(SURE)
    partition.later(days=21)
    partition.request()  # the first is let go, and the second's window closes without an outcome
    totals = Sums.added_up(partition.shard.rows[CONTEXTS].values()).totals
    assert totals
    assert partition.shard.sums.totals == totals
    partition.say("learner.erased", "ada", {})
    assert not any(partition.shard.sums.totals.values())

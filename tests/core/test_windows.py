"""The passing of time: reward windows close, old entries are let go, nothing grows without bound."""

from __future__ import annotations

import pytest
from tests.core.partition import SURE, UNSURE, ArmCode, Partition, Policy, Windows, replace
from tests.core.sums import day_sums

from fitly.core.entries import BUCKETS, DECISIONS, OUTCOMES
from fitly.core.learner import NEVER, ContextRow
from fitly.core.numbers import DAY, day_of
from fitly.core.rules import RewardWeights
from fitly.core.tally import CUMULATIVE
from fitly.core.vocabulary import Context
from fitly.core.windows import MOST_DECISIONS, MOST_OUTCOMES

NO_DWELL = replace(SURE, dwell_days=0)


@pytest.mark.parametrize(
    ("context", "days"), [(Context.MISSION, 7), (Context.CONTENT, 1), (Context.ASSESSMENT, 7), (Context.SESSION, 1)]
)
def test_a_window_stays_open_as_long_as_its_contexts(context: Context, days: int) -> None:
    partition = Partition()
    decision = partition.request(context=context.value).selected.decision_id
    partition.later(days=days)
    partition.outcome(context=context.value, score=1.0, decision_id=decision, stamp=partition.now - 1)
    partition.outcome(context=context.value, score=0.0, decision_id=decision)
    entry = partition.decisions(context=context)[0]
    assert (entry.outcomes, entry.measured, entry.is_open) == (1, 2, 0)


def test_a_reward_is_the_mean_over_the_decisions_outcomes() -> None:
    partition = Partition()
    partition.request()
    for score in (0.2, 0.4, 0.9):
        partition.outcome(score=score)
    (arm,) = partition.arms()
    assert (arm.n, arm.raw) == (1, 500_000)


def test_a_window_closed_by_a_tick_and_one_closed_by_a_touch_are_the_same() -> None:
    def after(*, ticks: bool) -> ContextRow:
        partition = Partition(replace(SURE, default_reward=0.25))
        partition.request(event_id="r")
        partition.request(event_id="s", context="CONTENT")
        for _ in range(9):
            partition.later(days=1)
            if ticks:
                partition.tick()
        partition.outcome(event_id="o", time=partition.now - 1)
        return partition.row()

    by_tick, by_touch = after(ticks=True), after(ticks=False)
    assert _timeless(by_tick) == _timeless(by_touch)


def _timeless(row: ContextRow) -> tuple[object, ...]:
    decisions = [entry._replace(id=b"") for entry in DECISIONS.all(row.decisions)]
    arms = [code for code in range(6) if row.arms.count(bytes((code,)))]
    return decisions, arms, day_sums(row), row.own_n, row.own_sum, row.unjoined, row.closes_at


def test_a_later_decisions_window_may_close_before_an_earlier_ones() -> None:
    partition = Partition(NO_DWELL)
    partition.request()
    partition.revise(replace(NO_DWELL, windows=Windows(assessment=1.0)))
    partition.request()
    partition.later(days=1)
    partition.tick()
    assert [entry.is_open for entry in partition.decisions()] == [1, 0]
    partition.later(days=6)
    partition.tick()
    assert [entry.is_open for entry in partition.decisions()] == [0, 0]
    assert partition.row().closes_at == NEVER


def test_a_later_policy_changes_nothing_that_was_learned() -> None:
    partition = Partition(replace(SURE, dwell_days=0))
    for n in range(6):
        partition.request()
        partition.outcome(score=n / 10)
        partition.later(hours=1)
    before = partition.rows()
    weights = RewardWeights(retention=1, performance=0, completion=0, engagement=0)
    partition.revise(replace(UNSURE, reward_weights=weights, shrinkage=0, windows=Windows(assessment=1)))
    partition.tick()
    assert partition.rows() == before


def test_a_row_is_due_when_its_next_window_closes_and_never_when_none_is_open() -> None:
    partition = Partition(NO_DWELL)
    partition.request()
    first = partition.now + 7 * DAY
    partition.later(days=2)
    partition.request()
    second = partition.now + 7 * DAY
    assert partition.row().closes_at == first
    partition.later(days=5)
    partition.tick()
    assert partition.row().closes_at == second
    partition.later(days=2)
    partition.tick()
    assert partition.row().closes_at == NEVER


def test_a_window_without_outcome_is_unjoined_and_teaches_nothing() -> None:
    partition = Partition()
    partition.request()
    partition.later(days=7)
    partition.tick()
    row = partition.row()
    assert row.unjoined == 1
    assert partition.arms()[0].n == 0
    assert day_sums(row) == {}


def test_a_default_reward_stands_for_outcomes_that_never_came() -> None:
    partition = Partition(replace(SURE, default_reward=0.3))
    partition.request()
    partition.later(days=7)
    partition.tick()
    (arm,) = partition.arms()
    assert (arm.n, arm.raw, arm.centred) == (1, 300_000, -200_000)
    assert partition.row().unjoined == 1
    assert day_sums(partition.row()) == {}


def test_a_default_reward_teaches_nothing_where_the_decision_does_not() -> None:
    partition = Partition(replace(UNSURE, default_reward=0.3))
    partition.request()
    partition.later(days=7)
    partition.tick()
    assert partition.arms() == []


def test_an_outcome_after_the_window_does_not_displace_the_default_reward() -> None:
    partition = Partition(replace(SURE, default_reward=0.3))
    decision = partition.request().selected.decision_id
    partition.later(days=8)
    partition.outcome(decision_id=decision, score=1.0)
    assert partition.arm(partition.decisions()[0].arm).raw == 300_000


@pytest.mark.parametrize("ticks", [0, 1])
def test_a_default_reward_is_that_of_the_policy_in_force_when_the_decision_was_made(ticks: int) -> None:
    """Whatever is revised later, and whether the window closes before the next policy is told or after."""
    partition = Partition(replace(SURE, default_reward=0.3))
    partition.request()
    partition.later(days=7)
    for _ in range(ticks):
        partition.tick()
    partition.revise(replace(SURE, default_reward=0.9))
    partition.tick()
    assert [(arm.n, arm.raw) for arm in partition.arms()] == [(1, 300_000)]


def test_a_default_reward_is_centred_on_the_learners_own_mean_as_any_other() -> None:
    partition = Partition(replace(SURE, default_reward=0.5, dwell_days=0))
    partition.request()
    partition.outcome(score=0.9)
    partition.later(hours=1)
    partition.request()
    mean = round((0.6 + 10 * 0.5) / 11 * 1e6)
    entry = partition.decisions()[-1]
    assert (entry.default, entry.default_centred) == (500_000, 500_000 - mean)


def test_windows_follow_the_policy_in_force_when_the_decision_was_made() -> None:
    partition = Partition()
    partition.request()
    partition.revise(replace(SURE, windows=Windows(assessment=1)))
    partition.later(days=2)
    partition.outcome()
    assert partition.decisions()[0].is_open == 1


def test_more_than_sixty_four_decisions_close_the_oldest_and_count_it() -> None:
    partition = Partition(NO_DWELL)
    first = partition.request().selected
    for n in range(MOST_DECISIONS + 2):
        partition.later(hours=1)
        partition.request(event_id=f"r{n}")
        assert DECISIONS.count(partition.row().decisions) <= MOST_DECISIONS
    row = partition.row()
    assert DECISIONS.count(row.decisions) == MOST_DECISIONS
    assert (row.overflowed, row.unjoined) == (3, 3)
    assert partition.outcome(decision_id=first.decision_id).bin == "ORPHAN"


def test_a_decision_let_go_after_its_window_is_no_overflow() -> None:
    partition = Partition(NO_DWELL)
    for n in range(MOST_DECISIONS + 4):
        partition.later(hours=1)
        partition.request(event_id=f"r{n}", context="CONTENT")
    row = partition.row(context=Context.CONTENT)
    assert DECISIONS.count(row.decisions) == MOST_DECISIONS
    assert (row.overflowed, row.unjoined) == (0, MOST_DECISIONS + 4 - 24)


def test_a_decision_let_go_by_overflow_keeps_its_sums() -> None:
    partition = Partition(NO_DWELL)
    partition.request()
    partition.outcome(score=0.9)
    day = day_of(partition.now)
    before = day_sums(partition.row())
    for n in range(MOST_DECISIONS + 2):
        partition.later(hours=0.1)
        partition.request(event_id=f"r{n}")
    row = partition.row()
    assert BUCKETS.count(row.buckets) == 2
    after = day_sums(row)
    assert {key: after[key] for key in before} == before
    assert {each for each, _ in after} == {CUMULATIVE, day}
    assert (row.overflowed, row.unjoined) == (4, 3)


def test_decisions_of_one_day_and_arm_let_go_share_a_bucket() -> None:
    partition = Partition(NO_DWELL)
    for n in range(3 * MOST_DECISIONS):
        partition.later(hours=0.05)
        partition.request(event_id=f"r{n}")
        partition.outcome(score=0.5)
    row = partition.row()
    arms = {entry.arm for entry in partition.arms()}
    assert BUCKETS.count(row.buckets) <= 2 * len(arms)
    assert sum(bucket.n for (day, _), bucket in day_sums(row).items() if day == CUMULATIVE) == 3 * MOST_DECISIONS


def test_a_decision_is_let_go_sixteen_days_after_it_ended_and_its_day_with_it() -> None:
    partition = Partition()
    for _ in range(40):
        partition.request()
        partition.outcome(score=0.6)
        partition.later(days=1)
    partition.request()
    row = partition.row()
    days = {day for day, _ in day_sums(row)} - {CUMULATIVE}
    assert 14 <= len(days) <= 18
    assert DECISIONS.count(row.decisions) <= 19
    assert OUTCOMES.count(row.outcomes) <= 17
    assert sum(bucket.n for (day, _), bucket in day_sums(row).items() if day == CUMULATIVE) == 40


def test_day_buckets_leave_with_the_acceptance_window_and_the_cumulative_stays() -> None:
    partition = Partition(NO_DWELL)
    for n in range(MOST_DECISIONS + 9):
        partition.later(hours=0.1)
        partition.request(event_id=f"r{n}")
        partition.outcome()
    assert {bucket.day for bucket in BUCKETS.all(partition.row().buckets)} == {CUMULATIVE, day_of(partition.now)}
    partition.later(days=20)
    partition.request()
    assert {bucket.day for bucket in BUCKETS.all(partition.row().buckets)} == {CUMULATIVE}


def test_at_most_five_hundred_and_twelve_outcomes_are_remembered() -> None:
    partition = Partition(replace(SURE, dwell_days=30))
    partition.request()
    for n in range(MOST_OUTCOMES + 3):
        if n % 100 == 99:
            partition.later(days=1)
        partition.outcome(event_id=f"o{n}")
    row = partition.row()
    assert OUTCOMES.count(row.outcomes) == MOST_OUTCOMES
    assert row.own_n == MOST_OUTCOMES + 3
    assert partition.correct("o1", performance_score=0.1).bin == "ORPHAN"
    assert partition.correct("o400", performance_score=0.1).bin == "APPLIED"


def test_one_tick_closes_at_most_five_hundred_rows_and_the_rest_stay_due() -> None:
    partition = Partition()
    for n in range(510):
        partition.request(f"learner-{n:03}")
    partition.later(days=8)
    assert partition.shard.overdue() == 0
    partition.tick()
    assert partition.shard.overdue() == 10
    partition.tick()
    assert partition.shard.overdue() == 0
    assert all(partition.row(f"learner-{n:03}").unjoined == 1 for n in range(510))


def test_the_clock_is_the_highest_stamp_so_far() -> None:
    partition = Partition()
    partition.request()
    partition.tick()
    before = partition.shard.position.clock
    partition.outcome("bob", time=partition.now, stamp=partition.now - 5_000)
    assert partition.shard.position.clock == before


def test_a_new_policy_lets_due_rows_fall_due_as_a_tick_does() -> None:
    partition = Partition()
    partition.request()
    partition.later(days=8)
    partition.revise(Policy())
    assert partition.row().unjoined == 1
    assert partition.arm(ArmCode.CONTROL).n == 0

"""Starting again: what was learned, the preferences, or both; never more personalization without consent."""

from __future__ import annotations

import pytest
from tests.core.partition import SURE, Partition, replace
from tests.core.sums import day_sums

from fitly.core.events import PreferencesChanged
from fitly.core.learner import NEVER, Preferences
from fitly.core.resets import changed, reset
from fitly.core.vocabulary import Context, Feature, Level


def a_history() -> Partition:
    partition = Partition()
    partition.request()
    partition.outcome(score=0.9, event_id="o")
    partition.request(context="SESSION")
    partition.prefer(level="HIGH", mission_enabled=False)
    partition.later(hours=1)
    return partition


def test_what_was_learned_starts_again_and_the_preferences_stay() -> None:
    partition = a_history()
    told = partition.reset()
    assert (told.bin, told.outputs) == ("APPLIED", [])
    row = partition.row()
    (arm,) = partition.arms()
    assert (arm.n, arm.raw, arm.centred, arm.centred2) == (0, 0, 0, 0)
    assert arm.selected == 1
    assert (row.own_n, row.own_sum, row.outcomes, row.buckets) == (0, 0, b"", b"")
    assert (row.learning_since, row.closes_at) == (partition.now, NEVER)
    assert day_sums(row) == {}
    learner = partition.learner()
    assert learner.last_reset_at == partition.now
    assert learner.preferences == Preferences(level=Level.HIGH, mission_enabled=False)


def test_every_context_starts_again() -> None:
    partition = a_history()
    partition.reset()
    assert partition.row(context=Context.SESSION).learning_since == partition.now


def test_after_a_reset_what_stands_stays_and_earlier_decisions_teach_nothing() -> None:
    partition = a_history()
    partition.reset()
    told = partition.outcome(score=0.9)
    assert told.bin == "APPLIED"
    assert not told.decided
    assert partition.arms()[0].n == 0
    assert day_sums(partition.row()) == {}
    assert partition.correct("o", performance_score=0.1).bin == "ORPHAN"
    partition.later(days=1)
    partition.request()
    partition.outcome(score=0.9)
    assert sum(arm.n for arm in partition.arms()) == 1


def test_preferences_go_back_and_what_was_learned_stays() -> None:
    partition = a_history()
    partition.prefer(disabled_features=["session.break_timing"])
    partition.reset(scope="PREFERENCES", consent=True)
    assert partition.learner().preferences == Preferences()
    assert partition.arms()[0].n == 1
    assert partition.row().learning_since == 0


def test_both_start_again() -> None:
    partition = a_history()
    partition.reset(scope="BOTH", consent=True)
    assert partition.learner().preferences == Preferences()
    assert partition.arms()[0].n == 0


@pytest.mark.parametrize("scope", ["PREFERENCES", "BOTH"])
def test_without_consent_a_reset_never_raises_a_level_or_switches_anything_on(scope: str) -> None:
    partition = Partition()
    partition.prefer(level="NONE", session_enabled=False, auto_adapt_enabled=False)
    partition.reset(scope=scope)
    preferences = partition.learner().preferences
    assert preferences.level is Level.NONE
    assert not preferences.session_enabled
    assert not preferences.auto_adapt_enabled


def test_without_consent_a_reset_may_lower_a_level() -> None:
    partition = Partition(replace(SURE, default_level=Level.LOW))
    partition.prefer(level="HIGH")
    partition.reset(scope="PREFERENCES")
    assert partition.learner().preferences.level is Level.LOW


def test_with_consent_an_opted_out_learner_gets_a_decision_at_once() -> None:
    partition = Partition()
    partition.request()
    partition.prefer(level="NONE")
    assert partition.reset(scope="PREFERENCES", consent=True).selected.apply


def test_a_reset_seen_before_changes_nothing() -> None:
    partition = a_history()
    told = partition.reset()
    partition.outcome(score=0.9)
    rows = partition.rows()
    assert partition.again(told).bin == "DUPLICATE"
    assert partition.rows() == rows


def test_what_a_change_omits_stays() -> None:
    every = PreferencesChanged(
        level=Level.LOW,
        auto_adapt_enabled=False,
        mission_enabled=False,
        content_enabled=False,
        assessment_enabled=False,
        session_enabled=False,
        disabled_features=(Feature.SESSION_INTENSITY, Feature.MISSION_TIMING, Feature.MISSION_TIMING),
    )
    low = changed(Preferences(), every)
    assert low == Preferences(
        level=Level.LOW,
        auto_adapt_enabled=False,
        mission_enabled=False,
        content_enabled=False,
        assessment_enabled=False,
        session_enabled=False,
        disabled_features=(Feature.MISSION_TIMING, Feature.SESSION_INTENSITY),
    )
    assert changed(low, PreferencesChanged()) == low
    assert changed(low, PreferencesChanged(disabled_features=())).disabled_features == ()


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("default", Level)
def test_a_reset_without_consent_gives_the_lower_of_two_levels(level: Level, default: Level) -> None:
    order = [Level.NONE, Level.LOW, Level.MEDIUM, Level.HIGH]
    lower = min(level, default, key=order.index)
    assert reset(Preferences(level=level), default, consent=False).level is lower
    assert reset(Preferences(level=level), default, consent=True).level is default


# ---------------------------------------------------------------- opting out


def test_an_opt_out_closes_what_is_awaited_with_what_it_has() -> None:
    partition = Partition(replace(SURE, default_reward=0.1))
    partition.request()
    partition.outcome(score=0.9)
    partition.request(context="SESSION")
    partition.prefer(level="NONE")
    arms = partition.arms(), partition.arms(context=Context.SESSION)
    assert [arm.n for arm in arms[0]] == [1]
    assert [arm.n for arm in arms[1]] == [0]
    for context in (Context.ASSESSMENT, Context.SESSION):
        row = partition.row(context=context)
        assert (row.closes_at, row.unjoined) == (NEVER, 0)
        assert not any(entry.is_open or entry.defaulted for entry in partition.decisions(context=context))
    partition.later(days=8)
    partition.tick()
    partition.outcome(score=0.1)
    assert (partition.arms(), partition.arms(context=Context.SESSION)) == arms
    assert partition.row().unjoined == 0


def test_a_context_that_is_switched_off_leaves_the_others_open() -> None:
    partition = Partition()
    partition.request()
    partition.request(context="SESSION")
    partition.prefer(session_enabled=False)
    assert partition.row(context=Context.SESSION).closes_at == NEVER
    assert partition.row().closes_at != NEVER
    assert partition.outcome().bin == "APPLIED"
    assert partition.outcome(context="SESSION").bin == "OPTED_OUT"


def test_opting_in_again_starts_from_what_was_learned() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(score=0.9)
    partition.prefer(level="NONE")
    told = partition.prefer(level="MEDIUM")
    (view,) = [view for view in told.selected.arms.values() if view.n]
    assert view.mean == 600_000, "three metrics were absent"
    assert partition.row().own_n == 1


def test_a_reset_to_no_personalization_closes_what_is_awaited_too() -> None:
    partition = Partition(replace(SURE, default_level=Level.NONE))
    partition.prefer(level="HIGH")
    partition.request()
    partition.reset(scope="PREFERENCES")
    assert partition.row().closes_at == NEVER

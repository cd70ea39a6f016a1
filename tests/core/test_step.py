"""Where every event goes: the bins, the clock's boundaries, opt-outs, and rows that come into being."""

from __future__ import annotations

import pytest
from tests.core.partition import SURE, UNSURE, Partition, Policy, replace

from fitly.core.events import LEARNER_EVENTS
from fitly.core.numbers import DAY, HOUR
from fitly.core.step import HANDLERS
from fitly.core.vocabulary import Level


def test_every_learner_event_has_a_handler() -> None:
    assert set(HANDLERS) == set(LEARNER_EVENTS.values())


def test_an_event_up_to_an_hour_ahead_of_its_stamp_is_taken_and_a_later_one_is_future() -> None:
    partition = Partition()
    assert partition.outcome(time=partition.now + HOUR).bin == "ORPHAN"
    told = partition.outcome(time=partition.now + HOUR + 1)
    assert told.bin == "FUTURE"
    assert told.filed.disposition == "FUTURE"
    assert set(told.filed.metrics) == {None}


def test_future_is_measured_on_the_records_own_stamp_not_on_the_clock() -> None:
    partition = Partition()
    partition.outcome()
    assert partition.outcome(time=partition.now, stamp=partition.now - HOUR - 1).bin == "FUTURE"


def test_a_future_event_may_come_again_when_its_time_has_come() -> None:
    partition = Partition()
    told = partition.outcome(time=partition.now + 2 * HOUR)
    partition.later(hours=2)
    assert partition.again(told).bin == "ORPHAN"


def test_an_event_of_the_sixteenth_day_before_now_is_taken_and_an_earlier_one_is_late() -> None:
    partition = Partition()
    midnight = partition.now // DAY * DAY
    assert partition.outcome(time=midnight - 16 * DAY).bin == "ORPHAN"
    told = partition.outcome(time=midnight - 16 * DAY - 1)
    assert told.bin == "LATE"
    assert told.filed.disposition == "LATE"


def test_late_is_measured_on_the_clock_not_on_the_records_stamp() -> None:
    partition = Partition()
    partition.later(days=20)
    partition.tick()
    old = partition.now - 20 * DAY
    assert partition.outcome(time=old, stamp=old).bin == "LATE"


@pytest.mark.parametrize("offset", [HOUR + 1, -18 * DAY], ids=["future", "late"])
def test_what_is_refused_by_its_time_leaves_no_row_and_only_outcomes_are_filed(offset: int) -> None:
    partition = Partition()
    time = partition.now + offset
    assert len(partition.outcome(time=time).outputs) == 1
    assert partition.request(time=time).outputs == []
    assert partition.correct("o", performance_score=0.5, time=time).outputs == []
    assert partition.applied("0" * 36, applied=True, time=time).outputs == []
    assert partition.prefer(level="NONE", time=time).outputs == []
    assert partition.rows() == {}


def test_a_learner_comes_into_being_with_the_level_of_the_policy() -> None:
    partition = Partition(replace(SURE, default_level=Level.NONE))
    assert partition.request().selected.mode == "OPTED_OUT"
    learner = partition.learner()
    assert learner.preferences.level is Level.NONE
    assert (learner.created_at, learner.updated_at) == (partition.now, partition.now)


def test_a_learner_keeps_their_level_when_the_policys_default_changes() -> None:
    partition = Partition()
    partition.request()
    partition.revise(replace(SURE, default_level=Level.NONE))
    assert partition.learner().preferences.level is Level.MEDIUM


def test_from_the_offset_of_the_opt_out_on_no_metric_is_kept_and_nothing_is_learned() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(score=0.9)
    told = partition.prefer(level="NONE")
    assert told.selected.mode == "OPTED_OUT"
    arms = [arm._replace(active=0, deactivated=0, updated=0) for arm in partition.arms()]
    after = partition.outcome(score=0.1, session_duration=20.0, content_type="VIDEO", difficulty_level=2)
    assert after.bin == "OPTED_OUT"
    filed = after.filed
    assert set(filed.metrics) == {None}
    assert (filed.session_duration, filed.content_type, filed.difficulty_level) == (None, None, None)
    assert (filed.decision_id, filed.reward) == (None, None)
    assert not after.decided
    assert [arm._replace(active=0, deactivated=0, updated=0) for arm in partition.arms()] == arms
    assert partition.again(after).bin == "DUPLICATE"


@pytest.mark.parametrize("hours", [2, -18 * 24], ids=["future", "late"])
def test_of_a_learner_who_opted_out_nothing_is_kept_whatever_else_is_wrong(hours: int) -> None:
    partition = Partition()
    time = partition.now + hours * HOUR
    kept = partition.outcome(time=time, session_duration=20.0, content_type="VIDEO", difficulty_level=2).filed
    assert (kept.session_duration, kept.content_type, kept.difficulty_level) == (20.0, "VIDEO", 2)
    partition.prefer(level="NONE")
    filed = partition.outcome(time=time, session_duration=20.0, content_type="VIDEO", difficulty_level=2).filed
    assert (filed.session_duration, filed.content_type, filed.difficulty_level) == (None, None, None)


def test_an_opt_out_of_one_context_leaves_the_others_learning() -> None:
    partition = Partition()
    partition.request(context="SESSION")
    partition.request(context="CONTENT")
    told = partition.prefer(session_enabled=False)
    assert told.selected.context == "SESSION"
    assert partition.outcome(context="SESSION").bin == "OPTED_OUT"
    assert partition.outcome(context="CONTENT").bin == "APPLIED"


def test_opting_in_again_brings_a_decision_at_once_where_an_opt_out_stands() -> None:
    partition = Partition()
    partition.request()
    partition.prefer(level="NONE")
    assert partition.prefer(level="HIGH").selected.apply


def test_a_lower_level_replaces_a_decision_it_would_not_have_allowed() -> None:
    partition = Partition()
    partition.request()
    told = partition.prefer(level="LOW")
    assert (told.selected.mode, told.selected.apply) == ("FALLBACK", False)


def test_a_lower_level_leaves_a_decision_it_would_have_allowed() -> None:
    partition = Partition(replace(SURE, initial_confidence=0.9))
    partition.request()
    assert not partition.prefer(level="LOW").decided


def test_a_lower_level_leaves_a_probe_and_a_decision_not_to_apply() -> None:
    probed = Partition(replace(UNSURE, probe_share=1))
    assert probed.request().selected.mode == "PROBE"
    assert not probed.prefer(level="LOW").decided
    withheld = Partition(replace(SURE, control_share=1))
    withheld.request()
    assert not withheld.prefer(level="LOW").decided


def test_a_higher_level_waits_for_the_dwell() -> None:
    partition = Partition()
    partition.prefer(level="LOW")
    assert partition.request().selected.mode == "FALLBACK"
    assert not partition.prefer(level="HIGH").decided
    partition.later(days=1)
    assert partition.request().selected.mode == "EXPLOIT"


def test_preferences_of_a_learner_without_decisions_bring_none() -> None:
    partition = Partition()
    told = partition.prefer(level="LOW", disabled_features=["mission.timing", "session.break_timing"])
    assert (told.bin, told.outputs) == ("APPLIED", [])
    assert partition.learner().preferences.level is Level.LOW


def test_an_outcome_counts_for_the_shrunk_mean_that_the_next_is_centred_on() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(score=1.0)
    partition.outcome(score=1.0)
    (arm,) = partition.arms()
    assert partition.row().own_n == 2
    assert partition.row().own_sum == 2 * 625_000
    assert arm.centred == (125_000 + 625_000 - round((625_000 + 5_000_000) / 11)) // 2


def test_every_record_lands_in_one_bin_and_the_bins_add_up() -> None:
    partition = Partition(Policy())
    partition.request()
    told = partition.outcome()
    partition.again(told)
    partition.outcome(time=partition.now - 20 * DAY)
    partition.outcome(time=partition.now + DAY)
    partition.outcome(decision_id="0" * 36)
    partition.write(b"ada", b"not an event")
    partition.prefer(level="NONE")
    partition.outcome()
    partition.tick()
    bins = partition.bins
    assert {name.partition("/")[0] for name in bins} == {
        "SYSTEM",
        "APPLIED",
        "DUPLICATE",
        "LATE",
        "FUTURE",
        "ORPHAN",
        "INVALID",
        "OPTED_OUT",
    }
    assert sum(bins.values()) == partition.shard.ledger.read == len(partition.log)
    assert [*bins] == sorted(bins)

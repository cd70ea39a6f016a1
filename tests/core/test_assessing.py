"""Effectiveness is looked at anew when a window closes or a closed decision changes, and what flips is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from tests.core.partition import SURE, Fact, Partition, Told, replace

from fitly.core.assessments import Assessed, Direction, WindowKind
from fitly.core.effectiveness import effectiveness_records
from fitly.core.entries import VERDICTS
from fitly.core.vocabulary import Context

HALF = replace(SURE, control_share=0.5, dwell_days=0)
"""Every request brings a decision, and every other is a control."""
APPLIED, CONTROL = 0.9, 0.2


def decided(partition: Partition, applied: int, control: int, *, scores: bool = True) -> dict[str, bool]:
    """Ask until there are so many decisions of either kind, each with its outcome; says which were applied."""
    made: dict[str, bool] = {}
    wanted = {True: applied, False: control}
    while any(wanted.values()):
        partition.later(hours=0.01)
        selected = partition.request(context="CONTENT").selected
        if wanted[selected.apply]:
            wanted[selected.apply] -= 1
            made[selected.decision_id] = selected.apply
            if scores:
                score = (APPLIED if selected.apply else CONTROL) + len(made) * 0.001
                content(partition, score, decision_id=selected.decision_id, event_id=f"of {selected.decision_id}")
    return made


def content(partition: Partition, score: float, **given: Fact) -> Told:
    data: dict[str, Fact] = {"outcome_type": "CONTENT_ENGAGED", "context": "CONTENT"} | given
    return partition.outcome(score=score, **data)


def closed(partition: Partition) -> list[Assessed]:
    partition.later(days=1)
    return partition.tick().assessed


def test_a_closing_window_is_told_with_what_a_test_still_lacks() -> None:
    partition = Partition(HALF)
    made = decided(partition, 2, 1)
    (said,) = closed(partition)
    assert set(said.closed) == set(made)
    assert (said.user_id, said.context, said.at) == ("ada", Context.CONTENT, partition.now)
    assert (said.applied, said.control, said.flips, said.records) == (2, 1, (), ())
    assert partition.row(context=Context.CONTENT).assessed == b""


def test_a_window_without_outcome_or_of_what_is_not_compared_closes_in_silence() -> None:
    partition = Partition(HALF)
    decided(partition, 1, 1, scores=False)
    assert closed(partition) == []
    held_out = Partition(replace(SURE, holdout_share=1))
    held_out.request(context="CONTENT")
    content(held_out, 0.5)
    assert closed(held_out) == []


def test_the_first_test_is_a_flip_from_none_and_tells_the_records_as_the_table_has_them() -> None:
    partition = Partition(HALF)
    decided(partition, 8, 6)
    (said,) = closed(partition)
    row = partition.row(context=Context.CONTENT)
    assert (said.applied, said.control) == (8, 6)
    pooled = [flip for flip in said.flips if flip.config_id is None]
    assert [flip.window_kind for flip in pooled] == [WindowKind.CUMULATIVE, WindowKind.ROLLING]
    for flip in pooled:
        assert (flip.was_significant, flip.was_direction) == (False, None)
        assert (flip.is_significant, flip.is_direction) == (True, Direction.POSITIVE)
    table = {record.id: record for record in effectiveness_records(row) if record.baseline_kind == "OWN"}
    assert {record.id for record in said.records} == table.keys()
    for record in said.records:
        there = table[record.id]
        assert record.correlation == pytest.approx(there.correlation, rel=1e-11)
        assert (record.calculated_at, record.start_date) == (there.calculated_at, there.start_date)
        assert record.correlation_reason is None
        assert (record.retention_difference, record.retention_difference_reason) == (None, "TOO_FEW")


def test_what_was_announced_is_not_announced_as_a_flip_again() -> None:
    partition = Partition(HALF)
    decided(partition, 8, 6)
    closed(partition)
    partition.later(hours=1)
    decided(partition, 1, 0)
    (said,) = closed(partition)
    assert [flip for flip in said.flips if flip.config_id is None] == []
    assert len(said.records) >= 2


def flipped(partition: Partition, made: dict[str, bool]) -> Iterator[Told]:
    """Correct what came, one after another, until applied decisions did worse than the others."""
    for name, was_applied in made.items():
        wrong = CONTROL if was_applied else APPLIED
        yield partition.correct(f"of {name}", performance_score=wrong, context="CONTENT")


def test_corrections_after_closing_that_flip_a_record_are_told() -> None:
    partition = Partition(HALF)
    made = decided(partition, 8, 6)
    closed(partition)
    said = [one for told in flipped(partition, made) for one in told.assessed]
    assert all(one.flips and not one.closed for one in said)
    last = [flip for one in said for flip in one.flips if flip.config_id is None and flip.window_kind == "CUMULATIVE"]
    assert (last[0].was_significant, last[0].was_direction) == (True, Direction.POSITIVE)
    assert (last[-1].is_significant, last[-1].is_direction) == (True, Direction.NEGATIVE)
    for one, other in pairwise(last):
        assert (one.is_significant, one.is_direction) == (other.was_significant, other.was_direction)


def test_a_correction_that_flips_nothing_is_silent() -> None:
    partition = Partition(HALF)
    made = decided(partition, 8, 6)
    closed(partition)
    name = next(name for name, was_applied in made.items() if was_applied)
    told = partition.correct(f"of {name}", performance_score=APPLIED - 0.001, context="CONTENT")
    assert (told.bin, told.assessed) == ("APPLIED", [])


def test_outcomes_of_open_decisions_are_heard_when_a_window_closes_or_one_is_corrected() -> None:
    partition = Partition(HALF)
    *before, last = decided(partition, 8, 6)
    assert before
    (said,) = partition.correct(f"of {last}", performance_score=0.5, context="CONTENT").assessed
    assert said.closed == ()
    assert {flip.is_direction for flip in said.flips if flip.config_id is None} == {Direction.POSITIVE}


def test_late_outcomes_that_flip_a_record_are_told() -> None:
    partition = Partition(HALF)
    made = decided(partition, 8, 6)
    closed(partition)
    partition.revise(replace(HALF, dwell_days=2))
    said: list[Assessed] = []
    for name, was_applied in made.items():
        for _ in range(3):
            said += content(partition, 0.0 if was_applied else 1.0, decision_id=name).assessed
    pooled = [flip for one in said for flip in one.flips if flip.config_id is None]
    assert pooled[-1].is_direction is Direction.NEGATIVE


def test_a_consumers_word_that_takes_the_test_away_is_told_and_forgotten() -> None:
    partition = Partition(HALF)
    made = decided(partition, 8, 6)
    closed(partition)
    name = next(name for name, was_applied in made.items() if was_applied)
    (said,) = partition.applied(name, applied=False).assessed
    assert (said.applied, said.records) == (7, ())
    assert {(flip.is_significant, flip.is_direction) for flip in said.flips} == {(False, None)}
    assert partition.row(context=Context.CONTENT).assessed == b""


def test_a_reset_tells_that_there_is_no_test_any_more() -> None:
    partition = Partition(HALF)
    decided(partition, 8, 6)
    closed(partition)
    (said,) = partition.reset(scope="LEARNED").assessed
    assert (said.closed, said.applied, said.records) == ((), 0, ())
    assert {(flip.was_significant, flip.is_direction) for flip in said.flips if flip.config_id is None} == {
        (True, None)
    }
    assert partition.row(context=Context.CONTENT).assessed == b""


def test_overflow_closes_a_window_too() -> None:
    partition = Partition(HALF)
    first = decided(partition, 1, 0)
    said: list[Assessed] = []
    for n in range(64):
        partition.later(hours=0.01)
        said += partition.request(context="CONTENT", event_id=f"more {n}").assessed
    assert [one.closed for one in said] == [tuple(first)]


def test_it_is_the_same_whether_a_tick_or_an_event_closes_the_window() -> None:
    def after(*, tick: bool) -> Assessed:
        partition = Partition(HALF)
        decided(partition, 8, 6)
        partition.later(days=1)
        told = partition.tick() if tick else partition.request(context="CONTENT")
        (said,) = told.assessed
        return said

    assert after(tick=True)._replace(records=()) == after(tick=False)._replace(records=())
    assert after(tick=True).records == after(tick=False).records


def test_an_event_that_closes_a_window_and_changes_what_was_measured_says_both_apart() -> None:
    partition = Partition(HALF)
    made = decided(partition, 8, 6)
    partition.later(days=1)
    name = next(name for name, was_applied in made.items() if was_applied)
    first, second = partition.applied(name, applied=False).assessed
    assert (set(first.closed), first.applied) == (set(made), 8)
    assert (second.closed, second.applied) == ((), 7)
    assert first.id != second.id
    assert [flip.was_direction for flip in second.flips] == [flip.is_direction for flip in first.flips]


def test_a_duplicate_keeps_the_window_open_for_the_next_to_close() -> None:
    partition = Partition(HALF)
    decided(partition, 1, 0)
    told = content(partition, 0.5, event_id="o")
    partition.later(days=1)
    assert partition.again(told).assessed == []
    assert len(partition.tick().assessed) == 1


def test_the_row_remembers_a_verdict_per_record_that_carries_a_test() -> None:
    partition = Partition(HALF)
    decided(partition, 8, 6)
    (said,) = closed(partition)
    row = partition.row(context=Context.CONTENT)
    assert VERDICTS.count(row.assessed) == len(said.records)

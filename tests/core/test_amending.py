"""Corrections: the old contribution out, the new one in, as if it had been so from the beginning."""

from __future__ import annotations

import pytest
from tests.core.partition import SURE, Partition, Windows, replace
from tests.core.sums import day_sums

from fitly.core.entries import ARMS, OUTCOMES
from fitly.core.learner import ContextRow
from fitly.core.names import event_key
from fitly.core.outcomes import UNTYPED, typed
from fitly.core.topics import CONTEXTS
from fitly.wire.rows import encode_context
from fitly.wire.summing import Sums


def sums(row: ContextRow) -> tuple[object, ...]:
    arms = [entry._replace(updated=0) for entry in ARMS.all(row.arms)]
    return arms, row.decisions, day_sums(row), row.own_n, row.own_sum


def test_a_corrected_outcome_leaves_the_sums_of_one_that_was_right_from_the_beginning() -> None:
    wrong, right = Partition(), Partition()
    for partition, score in ((wrong, 0.1), (right, 0.9)):
        partition.request(event_id="r")
        partition.outcome(score=score, event_id="o")
    told = wrong.correct("o", performance_score=0.9)
    assert told.bin == "APPLIED"
    assert sums(wrong.row()) == sums(right.row())
    amended = told.amended
    assert amended.id == event_key("lms", "o")
    assert (amended.metrics.performance, amended.withdrawn, amended.reward) == (900_000, False, 600_000)
    assert amended.at == wrong.now


def test_a_correction_may_name_other_metrics() -> None:
    wrong, right = Partition(), Partition()
    for partition in (wrong, right):
        partition.request(event_id="r")
    wrong.outcome(score=0.1, engagement_score=0.2, event_id="o")
    right.say(
        "outcome.recorded",
        "ada",
        {
            "outcome_type": "ASSESSMENT_COMPLETED",
            "context": "ASSESSMENT",
            "retention_score": 0.3,
            "completion_rate": 1.0,
        },
        event_id="o",
    )
    wrong.correct("o", retention_score=0.3, completion_rate=1.0)
    assert sums(wrong.row()) == sums(right.row())


def test_a_withdrawn_outcome_leaves_the_sums_of_one_that_never_happened() -> None:
    wrong, right = Partition(), Partition()
    for partition in (wrong, right):
        partition.request(event_id="r")
        partition.outcome(score=0.4, event_id="other")
    wrong.outcome(score=0.9, event_id="o")
    told = wrong.correct("o", withdrawn=True)
    assert sums(wrong.row()) == sums(right.row())
    assert told.amended.withdrawn
    assert told.amended.reward is None
    assert set(told.amended.metrics) == {None}


def test_what_was_withdrawn_cannot_be_corrected_any_more() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o")
    partition.correct("o", withdrawn=True)
    assert partition.correct("o", performance_score=0.5).bin == "ORPHAN"


def test_a_correction_is_carried_out_once() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o")
    told = partition.correct("o", performance_score=0.5)
    rows = partition.rows()
    again = partition.again(told)
    assert (again.bin, again.outputs) == ("DUPLICATE", [])
    assert partition.rows() == rows


def test_a_corrected_outcome_can_be_corrected_again() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o", score=0.1)
    partition.correct("o", performance_score=0.5)
    partition.correct("o", performance_score=0.7)
    assert partition.arms()[0].raw == 550_000


def test_a_correction_of_an_outcome_nobody_knows_or_that_was_never_attributed_is_an_orphan() -> None:
    partition = Partition()
    assert partition.correct("o", performance_score=0.5).bin == "ORPHAN"
    partition.outcome(event_id="before any decision")
    assert partition.correct("before any decision", performance_score=0.5).bin == "ORPHAN"


def test_a_correction_after_the_window_still_moves_the_reward() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o", score=0.1)
    partition.later(days=9)
    partition.correct("o", performance_score=0.9)
    assert partition.arms()[0].raw == 600_000


def test_a_correction_of_an_outcome_after_the_window_leaves_the_reward() -> None:
    partition = Partition()
    decision = partition.request().selected.decision_id
    partition.outcome(event_id="in", score=0.1)
    partition.later(days=9)
    partition.outcome(event_id="after", score=0.1, decision_id=decision)
    arm = partition.arms()[0]
    partition.correct("after", performance_score=0.9)
    assert partition.arms()[0] == arm
    (entry, _) = partition.decisions()
    assert (entry.outcomes, entry.measured) == (1, 2)


def test_an_outcome_older_than_the_acceptance_window_cannot_be_corrected() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o")
    partition.later(days=17)
    assert partition.correct("o", performance_score=0.5).bin == "LATE"


def test_an_outcome_whose_decision_was_let_go_cannot_be_corrected() -> None:
    partition = Partition(replace(SURE, dwell_days=0))
    partition.request()
    partition.outcome(event_id="o")
    for n in range(64):
        partition.later(hours=1)
        partition.request(event_id=f"r{n}")
    assert OUTCOMES.count(partition.row().outcomes) == 2 - 1
    assert partition.correct("o", performance_score=0.5).bin == "LATE"


def test_the_corrections_of_an_opted_out_learner_are_counted_only() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o")
    partition.prefer(assessment_enabled=False)
    row = partition.row()
    told = partition.correct("o", performance_score=0.5)
    assert (told.bin, told.outputs) == ("OPTED_OUT", [])
    assert partition.row().arms == row.arms


@pytest.mark.parametrize("default", [None, 0.2])
def test_what_is_taken_back_after_closing_leaves_the_window_as_if_nothing_had_come(default: float | None) -> None:
    def after(*, came: bool) -> tuple[object, ...]:
        partition = Partition(replace(SURE, default_reward=default))
        partition.request(event_id="r")
        if came:
            partition.outcome(event_id="o", score=0.9)
        partition.later(days=8)
        partition.tick()
        if came:
            partition.correct("o", withdrawn=True)
        row = partition.row()
        return [(arm.n, arm.raw, arm.centred) for arm in partition.arms()], row.unjoined, row.own_n, row.own_sum

    assert after(came=True) == after(came=False)
    assert after(came=True)[1] == 1


def test_of_two_outcomes_one_taken_back_leaves_the_other() -> None:
    partition = Partition(replace(SURE, default_reward=0.2))
    partition.request()
    partition.outcome(event_id="o", score=0.9)
    partition.outcome(event_id="p", score=0.1)
    partition.later(days=8)
    partition.correct("o", withdrawn=True)
    assert (partition.arms()[0].raw, partition.row().unjoined) == (400_000, 0)


def test_an_outcome_of_an_open_decision_can_be_corrected_however_old_it_is() -> None:
    partition = Partition(replace(SURE, windows=Windows(assessment=40)))
    decision = partition.request().selected.decision_id
    partition.outcome(event_id="o", score=0.1)
    partition.later(days=20)
    partition.outcome(event_id="p", score=0.5, decision_id=decision)
    assert partition.correct("o", performance_score=0.9).bin == "APPLIED"
    partition.later(days=17)
    assert partition.decisions()[0].outcomes == 2
    assert partition.correct("o", performance_score=0.7).bin == "APPLIED"
    partition.later(days=4)
    assert partition.correct("p", performance_score=0.7).bin == "LATE"


def test_an_outcome_whose_type_was_not_kept_is_in_no_types_means() -> None:
    """Rows of version 1 did not keep it; their outcomes can be corrected all the same."""
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o1", score=0.2)
    row = partition.row()
    old = OUTCOMES.at(row.outcomes, 0)._replace(kind=UNTYPED)
    assert typed(b"", old, 1) == b""
    untyped = row._replace(outcomes=OUTCOMES.join([old]), typed=b"")
    partition.shard.rows[CONTEXTS][b"ada|ASSESSMENT"] = encode_context(untyped)
    partition.shard.sums = Sums.added_up([encode_context(untyped)])
    assert partition.correct("o1", performance_score=0.6).bin == "APPLIED"
    assert partition.row().typed == b""
    assert OUTCOMES.at(partition.row().outcomes, 0).reward == 525_000

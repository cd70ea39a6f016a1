"""Seen events: exactly once each, over the acceptance window; what a full ring forgets is refused as late."""

from __future__ import annotations

from tests.core.partition import SURE, Partition, replace

from fitly.core.dedupe import ACCEPTANCE_DAYS, CAPACITY, is_seen, remember
from fitly.core.entries import SEEN
from fitly.core.names import EventKey, fingerprint
from fitly.core.numbers import DAY, Day, day_of


def mark(number: int) -> bytes:
    return fingerprint(EventKey(str(number)))


def test_an_outcome_seen_before_changes_nothing() -> None:
    partition = Partition()
    partition.request()
    told = partition.outcome()
    rows = partition.rows()
    again = partition.again(told)
    assert again.bin == "DUPLICATE"
    assert again.filed.disposition == "DUPLICATE"
    assert set(again.filed.metrics) == {None}
    assert partition.rows() == rows


def test_the_same_id_of_another_source_is_another_event() -> None:
    partition = Partition()
    told = partition.request()
    assert told.record.value is not None
    other = partition.write(b"ada", told.record.value.replace(b'"lms"', b'"app"'))
    assert other.bin == "APPLIED"


def test_the_same_event_may_be_said_with_other_words_and_is_still_the_same() -> None:
    partition = Partition()
    partition.request()
    partition.outcome(event_id="o", score=0.1)
    assert partition.outcome(event_id="o", score=0.9).bin == "DUPLICATE"
    assert partition.arms()[0].raw == 400_000


def test_an_event_is_remembered_for_the_whole_acceptance_window() -> None:
    partition = Partition()
    told = partition.outcome()
    partition.later(days=ACCEPTANCE_DAYS)
    partition.outcome()
    assert partition.again(told).bin == "DUPLICATE"
    partition.later(days=1)
    partition.outcome()
    assert partition.again(told).bin == "LATE"


def test_of_a_full_ring_the_oldest_days_are_forgotten_and_then_refused_as_late() -> None:
    partition = Partition(replace(SURE, dwell_days=30))
    early = [partition.outcome(event_id=f"early{n}") for n in range(3)]
    partition.later(days=1)
    for n in range(CAPACITY - 3):
        partition.outcome(event_id=f"o{n}")
    assert SEEN.count(partition.row().seen) == CAPACITY
    assert partition.again(early[0]).bin == "DUPLICATE"
    partition.outcome(event_id="one too many")
    row = partition.row()
    assert SEEN.count(row.seen) == CAPACITY - 2
    assert row.seen_floor == day_of(partition.now) - 1
    assert partition.again(early[0]).bin == "LATE"
    assert partition.outcome(event_id="new but of a forgotten day", time=partition.now - DAY).bin == "LATE"
    assert partition.outcome(event_id="o5").bin == "DUPLICATE"
    assert partition.outcome(event_id="new").bin == "APPLIED"


def test_a_ring_full_of_one_day_forgets_the_day() -> None:
    partition = Partition(replace(SURE, dwell_days=30))
    for n in range(CAPACITY + 1):
        assert partition.outcome(event_id=f"o{n}").bin in ("APPLIED", "ORPHAN")
    assert SEEN.count(partition.row().seen) == 0
    assert partition.outcome(event_id="o7").bin == "LATE"
    partition.later(days=1)
    assert partition.outcome(event_id="tomorrow").bin == "APPLIED"


def test_events_without_a_context_have_a_ring_of_their_own() -> None:
    partition = Partition()
    for n in range(CAPACITY + 1):
        partition.prefer(event_id=f"p{n}", mission_enabled=bool(n % 2))
    assert partition.prefer(event_id="p3", mission_enabled=True).bin == "LATE"
    assert partition.outcome(event_id="o").bin == "ORPHAN"
    partition.later(days=1)
    told = partition.prefer(event_id="p", mission_enabled=True)
    assert told.bin == "APPLIED"
    assert partition.again(told).bin == "DUPLICATE"


def test_a_correction_is_remembered_beside_the_outcomes_of_its_context() -> None:
    partition = Partition()
    told = partition.correct("nobody's", performance_score=0.5)
    assert told.bin == "ORPHAN"
    assert partition.again(told).bin == "DUPLICATE"
    assert partition.correct("o", event_id="of-a-floor", performance_score=0.5, time=partition.now).bin == "ORPHAN"


def test_a_correction_and_a_request_of_a_forgotten_day_are_late() -> None:
    partition = Partition(replace(SURE, dwell_days=30))
    for n in range(CAPACITY + 1):
        partition.outcome(event_id=f"o{n}")
    assert partition.request().bin == "LATE"
    assert partition.correct("o1", performance_score=0.5).bin == "LATE"


def test_the_ring_lets_go_of_days_outside_the_window() -> None:
    ring, floor = b"", -1
    for day in range(100, 140):
        ring, floor = remember(ring, floor, mark(day), Day(day), Day(day))
    assert SEEN.count(ring) == ACCEPTANCE_DAYS + 1
    assert floor == -1
    assert is_seen(ring, mark(139 - ACCEPTANCE_DAYS))
    assert not is_seen(ring, mark(138 - ACCEPTANCE_DAYS))


def test_a_fingerprint_that_straddles_two_entries_is_not_seen() -> None:
    ring, _ = remember(b"", -1, b"a" * 8 + b"b" * 8, Day(1), Day(1))
    ring, _ = remember(ring, -1, b"c" * 16, Day(1), Day(1))
    assert not is_seen(ring, ring[8:24])
    assert is_seen(ring, b"c" * 16)

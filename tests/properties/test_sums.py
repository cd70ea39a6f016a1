"""Sums of arms and days are those of the raw data, after any order of adding, correcting, withdrawing, resetting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, Record
from tests.core.sums import day_sums
from tests.properties.books import Books, Where
from tests.properties.histories import POLICIES, crowded, history, lengths, seeds, settled

from fitly.core.entries import ARMS, DECISIONS, DecisionEntry
from fitly.core.errors import Refused
from fitly.core.events import LearnerEvent
from fitly.core.learner import ContextRow
from fitly.core.topics import CONTEXTS
from fitly.wire.events import parse_event
from fitly.wire.rows import decode_context, split_context_key
from fitly.wire.shard import Shard


@given(seed=seeds, length=lengths)
def test_sums_are_those_of_the_raw_data(seed: int, length: int) -> None:
    log = history(seed, length)
    agree([*log, *settled(log)])


@given(seed=seeds, length=some.integers(150, 300))
def test_and_still_are_when_memory_overflows(seed: int, length: int) -> None:
    agree(crowded(seed, length))


def agree(log: list[Record]) -> None:
    """Fold a log, tell the books of each record, and compare."""
    shard, books = Shard(0, KEY), Books()
    shard.opened()
    for record in log:
        batch = shard.fold([record])
        (place,) = batch.bins
        shard.adopt(batch)
        event = event_of(record)
        books.tell(event, place.partition("/")[0], batch.outputs, shard.rules.policy, shard.position.clock)
    rows: dict[Where, ContextRow] = {
        split_context_key(key): decode_context(value) for key, value in shard.rows[CONTEXTS].items()
    }
    assert {where for where, row in rows.items() if row.decisions} == books.accounts.keys()
    for where in books.accounts:
        row = rows[where]
        arms = {entry.arm: (entry.n, entry.raw, entry.centred, entry.centred2) for entry in ARMS.all(row.arms)}
        assert {code: sums for code, sums in arms.items() if sums[0]} == books.arms(where)
        oldest = books.today - 16
        days = {(int(day), arm): tuple(bucket[2:]) for (day, arm), bucket in day_sums(row).items()}
        wanted = books.days(where)
        assert _recent(days, oldest) == _recent(wanted, oldest)
        assert (row.own_n, row.own_sum) == books.own(where)
        assert row.unjoined == books.unjoined(where)


def _recent(days: dict[tuple[int, int], tuple[int, ...]], oldest: int) -> dict[tuple[int, int], tuple[int, ...]]:
    return {(day, arm): sums for (day, arm), sums in days.items() if not day or day >= oldest}


def event_of(record: Record) -> LearnerEvent | None:
    if record.key is None or record.value is None:
        return None
    try:
        return parse_event(record.value)
    except Refused:
        return None


def test_the_histories_hold_what_they_are_meant_to() -> None:
    """Otherwise all the above would hold of nothing."""
    bins: set[str] = set()
    modes: set[int] = set()
    for seed in range(12):
        shard = folded(history(seed, 220))
        bins |= shard.ledger.bins.keys()
        for value in shard.rows[CONTEXTS].values():
            modes |= {entry.mode for entry in _decisions(value)}
    assert {name.partition("/")[0] for name in bins} >= {
        "APPLIED",
        "DUPLICATE",
        "LATE",
        "FUTURE",
        "ORPHAN",
        "OPTED_OUT",
        "INVALID",
        "SYSTEM",
    }
    assert modes == {0, 1, 2, 4, 5, 6, 7, 8}
    assert len(POLICIES) == 8
    crowds = [folded(crowded(seed, 300)) for seed in range(5)]
    (rows,) = zip(*(map(decode_context, crowd.rows[CONTEXTS].values()) for crowd in crowds), strict=True)
    assert all(row.overflowed for row in rows)
    assert any(row.unjoined < row.overflowed for row in rows)


def folded(log: list[Record]) -> Shard:
    shard = Shard(0, KEY)
    shard.opened()
    shard.adopt(shard.fold(log))
    return shard


def _decisions(value: bytes) -> list[DecisionEntry]:
    return list(DECISIONS.all(decode_context(value).decisions))

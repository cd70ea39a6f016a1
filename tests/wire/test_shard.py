"""A partition's rows at rest: folded in batches of any size, adopted or discarded, restored and gone on with."""

from __future__ import annotations

import pytest
from tests.core.partition import KEY, Partition, Record, replace

from fitly.core.errors import Broken
from fitly.core.numbers import DAY
from fitly.core.partials import Kind
from fitly.core.system import (
    FOLD_KEY,
    FOLD_VERSION,
    LEDGER_KEY,
    POSITION_KEY,
    RULES_KEY,
    SUMS_PREFIX,
    UNTOLD_KEY,
    Untold,
)
from fitly.core.topics import CONTEXTS, LEARNERS
from fitly.wire import rows as at_rest
from fitly.wire.rows import decode_ledger, decode_position, decode_rules, encode_fold_version
from fitly.wire.shard import Change, Shard


def a_log() -> list[Record]:
    partition = Partition()
    for n in range(6):
        partition.request(f"learner-{n}")
        partition.outcome(f"learner-{n}")
        partition.later(days=3)
        partition.tick()
    partition.prefer("learner-1", level="NONE")
    partition.write(b"ada", b"hello")
    return partition.log


LOG = a_log()


def a_shard() -> Shard:
    shard = Shard(0, KEY)
    shard.opened()
    return shard


def test_a_shard_of_nothing_stands_before_the_first_record() -> None:
    shard = a_shard()
    assert (shard.position.offset, shard.position.birth_id, shard.position.clock) == (-1, "", 0)
    assert (shard.ledger.bins, shard.ledger.read) == ({}, 0)
    assert shard.overdue() == 0


def test_nothing_changes_until_a_batch_is_adopted() -> None:
    shard = a_shard()
    before = list(shard.state())
    batch = shard.fold(LOG)
    assert list(shard.state()) == before
    shard.adopt(batch)
    assert shard.position.offset == LOG[-1].offset
    assert list(shard.state()) != before


def test_a_batch_may_be_gone_on_with() -> None:
    at_once, in_slices = a_shard(), a_shard()
    whole = at_once.fold(LOG)
    batch = in_slices.fold(LOG[:7])
    partly = batch.changes
    in_slices.fold(LOG[7:], batch)
    assert batch.changes != partly
    assert (batch.changes, batch.outputs, batch.position) == (whole.changes, whole.outputs, whole.position)
    assert batch.count == len(LOG)


def test_redeliveries_are_passed_over_and_not_counted() -> None:
    shard = a_shard()
    shard.adopt(shard.fold(LOG[:10]))
    batch = shard.fold(LOG)
    assert batch.count == len(LOG) - 10
    nothing = shard.fold(LOG[:10])
    assert (nothing.count, nothing.outputs, nothing.row_changes()) == (0, [], [])


def test_a_record_that_comes_again_within_a_slice_is_passed_over() -> None:
    once, again = a_shard().fold(LOG), a_shard().fold([*LOG[:5], *LOG[2:9], *LOG[4:]])
    assert (again.changes, again.outputs, again.count) == (once.changes, once.outputs, len(LOG))


def test_a_discarded_batch_leaves_the_shard_able_to_fold_the_same_again() -> None:
    shard, other = a_shard(), a_shard()
    shard.adopt(shard.fold(LOG[:8]))
    other.adopt(other.fold(LOG[:8]))
    for _ in range(3):
        shard.discard(shard.fold(LOG[8:]))
    batch, wanted = shard.fold(LOG[8:]), other.fold(LOG[8:])
    assert batch.changes == wanted.changes
    assert batch.outputs == wanted.outputs


def test_the_position_is_the_last_change_of_every_batch() -> None:
    shard = a_shard()
    for record in LOG:
        batch = shard.fold([record])
        assert batch.changes[-1].key == POSITION_KEY
        assert decode_position(batch.changes[-1].value or b"") == batch.position
        assert batch.position.offset == record.offset
        shard.adopt(batch)


def test_rules_are_written_when_they_change_and_the_ledger_always() -> None:
    shard = a_shard()
    opening, first = shard.fold(LOG[:2]), None
    keys = [change.key for change in opening.changes]
    assert keys == [RULES_KEY, FOLD_KEY, LEDGER_KEY, POSITION_KEY]
    assert decode_rules(opening.changes[0].value or b"").control_number == 2
    shard.adopt(opening)
    first = shard.fold(LOG[2:3])
    assert [change.key for change in first.system_changes()] == [LEDGER_KEY, POSITION_KEY]
    assert decode_ledger(first.system_changes()[0].value or b"").read == 3


def test_a_shard_restored_from_its_changelog_is_the_same_shard() -> None:
    shard, restored = a_shard(), Shard(0, KEY)
    for record in LOG:
        batch = shard.fold([record])
        for change in batch.changes:
            restored.load(*change)
        shard.adopt(batch)
    restored.opened()
    assert list(restored.state()) == list(shard.state())
    assert (restored.rules, restored.force) == (shard.rules, shard.force)
    assert restored.overdue() == shard.overdue()


def test_a_tombstone_removes_a_row_and_one_of_nothing_does_nothing() -> None:
    shard = Shard(0, KEY)
    shard.load(LEARNERS, b"ada", b"row")
    shard.load(LEARNERS, b"ada", None)
    shard.load(LEARNERS, b"bob", None)
    assert shard.rows[LEARNERS] == {}


def test_rows_folded_by_a_newer_program_are_not_touched() -> None:
    shard = Shard(0, KEY)
    shard.load(CONTEXTS, FOLD_KEY, encode_fold_version(FOLD_VERSION + 1))
    with pytest.raises(Broken, match="run a newer release") as caught:
        shard.opened()
    assert not caught.value.restart_helps


def test_overdue_counts_rows_whose_window_is_over() -> None:
    partition = Partition()
    for user in ("ada", "bob"):
        partition.request(user)
        partition.request(user, "CONTENT")
    partition.later(days=2)
    partition.outcome("eve")
    assert partition.shard.overdue() == 2
    partition.outcome("ada", context="CONTENT")
    assert partition.shard.overdue() == 1
    partition.tick()
    assert partition.shard.overdue() == 0


def test_state_gives_every_row_in_the_order_of_table_and_key() -> None:
    shard = a_shard()
    shard.adopt(shard.fold(LOG))
    rows = [change for change in shard.state() if not change.key.startswith(b"\x00")]
    assert rows == sorted(rows, key=lambda change: (change.table == CONTEXTS, change.key))
    assert {change.table for change in rows} == {LEARNERS, CONTEXTS}
    assert all(isinstance(change, Change) for change in shard.state())


def test_rows_that_fell_due_fall_due_again_after_a_discarded_tick() -> None:
    partition = Partition(replace(Partition().shard.rules.policy, default_reward=0.1))
    partition.request()
    partition.later(days=8)
    shard = partition.shard
    tick = partition.log[-1]._replace(offset=99)
    late = Partition()
    late.request()
    late.now = partition.now
    tick = late.tick().record._replace(offset=99)
    one = shard.fold([tick])
    changes = one.changes
    shard.discard(one)
    two = shard.fold([tick])
    assert two.changes == changes
    shard.adopt(two)
    assert partition.row().unjoined == 1
    assert partition.now - 8 * DAY < shard.position.clock


def test_rows_that_an_earlier_fold_left_without_sums_are_added_up_and_all_system_rows_are_written_anew() -> None:
    before = a_shard()
    before.adopt(before.fold(LOG))
    old = Shard(0, KEY)
    for change in before.state():
        if not change.key.startswith((SUMS_PREFIX, UNTOLD_KEY)):
            old.load(*change)
    old.load(CONTEXTS, FOLD_KEY, encode_fold_version(1))
    old.opened()
    assert old.folded_by == 1
    assert old.sums.totals == before.sums.totals
    last = LOG[-1]
    batch = old.fold([last._replace(offset=last.offset + 1)])
    written = {change.key for change in batch.changes if change.key.startswith(b"\x00")}
    assert {FOLD_KEY, RULES_KEY, LEDGER_KEY, POSITION_KEY} <= written
    assert any(key.startswith(SUMS_PREFIX) for key in written)
    old.adopt(batch)
    assert old.folded_by == FOLD_VERSION


def test_sums_that_an_earlier_fold_kept_by_other_names_are_added_up_anew_and_told() -> None:
    before = a_shard()
    before.adopt(before.fold(LOG))
    old = Shard(0, KEY)
    for change in before.state():
        old.load(*change)
    old.load(CONTEXTS, at_rest.sums_key(Kind.PRIORS, "ASSESSMENT"), at_rest.encode_sums({"ALL.n": 99}))
    old.load(CONTEXTS, UNTOLD_KEY, at_rest.encode_untold(Untold({"priors|SESSION": 0})))
    old.load(CONTEXTS, FOLD_KEY, encode_fold_version(FOLD_VERSION - 1))
    old.opened()
    assert old.sums.totals == before.sums.totals
    assert old.sums.untold.keys() >= {name for name, sums in before.sums.totals.items() if sums}
    assert old.sums.untold[Kind.PRIORS, "SESSION"] == 0, "what was not told is not forgotten"

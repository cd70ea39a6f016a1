"""A refold that begins at a snapshot proves what comes after it, and says that it proves no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.cli.folded import BIRTH, KEY, START, Folded, folded, log

from fitly.cli.proof.replay import Replay
from fitly.cli.proof.starts import Start, fitting, has_changed
from fitly.core import topics
from fitly.core.numbers import to_millis
from fitly.core.system import FOLD_VERSION, Position
from fitly.stream.snapshots import Kept
from fitly.wire.shard import Shard
from fitly.wire.snapshots import Manifest, decode_page, pages

NOW = to_millis(START)
RECORDS = log()
HALF = len(RECORDS) // 2


def kept(offset: int, *, folded_by: int = FOLD_VERSION, goes_on_by: int = FOLD_VERSION, birth_id: str = BIRTH) -> Kept:
    manifest = Manifest(
        snapshot=f"s{offset}",
        birth_id=birth_id,
        partition=0,
        offset=offset,
        clock=NOW,
        folded_by=folded_by,
        goes_on_by=goes_on_by,
        outputs={},
    )
    return Kept(manifest, 0, 1)


def begun(at: int) -> Start:
    """Fold the beginning of the log, take a snapshot, and load it into a shard of its own."""
    before = folded(RECORDS[:at])
    shard = Shard(0, KEY)
    shard.opened()
    shard.adopt(shard.fold(RECORDS[:at]))
    outputs = {topic: len(before.records[topic]) for topic, _ in before.sent()}
    other = Shard(0, KEY)
    for page, _ in pages(shard.state()):
        for change in decode_page(page):
            other.load(*change)
    other.opened()
    there = kept(shard.position.offset)
    return Start(other, replace(there, manifest=replace(there.manifest, outputs=outputs)))


def replayed(whole: Folded, start: Start) -> Replay:
    """Fold on, with nothing of the log but what comes after the start."""
    made = Replay(whole.tables, whole.sent(), whole.ends(), {0: start}, NOW)
    made.take(0, RECORDS[start.shard.position.offset + 1 :])
    made.conclude()
    return made


@pytest.mark.parametrize("at", range(2, len(RECORDS)))
def test_what_comes_after_a_snapshot_is_proved_from_it(at: int) -> None:
    made = replayed(folded(RECORDS), begun(at))
    assert made.outputs.holds, made.mismatches
    assert made.rows.holds, made.rows.first
    (note,) = made.rows.notes
    assert note == (
        f"learner-events-0: refolded from offset {at}, snapshot of 2026-01-05T08:00:00.000Z; "
        "what lies before cannot be refolded"
    )


def test_an_output_that_is_lost_or_doubled_after_the_snapshot_is_named() -> None:
    for topic in (topics.SELECTED, topics.OUTCOMES):
        lost, doubled = folded(list(RECORDS)), folded(list(RECORDS))
        lost.records[topic].pop()
        doubled.records[topic].append(doubled.records[topic][-1]._replace(offset=len(doubled.records[topic])))
        assert not replayed(lost, begun(HALF)).outputs.holds
        assert not replayed(doubled, begun(HALF)).outputs.holds


def test_a_row_that_is_not_as_it_was_in_the_snapshot_is_named() -> None:
    start = begun(HALF)
    rows = start.shard.rows[topics.LEARNERS]
    rows[b"bob"] = rows[b"bob"].replace(b"\xa6MEDIUM", b"\xa4HIGH")
    made = replayed(folded(RECORDS), start)
    assert not made.rows.holds
    assert ("learners bob", "preferences.level") in {(one.where, one.field) for one in made.rows.first}


def test_a_snapshot_fits_if_no_gap_follows_and_our_fold_went_on_from_it() -> None:
    reached = Position(birth_id=BIRTH, offset=100)
    old, here, there = kept(5), kept(9), kept(100)
    never = [kept(101), kept(50, goes_on_by=FOLD_VERSION + 1), kept(60, birth_id="another")]
    assert fitting([there, *never, here, old], reached, 10) == [here, there]
    assert fitting([there, old], reached, 0) == [old, there]
    assert not has_changed([here])
    assert not has_changed([])


def test_nothing_before_a_change_of_the_fold_fits() -> None:
    before = FOLD_VERSION - 1
    change, after = kept(40, folded_by=before), kept(70)
    others = [kept(20), kept(10, goes_on_by=before, folded_by=before)]
    found = fitting([after, change, *others], Position(birth_id=BIRTH, offset=100), 0)
    assert found == [change, after]
    assert has_changed(found)
    told = Start(Shard(0, KEY), change).told
    assert f"what lies before was folded by version {before}, this program folds by {FOLD_VERSION}" in told


def test_a_start_at_the_logs_beginning_leaves_nothing_out() -> None:
    start = Start(Shard(3, KEY))
    assert start.told == "learner-events-3: refolded from its beginning"
    assert start.end_of(topics.SELECTED) == 0

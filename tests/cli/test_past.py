"""A moment is a time of the log's clock or an offset; the nearest snapshot before it is begun from."""

from __future__ import annotations

import pytest
from tests.cli.folded import Record, log
from tests.cli.test_starts import kept
from tests.core.partition import Partition, replace
from tests.core.trials import NAME, PLAN, begin, move

from fitly.cli import tables
from fitly.cli.expand import moment
from fitly.cli.past import AsOf, Past, as_of
from fitly.cli.snapshots import document
from fitly.cli.table import EXPERIMENTS, _partitions, _standing
from fitly.core import topics
from fitly.core.errors import Refused
from fitly.core.events import ExperimentDefined
from fitly.core.numbers import Millis
from fitly.core.system import FOLD_VERSION
from fitly.wire.shard import Shard


@pytest.mark.parametrize("text", ["yesterday", "-1", "1/2/3", "/5", "a/5", ""])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused, match="give a time such as"):
        as_of(text)


def test_a_time_without_a_zone_is_utc() -> None:
    assert as_of("2026-03-01T10:00") == as_of("2026-03-01T11:00+01:00")


def test_a_record_is_past_a_time_if_it_came_later_and_past_an_offset_if_it_stands_behind_it() -> None:
    record = Record(0, 7, 1_000, b"ada", b"")
    assert not AsOf(time=Millis(1_000)).is_past(record)
    assert AsOf(time=Millis(999)).is_past(record)
    assert not AsOf(offset=7).is_past(record)
    assert AsOf(offset=6).is_past(record)


def test_a_snapshot_is_begun_from_if_it_stands_at_the_moment_or_before() -> None:
    one = kept(7)
    assert AsOf(offset=7).reaches(one)
    assert not AsOf(offset=6).reaches(one)
    assert AsOf(time=Millis(one.manifest.clock)).reaches(one)
    assert not AsOf(time=Millis(one.manifest.clock - 1)).reaches(one)
    assert "offset 7" in AsOf(offset=7).told
    assert AsOf(time=Millis(1_001)).told == "1970-01-01T00:00:01.001Z"


def test_a_key_and_an_offset_leave_the_partitions_that_can_hold_it() -> None:
    now, place = AsOf(time=Millis(1)), AsOf(offset=1, partition=2)
    (home,) = _partitions(topics.CONTEXTS, "ada|MISSION", now, 4)
    assert _partitions(topics.LEARNERS, "ada", now, 4) == [home]
    assert _partitions(topics.LEARNERS, None, now, 4) == [0, 1, 2, 3]
    assert _partitions(topics.LEARNERS, None, place, 4) == [2]
    assert _partitions("position", "1", now, 4) == [1]
    assert _partitions("position", "x", now, 4) == []
    assert _partitions("position", "1", place, 4) == []
    assert _partitions(EXPERIMENTS, "spring", now, 4) == [0, 1, 2, 3]


def test_what_a_partition_knows_of_an_experiment_is_a_row_of_a_table() -> None:
    partition = Partition()
    begin(partition)
    move(partition, ExperimentDefined(plan=replace(PLAN, experiment_name="other")))
    past = Past(partition.shard, "")
    assert [key for _, key, _ in _standing(EXPERIMENTS, None, past)] == [b"\x00experiment|any", b"\x00experiment|other"]
    (row,) = _standing(EXPERIMENTS, NAME, past)
    told = tables.document(EXPERIMENTS, row)["row"]
    assert isinstance(told, dict)
    assert (told["status"], told["started_at"]) == ("ACTIVE", moment(partition.now))
    assert tables.title(EXPERIMENTS, row).startswith("experiments any ")
    assert any(line.strip() == "status: ACTIVE" for line in tables.lines(EXPERIMENTS, row))


def test_the_rows_that_stood_are_those_of_the_table_and_key() -> None:
    shard = Shard(0, b"secret")
    shard.opened()
    shard.adopt(shard.fold(log()))
    past = Past(shard, "")
    assert [key for _, key, _ in _standing(topics.LEARNERS, None, past)] == [b"ada", b"bob", b"eve"]
    assert [key for _, key, _ in _standing(topics.CONTEXTS, "bob", past)] == [b"bob|MISSION"]
    assert len(_standing("ledger", "0", past)) == 1
    assert _standing("ledger", "1", past) == []


def test_a_snapshot_that_nothing_can_begin_at_says_why() -> None:
    assert document(kept(7), 8)["usable"]
    assert document(kept(7), 9)["why_not"] == "the log begins at 9"
    assert "was folded by version" in str(document(kept(7, goes_on_by=FOLD_VERSION + 1), 0)["why_not"])

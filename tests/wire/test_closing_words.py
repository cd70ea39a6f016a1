"""What a partition says of an experiment: once as its clock passes into another day, and whenever something changed."""

from __future__ import annotations

import pytest
from tests.core.partition import KEY, Partition, Told, replace
from tests.core.trials import CANCELLED, NAME, PAUSED, PLAN, RESUMED, begin, move

from fitly.core.errors import Refused
from fitly.core.events import ExperimentCompleted, ExperimentDefined
from fitly.core.experiments.trial import Afterwards, Status
from fitly.core.numbers import DAY, Day, day_of
from fitly.core.partials import Closing, Kind, Partial
from fitly.core.topics import PARTIALS
from fitly.wire.partials import closing_key, decode_partial, encode_partial, outgoing_partial, word_key
from fitly.wire.shard import Shard

OTHER = replace(PLAN, experiment_name="other")


def words(told: Told) -> list[Partial]:
    """Give what was said of experiments."""
    said = [decode_partial(sent.value or b"") for sent in told.to(PARTIALS)]
    return [word for word in said if word.kind is Kind.EXPERIMENTS]


def closed(told: Told) -> dict[str, Closing | None]:
    return {word.name: word.closes for word in words(told)}


def test_the_first_record_of_another_day_closes_the_days_before_it() -> None:
    partition = Partition()
    trial = begin(partition)
    today = day_of(partition.now)
    partition.later(days=1)
    told = partition.tick()
    (word,) = words(told)[-1:]
    assert word.closes == Closing(today, day_of(partition.now))
    assert (word.about, word.control, word.sums) == (trial, partition.control_number, {})
    assert (word.offset, word.clock) == (told.record.offset, partition.now)
    assert closed(partition.tick()) == {}, "it is said once"
    partition.later(days=3, hours=1)
    told = partition.request("bob")
    assert closed(told) == {NAME: Closing(Day(today + 1), Day(today + 4))}, "any record passes the time on"
    partition.later(hours=-40)
    assert closed(partition.request("eve")) == {}, "the clock does not go back"


def test_a_closing_word_has_a_key_of_its_own_that_nothing_replaces() -> None:
    partition = Partition()
    begin(partition)
    partition.later(days=1)
    keys = [sent.key for sent in partition.tick().to(PARTIALS)]
    assert keys == [
        word_key(Kind.EXPERIMENTS, NAME, 0),  # that it has started
        closing_key(Kind.EXPERIMENTS, NAME, 0, day_of(partition.now)),
    ]


def test_a_draft_says_nothing_and_a_start_is_told_at_the_next_tick() -> None:
    partition = Partition()
    move(partition, ExperimentDefined(plan=PLAN))
    partition.later(days=2)
    assert words(partition.tick()) == []
    begin(partition, OTHER)
    (word,) = words(partition.tick())
    assert (word.name, word.closes, word.sums) == ("other", None, {})
    assert words(partition.tick()) == []
    for said, status in ((PAUSED, Status.PAUSED), (RESUMED, Status.ACTIVE)):
        move(partition, replace(said, experiment_name="other"))
        (word,) = words(partition.tick())
        assert word.about is not None
        assert word.about.status is status


def test_a_day_in_which_it_ended_is_closed_and_no_other() -> None:
    partition = Partition()
    begin(partition)
    begin(partition, OTHER)
    partition.later(days=1)
    partition.tick()
    move(partition, CANCELLED)
    rolled = ExperimentCompleted(experiment_name="other", afterwards=Afterwards.ROLL_OUT, winner="balanced")
    move(partition, rolled)
    partition.later(days=1)
    assert closed(partition.tick()).keys() == {NAME, "other"}
    partition.later(days=1)
    assert closed(partition.tick()).keys() == {"other"}, "who is held back from a roll-out goes on being measured"


def test_a_start_that_itself_passes_into_a_day_closes_none() -> None:
    partition = Partition()
    move(partition, ExperimentDefined(plan=PLAN))
    partition.later(days=1)
    begin(partition, OTHER)
    partition.later(hours=1)
    assert closed(partition.tick()) == {"other": None}


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_batches_and_restores_leave_no_trace(size: int) -> None:
    partition = Partition()
    begin(partition)
    for _ in range(8):
        partition.request("bob")
        partition.later(hours=17)
    partition.tick()
    shard, said = Shard(0, KEY), []
    shard.opened()
    for at in range(0, len(partition.log), size):
        batch = shard.fold(partition.log[at : at + size])
        said += [sent for sent in batch.outputs if sent.topic == PARTIALS]
        shard.adopt(batch)
        again = Shard(0, KEY)
        for row in shard.state():
            again.load(row.table, row.key, row.value)
        again.opened()
        shard = again
    assert list(shard.state()) == list(partition.shard.state())
    closings = [word for word in map(decode_partial, (sent.value or b"" for sent in said)) if word.closes is not None]
    assert [word.closes.day - word.closes.after for word in closings if word.closes] == [1] * 6


def test_what_closes_a_day_says_what_of() -> None:
    partition = Partition()
    trial = begin(partition)
    word = Partial(
        Kind.EXPERIMENTS, NAME, 0, "b", 7, partition.now, {}, trial, 4, Closing(day_of(partition.now), day_of(DAY))
    )
    assert decode_partial(encode_partial(word)) == word
    for wrong, reason in (
        (word._replace(about=None), "SCHEMA"),
        (word._replace(about=replace(trial, started_at=None)), "SCHEMA"),
        (word._replace(control=-1), "OUT_OF_RANGE"),
        (word._replace(closes=Closing(day_of(DAY), -1)), "OUT_OF_RANGE"),  # type: ignore[arg-type]
    ):
        with pytest.raises(Refused, match=reason):
            decode_partial(outgoing_partial(wrong, 4, KEY).value or b"")

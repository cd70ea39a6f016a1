"""The sums of a partition are those of its rows, whatever happened; what is told of them is what they are."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, SURE, Partition, Record, Windows, replace
from tests.properties.histories import history, lengths, seeds, settled

from fitly.core.population import Name, contribution
from fitly.core.rules import Shadow
from fitly.core.topics import CONTEXTS, PARTIALS
from fitly.wire.partials import decode_partial
from fitly.wire.rows import decode_context
from fitly.wire.shard import Shard
from fitly.wire.summing import MOST_UNTOLD, Sums


def folded(log: list[Record], told: dict[Name, dict[str, int]] | None = None) -> Shard:
    """Fold a log record by record; take down what partials say, the newest of each name."""
    shard = Shard(0, KEY)
    shard.opened()
    for record in log:
        batch = shard.fold([record])
        for sent in batch.outputs:
            if sent.topic == PARTIALS and told is not None:
                partial = decode_partial(sent.value or b"")
                assert (partial.offset, partial.clock) == (record.offset, batch.clock)
                told[partial.kind, partial.name] = partial.sums
        shard.adopt(batch)
    return shard


def added_up(shard: Shard) -> dict[Name, dict[str, int]]:
    """Add up what the rows contribute, in the order of their keys, knowing nothing of how they came to be."""
    total: dict[Name, Counter[str]] = {}
    for _, value in sorted(shard.rows[CONTEXTS].items()):
        for name, sums in contribution(decode_context(value)).items():
            total.setdefault(name, Counter()).update(sums)
    return {name: {each: value for each, value in sums.items() if value} for name, sums in total.items() if any(sums)}


@given(seed=seeds, length=lengths)
def test_a_partitions_sums_are_those_of_its_rows(seed: int, length: int) -> None:
    log = history(seed, length)
    shard = folded([*log, *settled(log)])
    assert {name: sums for name, sums in shard.sums.totals.items() if sums} == added_up(shard)
    assert Sums.added_up(shard.rows[CONTEXTS].values()).totals == {n: s for n, s in shard.sums.totals.items() if s}


@given(seed=seeds, length=lengths)
def test_a_tick_tells_every_sum_that_changed(seed: int, length: int) -> None:
    log, told = history(seed, length), dict[Name, dict[str, int]]()
    shard = folded([*log, *settled(log)], told)
    assert not shard.sums.untold, "the history ends with a tick"
    assert {name: sums for name, sums in told.items() if sums} == {n: s for n, s in shard.sums.totals.items() if s}


@given(seed=seeds, length=some.integers(300, 500))
def test_without_ticks_sums_are_told_before_too_much_has_changed(seed: int, length: int) -> None:
    shard = folded(history(seed, length))
    assert all(0 < count < MOST_UNTOLD for count in shard.sums.untold.values())


def test_names_that_fill_up_at_the_same_record_are_all_told_wherever_batches_end() -> None:
    shadows = (Shadow(name="one"), Shadow(name="two"))
    watched = replace(SURE, control_share=0.5, shadows=shadows, dwell_days=0, windows=Windows(assessment=0))
    partition = Partition(watched)
    for n in range(MOST_UNTOLD + 10):
        partition.later(hours=0.01)
        partition.request(f"u{n % 4}")
    said = []
    for size in (1, len(partition.log)):
        shard = Shard(0, KEY)
        shard.opened()
        outputs = []
        for start in range(0, len(partition.log), size):
            batch = shard.fold(partition.log[start : start + size])
            outputs += [sent for sent in batch.outputs if sent.topic == PARTIALS]
            shard.adopt(batch)
        said.append((outputs, list(shard.state())))
    assert said[0] == said[1]
    assert len({sent.key for sent in said[0][0]}) == len(shadows) + 1

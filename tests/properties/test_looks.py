"""Looks at an experiment follow from what the partitions said, whatever way it came; a silent one is waited for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from tests.wire.closings import HOME, NAME, START, Speaker, sums_past
from tests.wire.words import BIRTH, KEY, PARTITIONS, arrived, shard

from fitly.core.numbers import DAY, day_of, to_millis
from fitly.core.partials import Kind, Partial
from fitly.core.topics import RESULTS
from fitly.wire.outgoing import Outgoing
from fitly.wire.population import Population

FIRST = START // DAY + 1


def spoken(seed: int, steps: int) -> list[Speaker]:
    """Let all partitions speak for a while, each at its own pace."""
    random, speakers = Random(seed), [Speaker(number) for number in range(PARTITIONS)]
    for _ in range(steps):
        one = random.choice(speakers)
        if random.random() < 0.3:
            one.learns()
        one.passes(random.choice((0, 0.5, 3, 20, 30, 100)))
    return speakers


def folded(words: Sequence[Partial], sizes: Sequence[int] = (1,)) -> tuple[Population, list[Outgoing]]:
    """Fold words as they come, in batches of these sizes over and over; every batch may be the last before a crash."""
    it, sent, records = shard(HOME), list[Outgoing](), [arrived(n, word) for n, word in enumerate(words)]
    at = turn = 0
    while at < len(records):
        batch = it.fold(records[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
        sent += batch.outputs
        it.adopt(batch)
        again = Population(HOME, KEY, BIRTH, "LIVE", PARTITIONS)
        for row in it.state():
            again.load(row.table, row.key, row.value)
        again.opened()
        it = again
    return it, sent


def looks_of(sent: list[Outgoing]) -> dict[str, dict[str, Any]]:
    """Give what went out, by key; nothing goes out twice."""
    found: dict[str, dict[str, Any]] = {}
    for one in sent:
        assert one.topic == RESULTS
        assert one.key is not None
        assert one.key.decode() not in found
        found[one.key.decode()] = json.loads(one.value or b"")
    return found


@given(some.integers(0, 2**32), some.integers(0, 60))
def test_a_look_adds_up_the_first_word_of_every_partition_past_the_close(seed: int, steps: int) -> None:
    speakers = spoken(seed, steps)
    words = [word for one in speakers for word in one.said]
    _, sent = folded(words)
    reached = min(day_of(one.clock) for one in speakers)
    looks = looks_of(sent)
    assert (max((look["look"] for look in looks.values()), default=0)) == max(reached - FIRST + 1, 0)
    for key, look in looks.items():
        day = day_of(to_millis(datetime.fromisoformat(look["closed_at"])))
        assert key == f"{NAME}|{look['look']}"
        assert look["look"] == day - FIRST + 1
        assert look["participants"] == sum(sums_past(one.said, day) for one in speakers)
    seen = {look["look"] for look in looks.values()}
    for number in range(1, reached - FIRST + 2):
        if number not in seen:  # one with the same words stands for it
            that = FIRST + number - 1
            here, next_ = ([sums_past(one.said, each) for one in speakers] for each in (that, that + 1))
            assert here == next_


@given(some.integers(0, 2**32), some.integers(1, 40), some.data())
def test_any_order_duplication_and_batches_give_the_same_looks_and_rows(
    seed: int, steps: int, data: some.DataObject
) -> None:
    words = [word for one in spoken(seed, steps) for word in one.said]
    again = data.draw(some.lists(some.sampled_from(words), max_size=10))
    shuffled = data.draw(some.permutations([*words, *again]))
    sizes = data.draw(some.lists(some.integers(1, 7), min_size=1, max_size=4))
    one, sent = folded(words)
    other, sent_again = folded(shuffled, sizes)
    assert one.rows == other.rows
    assert one.looks == other.looks
    assert looks_of(sent) == looks_of(sent_again)
    assert other.ledger.read == len(shuffled) == sum(other.ledger.bins.values())


@given(some.integers(0, 2**32), some.integers(0, 40), some.integers(0, PARTITIONS - 1))
def test_a_close_waits_for_a_partition_that_is_silent(seed: int, steps: int, silent: int) -> None:
    speakers = spoken(seed, steps)
    words = [word for one in speakers if one.number != silent for word in one.said]
    it, sent = folded(words)
    assert not sent
    assert not it.looks
    waiting = it.waiting(Kind.EXPERIMENTS, NAME)
    closing = [word for word in words if word.closes is not None]
    assert len(waiting) == len(closing), "nothing is forgotten while it is waited for"
    late, at_last = folded([*words, *speakers[silent].said])
    assert looks_of(at_last) == looks_of(folded([word for one in speakers for word in one.said])[1])
    assert late.looks.keys() == ({(Kind.EXPERIMENTS, NAME)} if at_last else set())


def test_the_words_hold_what_they_are_meant_to() -> None:
    """Otherwise all the above would hold of nothing."""
    taken, skipped = 0, 0
    for seed in range(20):
        looks = looks_of(folded([word for one in spoken(seed, 60) for word in one.said])[1])
        taken += len(looks)
        skipped += max((look["look"] for look in looks.values()), default=0) - len(looks)
    assert taken > 40
    assert skipped > 4

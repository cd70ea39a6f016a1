"""Groups and attributes: the newest word counts, a test is in no sum, and who opts out is not described."""

from __future__ import annotations

from random import Random
from typing import Final

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import Partition, Policy

from fitly.core.attributes import MOST, Attribute, AttributesTold, group_of, in_force, is_test, told
from fitly.core.entries import EVIDENCE
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis
from fitly.core.partials import Kind
from fitly.core.rules import Shadow
from fitly.core.vocabulary import Context

Y: Final[dict[str, str | None]] = {"y": "1"}
names = some.sampled_from(["class", "school", "test", "x"])
words = some.dictionaries(names, some.none() | some.sampled_from(["a", "true", "7b"]), max_size=3)
moments = some.none() | some.integers(0, 9).map(Millis)
sayings = some.builds(
    lambda groups, words, until: AttributesTold(groups=groups, attributes=words or Y, valid_until=until),
    words,
    words,
    moments,
)


@given(some.lists(some.tuples(sayings, some.integers(0, 5)), max_size=6), some.randoms(use_true_random=False))
def test_whatever_the_order_of_arrival_the_result_is_one(
    said: list[tuple[AttributesTold, int]], random: Random
) -> None:
    numbered = [(data, Millis(time), EventKey(f"k{n}")) for n, (data, time) in enumerate(said)]
    shuffled = numbered.copy()
    random.shuffle(shuffled)
    one: tuple[Attribute, ...] = ()
    other: tuple[Attribute, ...] = ()
    for each, turned in zip(numbered, shuffled, strict=True):
        one, other = told(one, *each), told(other, *turned)
    assert one == other


def test_what_is_not_named_stays_and_null_takes_back() -> None:
    partition = Partition()
    partition.describe(groups={"class": "7b", "school": "3"}, attributes={"language": "fr"})
    partition.later(hours=1)
    partition.describe(groups={"class": None}, attributes={"language": "de"})
    known = partition.learner().attributes
    assert (group_of(known, "class", partition.now), group_of(known, "school", partition.now)) == (None, "3")
    assert in_force(known, partition.now) == {"language": "de"}


def test_an_older_word_that_comes_later_does_not_count() -> None:
    partition = Partition()
    partition.describe(attributes={"language": "fr"})
    partition.describe(attributes={"language": "de", "year": "7"}, time=partition.now - DAY)
    assert in_force(partition.learner().attributes, partition.now) == {"language": "fr", "year": "7"}


def test_a_word_is_believed_until_it_lapses_but_a_test_stays_one() -> None:
    partition = Partition()
    partition.describe(attributes={"year": "7", "test": "true"}, groups={"class": "7b"}, valid_days=1)
    known = partition.learner().attributes
    assert in_force(known, partition.now) == {"year": "7", "test": "true"}
    partition.later(days=1)
    assert (in_force(known, partition.now), group_of(known, "class", partition.now)) == ({}, None)
    assert is_test(known)


def test_of_too_many_words_the_oldest_go_and_that_it_is_a_test_never() -> None:
    known = told((), AttributesTold(attributes={"test": "true"}), Millis(0), EventKey("k"))
    for n in range(MOST + 5):
        known = told(known, AttributesTold(attributes={f"x{n:02}": "y"}), Millis(n), EventKey("k"))
    assert len(known) == MOST
    assert is_test(known)
    assert "x05" not in in_force(known, Millis(9_999))
    assert f"x{MOST + 4}" in in_force(known, Millis(9_999))


def test_a_repeat_is_a_duplicate_and_of_who_opted_out_only_a_test_is_remembered() -> None:
    partition = Partition()
    first = partition.describe(attributes={"language": "fr", "test": "true"}, groups={"class": "7b"})
    assert (first.bin, partition.again(first).bin) == ("APPLIED", "DUPLICATE")
    partition.prefer(level="NONE")
    assert in_force(partition.learner().attributes, partition.now) == {"test": "true"}
    assert [each.name for each in partition.learner().attributes] == ["test"]
    assert partition.describe(attributes={"language": "de"}).bin == "OPTED_OUT"
    assert [each.name for each in partition.learner().attributes] == ["test"]


def test_an_erased_learner_comes_back_without_attributes() -> None:
    partition = Partition()
    partition.describe(attributes={"language": "fr"})
    partition.say("learner.erased", "ada", {})
    assert partition.describe(attributes={"language": "fr"}).bin == "ERASED"
    partition.prefer(consent=True)
    assert partition.learner().attributes == ()


def a_life(partition: Partition) -> None:
    """Live a few weeks that move every sum there is."""
    for _ in range(12):
        partition.request()
        partition.outcome(score=0.7)
        partition.later(days=3)
        partition.tick()


def test_a_test_is_in_no_sum_be_it_told_before_or_after() -> None:
    policy = Policy(holdout_share=0, control_share=0.5, shadows=(Shadow(name="greedy"),))
    before, after, none = Partition(policy), Partition(policy), Partition(policy)
    before.describe(attributes={"test": "true"})
    for partition in (before, after, none):
        a_life(partition)
    assert (Kind.PRIORS, "ASSESSMENT") in none.shard.sums.totals
    after.describe(attributes={"test": "true"})
    for partition in (before, after):
        assert EVIDENCE.count(partition.row().evidence) > 1
        assert not any(any(sums.values()) for sums in partition.shard.sums.totals.values())
    after.describe(attributes={"test": None}, time=after.now + 1)
    assert not after.row().left_out
    assert after.shard.sums.totals == none.shard.sums.totals


def test_a_tests_new_rows_are_left_out_too() -> None:
    partition = Partition()
    partition.describe(attributes={"test": "true"})
    partition.request(context="CONTENT")
    partition.request("bob", context="CONTENT")
    assert partition.row(context=Context.CONTENT).left_out
    assert not partition.row("bob", Context.CONTENT).left_out

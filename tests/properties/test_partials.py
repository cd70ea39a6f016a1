"""However often and in whatever order the partitions' words arrive, they add up to the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.wire.words import HOME, NAME, PARTITIONS, arrived, shard, word

from fitly.core.partials import Kind, Partial, merged, newest
from fitly.wire.population import Population

WORDS = st.builds(
    lambda partition, offset, sums: word(partition, offset, offset * 600_000, sums=sums),
    st.integers(0, PARTITIONS - 1),
    st.integers(0, 12),
    st.dictionaries(st.sampled_from("abc"), st.integers(-(2**70), 2**70), max_size=3),
)


def distinct(words: list[Partial]) -> list[Partial]:
    """Keep one word per partition and offset: a partition never says two things of one offset."""
    return list({(one.partition, one.offset): one for one in words}.values())


def folded(words: list[Partial], cuts: set[int]) -> Population:
    """Fold words as they come, in batches that end at the cuts."""
    into, records = shard(HOME), [arrived(number, one) for number, one in enumerate(words)]
    at = 0
    for cut in sorted({cut for cut in cuts if cut <= len(words)} | {len(words)}):
        into.adopt(into.fold(records[at:cut]))
        at = cut
    return into


@given(st.data())
def test_any_order_and_any_duplication_give_the_same_words_and_sums(data: st.DataObject) -> None:
    words = data.draw(st.lists(WORDS, min_size=1, max_size=12).map(distinct))
    again = data.draw(st.lists(st.sampled_from(words), max_size=12))
    shuffled = data.draw(st.permutations([*words, *again]))
    one, other = folded(words, set()), folded(shuffled, data.draw(st.sets(st.integers(1, 24))))
    assert one.words(Kind.PRIORS, NAME) == other.words(Kind.PRIORS, NAME) == newest(words)
    row, same = one.merged(Kind.PRIORS, NAME), other.merged(Kind.PRIORS, NAME)
    assert row is not None
    assert same is not None
    assert row._replace(look=None) == same._replace(look=None)
    assert row.sums == merged(newest(words).values())
    assert other.ledger.read == len(shuffled) == sum(other.ledger.bins.values())


@given(st.lists(WORDS, min_size=1, max_size=12).map(distinct), st.sets(st.integers(1, 12)), st.integers(0, 12))
def test_any_crash_point_gives_the_same_rows(words: list[Partial], cuts: set[int], crash: int) -> None:
    whole = folded(words, set())
    before = folded(words[:crash], cuts)
    restored = Population(HOME, before.control_key, before.birth_id, before.clock_mode, PARTITIONS)
    for row in before.state():
        restored.load(row.table, row.key, row.value)
    restored.opened()
    restored.adopt(restored.fold([arrived(number, one) for number, one in enumerate(words)]))  # redelivered from 0
    assert list(restored.state()) == list(whole.state())
    assert restored.looks == whole.looks

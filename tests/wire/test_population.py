"""The newest word of each partition counts, and what is no word of this log counts nothing."""

from __future__ import annotations

import pytest
from tests.wire.words import BIRTH, HOME, KEY, NAME, PARTITIONS, Arrived, absorb, arrived, shard, word

from fitly.core.errors import Broken
from fitly.core.numbers import HOUR, Millis
from fitly.core.partials import Kind, Look
from fitly.core.system import LEDGER_KEY, POSITION_KEY, Position
from fitly.core.topics import POPULATION, REJECTED
from fitly.wire.letters import MOST_REJECTED
from fitly.wire.merged import decode_merged, decode_word, encode_merged, encode_word
from fitly.wire.outgoing import Change
from fitly.wire.partials import home_of, outgoing_partial
from fitly.wire.population import Population
from fitly.wire.rows import due_of


def sums(of: Population, kind: Kind = Kind.PRIORS, name: str = NAME) -> dict[str, int]:
    row = of.merged(kind, name)
    assert row is not None
    return row.sums


def restored(rows: list[Change]) -> Population:
    again = Population(HOME, KEY, BIRTH, "LIVE", PARTITIONS)
    for row in rows:
        again.load(row.table, row.key, row.value)
    again.opened()
    return again


def test_the_newest_words_of_all_partitions_are_added_up() -> None:
    it = shard()
    absorb(it, word(0, sums={"n": 2, "x": -1}), word(1, sums={"n": 3}), word(0, offset=11, sums={"n": 5}))
    assert sums(it) == {"n": 8}
    assert it.words(Kind.PRIORS, NAME).keys() == {0, 1}
    assert it.ledger.bins == {"APPLIED/priors": 3}


def test_sums_that_no_machine_word_holds_are_added_exactly() -> None:
    it = shard()
    absorb(it, word(0, sums={"n": 2**80}), word(3, sums={"n": -(2**80) + 1}))
    assert sums(it) == {"n": 1}
    assert sums(restored(list(it.state()))) == {"n": 1}


def test_a_word_said_again_and_an_older_one_change_nothing() -> None:
    it = shard()
    absorb(it, word(0, offset=11, sums={"n": 5}))
    before = dict(it.rows)
    absorb(it, word(0, offset=11, sums={"n": 5}), word(0, offset=10, sums={"n": 99}))
    assert it.rows == before
    assert it.ledger.bins == {"APPLIED/priors": 1, "DUPLICATE/priors": 1, "LATE/priors": 1}


def test_names_and_kinds_are_apart() -> None:
    home = home_of(Kind.SHADOWS, NAME, PARTITIONS)
    it = shard(home)
    absorb(it, word(kind=Kind.SHADOWS, sums={"n": 7}))
    assert it.merged(Kind.PRIORS, NAME) is None
    assert sums(it, Kind.SHADOWS) == {"n": 7}
    assert not it.looks, "shadows are not looked at"


def test_records_below_the_position_are_passed_over() -> None:
    it = shard()
    records = [arrived(number, word(0, offset=number)) for number in range(3)]
    it.adopt(it.fold(records[:2]))
    again = it.fold(records)
    assert (again.count, again.offset) == (1, 2)


@pytest.mark.parametrize("cut", range(1, 6))
def test_batches_leave_no_trace(cut: int) -> None:
    said = [word(0), word(1), word(0, offset=12, clock=2 * HOUR), word(0), word(2, clock=3 * HOUR), word(1, offset=13)]
    records = [arrived(number, one) for number, one in enumerate(said)]
    whole, parts, open_ = shard(), shard(), shard()
    whole.adopt(whole.fold(records))
    parts.adopt(parts.fold(records[:cut]))
    parts.adopt(parts.fold(records[cut:]))
    open_.adopt(open_.fold(records[cut:], open_.fold(records[:cut])))
    assert list(whole.state()) == list(parts.state()) == list(open_.state())
    assert whole.looks == parts.looks


def test_a_restore_gives_the_same_rows_position_ledger_and_looks() -> None:
    it = shard()
    absorb(it, word(0), word(1, clock=2 * HOUR), word(1, birth_id="other"))
    again = restored(list(it.state()))
    assert list(again.state()) == list(it.state())
    assert again.position == Position(BIRTH, PARTITIONS, "LIVE", 2, Millis(2 * HOUR))
    assert again.ledger.read == 3
    assert again.looks == it.looks
    assert again.looks
    again.load(POPULATION, b"priors|MISSION|0", None)
    assert again.words(Kind.PRIORS, NAME).keys() == {1}


def test_the_position_is_the_last_change_of_every_run() -> None:
    it = shard()
    changes = it.fold([arrived(0, word(1)), arrived(1, word(0))]).changes
    assert [change.key for change in changes] == [
        b"priors|MISSION|0", b"priors|MISSION|1", b"priors|MISSION", LEDGER_KEY, POSITION_KEY,
    ]  # fmt: skip
    assert all(due_of(change.value or b"") == 2**63 - 1 for change in changes)
    assert it.overdue() == 0


def test_a_look_is_taken_when_the_event_clock_has_passed_into_another_hour() -> None:
    it = shard()
    absorb(it, word(0, clock=HOUR + 1, sums={"n": 1}))
    first = it.looks
    assert first == {(Kind.PRIORS, NAME): Look(Millis(HOUR + 1), {"n": 1})}
    absorb(it, word(1, clock=2 * HOUR - 1, sums={"n": 1}))
    assert it.looks is first, "nothing is told while no look is new"
    absorb(it, word(0, offset=11, clock=2 * HOUR, sums={"n": 4}))
    absorb(it, word(2, clock=HOUR, sums={"n": 9}))
    assert it.looks == {(Kind.PRIORS, NAME): Look(Millis(2 * HOUR), {"n": 5})}
    row = it.merged(Kind.PRIORS, NAME)
    assert row is not None
    assert row.look == it.looks[Kind.PRIORS, NAME]
    assert (row.clock, row.sums) == (2 * HOUR, {"n": 14})


FOREIGN = {
    "GENERATION": arrived(0, word(birth_id="another log")),
    "OUT_OF_RANGE": arrived(0, word(PARTITIONS)),
    "ELSEWHERE": Arrived(0, b"priors|MISSION", *outgoing_partial(word(), PARTITIONS, KEY)[2:4]),
    "FORGED": arrived(0, outgoing_partial(word(), PARTITIONS, b"another key")),
    "EMPTY": Arrived(0, b"priors|MISSION|0", None),
    "NOT_JSON": Arrived(0, None, b"hello"),
}


@pytest.mark.parametrize("reason", FOREIGN)
def test_what_is_no_word_of_this_log_is_refused_and_its_neighbours_count(reason: str) -> None:
    it = shard()
    batch = it.fold([FOREIGN[reason], arrived(1, word(sums={"n": 3}))])
    it.adopt(batch)
    assert sums(it) == {"n": 3}
    assert it.ledger.bins == {"APPLIED/priors": 1, f"INVALID/{reason}": 1}
    assert batch.refused == bytearray([1, 0])
    (letter,) = batch.outputs
    headers = dict(letter.headers)
    assert (letter.topic, headers["topic"], headers["reason"]) == (REJECTED, b"partials", reason.encode())
    assert letter.key == (FOREIGN[reason].key or b"") + b"|partials-%d-0" % HOME
    assert letter.value == (FOREIGN[reason].value or b"")


def test_a_word_in_another_partition_than_its_names_is_refused() -> None:
    it = shard((HOME + 1) % PARTITIONS)
    absorb(it, word())
    assert it.ledger.bins == {"INVALID/ELSEWHERE": 1}


def test_a_dead_letter_that_no_topic_would_hold_is_cut() -> None:
    (letter,) = shard().fold([Arrived(0, b"k", b"x" * (MOST_REJECTED + 1))]).outputs
    assert dict(letter.headers)["cut"] == str(MOST_REJECTED + 1).encode()
    assert len(letter.value or b"") == 64 * 1024


def test_rows_of_another_version_and_damaged_ones_are_told() -> None:
    it = shard()
    absorb(it, word())
    for key, read in ((b"priors|MISSION|0", decode_word), (b"priors|MISSION", decode_merged)):
        row = it.rows[key]
        with pytest.raises(Broken, match="not of version 1"):
            read(row[:8] + b"\x02" + row[9:])
        with pytest.raises(Broken, match="cannot be read"):
            read(row[:-1])
    merged = decode_merged(it.rows[b"priors|MISSION"])
    assert decode_merged(encode_merged(merged._replace(look=None))).look is None
    assert decode_word(encode_word(word())) == word()
    with pytest.raises(Broken, match="cannot be read"):
        decode_merged(encode_merged(merged).replace(b'"n":"1"', b'"n":"x"'))

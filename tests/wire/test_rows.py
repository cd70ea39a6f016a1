"""Bytes of rows at rest: due time in front, version, and everything back as it was."""

from __future__ import annotations

import pytest
from tests.core.partition import Partition

from fitly.core.errors import Broken
from fitly.core.learner import NEVER
from fitly.core.names import UserId
from fitly.core.rules import Policy, Rules
from fitly.core.system import Ledger, Position
from fitly.core.vocabulary import ClockMode, Context
from fitly.wire.rows import (
    context_key,
    decode_context,
    decode_fold_version,
    decode_learner,
    decode_ledger,
    decode_position,
    decode_rules,
    due_of,
    encode_context,
    encode_fold_version,
    encode_learner,
    encode_ledger,
    encode_position,
    encode_rules,
    learner_key,
    split_context_key,
)


def a_partition() -> Partition:
    partition = Partition()
    partition.request()
    partition.outcome()
    partition.prefer(level="HIGH", disabled_features=["mission.timing"])
    return partition


def test_a_row_begins_with_when_it_is_due() -> None:
    partition = a_partition()
    value = partition.shard.rows["contexts"][b"ada|ASSESSMENT"]
    assert due_of(value) == partition.row().closes_at
    assert due_of(partition.shard.rows["learners"][b"ada"]) == NEVER


def test_rows_are_the_same_bytes_after_reading() -> None:
    partition = a_partition()
    context, learner = partition.shard.rows["contexts"][b"ada|ASSESSMENT"], partition.shard.rows["learners"][b"ada"]
    assert encode_context(decode_context(context)) == context
    assert encode_learner(decode_learner(learner)) == learner


def test_a_standing_decision_is_the_same_bytes_whether_it_was_opened_or_not() -> None:
    value = a_partition().shard.rows["contexts"][b"ada|ASSESSMENT"]
    row = decode_context(value)
    assert row.standing is not None
    opened = row.standing.open()
    assert encode_context(row._replace(standing=type(row.standing).of(opened))) == value


def test_system_rows_come_back_as_they_were() -> None:
    position = Position("birth", 4, "LIVE", 17, Partition().now)
    assert decode_position(encode_position(position)) == position
    rules = Rules(birth_id="b", clock_mode=ClockMode.AS_OF, partitions=4, control_number=3, policy=Policy(epsilon=0.5))
    assert decode_rules(encode_rules(rules)) == rules
    assert decode_fold_version(encode_fold_version(7)) == 7


def test_a_ledgers_bytes_do_not_depend_on_the_order_in_which_bins_were_first_used() -> None:
    one, two = Ledger({"A": 1, "B": 2}, 3), Ledger({"B": 2, "A": 1}, 3)
    assert encode_ledger(one) == encode_ledger(two)
    assert decode_ledger(encode_ledger(two)) == one


@pytest.mark.parametrize("value", [b"", b"\xff" * 8, b"\xff" * 9, b"\x00" * 8 + b"\x04" + b"\x90"])
def test_a_row_of_another_version_or_none_is_not_guessed_at(value: bytes) -> None:
    with pytest.raises(Broken, match="run the release that wrote it") as caught:
        decode_context(value)
    assert not caught.value.restart_helps


@pytest.mark.parametrize("decode", [decode_learner, decode_context, decode_position, decode_ledger, decode_rules])
def test_a_damaged_row_says_what_to_do(decode: object) -> None:
    assert callable(decode)
    with pytest.raises(Broken, match=r"cannot be read .* refold the input log"):
        decode(b"\x7f" + b"\xff" * 7 + b"\x01" + b"\xc1")


@pytest.mark.parametrize("user", ["ada", "\u00e9l\u00e8ve", "a b/c:d"])
def test_keys_name_learner_and_context(user: str) -> None:
    assert learner_key(UserId(user)) == user.encode()
    for context in Context:
        assert split_context_key(context_key(UserId(user), context)) == (user, context)

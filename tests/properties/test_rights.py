"""A learner who opts out teaches nothing, and one who is erased was never there."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, Record
from tests.core.sums import day_sums
from tests.properties.histories import USERS, Author, about, history, lengths, seeds, settled

from fitly.core.learner import ContextRow
from fitly.core.names import ERASED_PREFIX, UserId
from fitly.core.numbers import Millis, to_datetime
from fitly.core.population import Name
from fitly.core.tally import CUMULATIVE
from fitly.core.topics import CONTEXTS, PARTIALS
from fitly.core.vocabulary import Context
from fitly.wire.events import encode_event
from fitly.wire.rows import context_key, decode_context
from fitly.wire.shard import Outgoing, Shard

users = some.sampled_from(USERS)
WISHES = ("preferences.changed", "preferences.reset", "learner.erased")
"""What a learner may say that is to have an effect although they have opted out."""


def said(log: list[Record], user: str, kind: str, data: dict[str, object]) -> Record:
    """Write one more event of a learner, after those of a log."""
    now = Millis(max(record.timestamp for record in log))
    value = encode_event(f"fitly.{kind}.v1", "rights", f"r-{kind}", user, to_datetime(now), data)
    return Record(log[-1].offset + 1, now, user.encode(), value)


def a_shard() -> Shard:
    shard = Shard(0, KEY)
    shard.opened()
    return shard


def fold(log: list[Record], shard: Shard) -> list[Outgoing]:
    batch = shard.fold(log)
    shard.adopt(batch)
    return batch.outputs


def wishes(record: Record) -> bool:
    return any(kind.encode() in (record.value or b"") for kind in WISHES)


def taught(row: ContextRow) -> tuple[object, ...]:
    """Give everything that a row has learned."""
    ever = {place: sums for place, sums in day_sums(row).items() if place[0] == CUMULATIVE}
    return row.arms, ever, row.own_n, row.own_sum, row.unjoined, row.overflowed, row.closes_at


@given(seed=seeds, length=lengths, cut=some.integers(2, 219), user=users, switch=some.booleans())
def test_nothing_that_an_opted_out_learner_does_moves_an_arm_or_a_sum(
    seed: int,
    length: int,
    cut: int,
    user: str,
    switch: bool,  # noqa: FBT001 - drawn
) -> None:
    log = history(seed, length, without=(Author.revise, Author.erase))
    before, after = log[: max(2, cut)], [record for record in log[max(2, cut) :] if not wishes(record)]
    out: dict[str, object] = {"session_enabled": False} if switch else {"level": "NONE"}
    opting = said(before, user, "preferences.changed", out)
    shard = a_shard()
    fold([*before, opting], shard)
    silent = (Context.SESSION,) if switch else tuple(Context)
    keys = [context_key(UserId(user), context) for context in silent]
    learned = {key: taught(decode_context(shard.rows[CONTEXTS][key])) for key in keys if key in shard.rows[CONTEXTS]}
    for record in [*after, *settled([*before, opting, *after])]:
        fold([record._replace(offset=shard.position.offset + 1)], shard)
        for key, lesson in learned.items():
            assert taught(decode_context(shard.rows[CONTEXTS][key])) == lesson
    for key in keys:
        if key in shard.rows[CONTEXTS] and key not in learned:
            row = decode_context(shard.rows[CONTEXTS][key])
            assert (row.own_n, row.unjoined, day_sums(row)) == (0, 0, {})
            assert not row.arms


@given(seed=seeds, length=lengths, user=users)
def test_one_who_was_erased_was_never_there(seed: int, length: int, user: str) -> None:
    log = history(seed, length)
    whole, without = a_shard(), a_shard()
    sent = fold([*log, said(log, user, "learner.erased", {})], whole)
    others = fold([record for record in log if about(record) != user], without)
    assert left(whole) == left(without)
    assert summed(whole) == summed(without)
    assert [out for out in sent if whose(out) != user and out.topic != PARTIALS] == [
        out for out in others if out.topic != PARTIALS
    ]
    assert not mentions(whole, user)


def summed(shard: Shard) -> dict[Name, dict[str, int]]:
    """Give the sums of all learners; those of a name that is empty are none."""
    return {name: sums for name, sums in shard.sums.totals.items() if sums}


def mentions(shard: Shard, user: str) -> list[bytes]:
    """Give the keys of the rows in which an id stands, as msgpack writes a text of its length."""
    rows = {key: value for rows in shard.rows.values() for key, value in rows.items()}
    text = bytes((0xA0 | len(user.encode()),)) + user.encode()
    return [key for key, value in rows.items() if key.partition(b"|")[0] == user.encode() or text in value]


def left(shard: Shard) -> dict[bytes, bytes]:
    """Give every learner's rows, without markers."""
    return {
        key: value for rows in shard.rows.values() for key, value in rows.items() if not key.startswith(ERASED_PREFIX)
    }


def whose(output: Outgoing) -> str:
    return (output.key or b"").decode(errors="replace").partition("|")[0]


@given(seed=seeds, length=lengths, user=users)
def test_what_comes_after_an_erasure_is_erased_until_there_is_consent(seed: int, length: int, user: str) -> None:
    log = history(seed, length)
    shard = a_shard()
    cut = len(log) // 2 + 2
    fold([*log[:cut], said(log[:cut], user, "learner.erased", {})], shard)
    marked = dict(shard.rows["learners"])
    for record in log[cut:]:
        if about(record) != user or consents(record):
            continue
        batch = shard.fold([record._replace(offset=shard.position.offset + 1)])
        assert [name.partition("/")[0] for name in batch.bins] == ["ERASED"]
        assert not batch.outputs
        assert not batch.row_changes()
        shard.adopt(batch)
    assert shard.rows["learners"] == marked


def consents(record: Record) -> bool:
    try:
        return bool(json.loads(record.value or b"")["data"]["consent"])
    except (ValueError, KeyError, TypeError):
        return False

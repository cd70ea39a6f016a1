"""Records on their way out: what an effect is sent as, and what a changed row is kept as.

Knows topics, keys and headers of what goes out. Must never know why it does.
"""

from __future__ import annotations

from typing import NamedTuple

from fitly.core.assessments import Assessed
from fitly.core.decisions import Answer, DecisionGone, Effect, LetterGone, OutcomesGone
from fitly.core.topics import ASSESSED, INPUT, OUTCOMES, REJECTED, SELECTED
from fitly.wire.assessed import encode_assessed
from fitly.wire.outcomes import encode_outcome
from fitly.wire.rows import context_key
from fitly.wire.selected import ANSWERS_HEADER, encode_selected


class Outgoing(NamedTuple):
    """One record to send.

    ``value`` None is a tombstone; ``partition`` None is the input partition's number; ``timestamp`` None leaves the
    stamp to the client.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None
    timestamp: int | None = None


class Change(NamedTuple):
    """One changelog record; ``value`` None is a tombstone."""

    table: str
    key: bytes
    value: bytes | None


def outgoing(effect: Effect) -> Outgoing:
    """Write an effect as the record it goes out as."""
    if isinstance(effect, Answer):
        selected = effect.selected
        key = context_key(selected.user_id, selected.context)
        headers = () if effect.answers is None else ((ANSWERS_HEADER, effect.answers.encode()),)
        return Outgoing(SELECTED, key, encode_selected(selected), headers)
    if isinstance(effect, Assessed):
        return Outgoing(ASSESSED, context_key(effect.user_id, effect.context), encode_assessed(effect))
    if isinstance(effect, DecisionGone):
        return Outgoing(SELECTED, context_key(effect.user_id, effect.context), None)
    if isinstance(effect, OutcomesGone):
        return Outgoing(OUTCOMES, effect.user_id.encode(), None)
    if isinstance(effect, LetterGone):
        return Outgoing(REJECTED, letter_key(effect.user_id.encode(), effect.partition, effect.offset), None)
    return Outgoing(OUTCOMES, effect.user_id.encode(), encode_outcome(effect))


def letter_key(user: bytes, partition: int, offset: int, topic: str = INPUT) -> bytes:
    """Give the key of a refused record's dead letter: whose key it had, and where in its topic it stands.

    >>> letter_key(b"ada", 0, 7)
    b'ada|learner-events-0-7'
    """
    return user + f"|{topic}-{partition}-{offset}".encode()

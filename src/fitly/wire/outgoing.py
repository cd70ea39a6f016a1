"""Records on their way out: what an effect is sent as, and what a changed row is kept as.

Knows topics, keys and headers of what goes out. Must never know why it does.
"""

from __future__ import annotations

from typing import NamedTuple

from fitly.core.assessments import Assessed
from fitly.core.decisions import Answer, Effect
from fitly.core.topics import ASSESSED, OUTCOMES, SELECTED
from fitly.wire.assessed import encode_assessed
from fitly.wire.outcomes import encode_outcome
from fitly.wire.rows import context_key
from fitly.wire.selected import ANSWERS_HEADER, encode_selected


class Outgoing(NamedTuple):
    """One record to send.

    ``partition`` None is the input partition's number; ``timestamp`` None leaves the stamp to the client.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None
    timestamp: int | None = None


class Change(NamedTuple):
    """One changelog record."""

    table: str
    key: bytes
    value: bytes


def outgoing(effect: Effect) -> Outgoing:
    """Write an effect as the record it goes out as."""
    if isinstance(effect, Answer):
        selected = effect.selected
        key = context_key(selected.user_id, selected.context)
        headers = () if effect.answers is None else ((ANSWERS_HEADER, effect.answers.encode()),)
        return Outgoing(SELECTED, key, encode_selected(selected), headers)
    if isinstance(effect, Assessed):
        return Outgoing(ASSESSED, context_key(effect.user_id, effect.context), encode_assessed(effect))
    return Outgoing(OUTCOMES, effect.user_id.encode(), encode_outcome(effect))

"""Bytes of rows at rest: when next due, the row's version, then msgpack of the core's own dataclasses.

Knows the changelog's values and keys. Must never know who reads them. A version is never edited in place:
a new shape is a new version with an upgrade from the one before, and a golden corpus keeps the old bytes.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from fitly.core.decisions import Selected
from fitly.core.errors import Broken
from fitly.core.learner import NEVER, ROW_VERSION, ContextRow, Erased, LearnerRow, Sealed
from fitly.core.names import UserId
from fitly.core.numbers import Millis
from fitly.core.rules import Rules
from fitly.core.system import Ledger, Position
from fitly.core.vocabulary import Context

DUE_WIDTH: Final = 8
_HEAD: Final = DUE_WIDTH + 1
_VERSION: Final = bytes((ROW_VERSION,))

Row = TypeVar("Row")


def _open_selected(raw: bytes) -> Selected:
    return _SELECTED.decode(raw)


def _unseal(_wanted: type, raw: Any) -> Any:  # noqa: ANN401 - msgspec's hook has this signature
    return Sealed(raw, None, _open_selected)


def _seal(value: Any) -> Any:  # noqa: ANN401 - msgspec's hook has this signature
    if value.raw is None:
        value.raw = _ENCODER.encode(value.open())
    return value.raw


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_seal)
_SELECTED: Final = msgspec.msgpack.Decoder(Selected)
_LEARNER: Final = msgspec.msgpack.Decoder(LearnerRow)
_CONTEXT: Final = msgspec.msgpack.Decoder(ContextRow, dec_hook=_unseal)
_ERASED: Final = msgspec.msgpack.Decoder(Erased)
_POSITION: Final = msgspec.msgpack.Decoder(Position)
_LEDGER: Final = msgspec.msgpack.Decoder(Ledger)
_RULES: Final = msgspec.msgpack.Decoder(Rules)
_VERSION_NUMBER: Final = msgspec.msgpack.Decoder(int)


def _at_rest(due: Millis, row: object) -> bytes:
    return due.to_bytes(DUE_WIDTH, "big") + _VERSION + _ENCODER.encode(row)


def _decode(decoder: msgspec.msgpack.Decoder[Row], value: bytes, what: str) -> Row:
    if len(value) <= _HEAD or value[DUE_WIDTH] != ROW_VERSION:
        found = value[DUE_WIDTH] if len(value) > DUE_WIDTH else "none"
        message = f"a {what} row has version {found}, this program reads {ROW_VERSION}: run the release that wrote it"
        raise Broken(message, restart_helps=False)
    try:
        return decoder.decode(memoryview(value)[_HEAD:])
    except msgspec.MsgspecError as error:
        message = f"a {what} row cannot be read ({error}): restore the changelog from a copy, or refold the input log"
        raise Broken(message, restart_helps=False) from error


def due_of(value: bytes) -> Millis:
    """Give the moment a row at rest is next due, without decoding it; `NEVER` for none."""
    return Millis(int.from_bytes(value[:DUE_WIDTH], "big"))


def encode_learner(row: LearnerRow) -> bytes:
    """Give a learner row's bytes."""
    return _at_rest(NEVER, row)


def decode_learner(value: bytes) -> LearnerRow:
    """Read a learner row; raises `Broken` for bytes of another version or none."""
    return _decode(_LEARNER, value, "learner")


def encode_context(row: ContextRow) -> bytes:
    """Give a context row's bytes; due when its next reward window closes."""
    return _at_rest(row.closes_at, row)


def decode_context(value: bytes) -> ContextRow:
    """Read a context row; raises `Broken` for bytes of another version or none."""
    return _decode(_CONTEXT, value, "context")


def encode_erased(row: Erased) -> bytes:
    """Give the bytes of an erased learner's marker."""
    return _at_rest(NEVER, row)


def decode_erased(value: bytes) -> Erased:
    """Read an erased learner's marker; raises `Broken` for bytes of another version or none."""
    return _decode(_ERASED, value, "marker")


def encode_position(position: Position) -> bytes:
    """Give the bytes of the position row."""
    return _at_rest(NEVER, position)


def decode_position(value: bytes) -> Position:
    """Read the position row."""
    return _decode(_POSITION, value, "position")


def encode_ledger(ledger: Ledger) -> bytes:
    """Give the bytes of the ledger row; bins in the order of their names."""
    return _at_rest(NEVER, Ledger(dict(sorted(ledger.bins.items())), ledger.read))


def decode_ledger(value: bytes) -> Ledger:
    """Read the ledger row."""
    return _decode(_LEDGER, value, "ledger")


def encode_rules(rules: Rules) -> bytes:
    """Give the bytes of the rules row."""
    return _at_rest(NEVER, rules)


def decode_rules(value: bytes) -> Rules:
    """Read the rules row."""
    return _decode(_RULES, value, "rules")


def encode_fold_version(version: int) -> bytes:
    """Give the bytes of the fold version row."""
    return _at_rest(NEVER, version)


def decode_fold_version(value: bytes) -> int:
    """Read the fold version row."""
    return _decode(_VERSION_NUMBER, value, "fold version")


def learner_key(user_id: UserId) -> bytes:
    """Give a learner row's key."""
    return user_id.encode()


def context_key(user_id: UserId, context: Context) -> bytes:
    """Give a context row's key, which is also the key of its selected strategies.

    >>> context_key(UserId("ada"), Context.MISSION)
    b'ada|MISSION'
    """
    return f"{user_id}|{context}".encode()


def split_context_key(key: bytes) -> tuple[UserId, Context]:
    """Give the learner and context of a context row's key.

    >>> split_context_key(b"ada|MISSION")
    ('ada', <Context.MISSION: 'MISSION'>)
    """
    user, _, context = key.decode().rpartition("|")
    return UserId(user), Context(context)

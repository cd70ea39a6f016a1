"""Bytes of rows at rest: when next due, the row's version, then msgpack of the core's own dataclasses.

Knows the changelog's values and keys. Must never know who reads them. A version is never edited in place:
a new shape is a new version with an upgrade from the one before, and a golden corpus keeps the old bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from fitly.core.decisions import Selected
from fitly.core.errors import Broken
from fitly.core.experiments.trial import Trial, written
from fitly.core.learner import NEVER, ROW_VERSION, ContextRow, Erased, LearnerRow, Sealed
from fitly.core.names import UserId
from fitly.core.numbers import Millis
from fitly.core.partials import Kind
from fitly.core.rules import Rules
from fitly.core.system import EXPERIMENT_PREFIX, SUMS_PREFIX, Ledger, Position, Sweep, Untold
from fitly.core.vocabulary import Context
from fitly.wire.upgrades import context_of_2

DUE_WIDTH: Final = 8
_HEAD: Final = DUE_WIDTH + 1
_VERSION: Final = bytes((ROW_VERSION,))
_SECOND: Final = 2
"""A row of this version lacks only what stands at the end of a row of the next, and has its default: nothing."""

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
_TRIAL: Final = msgspec.msgpack.Decoder(Trial)
_SUMS: Final = msgspec.msgpack.Decoder(dict[str, bytes])
_UNTOLD: Final = msgspec.msgpack.Decoder(Untold)
_SWEEP: Final = msgspec.msgpack.Decoder(Sweep)
_VERSION_NUMBER: Final = msgspec.msgpack.Decoder(int)


def _at_rest(due: Millis, row: object) -> bytes:
    return due.to_bytes(DUE_WIDTH, "big") + _VERSION + _ENCODER.encode(row)


def version_of(value: bytes) -> int:
    """Give the version a row at rest was written in; 0 for what is no row."""
    return value[DUE_WIDTH] if len(value) > _HEAD else 0


def _decode(decoder: msgspec.msgpack.Decoder[Row], value: bytes, what: str) -> Row:
    if not 0 < version_of(value) <= ROW_VERSION:
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
    """Give a context row's bytes; due when its next reward window closes or an insight lapses that it uses."""
    return _at_rest(row.due_at, row)


def decode_context(value: bytes) -> ContextRow:
    """Read a context row; raises `Broken` for bytes of another version or none."""
    row: ContextRow = _decode(_CONTEXT, value, "context")
    return context_of_2(row) if value[DUE_WIDTH] < _SECOND else row


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


def encode_sums(sums: Mapping[str, int]) -> bytes:
    """Give the bytes of one row of sums; in the order of their names, as integers of any size."""
    return _at_rest(NEVER, {name: _integer(sums[name]) for name in sorted(sums)})


def decode_sums(value: bytes) -> dict[str, int]:
    """Read a row of sums."""
    sums: dict[str, bytes] = _decode(_SUMS, value, "sums")
    return {name: int.from_bytes(part, "big", signed=True) for name, part in sums.items()}


def _integer(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def sums_key(kind: Kind, name: str) -> bytes:
    r"""Give the key of a row of sums.

    >>> sums_key(Kind.PRIORS, "MISSION")
    b'\x00sums|priors|MISSION'
    """
    return SUMS_PREFIX + f"{kind}|{name}".encode()


def split_sums_key(key: bytes) -> tuple[Kind, str]:
    """Give kind and name of a row of sums; the inverse of `sums_key`."""
    kind, _, name = key.removeprefix(SUMS_PREFIX).decode().partition("|")
    return Kind(kind), name


def encode_untold(untold: Untold) -> bytes:
    """Give the bytes of the row of what partials have not told yet."""
    return _at_rest(NEVER, Untold(dict(sorted(untold.changes.items()))))


def decode_untold(value: bytes) -> Untold:
    """Read the row of what partials have not told yet."""
    return _decode(_UNTOLD, value, "untold")


def encode_rules(rules: Rules) -> bytes:
    """Give the bytes of the rules row."""
    return _at_rest(NEVER, rules)


def decode_rules(value: bytes) -> Rules:
    """Read the rules row."""
    return _decode(_RULES, value, "rules")


def encode_trial(trial: Trial) -> bytes:
    """Give the bytes of an experiment's row."""
    return _at_rest(NEVER, written(trial))


def decode_trial(value: bytes) -> Trial:
    """Read an experiment's row."""
    return _decode(_TRIAL, value, "experiment")


def experiment_key(name: str) -> bytes:
    r"""Give the key of an experiment's row.

    >>> experiment_key("spring")
    b'\x00experiment|spring'
    """
    return EXPERIMENT_PREFIX + name.encode()


def encode_sweep(sweep: Sweep) -> bytes:
    """Give the bytes of the row that says what is being withdrawn."""
    return _at_rest(NEVER, sweep)


def decode_sweep(value: bytes) -> Sweep:
    """Read the row that says what is being withdrawn."""
    return _decode(_SWEEP, value, "sweep")


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
    return user_id.encode() + _BEHIND[context]


_BEHIND: Final = {context: f"|{context}".encode() for context in Context}


def split_context_key(key: bytes) -> tuple[UserId, Context]:
    """Give the learner and context of a context row's key.

    >>> split_context_key(b"ada|MISSION")
    ('ada', <Context.MISSION: 'MISSION'>)
    """
    user, _, context = key.decode().rpartition("|")
    return UserId(user), Context(context)

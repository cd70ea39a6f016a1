"""Rows at rest of the table ``population``: when next due, the row's version, then JSON.

Knows the bytes of a partition's word and of what the words add up to. Must never know how they are added. JSON and not
msgpack, whose integers end at 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fitly.core.errors import Broken, Refused
from fitly.core.experiments.planned import PlannedLook
from fitly.core.experiments.stated import Stated
from fitly.core.experiments.trial import Trial, written
from fitly.core.learner import NEVER
from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Look, Merged, Partial
from fitly.core.system import SYSTEM_PREFIX
from fitly.wire.partials import decode_partial, encode_partial, spelt
from fitly.wire.rows import DUE_WIDTH

VERSION: Final = 1
"""Of these rows only: a new shape is a new version with an upgrade from the one before."""
_HEAD: Final = NEVER.to_bytes(DUE_WIDTH, "big") + bytes((VERSION,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    clock: int
    sums: dict[str, str]
    number: int = 0
    about: Trial | None = None
    planned: PlannedLook | None = None
    stated: tuple[Stated, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merged:
    kind: Kind
    name: str
    birth_id: str
    clocks: dict[int, int]
    sums: dict[str, str]
    look: _Look | None
    about: Trial | None = None


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Merged)


def is_merged(key: bytes) -> bool:
    """Tell whether a key is of what the words add up to, and neither of one partition's word nor of the system.

    >>> is_merged(b"priors|MISSION"), is_merged(b"priors|MISSION|0"), is_merged(bytes(1) + b"position")
    (True, False, False)
    """
    return key.count(b"|") == 1 and not key.startswith(SYSTEM_PREFIX)


def is_closing(key: bytes) -> bool:
    """Tell whether a key is of a partition's first word of a day, which a look still waits for others with.

    >>> is_closing(b"experiments|spring|0|20000"), is_closing(b"experiments|spring|0")
    (True, False)
    """
    return key.count(b"|") == _CLOSING_BARS and not key.startswith(SYSTEM_PREFIX)


_CLOSING_BARS: Final = 3


def subject_of(key: bytes) -> tuple[Kind, str]:
    """Give the kind and name that a key of the table is about.

    >>> subject_of(b"experiments|spring|0|20000")
    (<Kind.EXPERIMENTS: 'experiments'>, 'spring')
    """
    kind, name = key.decode().split("|")[:2]
    return Kind(kind), name


def encode_word(partial: Partial) -> bytes:
    """Give the bytes of a partition's word at rest."""
    return _HEAD + encode_partial(partial)


def decode_word(value: bytes) -> Partial:
    """Read a partition's word; raises `Broken` for bytes of another version or none."""
    body = _body(value)
    try:
        return decode_partial(body)
    except Refused as error:
        raise _unreadable(error.detail) from error


def encode_merged(merged: Merged) -> bytes:
    """Give the bytes of merged sums at rest."""
    row: dict[str, Any] = {
        "kind": merged.kind,
        "name": merged.name,
        "birth_id": merged.birth_id,
        "clocks": dict(sorted(merged.clocks.items())),
        "sums": spelt(merged.sums),
        "look": None if merged.look is None else _looked(merged.look),
    }
    if merged.about is not None:
        row["about"] = written(merged.about)
    return _HEAD + _ENCODER.encode(row)


def _looked(look: Look) -> dict[str, Any]:
    said: dict[str, Any] = {"clock": look.clock, "sums": spelt(look.sums)}
    if look.about is not None:
        said |= {"number": look.number, "about": written(look.about)}
    if look.planned is not None:
        said["planned"] = look.planned
    if look.stated:
        said["stated"] = look.stated
    return said


def decode_merged(value: bytes) -> Merged:
    """Read merged sums; raises `Broken` for bytes of another version or none."""
    body = _body(value)
    try:
        row = _DECODER.decode(body)
        was, look = row.look, None
        if was is not None:
            look = Look(Millis(was.clock), _read(was.sums), was.number, was.about, was.planned, was.stated)
        clocks = {partition: Millis(clock) for partition, clock in row.clocks.items()}
        return Merged(row.kind, row.name, row.birth_id, clocks, _read(row.sums), look, row.about)
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise _unreadable(str(error)) from error


def _read(sums: dict[str, str]) -> dict[str, int]:
    return {name: int(written) for name, written in sums.items()}


def _body(value: bytes) -> bytes:
    if value[DUE_WIDTH : DUE_WIDTH + 1] != _HEAD[DUE_WIDTH:]:
        message = f"a population row is not of version {VERSION}, which this program reads: run the release it is of"
        raise Broken(message, restart_helps=False)
    return value[len(_HEAD) :]


def _unreadable(why: str) -> Broken:
    message = f"a population row cannot be read ({why}): restore the changelog from a copy"
    return Broken(message, restart_helps=False)

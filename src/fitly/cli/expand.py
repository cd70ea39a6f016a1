"""Rows as people read them: packed bytes unfolded, codes as words, times as dates, fixed-point as numbers.

Knows the core's rows and their packed parts. Must never know which topic or table a row came from.

A field that holds an integer or bytes is shown by its name, since the core gives one name one meaning (``since`` is a
moment wherever it stands); records, which hold dates and numbers already, come out as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from enum import Enum, IntEnum
from typing import Any, Final, TypeAlias

from fitly.core.decisions import Selected
from fitly.core.entries import (
    ARMS,
    BASELINE,
    BUCKETS,
    DECISIONS,
    EVIDENCE,
    OUTCOMES,
    OVERLAP,
    SEEN,
    TYPED,
    VERDICTS,
    Shown,
)
from fitly.core.erasing import listed
from fitly.core.experiments.enrolment import ENROLMENTS, How, Reason, State
from fitly.core.learner import NEVER, Sealed
from fitly.core.names import unpacked_id
from fitly.core.numbers import CERTAIN, ONE, Millis, to_datetime
from fitly.core.outcomes import UNTYPED
from fitly.core.packed import Layout
from fitly.core.shadows import SCORES, SUMMED
from fitly.core.vocabulary import ARM_VARIANTS, MODES, OUTCOME_TYPES, ArmCode
from fitly.wire.partials import spelt

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

PACKED: Final[dict[str, Layout[Any]]] = {
    "arms": ARMS,
    "decisions": DECISIONS,
    "outcomes": OUTCOMES,
    "buckets": BUCKETS,
    "seen": SEEN,
    "evidence": EVIDENCE,
    "typed": TYPED,
    "baseline": BASELINE,
    "shadows": SCORES,
    "shadow_sums": SUMMED,
    "assessed": VERDICTS,
    "trials": ENROLMENTS,
}


def moment(value: int | None) -> str | None:
    """Write a moment as people and programs read it; 0 and `NEVER` are no moments.

    >>> moment(1001), moment(0)
    ('1970-01-01T00:00:01.001Z', None)
    """
    if not value or value == NEVER:
        return None
    return to_datetime(Millis(value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day(value: int) -> str | None:
    """Write a day; 0 is the bucket of everything since activation or reset."""
    return str(date(1970, 1, 1) + timedelta(days=value)) if value > 0 else None


def _word(code: int) -> str | None:
    return None if code == ArmCode.NOTHING else ArmCode(code).name


def _kind(code: int) -> str | None:
    return None if code == UNTYPED else OUTCOME_TYPES[code].value


def _overlap(packed: bytes) -> dict[str, Plain]:
    shares = zip(ARM_VARIANTS.values(), OVERLAP.unpack(packed), strict=True)
    return {variant.value: share / 10_000 for variant, share in shares if share}


def _metric(value: int) -> float | None:
    return None if value < 0 else value / ONE


def _millionths(value: int) -> float:
    return value / ONE


def _squares(value: int) -> float:
    return value / (ONE * ONE)


def _billionths(value: int) -> float:
    return value / CERTAIN


_NAMES: Final[dict[Callable[[Any], Plain], str]] = {
    moment: "since until closes first activated deactivated updated created_at updated_at last_reset_at closes_at "
    "learning_since clock decided_at valid_until timestamp rendered_at observed_at lapses_at consented_at at "
    "started_at ended_at",
    _day: "day seen_floor",
    unpacked_id: "id decision",
    bytes.hex: "fingerprint",
    _word: "arm variant",
    lambda code: MODES[code].value: "mode",
    _kind: "kind",
    _overlap: "overlap",
    lambda code: Shown(code).name: "shown",
    bool: "apply is_open defaulted active counted uniform",
    lambda code: Reason(code).name: "reason",
    lambda code: How(code).name: "how",
    lambda code: State(code).name: "state",
    _metric: "retention performance completion engagement",
    _millionths: "reward centred centre composite raw own_sum s_retention s_performance s_completion s_engagement mean "
    "before_sum x x0 w w0 w2 v0 model worth r d idle_w idle_d largest",
    _squares: "centred2 composite2 q_retention q_performance q_completion q_engagement x2 wx wx0",
    _billionths: "propensity threshold target outside probability hold_back low high",
    lambda refused: [*listed(refused)]: "refused",
}
_BY_FIELD: Final = {name: shown for shown, names in _NAMES.items() for name in names.split()}

_COUNTED: Final = (ENROLMENTS, "variant")

_MAPPED: Final[dict[str, Callable[[Any], Plain]]] = {
    "sums": lambda sums: {**spelt(sums)},
    "clocks": lambda clocks: {str(partition): moment(clock) for partition, clock in clocks.items()},
}
"""Mappings that stand under their own name: merged sums are of any size, so they are shown as they are written."""


def expand(value: object) -> Plain:
    """Unfold a row, or any part of one, into what JSON can hold.

    Parameters
    ----------
    value : object
        A dataclass of the core, or anything inside one.

    Examples
    --------
    >>> from fitly.core.system import Position
    >>> expand(Position(offset=7, clock=Millis(1001)))["clock"]
    '1970-01-01T00:00:01.001Z'
    """
    plain: Plain
    match value:
        case Sealed():
            plain = expand(value.open())
        case Selected():
            plain = _selected(value)
        case Mapping():
            plain = {str(expand(key)): expand(inner) for key, inner in value.items()}
        case list() | tuple() if not hasattr(value, "_fields"):
            plain = [expand(item) for item in value]
        case Enum():  # a code goes by its name
            plain = value.name if isinstance(value, IntEnum) else expand(value.value)
        case bytes():
            plain = value.hex()
        case datetime():
            plain = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            plain = value.isoformat()
        case None | bool() | int() | float() | str():
            plain = value
        case _:
            plain = _parts(value)
    return plain


def unpack(layout: Layout[Any], blob: bytes) -> list[Plain]:
    """Unfold packed records."""
    return [
        # NamedTuple's public method. An experiment's variants are counted, and go by no arm's code.
        {name: part if (layout, name) == _COUNTED else _field(name, part) for name, part in entry._asdict().items()}
        for entry in layout.all(blob)
    ]


def _parts(row: Any) -> Plain:  # noqa: ANN401 - any record of the core
    """Unfold a record by its fields; only rows that remember events have packed parts."""
    packed = hasattr(row, "seen")
    return {name: _field(name, part, packed=packed) for name, part in _named(row)}


def _named(row: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    """Give the fields of a record, be it a dataclass or a named tuple."""
    names = getattr(row, "_fields", None) or [field.name for field in fields(row)]
    return [(name, getattr(row, name)) for name in names]


def _field(name: str, value: object, *, packed: bool = False) -> Plain:
    if packed and name in PACKED and isinstance(value, bytes):
        return unpack(PACKED[name], value)
    if name in _MAPPED and isinstance(value, Mapping):
        return _MAPPED[name](value)
    shown = _BY_FIELD.get(name)
    coded = isinstance(value, (int, bytes)) and not isinstance(value, Enum)
    return shown(value) if shown is not None and coded else expand(value)


def _selected(selected: Selected) -> Plain:
    """Unfold a decision; its probabilities are in 10^-9, its arms' means in 10^-6."""
    plain: dict[str, Plain] = {}
    for name, value in _named(selected):
        if name == "propensities":
            plain[name] = {arm: odds / CERTAIN for arm, odds in value.items()}
        elif name == "assignment_probability":
            plain[name] = value / CERTAIN
        else:
            plain[name] = _field(name, value)
    return plain

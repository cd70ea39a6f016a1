"""The contract of ``effectiveness-assessed``: what was found when a learner's effectiveness was looked at anew.

Knows how a reader is told figures and flips. Must never know why it was looked at, nor how a figure comes about.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from annotated_types import Ge

from fitly.core.assessments import Assessed, Direction, EffectivenessRecord, Flip, WindowKind
from fitly.core.names import ConfigId, DecisionId, UserId
from fitly.core.numbers import to_datetime, to_millis
from fitly.core.vocabulary import Context
from fitly.wire.cloudevents import JSON, CloudEvent

KIND: Final = "fitly.effectiveness.assessed.v1"

Count: TypeAlias = Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """The learner's own decisions measured since activation or reset: personalized ones, and control."""

    applied: Count
    control: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A record's flag and direction; the direction is null where there is no test."""

    is_statistically_significant: bool
    direction: Direction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flipped:
    """A record whose flag or direction is another than was last announced; ``config_id`` null for all variants."""

    config_id: str | None
    window_kind: WindowKind
    before: Verdict
    now: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivenessAssessed:
    """A learner's effectiveness in a context, looked at anew: a reward window closed, or a flag or direction flipped.

    ``closed`` names the measured decisions whose windows closed. ``records`` are those that carry a test (the learner's
    own randomized baseline suffices), complete, with a reason beside every figure that is null; there are none before
    that, and descriptions against the population stand in the table only. Figures have 12 significant digits.
    """

    user_id: str
    context: Context
    closed: tuple[str, ...]
    sample_size: SampleSize
    flips: tuple[Flipped, ...]
    records: tuple[EffectivenessRecord, ...]


_DECODER: Final = msgspec.json.Decoder(CloudEvent[EffectivenessAssessed])
_VALUES: Final = attrgetter(*[field.name for field in fields(EffectivenessRecord)])


def encode_assessed(effect: Assessed) -> bytes:
    """Write what was assessed; the envelope's time is the log's clock."""
    data = EffectivenessAssessed(
        user_id=effect.user_id,
        context=effect.context,
        closed=effect.closed,
        sample_size=SampleSize(applied=effect.applied, control=effect.control),
        flips=tuple(_flipped(flip) for flip in effect.flips),
        records=tuple(EffectivenessRecord(*map(_rounded, _VALUES(record))) for record in effect.records),
    )
    return JSON.encode(
        CloudEvent(id=effect.id, type=KIND, time=to_datetime(effect.at), subject=effect.user_id, data=data)
    )


def _flipped(flip: Flip) -> Flipped:
    before = Verdict(is_statistically_significant=flip.was_significant, direction=flip.was_direction)
    now = Verdict(is_statistically_significant=flip.is_significant, direction=flip.is_direction)
    return Flipped(config_id=flip.config_id, window_kind=flip.window_kind, before=before, now=now)


def _rounded(value: Any) -> Any:  # noqa: ANN401 - a column of any type
    """Leave out the last digits of a figure: they may differ between machines, and bytes must not.

    >>> _rounded(0.1 + 0.2), _rounded({"lower": 2 / 3}), _rounded("p")
    (0.3, {'lower': 0.666666666667}, 'p')
    """
    if isinstance(value, float):
        return float(f"{value:.12g}")
    return {name: _rounded(part) for name, part in value.items()} if isinstance(value, dict) else value


def decode_assessed(value: bytes) -> Assessed:
    """Read what was assessed.

    Raises
    ------
    msgspec.ValidationError
        If the bytes are no such announcement.
    """
    event = _DECODER.decode(value)
    data = event.data
    return Assessed(
        id=event.id,
        user_id=UserId(data.user_id),
        context=data.context,
        closed=tuple(map(DecisionId, data.closed)),
        applied=data.sample_size.applied,
        control=data.sample_size.control,
        flips=tuple(
            Flip(
                None if each.config_id is None else ConfigId(each.config_id),
                each.window_kind,
                each.before.is_statistically_significant,
                each.before.direction,
                each.now.is_statistically_significant,
                each.now.direction,
            )
            for each in data.flips
        ),
        records=data.records,
        at=to_millis(event.time),
    )

"""From the bytes of an input record to an `Arrival`, and back: CloudEvents 1.0 JSON in structured mode.

Knows the contract at the door and the reason for every refusal. Must never know what an event leads to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Union

import msgspec
from annotated_types import Ge
from pydantic import Discriminator, StringConstraints, TypeAdapter, ValidationError

from fitly.core.attributes import AttributesTold
from fitly.core.errors import Refused
from fitly.core.events import (
    CONTROL_EVENTS,
    LEARNER_EVENTS,
    TICK,
    Arrival,
    ClockTicked,
    ControlEvent,
    ControlPayload,
    LearnerEvent,
    LearnerPayload,
    LogOpened,
    Tick,
    Unreadable,
)
from fitly.core.insights import InsightObserved
from fitly.core.names import LONGEST_USER, UserId, event_key
from fitly.core.numbers import Millis, to_datetime, to_millis
from fitly.wire import attributes, insights
from fitly.wire.moments import Moment
from fitly.wire.refusing import MOST_BYTES, MOST_DEEP, depth, explain
from fitly.wire.signing import SIGNATURE_HEADER, is_signed

SYSTEM_SOURCE: Final = "fitly"

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
LearnerName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f|]+$")]
"""Bytes of a user id."""


class Incoming(Protocol):
    """One record of the input log, as Kafka clients give it."""

    @property
    def offset(self) -> int:
        """Position in the partition."""

    @property
    def timestamp(self) -> int:
        """Stamp in milliseconds."""

    @property
    def key(self) -> bytes | None:
        """User id, or None for control records."""

    @property
    def value(self) -> bytes | None:
        """The event."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Headers; Kafka allows one without a value."""


class _Envelope(Protocol):
    id: str
    source: str
    type: str
    time: datetime
    subject: str
    data: LearnerPayload


class _Door(NamedTuple):
    """How a payload that holds moments is validated, read and written."""

    form: Any
    read: Callable[[Any], LearnerPayload]
    written: Callable[[Any], Mapping[str, Any]]


_DOORS: Final[dict[type, _Door]] = {
    InsightObserved: _Door(insights.AT_THE_DOOR, insights.read, insights.written),
    AttributesTold: _Door(attributes.AT_THE_DOOR, attributes.read, attributes.written),
}
"""The payloads whose moments are numbers inside and texts at the door; all others are validated as they are."""
_READ: Final = {kind: _DOORS[payload].read for kind, payload in LEARNER_EVENTS.items() if payload in _DOORS}


def _envelope(kind: str, payload: type, *, subject: bool) -> type:
    """Make the CloudEvents envelope of one event type; extension attributes are allowed and ignored."""
    fields: list[tuple[str, Any]] = [
        ("specversion", Literal["1.0"]),
        ("id", Name),
        ("source", Name),
        ("type", Literal[kind]),
        ("time", Moment),
        ("data", _DOORS[payload].form if payload in _DOORS else payload),
    ]
    if subject:
        fields.append(("subject", LearnerName))
    elif kind in CONTROL_EVENTS:
        fields.append(("number", Annotated[int, Ge(1)]))
    envelope = dataclasses.make_dataclass(f"{payload.__name__}Event", fields, frozen=True, slots=True, kw_only=True)
    envelope.__doc__ = payload.__doc__
    return envelope


ENVELOPES: Final = {
    **{kind: _envelope(kind, payload, subject=True) for kind, payload in LEARNER_EVENTS.items()},
    **{kind: _envelope(kind, payload, subject=False) for kind, payload in CONTROL_EVENTS.items()},
    TICK: _envelope(TICK, ClockTicked, subject=False),
}


def _union(kinds: Sequence[str]) -> Any:  # noqa: ANN401 - a union made at run time has no static name
    envelopes = tuple(ENVELOPES[kind] for kind in kinds)
    return Annotated[Union[envelopes], Discriminator("type")]  # noqa: UP007 - built at run time


LEARNER_ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(_union(list(LEARNER_EVENTS)))
CONTROL_ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(_union([*CONTROL_EVENTS, TICK]))
_validate_learner: Final = LEARNER_ADAPTER.validator.validate_json
_validate_control: Final = CONTROL_ADAPTER.validator.validate_json


def parse_event(value: bytes) -> LearnerEvent:
    """Read one learner event.

    Parameters
    ----------
    value : bytes
        CloudEvents 1.0 JSON.

    Returns
    -------
    LearnerEvent
        With its metrics still as given; they are rounded once, when made into a reward.

    Raises
    ------
    Refused
        With a reason code, and what is wrong where.
    """
    _check_size(value)
    try:
        envelope: _Envelope = _validate_learner(value, strict=True)
    except ValidationError as error:
        raise explain(error, value) from error
    subject = envelope.subject
    if not subject.isascii() and len(subject.encode()) > LONGEST_USER:
        reason, detail = "NOT_CLOUDEVENT", f"subject: a user id has at most {LONGEST_USER} bytes in UTF-8; shorten it"
        raise Refused(reason, detail)
    kind = envelope.type
    return LearnerEvent(
        event_key(envelope.source, envelope.id),
        UserId(subject),
        envelope.source,
        envelope.id,
        to_millis(envelope.time),
        kind,
        _READ[kind](envelope.data) if kind in _READ else envelope.data,
    )


def decode(record: Incoming, *, control_key: bytes, birth_id: str) -> Arrival:
    """Read one record of the input log; never raises for what is in it.

    Parameters
    ----------
    record : Incoming
        The record.
    control_key : bytes
        Secret that control events and ticks are signed with.
    birth_id : str
        Generation of the input topic as far as the log has told, empty before control record 1.
    """
    if record.key is not None:
        return decode_learner_event(record)
    if record.value is None:
        return _EMPTY
    try:
        return _decode_control(record, record.value, control_key, birth_id)
    except Refused as refused:
        return Unreadable(refused.reason, refused.detail)


def decode_learner_event(record: Incoming) -> LearnerEvent | Unreadable:
    """Read one record that has a key: what it says depends on nothing before it."""
    if record.value is None:
        return _EMPTY
    try:
        event = parse_event(record.value)
    except Refused as refused:
        return Unreadable(refused.reason, refused.detail)
    if record.key != event.user_id.encode():
        detail = f"the record's key is not its subject {event.user_id!r}; send user_id, UTF-8, as the key"
        return Unreadable("KEY_MISMATCH", detail)
    return event


_EMPTY: Final = Unreadable("EMPTY", "the record has no value; send the event itself")


def _decode_control(record: Incoming, value: bytes, control_key: bytes, birth_id: str) -> Arrival:
    """Read a null-keyed record: ours, and signed, or refused."""
    signature = next((content for name, content in record.headers if name == SIGNATURE_HEADER), None)
    if signature is None:
        reason, detail = "NULL_KEY", "the record has no key; send user_id, UTF-8, as the key"
        raise Refused(reason, detail)
    _check_size(value)
    try:
        envelope = _validate_control(value, strict=True)
    except ValidationError as error:
        raise explain(error, value) from error
    data: ControlPayload | ClockTicked = envelope.data
    generation = data.birth_id if isinstance(data, LogOpened) and not birth_id else birth_id
    if not is_signed(control_key, generation, value, signature):
        reason, detail = "FORGED", "the signature is not of this log's control key; only Fitly sends control events"
        raise Refused(reason, detail)
    if isinstance(data, ClockTicked):
        return Tick()
    return _control_event(envelope, data)


def _check_size(value: bytes) -> None:
    """Refuse, unparsed, what is too large or nested too deep."""
    if len(value) > MOST_BYTES:
        reason, detail = "TOO_LARGE", f"the event has {len(value)} bytes, at most {MOST_BYTES} are taken; send less"
        raise Refused(reason, detail)
    if value.count(b"{") + value.count(b"[") > MOST_DEEP and depth(value) > MOST_DEEP:
        reason, detail = "TOO_DEEP", f"the event is nested deeper than {MOST_DEEP}; flatten it"
        raise Refused(reason, detail)
    if b"\\u0000" in value:
        reason, detail = "NUL", "a text holds a NUL character; leave it out"
        raise Refused(reason, detail)


def encode_event(
    kind: str,
    source: str,
    event_id: str,
    user_id: str,
    time: datetime,
    data: LearnerPayload | Mapping[str, Any],
) -> bytes:
    """Write one learner event as CloudEvents JSON; absent fields are left out."""
    return _JSON.encode(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": kind,
            "time": time,
            "subject": user_id,
            "datacontenttype": "application/json",
            "data": _present(data),
        }
    )


def encode_control(number: int, kind: str, data: ControlPayload, now: Millis) -> bytes:
    """Write one numbered control event; it still has to be signed."""
    return _JSON.encode(
        {
            "specversion": "1.0",
            "id": f"control-{number}",
            "source": SYSTEM_SOURCE,
            "type": kind,
            "time": to_datetime(now),
            "number": number,
            "data": dataclasses.asdict(data),
        }
    )


def encode_tick(partition: int, stamp: Millis) -> bytes:
    """Write one tick of a partition; it still has to be signed."""
    return _JSON.encode(
        {
            "specversion": "1.0",
            "id": f"tick-{partition}-{stamp}",
            "source": SYSTEM_SOURCE,
            "type": TICK,
            "time": to_datetime(stamp),
            "data": {},
        }
    )


def parse_control(value: bytes) -> ControlEvent:
    """Read one control event of the ``control`` topic, without looking at its signature.

    Raises
    ------
    Refused
        If it is no control event, or one that no partition would take.
    """
    _check_size(value)
    try:
        envelope = _validate_control(value, strict=True)
    except ValidationError as error:
        raise explain(error, value) from error
    if isinstance(envelope.data, ClockTicked):
        reason, detail = "UNKNOWN_TYPE", "a tick is no control event"
        raise Refused(reason, detail)
    return _control_event(envelope, envelope.data)


def _control_event(envelope: Any, data: ControlPayload) -> ControlEvent:  # noqa: ANN401 - made at run time
    key = event_key(envelope.source, envelope.id)
    return ControlEvent(envelope.number, key, envelope.type, data, to_millis(envelope.time))


_JSON: Final = msgspec.json.Encoder()


def _present(data: LearnerPayload | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return data
    door = _DOORS.get(type(data))
    said = dataclasses.asdict(data) if door is None else door.written(data)
    return {name: value for name, value in said.items() if value is not None}

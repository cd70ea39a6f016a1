"""What the log is: its control events, and its birth id, clock mode and size as the first of them says.

Knows which records of the topic `control` are ours. Must never know the rules that control events set.

Anybody with access to the broker can write to `control`. What is not signed with our key is passed over by every
reader alike, counted and told: the sequencer numbers ours only, the fold asks its own copies for the same signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from fitly.core.errors import Broken, Refused
from fitly.core.events import ControlEvent, LogOpened
from fitly.core.topics import CONTROL
from fitly.stream.read import read_topic
from fitly.wire.events import parse_control
from fitly.wire.signing import SIGNATURE_HEADER, is_signed

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

    from fitly.core.vocabulary import ClockMode
    from fitly.settings import Settings

log = structlog.get_logger(__name__)

REMEDY: Final = "nothing of them counts; find out who else writes there, and leave that right to Fitly alone"


@dataclass(frozen=True, slots=True)
class Generation:
    """One life of the input log, from its creation to its replacement."""

    birth_id: str
    clock_mode: ClockMode
    partitions: int


@dataclass(slots=True)
class Ours:
    """Tells our control events from other records, which it counts and logs.

    Parameters
    ----------
    settings : Settings
        With the key.
    birth_id : str, optional
        Generation the signatures belong to; without it the first opening that is signed says it.

    Attributes
    ----------
    foreign : list of int
        Offsets of the records passed over.
    """

    settings: Settings
    birth_id: str | None = None
    foreign: list[int] = field(default_factory=list)

    def event(self, record: ConsumerRecord) -> ControlEvent | None:
        """Give the control event, or None where the record is not one of ours."""
        event = self._authentic(record)
        if event is None:
            self.foreign.append(record.offset)
            return None
        if self.birth_id is None and isinstance(event.data, LogOpened):
            self.birth_id = event.data.birth_id
        return event

    def tell(self) -> None:
        """Log what was passed over since the last time, once for all of it."""
        if self.foreign:
            told = f"records of {self.settings.topic(CONTROL)} are not signed with our key: passed over"
            log.warning(told, count=len(self.foreign), offset=self.foreign[0], remedy=REMEDY)
            self.foreign.clear()

    def _authentic(self, record: ConsumerRecord) -> ControlEvent | None:
        value = record.value or b""
        try:
            event = parse_control(value)
        except Refused:
            return None
        birth_id = self.birth_id
        if birth_id is None:
            birth_id = event.data.birth_id if isinstance(event.data, LogOpened) else ""
        signature = dict(record.headers).get(SIGNATURE_HEADER)
        return event if is_signed(self.settings.signing_key, birth_id, value, signature) else None


@dataclass(frozen=True, slots=True)
class Control:
    """What the topic `control` holds: our events in order, and the offsets of records that are not ours."""

    events: Sequence[ControlEvent]
    foreign: Sequence[int]


async def read_control(settings: Settings, *, stop: Mapping[int, int] | None = None) -> Control:
    """Read our control events; copies of one that came before are passed over as what is not signed.

    Parameters
    ----------
    stop : mapping, optional
        As in `read_topic`.

    Raises
    ------
    Broken
        Nothing is signed with our key though something is there, or a number is missing.
    Retryable
        The broker cannot be reached.
    """
    ours, events = Ours(settings), list[ControlEvent]()
    async with aclosing(read_topic(settings, CONTROL, stop=stop)) as records:
        async for record in records:
            event = ours.event(record)
            if event is None:
                continue
            if event.number <= len(events):
                ours.foreign.append(record.offset)
            elif event.number == len(events) + 1:
                events.append(event)
            else:
                place = f"{settings.topic(CONTROL)} offset {record.offset}"
                message = (
                    f"{place} is control event {event.number}, and {len(events) + 1} is missing: bring back the topic"
                )
                raise Broken(message, restart_helps=False)
    if ours.foreign and not events:
        raise _not_ours(settings, len(ours.foreign))
    foreign = list(ours.foreign)
    ours.tell()
    return Control(events, foreign)


async def read_generation(settings: Settings) -> Generation:
    """Read control event 1, as far as that is needed.

    Raises
    ------
    Broken
        The log was never opened, or not with our key; a restart does not help.
    Retryable
        The broker cannot be reached.
    """
    ours = Ours(settings)
    async with aclosing(read_topic(settings, CONTROL)) as records:
        async for record in records:
            event = ours.event(record)
            if event is not None and isinstance(event.data, LogOpened):
                return Generation(event.data.birth_id, event.data.clock_mode, event.data.partitions)
    if ours.foreign:
        raise _not_ours(settings, len(ours.foreign))
    message = f"the log is not open ({settings.topic(CONTROL)} is empty): run `fitly topics create`"
    raise Broken(message, restart_helps=False)


def _not_ours(settings: Settings, count: int) -> Broken:
    """Refuse a topic in which nothing is ours: most likely the key is wrong, and opening it again would end the log."""
    message = (
        f"none of the {count} records of {settings.topic(CONTROL)} is signed with our key: check FITLY_CONTROL_KEY; "
        "if this log was never opened, somebody else writes there: choose another FITLY_PREFIX"
    )
    return Broken(message, restart_helps=False)

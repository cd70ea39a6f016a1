"""What the log is: its birth id, its clock mode and its size, as control record 1 says.

Knows the first record of the topic `control`. Must never know the rules that later control events set.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Generation:
    """One life of the input log, from its creation to its replacement."""

    birth_id: str
    clock_mode: ClockMode
    partitions: int


async def read_generation(settings: Settings) -> Generation:
    """Read control record 1.

    Raises
    ------
    Broken
        The log was never opened, or its first record is not signed with our key; a restart does not help.
    Retryable
        The broker cannot be reached.
    """
    async with aclosing(read_topic(settings, CONTROL)) as records:
        first = await anext(records, None)
    if first is not None:
        event = authentic(settings, first)
        if event is not None and isinstance(event.data, LogOpened):
            return Generation(event.data.birth_id, event.data.clock_mode, event.data.partitions)
        message = f"record 1 of {settings.topic(CONTROL)} is not signed with our key: check FITLY_CONTROL_KEY"
        raise Broken(message, restart_helps=False)
    message = f"the log is not open ({settings.topic(CONTROL)} is empty): run `fitly topics create`"
    raise Broken(message, restart_helps=False)


def authentic(settings: Settings, record: ConsumerRecord, birth_id: str | None = None) -> ControlEvent | None:
    """Read a record of the topic `control`, or give None where it is not one or not signed with our key.

    Parameters
    ----------
    birth_id : str, optional
        Generation the signature belongs to; control record 1 carries its own.
    """
    try:
        event = parse_control(record.value or b"")
    except Refused:
        return None
    if birth_id is None:
        birth_id = event.data.birth_id if isinstance(event.data, LogOpened) else ""
    signature = dict(record.headers).get(SIGNATURE_HEADER)
    return event if is_signed(settings.signing_key, birth_id, record.value or b"", signature) else None

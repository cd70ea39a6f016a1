"""One event of ours about a learner: sent, and followed until the worker has absorbed it.

Knows where an event is to be seen again: in the input, the position, the rows, the dead letters. Must never know what
it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from fitly.cli.decoded import Record
from fitly.cli.request import now_of
from fitly.core import topics
from fitly.core.dedupe import is_seen
from fitly.core.errors import Refused, Retryable
from fitly.core.learner import Erased, LearnerRow
from fitly.core.names import EventKey, UserId, erased_key, event_key, fingerprint, partition_of
from fitly.core.numbers import to_datetime
from fitly.core.system import POSITION_KEY
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.generation import Generation, read_generation
from fitly.stream.publish import Publisher
from fitly.wire.events import encode_event, parse_event
from fitly.wire.rows import decode_erased, decode_learner, decode_position

SOURCE: Final = "fitly/rights"
"""The source of what our own commands say; a policy that names sources has to name it, or they are refused."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the learners table holds of somebody: a row, a marker, or neither."""

    row: LearnerRow | None
    marker: Erased | None

    def heard(self, key: EventKey) -> bool:
        """Tell whether an event was applied: whoever hears one remembers it."""
        mark = fingerprint(key)
        rings = (self.row.seen if self.row else b"", self.marker.seen if self.marker else b"")
        return any(is_seen(ring, mark) for ring in rings)


async def known(settings: Settings, user: str, generation: Generation | None = None) -> Known:
    """Read what the learners table holds of somebody."""
    generation = generation or await read_generation(settings)
    key, mark = user.encode(), erased_key(generation.birth_id.encode(), UserId(user))
    found: dict[bytes, bytes | None] = {}
    async for record in _of(settings, topics.LEARNERS_CHANGELOG, partition_of(key, generation.partitions)):
        if record.key in {key, mark}:
            found[record.key] = record.value
    row, marker = found.get(key), found.get(mark)
    return Known(
        None if row is None else decode_learner(row),
        None if marker is None else decode_erased(marker),
    )


async def say(settings: Settings, user: str, kind: str, data: Mapping[str, Any], patience: float) -> tuple[bool, Known]:
    """Send one event and wait until it is absorbed.

    Parameters
    ----------
    settings : Settings
        Broker, prefix and control key.
    user, kind, data : str, str, mapping
        The event.
    patience : float
        Seconds to wait.

    Returns
    -------
    tuple of bool and Known
        Whether it was applied, and what the learners table holds after it.

    Raises
    ------
    Refused
        It is no valid event, or the worker refused it, for this reason.
    Retryable
        Nobody absorbed it in time.
    """
    generation = await read_generation(settings)
    number, home = str(uuid4()), partition_of(user.encode(), generation.partitions)
    start = {topic: _ends(await read.bounds(settings, topic)) for topic in _WATCHED}
    async with Publisher(settings, as_of=None) as publisher:
        stamp = None
        if publisher.clock_mode is ClockMode.AS_OF:
            stamp = await now_of(publisher, user)
        now = datetime.now(UTC) if stamp is None else to_datetime(stamp)
        value = encode_event(kind, SOURCE, number, user, now, data)
        parse_event(value)
        await publisher.send(user.encode(), value, stamp)
        await publisher.flush()
    offset = await _absorbed(settings, home, value, start, patience)
    async for record in _of(settings, topics.REJECTED, home, start[topics.REJECTED][home]):
        told = dict(record.headers)
        if told.get("offset") == str(offset).encode():
            raise Refused((told.get("reason") or b"").decode(), (told.get("detail") or b"").decode())
    after = await known(settings, user, generation)
    return after.heard(event_key(SOURCE, number)), after


_WATCHED: Final = (topics.INPUT, topics.CONTEXTS_CHANGELOG, topics.REJECTED)


def _ends(bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    return {partition: end for partition, (_, end) in bounds.items()}


async def _absorbed(
    settings: Settings, home: int, value: bytes, start: dict[str, dict[int, int]], patience: float
) -> int:
    """Wait until the worker's position has passed our event, and give where it stands."""
    message = (
        f"sent, but no worker absorbed it within {patience:g} s: it will be when one runs. `fitly doctor` tells; "
        "--timeout waits longer"
    )
    try:
        async with asyncio.timeout(patience):
            async for record in read.follow(settings, topics.INPUT, start=start[topics.INPUT]):
                if record.partition == home and record.value == value:
                    break
            async for row in read.follow(settings, topics.CONTEXTS_CHANGELOG, start=start[topics.CONTEXTS_CHANGELOG]):
                ours = row.partition == home and row.key == POSITION_KEY and row.value is not None
                if ours and decode_position(row.value).offset >= record.offset:
                    return int(record.offset)
    except TimeoutError as error:
        raise Retryable(message) from error
    raise Retryable(message)


async def _of(settings: Settings, topic: str, partition: int, start: int = 0) -> AsyncIterator[Record]:
    """Read one partition of a topic to its present end."""
    others = {number: 0 for number in await read.bounds(settings, topic) if number != partition}
    async for record in read.read_topic(settings, topic, start={partition: start}, stop=others):
        yield record

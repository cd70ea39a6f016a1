"""Where an id still stands, and until when: the search behind ``fitly verify --erased``.

Knows how long each topic keeps what, and what an erasure leaves behind on purpose. Must never change anything.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from fitly import store
from fitly.cli.decoded import Record
from fitly.cli.expand import Plain, moment
from fitly.cli.reads import is_of
from fitly.core import topics
from fitly.core.plain import plain
from fitly.core.topics import TOPICS, Topic
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.generation import read_generation

DAY_MS: Final = 86_400_000
TOMBSTONE_MS: Final = DAY_MS
"""How long a broker keeps a tombstone after the compaction that met it (``delete.retention.ms``, its default)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One place where the id stands.

    Attributes
    ----------
    where : str
        Topic or table.
    records : int
        How many records or rows.
    why : str
        What keeps them.
    until : int or None
        Milliseconds until which they may stand; None where nothing takes them away by itself.
    leaves : bool
        Whether that is as an erasure leaves it; False where the id was to be gone.
    """

    where: str
    records: int
    why: str
    until: int | None
    leaves: bool

    def document(self) -> dict[str, Plain]:
        """Give it as ``--json`` prints it."""
        return {
            "where": self.where,
            "records": self.records,
            "why": self.why,
            "until": moment(self.until),
            "leaves": self.leaves,
        }


@dataclass(slots=True)
class Seen:
    """The records of one topic in which an id stands: how many, the newest stamp, and what each key ended with."""

    records: int = 0
    newest: int = 0
    ended: dict[tuple[int, bytes | None], bool] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take one down."""
        self.records += 1
        self.newest = max(self.newest, record.timestamp)
        self.ended[record.partition, record.key] = record.value is None


async def search(settings: Settings, user: str) -> list[Trace]:
    """Look for an id in every topic and table."""
    mode = (await read_generation(settings)).clock_mode
    found: list[Trace] = []
    for topic in TOPICS:
        seen = Seen()
        async for record in _mentioning(settings, topic, user):
            seen.add(record)
        if seen.records:
            found.append(trace(topic, seen, mode))
    async with store.snapshot(settings.database_url) as snapshot:
        for table in snapshot.personal:
            rows = [row async for row in snapshot.rows(table, plain(user))]
            if rows:
                found.append(Trace(table, len(rows), "rows in Postgres: is the sink running?", None, leaves=False))
    return found


def trace(topic: Topic, seen: Seen, mode: ClockMode) -> Trace:
    """Judge what was found in one topic.

    >>> from fitly.core.topics import BY_NAME
    >>> trace(BY_NAME["learner-events"], Seen(3, 0), ClockMode.LIVE).why
    'the retention of 30 days'
    """
    if topic.name in {topics.INPUT, topics.SNAPSHOTS} and mode is ClockMode.AS_OF:
        why = "an AS_OF log and its snapshots have no retention: for as long as the topic is there"
        return Trace(topic.name, seen.records, why, None, leaves=True)
    kept = None if topic.retention_ms is None else seen.newest + topic.retention_ms
    if "compact" not in topic.cleanup:
        why = "no retention" if topic.retention_ms is None else f"the retention of {topic.retention_ms // DAY_MS} days"
        return Trace(topic.name, seen.records, why, kept, leaves=kept is not None)
    if all(seen.ended.values()):
        gone = seen.newest + 2 * int(topic.config["max.compaction.lag.ms"]) + TOMBSTONE_MS
        why = "tombstones, and what they take out at the next compaction"
        return Trace(topic.name, seen.records, why, min(gone, kept or gone), leaves=True)
    standing = sum(not ended for ended in seen.ended.values())
    why = f"{standing} keys stand: not erased, or not listed with the learner"
    return Trace(topic.name, seen.records, why, kept, leaves=kept is not None)


async def _mentioning(settings: Settings, topic: Topic, user: str) -> AsyncIterator[Record]:
    """Give the records whose key is the learner's or whose value holds the id as a whole text."""
    told = spellings(topic, user)
    async for record in read.read_topic(settings, topic.name):
        mine = record.key is not None and is_of(record.key, user)
        if mine or any(text in (record.value or b"") for text in told):
            yield record


def spellings(topic: Topic, user: str) -> set[bytes]:
    """Give how a topic's values write an id: rows as msgpack does, also in snapshots; the rest as JSON does."""
    if topic.name in {*topics.CHANGELOGS.values(), topics.SNAPSHOTS}:
        return {packed(user)}
    return {json.dumps(user).encode(), json.dumps(user, ensure_ascii=False).encode()}


def packed(text: str) -> bytes:
    r"""Give a text as msgpack writes it, with the length before it.

    >>> packed("ada")
    b'\xa3ada'
    """
    raw = text.encode()
    return (bytes((0xA0 | len(raw),)) if len(raw) < 32 else bytes((0xD9, len(raw)))) + raw  # noqa: PLR2004 - msgpack's own

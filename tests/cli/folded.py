"""A log folded in memory, with what a worker would have written: the honest case that the proofs must accept."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fitly.cli.proof.outputs import Sent
from fitly.cli.proof.tables import Tables
from fitly.core import topics
from fitly.core.events import ControlPayload, LogOpened, PolicyRevised
from fitly.core.numbers import to_millis
from fitly.core.rules import Policy
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings
from fitly.wire.events import encode_control
from fitly.wire.shard import Shard
from fitly.wire.signing import SIGNATURE_HEADER, sign

KEY = b"secret"
BIRTH = "00000000-0000-4000-8000-000000000001"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Record(NamedTuple):
    """What a Kafka record looks like to those who read it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass
class Folded:
    """One partition's input, outputs and tables.

    Attributes
    ----------
    records : dict
        Topic -> its records, input included.
    tables : Tables
        As read from the changelogs.
    """

    records: dict[str, list[Record]]
    tables: Tables

    def sent(self) -> dict[tuple[str, int], Sent]:
        """Give the outputs as a proof takes them."""
        found = {(topic, 0): Sent() for topic in (topics.SELECTED, topics.OUTCOMES, topics.ASSESSED, topics.REJECTED)}
        for (topic, _), sent in found.items():
            for record in self.records[topic]:
                sent.add(record)
        return found

    def ends(self) -> dict[tuple[str, int], int]:
        """Give the ends of the outputs."""
        return {place: len(self.records[place[0]]) for place in self.sent()}


def event(number: int, user: str, kind: str, data: dict[str, Any], at: datetime) -> Record:
    """Write a learner's event as the record number ``number`` of the log."""
    value = {
        "specversion": "1.0",
        "id": str(number),
        "source": "test",
        "type": f"fitly.{kind}.v1",
        "time": at.isoformat(),
        "subject": user,
        "data": data,
    }
    return Record(0, number, to_millis(at), user.encode(), json.dumps(value).encode())


def opening() -> list[Record]:
    """Write the two control events that open a log of one partition."""
    events: dict[str, ControlPayload] = {
        "log.opened": LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=1),
        "policy.revised": PolicyRevised(revision=1, policy=Policy(), note=""),
    }
    made = []
    for number, (kind, data) in enumerate(events.items(), 1):
        value = encode_control(number, f"fitly.{kind}.v1", data, to_millis(START))
        made.append(Record(0, number - 1, to_millis(START), None, value, signed(value)))
    return made


def signed(value: bytes) -> tuple[tuple[str, bytes | None], ...]:
    """Give the headers of a control event."""
    return ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),)


def log() -> list[Record]:
    """Write a small log: requests, outcomes, a repeat, a duplicate, a change of mind, and rubbish."""
    mission = {"outcome_type": "MISSION_COMPLETED", "context": "MISSION", "performance_score": 0.75}
    made = opening()

    def add(user: str, kind: str, data: dict[str, Any]) -> None:
        made.append(event(len(made), user, kind, data, START + timedelta(minutes=len(made))))

    for user in ("ada", "bob", "eve"):
        add(user, "strategy.requested", {"context": "MISSION"})
        add(user, "outcome.recorded", mission)
        add(user, "strategy.requested", {"context": "MISSION"})
    repeat = made[3]
    made.append(repeat._replace(offset=len(made)))
    add("eve", "preferences.changed", {"level": "NONE"})
    load = {"kind": "COGNITIVE_LOAD", "confidence": 0.9, "payload": {"load": 90, "load_tolerance": 60}}
    for user in ("ada", "bob"):
        add(user, "insight.observed", load)
        add(user, "strategy.requested", {"context": "MISSION"})
    made.append(Record(0, len(made), to_millis(START), b"eve", b"rubbish"))
    return made


def folded(records: list[Record] | None = None) -> Folded:
    """Fold a log as a worker would, and keep what it would have written."""
    records = log() if records is None else records
    shard = Shard(0, KEY)
    batch = shard.fold(records)
    written: dict[str, list[Record]] = defaultdict(list, {topics.INPUT: records})
    for out in batch.outputs:
        place = written[out.topic]
        place.append(Record(0, len(place), records[-1].timestamp, out.key, out.value, tuple(out.headers)))
    shard.adopt(batch)
    tables = Tables(Settings())
    tables.partitions, tables.together = (0,), frozenset({0})
    tables.rows = {(0, topics.LEARNERS): {}, (0, topics.CONTEXTS): {}}
    for change in shard.state():
        tables.rows[0, change.table][change.key] = change.value or b""
    return Folded(written, tables)

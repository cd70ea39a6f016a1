"""What a batch of Kafka records says about the tables.

Knows the topics the sink reads and, by the core's projections, the rows each record makes. Must never know SQL.

Of a changelog only the newest record of a key counts; of the control log every event does; outcomes are kept in their
order, because what a later record means depends on the one before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from fitly.core.auditing import AuditRecord, audit_record, audit_records
from fitly.core.decisions import OutcomeAmended, OutcomeFiled
from fitly.core.events import ControlEvent
from fitly.core.experiments.assignments import AssignmentRecord, assignment_records
from fitly.core.experiments.lifecycle import concerns
from fitly.core.experiments.results import ResultRecord, result_record
from fitly.core.names import ERASED_PREFIX
from fitly.core.plain import plain
from fitly.core.population_effectiveness import PopulationRecord, population_records
from fitly.core.records import (
    ConfigRecord,
    DecisionRecord,
    EffectivenessRecord,
    LedgerRecord,
    PolicyRecord,
    PreferencesRecord,
    config_records,
    decision_record,
    effectiveness_records,
    ledger_records,
    policy_record,
    preferences_record,
    renders_later,
)
from fitly.core.system import LEDGER_KEY, SYSTEM_PREFIX
from fitly.wire.events import parse_control
from fitly.wire.merged import decode_merged, is_merged
from fitly.wire.outcomes import decode_outcome
from fitly.wire.results import decode_report
from fitly.wire.rows import decode_context, decode_erased, decode_learner, decode_ledger, split_context_key
from fitly.wire.selected import decode_selected

_NOT_LEARNERS: Final = (SYSTEM_PREFIX, ERASED_PREFIX)
_AT_ONCE: Final = 200
"""Rows projected before others on the loop get their turn: some 50 ms."""


class Incoming(Protocol):
    """What is needed of a Kafka record; aiokafka's has it."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value; None for a tombstone."""


@dataclass(slots=True)
class Learners:
    """Preferences to write, and learners who were erased: (user id, offset)."""

    preferences: list[tuple[PreferencesRecord, int]] = field(default_factory=list)
    erased: list[tuple[str, int]] = field(default_factory=list)
    acts: list[AuditRecord] = field(default_factory=list)


@dataclass(slots=True)
class ContextKey:
    """One learner in one context as of one offset: the rows that are to be there, and no others."""

    user_id: str
    context: str
    offset: int
    active: str | None = None
    configs: list[ConfigRecord] = field(default_factory=list)
    effectiveness: list[EffectivenessRecord] = field(default_factory=list)
    assignments: list[AssignmentRecord] = field(default_factory=list)


@dataclass(slots=True)
class Contexts:
    """What a batch of the contexts changelog says."""

    keys: list[ContextKey] = field(default_factory=list)
    ledger: tuple[list[LedgerRecord], int] | None = None


@dataclass(slots=True)
class Decisions:
    """Decisions to write once, and keys whose decisions go: (user id, context, offset)."""

    decisions: dict[str, tuple[DecisionRecord, int]] = field(default_factory=dict)
    erased: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Control:
    """Policy revisions and what moves experiments, in order with their offsets, and whose acts they were."""

    policies: list[tuple[PolicyRecord, int]] = field(default_factory=list)
    moves: list[tuple[ControlEvent, int]] = field(default_factory=list)
    audits: list[AuditRecord] = field(default_factory=list)


@dataclass(slots=True)
class Outcomes:
    """What was said about each outcome, in order, with its offset; and learners of whom nothing before counts."""

    said: dict[str, list[tuple[OutcomeFiled | OutcomeAmended, int]]] = field(default_factory=dict)
    erased: list[tuple[str, int]] = field(default_factory=list)


def newest(records: Sequence[Incoming]) -> dict[bytes, Incoming]:
    """Keep the last record of each key; records without one say nothing."""
    return {record.key: record for record in records if record.key is not None}


async def learners(records: Sequence[Incoming]) -> Learners:
    """Project a batch of the learners changelog."""
    found = Learners()
    gone = newest([record for record in records if record.value is None])  # also where something newer follows
    found.erased = [
        (plain(key.decode()), each.offset) for key, each in gone.items() if not key.startswith(_NOT_LEARNERS)
    ]
    for key, record in newest(records).items():
        if record.value is None or key.startswith(SYSTEM_PREFIX):
            continue
        if key.startswith(ERASED_PREFIX):
            found.acts += audit_records(decode_erased(record.value))
        else:
            row = decode_learner(record.value)
            found.preferences.append((preferences_record(row), record.offset))
            found.acts += audit_records(row)
    return found


async def contexts(partition: int, records: Sequence[Incoming]) -> Contexts:
    """Project a batch of the contexts changelog, system rows included."""
    found = Contexts()
    for index, (key, record) in enumerate(newest(records).items()):
        if not index % _AT_ONCE:
            await asyncio.sleep(0)
        if key == LEDGER_KEY and record.value is not None:
            found.ledger = ledger_records(partition, decode_ledger(record.value)), record.offset
        elif not key.startswith(SYSTEM_PREFIX):
            found.keys.append(_context(key, record))
    return found


def _context(key: bytes, record: Incoming) -> ContextKey:
    if record.value is None:
        user_id, context = split_context_key(key)
        return ContextKey(plain(user_id), context.value, record.offset)
    row = decode_context(record.value)
    effectiveness = effectiveness_records(row)
    configs = config_records(row, effectiveness)
    active = next((config.id for config in configs if config.is_active), None)
    assignments = assignment_records(row) if row.trials else []
    return ContextKey(plain(row.user_id), row.context.value, record.offset, active, configs, effectiveness, assignments)


async def decisions(records: Sequence[Incoming]) -> Decisions:
    """Project a batch of strategy-selected: of each decision the newest rendering; a repeat of it is identical."""
    found = Decisions()
    for index, record in enumerate(records):
        if not index % _AT_ONCE:
            await asyncio.sleep(0)
        if record.value is not None:
            made = decision_record(decode_selected(record.value))
            before = found.decisions.get(made.decision_id)
            if before is None or renders_later(made, before[0]):
                found.decisions[made.decision_id] = made, record.offset
        elif record.key is not None:
            user_id, context = split_context_key(record.key)
            found.erased.append((plain(user_id), context.value, record.offset))
    return found


async def control(records: Sequence[Incoming]) -> Control:
    """Project a batch of the control log, which is kept for ever and so tells every revision.

    The loop hands over records that are signed with our key, and no others.
    """
    found = Control()
    for record in records:
        if not record.value:
            continue
        event = parse_control(record.value)
        if (policy := policy_record(event)) is not None:
            found.policies.append((policy, record.offset))
        if concerns(event.data):
            found.moves.append((event, record.offset))
        if (audit := audit_record(event)) is not None:
            found.audits.append(audit)
    return found


async def population(records: Sequence[Incoming]) -> list[tuple[PopulationRecord, int]]:
    """Project a batch of the population changelog: the newest of what the partitions' words add up to."""
    return [
        (one, record.offset)
        for key, record in newest(records).items()
        if record.value is not None and is_merged(key)
        for one in population_records(decode_merged(record.value))
    ]


async def results(records: Sequence[Incoming]) -> list[tuple[ResultRecord, int]]:
    """Project a batch of experiment-results: of each look, and of the view in between, the newest."""
    return [
        (result_record(decode_report(record.value), json.loads(record.value)), record.offset)
        for record in newest(records).values()
        if record.value is not None
    ]


async def outcomes(records: Sequence[Incoming]) -> Outcomes:
    """Read a batch of outcomes, kept in order per event."""
    found = Outcomes()
    for index, record in enumerate(records):
        if not index % _AT_ONCE:
            await asyncio.sleep(0)
        if record.value is not None:
            effect = decode_outcome(record.value)
            found.said.setdefault(effect.id, []).append((effect, record.offset))
        elif record.key is not None:
            user_id = record.key.decode()
            found.said = {name: said for name, said in found.said.items() if said[0][0].user_id != user_id}
            found.erased.append((plain(user_id), record.offset))
    return found

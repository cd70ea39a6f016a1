"""Databases with the schema, and what the tests ask of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import pytest
from tests.store.folded import Partition

from fitly.core.assessments import EffectivenessRecord
from fitly.core.effectiveness import effectiveness_records
from fitly.core.experiments.assignments import AssignmentRecord, assignment_records
from fitly.core.experiments.lifecycle import lived
from fitly.core.experiments.records import ExperimentRecord, experiment_record
from fitly.core.records import (
    ConfigRecord,
    DecisionRecord,
    LedgerRecord,
    OutcomeRecord,
    PolicyRecord,
    PreferencesRecord,
    config_records,
    decision_record,
    ledger_records,
    policy_record,
    preferences_record,
    settled,
)
from fitly.core.system import LEDGER_KEY
from fitly.core.topics import CONTEXTS_CHANGELOG, CONTROL, LEARNERS_CHANGELOG, OUTCOMES, SELECTED
from fitly.store import Writer, snapshot, upgrade
from fitly.wire.events import parse_control
from fitly.wire.outcomes import decode_outcome
from fitly.wire.rows import decode_context, decode_learner, decode_ledger
from fitly.wire.selected import decode_selected

Record = TypeVar("Record")
Tables = dict[type, list[Any]]


@pytest.fixture
async def url(postgres: Callable[[], str]) -> str:
    """A fresh database with the schema."""
    address = postgres()
    await upgrade(address)
    return address


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    """A writer to it."""
    made = Writer(url)
    yield made
    await made.close()


async def feed(writer: Writer, partition: Partition, *, at_once: int = 10_000, number: int = 0) -> None:
    """Apply all that came out of a partition, topic by topic, from where the writer stands."""
    for topic in writer.topics:
        log = partition.topics[topic]
        position = (await writer.positions(topic)).get(number, 0)
        while position < len(log):
            end = min(len(log), position + at_once)
            await writer.apply(topic, number, position, end, log[position:end])
            position = end


async def stored(url: str) -> Tables:
    """Everything the tables hold, by kind of record, in the order of the primary key."""
    kinds = (
        PreferencesRecord,
        ConfigRecord,
        EffectivenessRecord,
        OutcomeRecord,
        DecisionRecord,
        LedgerRecord,
        PolicyRecord,
        ExperimentRecord,
        AssignmentRecord,
    )
    async with snapshot(url) as tables:
        return {kind: [record async for record in tables.records(kind)] for kind in kinds}


def expected(*partitions: Partition) -> Tables:
    """Everything the topics say, told by the core alone."""
    tables: Tables = {}
    for number, partition in enumerate(partitions):
        learners = {r.key: r.value for r in partition.topics[LEARNERS_CHANGELOG]}
        contexts = {r.key: r.value for r in partition.topics[CONTEXTS_CHANGELOG]}
        rows = [decode_context(v) for k, v in contexts.items() if k and v and not k.startswith(b"\0")]
        effects = [effectiveness_records(row) for row in rows]
        gone = {r.key: r.offset for topic in (SELECTED, OUTCOMES) for r in partition.topics[topic] if r.value is None}
        chosen = [
            decode_selected(r.value) for r in partition.topics[SELECTED] if r.value and r.offset > gone.get(r.key, -1)
        ]
        outcomes: dict[str, OutcomeRecord | None] = {}
        for record in partition.topics[OUTCOMES]:
            if record.value and record.offset > gone.get(record.key, -1):
                said = decode_outcome(record.value)
                outcomes[said.id] = settled(outcomes.get(said.id), said)
        control = [parse_control(r.value or b"") for r in partition.topics[CONTROL]]
        ledger = contexts.get(LEDGER_KEY)
        found: Tables = {
            PreferencesRecord: [
                preferences_record(decode_learner(v)) for k, v in learners.items() if v and (k or b"")[:1] != b"\x01"
            ],
            ConfigRecord: [one for row, e in zip(rows, effects, strict=True) for one in config_records(row, e)],
            EffectivenessRecord: [one for e in effects for one in e],
            DecisionRecord: list({s.decision_id: decision_record(s) for s in chosen}.values()),  # the last rendering
            OutcomeRecord: [one for one in outcomes.values() if one is not None],
            LedgerRecord: ledger_records(number, decode_ledger(ledger)) if ledger else [],
            PolicyRecord: [p for event in control if (p := policy_record(event))],
            AssignmentRecord: [one for row in rows for one in assignment_records(row)],
            ExperimentRecord: [experiment_record(trial) for trial in lived(control).values()],
        }
        for kind, records in found.items():
            have = tables.setdefault(kind, [])
            have.extend(record for record in records if kind not in _OF_THE_LOG or record not in have)
    return {kind: sorted(records, key=_key) for kind, records in tables.items()}


_OF_THE_LOG = (PolicyRecord, ExperimentRecord)
"""What every partition reads alike."""


def _key(record: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any record
    if isinstance(record, LedgerRecord):
        return record.partition, record.bin, record.detail
    if isinstance(record, PolicyRecord):
        return (record.revision,)
    if isinstance(record, AssignmentRecord):
        return record.user_id, record.experiment_number
    return (record.decision_id if isinstance(record, DecisionRecord) else record.id,)

"""Postgres against the log: every row is what the core projects from what the sink has applied, and none is more.

Knows the projections and the topics they come from. Must never know SQL, nor how the sink writes.

All tables are read as of one moment, the sink's positions with them; the topics are then read up to exactly there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fitly import store
from fitly.cli.expand import expand
from fitly.cli.proof.findings import Finding
from fitly.cli.proof.tables import Tables
from fitly.core import topics
from fitly.core.experiments.assignments import AssignmentRecord, assignment_records
from fitly.core.experiments.lifecycle import concerns, lived, name_of
from fitly.core.experiments.records import ExperimentRecord, ReweightingRecord, experiment_record, reweighting_record
from fitly.core.experiments.results import ResultRecord, result_record
from fitly.core.names import ERASED_PREFIX
from fitly.core.plain import plain
from fitly.core.population_effectiveness import PopulationRecord, population_records
from fitly.core.records import (
    ConfigRecord,
    DecisionRecord,
    EffectivenessRecord,
    LedgerRecord,
    OutcomeRecord,
    PolicyRecord,
    PreferencesRecord,
    config_records,
    decision_record,
    effectiveness_records,
    ledger_records,
    policy_record,
    preferences_record,
    renders_later,
    settled,
)
from fitly.core.system import SYSTEM_PREFIX
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.generation import read_control
from fitly.wire.merged import decode_merged, is_merged
from fitly.wire.outcomes import decode_outcome
from fitly.wire.results import decode_report
from fitly.wire.rows import decode_context, decode_learner
from fitly.wire.selected import decode_selected

Key = Callable[[Any], str]
Record = TypeVar("Record")

SOURCES: Final = (
    topics.CONTROL,
    topics.LEARNERS_CHANGELOG,
    topics.CONTEXTS_CHANGELOG,
    topics.SELECTED,
    topics.OUTCOMES,
    topics.POPULATION_CHANGELOG,
    topics.RESULTS,
)
POLL_S: Final = 0.5
KEYS: Final[dict[type, Key]] = {
    PreferencesRecord: lambda record: record.id,
    ConfigRecord: lambda record: record.id,
    EffectivenessRecord: lambda record: record.id,
    LedgerRecord: lambda record: f"{record.partition} {record.bin} {record.detail}",
    PolicyRecord: lambda record: str(record.revision),
    DecisionRecord: lambda record: record.decision_id,
    OutcomeRecord: lambda record: record.id,
    PopulationRecord: lambda record: record.id,
    ExperimentRecord: lambda record: record.experiment_name,
    AssignmentRecord: lambda record: f"{record.experiment_number} {record.user_id}",
    ReweightingRecord: lambda record: f"{record.experiment_id} epoch {record.epoch}",
    ResultRecord: lambda record: f"{record.report['experiment_name']} look {record.look}",
}
NAMES: Final[dict[type, str]] = {
    PreferencesRecord: "personalization_preferences",
    ConfigRecord: "personalization_configs",
    EffectivenessRecord: "personalization_effectiveness",
    LedgerRecord: "ledger",
    PolicyRecord: "policy_revisions",
    DecisionRecord: "strategy_decisions",
    OutcomeRecord: "personalization_outcomes",
    PopulationRecord: "population_effectiveness",
    ExperimentRecord: "personalization_experiments",
    AssignmentRecord: "experiment_assignments",
    ReweightingRecord: "experiment_reweightings",
    ResultRecord: "experiment_results",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What a topic says at a position: records by kind and key, and whether its beginning is gone."""

    records: dict[type, dict[str, Any]]
    cut: bool


async def prove(settings: Settings, patience: float, step: Callable[[str, int, int], None]) -> list[Finding]:
    """Wait for the sink, then hold every table against its topic.

    Parameters
    ----------
    settings : Settings
        Broker and database.
    patience : float
        Seconds the sink may take to apply what stands now.
    step : callable
        Is told what is being compared, how much is done, and how much there is.
    """
    finding = Finding("postgres", "Postgres holds exactly what the tables and topics say")
    behind = await _wait(settings, patience)
    for (topic, partition), count in behind.items():
        finding.differ(f"{topic}-{partition}", "sink position", "all records applied", f"{count:,} records behind")
    if behind:
        finding.notes.append(
            "is the sink running? `fitly doctor` tells; --patience waits longer; rows were not compared"
        )
        return [finding]
    async with store.snapshot(settings.database_url) as snapshot:
        readers = (_control, _learners, _contexts, _decisions, _outcomes, _population, _results)
        for number, reader in enumerate(readers):
            step("Postgres", number, len(readers))
            source = await reader(settings, snapshot.positions)
            for kind, expected in source.records.items():
                await _compare(finding, snapshot, kind, expected, cut=source.cut)
        step("Postgres", len(readers), len(readers))
        for name, count in (await snapshot.dangling()).items():
            if count:
                finding.notes.append(f"{count:,} rows of {name} refer to rows that are not there (yet)")
    return [finding]


async def _wait(settings: Settings, patience: float) -> dict[tuple[str, int], int]:
    """Wait until the sink has applied what stands now; give what it still lacks after so many seconds."""
    ends = {topic: await _ends(settings, topic) for topic in SOURCES}
    deadline = time.monotonic() + patience
    while True:
        async with store.snapshot(settings.database_url) as snapshot:
            positions = snapshot.positions
        behind: dict[tuple[str, int], int] = {}
        for topic, stop in ends.items():
            start = {partition: positions.get((topic, partition), 0) for partition in stop}
            async for records in read.read_batches(settings, topic, start=start, stop=stop):
                place = topic, records[0].partition
                behind[place] = behind.get(place, 0) + len(records)
        if not behind or time.monotonic() > deadline:
            return behind
        await asyncio.sleep(POLL_S)


async def _ends(settings: Settings, topic: str) -> dict[int, int]:
    return {partition: end for partition, (_, end) in (await read.bounds(settings, topic)).items()}


async def _compare(
    finding: Finding, snapshot: store.Snapshot, kind: type, expected: dict[str, Any], *, cut: bool
) -> None:
    """Hold one table's rows against the records; what the topic no longer holds is counted, not judged."""
    key, name, unexplained = KEYS[kind], NAMES[kind], 0
    found: Any  # one of the kinds of KEYS
    async for found in snapshot.records(kind):
        said = expected.pop(key(found), None)
        if said is not None:
            finding.looked_at += 1
            if said != found:
                finding.looked_at -= 1
                finding.compare(f"{name} {key(found)}", expand(said), expand(found))
        elif cut:
            unexplained += 1
        else:
            finding.differ(f"{name} {key(found)}", "", "no row", "a row")
    for missing in expected:
        finding.differ(f"{name} {missing}", "", "a row", "no row")
    if unexplained:
        finding.notes.append(f"{unexplained:,} rows of {name} are of records that the topic no longer holds")


async def _tables(settings: Settings, table: str, topic: str, positions: dict[tuple[str, int], int]) -> Tables:
    tables = Tables(settings)
    await tables.advance_to(table, await _stop(settings, topic, positions))
    return tables


async def _control(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    stop = await _stop(settings, topics.CONTROL, positions)
    issued = (await read_control(settings, stop=stop)).events
    found = [policy for event in issued if (policy := policy_record(event)) is not None]
    trials = lived(issued)
    experiments = [experiment_record(trial) for trial in trials.values()]
    weights = [
        record
        for event in reversed(issued)  # of two for one epoch the first was taken
        if concerns(event.data) and (trial := trials.get(name_of(event.data))) is not None
        if (record := reweighting_record(event, trial)) is not None
    ]
    records: dict[type, dict[str, Any]] = {
        PolicyRecord: _by_key(PolicyRecord, found),
        ExperimentRecord: _by_key(ExperimentRecord, experiments),
        ReweightingRecord: _by_key(ReweightingRecord, weights),
    }
    return Source(records, cut=False)


async def _learners(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    tables = await _tables(settings, topics.LEARNERS, topics.LEARNERS_CHANGELOG, positions)
    rows = [v for table in tables.rows.values() for key, v in table.items() if not key.startswith(ERASED_PREFIX)]
    found = [preferences_record(decode_learner(value)) for value in rows]
    return Source({PreferencesRecord: _by_key(PreferencesRecord, found)}, cut=False)


async def _contexts(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    tables = await _tables(settings, topics.CONTEXTS, topics.CONTEXTS_CHANGELOG, positions)
    configs: dict[str, ConfigRecord] = {}
    effects: dict[str, EffectivenessRecord] = {}
    assigned: dict[str, AssignmentRecord] = {}
    ledger: list[LedgerRecord] = []
    for partition, table in tables.rows:
        for key, value in tables.rows[partition, table].items():
            if not key.startswith(SYSTEM_PREFIX):
                row = decode_context(value)
                measured = effectiveness_records(row)
                effects |= _by_key(EffectivenessRecord, measured)
                configs |= _by_key(ConfigRecord, config_records(row, measured))
                assigned |= _by_key(AssignmentRecord, assignment_records(row))
        ledger += ledger_records(partition, tables.ledger(partition))
    records: dict[type, dict[str, Any]] = {
        ConfigRecord: configs,
        EffectivenessRecord: effects,
        AssignmentRecord: assigned,
        LedgerRecord: _by_key(LedgerRecord, ledger),
    }
    return Source(records, cut=False)


async def _population(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    newest: dict[bytes, bytes] = {}
    stop = await _stop(settings, topics.POPULATION_CHANGELOG, positions)
    async for record in read.read_topic(settings, topics.POPULATION_CHANGELOG, stop=stop):
        if record.key is not None and record.value is not None and is_merged(record.key):
            newest[record.key] = record.value
    found = [one for value in newest.values() for one in population_records(decode_merged(value))]
    return Source({PopulationRecord: _by_key(PopulationRecord, found)}, cut=False)


async def _results(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    newest: dict[bytes, bytes] = {}
    stop = await _stop(settings, topics.RESULTS, positions)
    async for record in read.read_topic(settings, topics.RESULTS, stop=stop):
        if record.key is not None and record.value is not None:
            newest[record.key] = record.value
    found = [result_record(decode_report(value), json.loads(value)) for value in newest.values()]
    return Source({ResultRecord: _by_key(ResultRecord, found)}, cut=False)


async def _decisions(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    records: dict[str, DecisionRecord] = {}
    lag = int(topics.BY_NAME[topics.SELECTED].config["min.compaction.lag.ms"])
    cut = False
    stop = await _stop(settings, topics.SELECTED, positions)
    async for record in read.read_topic(settings, topics.SELECTED, stop=stop):
        cut = cut or record.timestamp < time.time() * 1000 - lag
        if record.value is not None:
            made = decision_record(decode_selected(record.value))
            if renders_later(made, records.setdefault(made.decision_id, made)):
                records[made.decision_id] = made
        elif record.key is not None:
            gone = plain(record.key.decode())
            records = {name: one for name, one in records.items() if f"{one.user_id}|{one.context}" != gone}
    return Source({DecisionRecord: records}, cut=cut)


async def _outcomes(settings: Settings, positions: dict[tuple[str, int], int]) -> Source:
    records: dict[str, OutcomeRecord] = {}
    cut = any(first for first, _ in (await read.bounds(settings, topics.OUTCOMES)).values())
    stop = await _stop(settings, topics.OUTCOMES, positions)
    async for record in read.read_topic(settings, topics.OUTCOMES, stop=stop):
        if record.value is not None:
            effect = decode_outcome(record.value)
            after = settled(records.get(effect.id), effect)
            if after is not None:
                records[effect.id] = after
        elif record.key is not None:
            gone = plain(record.key.decode())
            records = {name: one for name, one in records.items() if one.user_id != gone}
    return Source({OutcomeRecord: records}, cut=cut)


async def _stop(settings: Settings, topic: str, positions: dict[tuple[str, int], int]) -> dict[int, int]:
    """Give where the sink stands in every partition; 0 where it never applied anything."""
    never = dict.fromkeys(await _ends(settings, topic), 0)
    return never | {partition: at for (name, partition), at in positions.items() if name == topic}


def _by_key(kind: type[Record], records: Iterable[Record]) -> dict[str, Record]:
    return {KEYS[kind](record): record for record in records}

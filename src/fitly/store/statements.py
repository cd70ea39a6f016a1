"""How each topic's records become rows.

Knows which rows a record replaces and in which order. Must never know positions or Kafka.

Every row carries as its ``version`` the offset it was projected from, and every statement leaves newer rows alone: so a
batch applied twice, or after a later one (positions set back by hand), changes nothing for the worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Table, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fitly.core.auditing import AuditRecord
from fitly.core.decisions import OutcomeAmended, OutcomeFiled
from fitly.core.effectiveness import UNKNOWN_COLUMNS
from fitly.core.events import ControlEvent
from fitly.core.experiments.assignments import AssignmentRecord
from fitly.core.experiments.lifecycle import concerns, heard, name_of
from fitly.core.experiments.records import ExperimentRecord, ReweightingRecord, experiment_record, reweighting_record
from fitly.core.experiments.results import ResultRecord
from fitly.core.experiments.trial import Trial
from fitly.core.population_effectiveness import PopulationRecord
from fitly.core.records import (
    ConfigRecord,
    DecisionRecord,
    EffectivenessRecord,
    LedgerRecord,
    OutcomeRecord,
    PolicyRecord,
    PreferencesRecord,
    settled,
)
from fitly.core.vocabulary import Bin
from fitly.store import findings, keys, schema
from fitly.store.bulk import Guard, Upsert
from fitly.store.naming import about_to_tell, name_assignments, name_experiments
from fitly.store.projecting import Contexts, Control, Decisions, Learners, Outcomes
from fitly.wire.trials import trial_of

Said = list[tuple[OutcomeFiled | OutcomeAmended, int]]


class Kind:
    """Records of one kind, and how they are written.

    Parameters
    ----------
    table : Table
        Where they go.
    record : type
        A dataclass whose fields are columns; the column ``version`` comes beside.
    guard, constants
        As in `Upsert`.
    """

    def __init__(
        self, table: Table, record: type, guard: Guard | None, constants: Mapping[str, Any] | None = None
    ) -> None:
        self.fields = [field.name for field in fields(record) if field.name not in (constants or {})]
        self._read = attrgetter(*self.fields)
        self._upsert = Upsert(table, [*self.fields, "version"], guard, constants)

    async def write(self, connection: AsyncConnection, records: Iterable[tuple[Any, int]]) -> int:
        """Write (record, version); at most one per key."""
        return await self._upsert.run(connection, [(*self._read(record), version) for record, version in records])


def _not_newer(table: Table) -> Guard:
    return lambda new: table.c.version <= new.version


def _unsettled(new: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's expressions
    """The rule of `fitly.core.records.settled`, said to Postgres."""
    there = schema.OUTCOMES.c
    return and_(there.version <= new.version, there.disposition != Bin.APPLIED, new.disposition != Bin.DUPLICATE)


PREFERENCES: Final = Kind(schema.PREFERENCES, PreferencesRecord, _not_newer(schema.PREFERENCES))
CONFIGS: Final = Kind(schema.CONFIGS, ConfigRecord, _not_newer(schema.CONFIGS))
EFFECTIVENESS: Final = Kind(schema.EFFECTIVENESS, EffectivenessRecord, _not_newer(schema.EFFECTIVENESS))
NO_BASELINE: Final = Kind(
    schema.EFFECTIVENESS,
    EffectivenessRecord,
    _not_newer(schema.EFFECTIVENESS),
    dict(
        zip(
            [field.name for field in fields(EffectivenessRecord)][-len(UNKNOWN_COLUMNS) :], UNKNOWN_COLUMNS, strict=True
        )
    ),
)
"""Effectiveness of whom nothing is known to compare with: two thirds of its columns are always the same."""


def _rendered_later(new: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's expressions
    """A decision is written once, and again where its parameters were rendered anew; a repeat changes nothing."""
    there = schema.DECISIONS.c.rendered_at
    return or_(there < new.rendered_at, and_(there.is_(None), new.rendered_at.is_not(None)))


LEDGER: Final = Kind(schema.LEDGER, LedgerRecord, _not_newer(schema.LEDGER))
FILED: Final = Kind(schema.OUTCOMES, OutcomeRecord, _unsettled)
AMENDED: Final = Kind(schema.OUTCOMES, OutcomeRecord, _not_newer(schema.OUTCOMES))
DECISIONS: Final = Kind(schema.DECISIONS, DecisionRecord, _rendered_later)
AUDIT: Final = Upsert(schema.AUDIT_LOG, [field.name for field in fields(AuditRecord)], key=["event_id"])
POLICIES: Final = Kind(schema.POLICY_REVISIONS, PolicyRecord, None)
RESULTS: Final = Kind(schema.RESULTS, ResultRecord, _not_newer(schema.RESULTS))
EXPERIMENTS: Final = Kind(schema.EXPERIMENTS, ExperimentRecord, _not_newer(schema.EXPERIMENTS))
REWEIGHTINGS: Final = Kind(schema.REWEIGHTINGS, ReweightingRecord, None)
ASSIGNMENTS: Final = Kind(schema.ASSIGNMENTS, AssignmentRecord, _not_newer(schema.ASSIGNMENTS))
POPULATION: Final = Kind(schema.POPULATION, PopulationRecord, _not_newer(schema.POPULATION))

_OVERTAKEN: Final = keys.overtaken()
_DEACTIVATE: Final = keys.deactivate()
_FORGET_CONTEXT: Final = tuple(
    keys.forget_older(table) for table in (schema.EFFECTIVENESS, schema.CONFIGS, schema.ASSIGNMENTS)
)
_FORGET_DECISIONS: Final = keys.forget_older(schema.DECISIONS)
_FORGET_LEARNER: Final = (
    keys.forget_learner(schema.PREFERENCES),
    keys.unname(schema.AUDIT_LOG),
)
"""What an erasure takes away at the learner's tombstone; the audit log stays, without the name."""
_FORGET_OUTCOMES: Final = keys.forget_learner(schema.OUTCOMES)


async def write_learners(connection: AsyncConnection, found: Learners) -> int:
    """Write preferences; a learner whose row is gone was erased.

    What other topics say of the learner goes by tombstones of their own, behind what they said before: so it does not
    matter which topic is read first.
    """
    if found.erased:
        parameters = keys.learner_keys(sorted(found.erased))
        for statement in _FORGET_LEARNER:
            await connection.execute(statement, parameters)
    await AUDIT.run(connection, [astuple(act) for act in found.acts])
    return await PREFERENCES.write(connection, found.preferences) + len(found.erased)


async def write_contexts(connection: AsyncConnection, found: Contexts) -> int:
    """Write configs, effectiveness and assignments, take away what their keys no longer hold; then the books."""
    news = [(key.user_id, key.context, key.offset) for key in found.keys]
    written = 0
    if news:
        answer = await connection.execute(_OVERTAKEN, keys.context_keys(news))
        overtaken = {(row[0], row[1]) for row in answer}
        fresh = [key for key in found.keys if (key.user_id, key.context) not in overtaken]
        news = [(key.user_id, key.context, key.offset) for key in fresh]
        standing = [(key.user_id, key.context, key.offset, key.active) for key in fresh]
        await connection.execute(_DEACTIVATE, keys.active_keys(standing))
        written += await CONFIGS.write(connection, [(one, key.offset) for key in fresh for one in key.configs])
        measured = [(one, key.offset) for key in fresh for one in key.effectiveness]
        written += await EFFECTIVENESS.write(connection, [one for one in measured if one[0].baseline_kind])
        written += await NO_BASELINE.write(connection, [one for one in measured if not one[0].baseline_kind])
        assigned = [(one, key.offset) for key in fresh for one in key.assignments]
        if assigned:
            written += await ASSIGNMENTS.write(connection, assigned)
            await name_assignments(connection, [one.user_id for one, _ in assigned])
        for statement in _FORGET_CONTEXT:
            await connection.execute(statement, keys.context_keys(news))
    if found.ledger is not None:
        bins, offset = found.ledger
        written += await LEDGER.write(connection, [(one, offset) for one in bins])
    return written


async def write_population(connection: AsyncConnection, found: Sequence[tuple[PopulationRecord, int]]) -> int:
    """Write what is known over all learners; a context's newest look replaces its former one."""
    return await POPULATION.write(connection, found)


async def write_results(connection: AsyncConnection, found: Sequence[tuple[ResultRecord, int]]) -> int:
    """Write reports, and what the newest say into the rows of their experiments."""
    await findings.one_at_a_time(connection)
    written = await RESULTS.write(connection, found)
    await findings.settle(connection, [record.experiment_id for record, _ in found])
    return written


async def write_control(connection: AsyncConnection, found: Control) -> int:
    """Write policy revisions, each once, where experiments stand, and with each whose act it was."""
    await AUDIT.run(connection, [astuple(act) for act in found.audits])
    return await POLICIES.write(connection, found.policies) + await _move(connection, found.moves)


async def _move(connection: AsyncConnection, moves: Sequence[tuple[ControlEvent, int]]) -> int:
    """Read where all experiments stand, let the events move them, write those that were moved.

    What was said before the newest row has been heard already.
    """
    if not moves:
        return 0
    await findings.one_at_a_time(connection)
    await about_to_tell(connection)
    table = schema.EXPERIMENTS
    rows = [tuple(row) for row in await connection.execute(select(table.c.trial, table.c.version).with_for_update())]
    standing = sorted((trial_of(row[0]) for row in rows), key=lambda trial: trial.number)
    trials = {trial.plan.experiment_name: trial for trial in standing}
    newest, touched = max((row[1] for row in rows), default=-1), dict[str, int]()
    for event, offset in moves:
        if offset > newest and concerns(event.data):
            trials = heard(trials, event.data, event.issued_at)
            touched[name_of(event.data)] = offset
    there = [(experiment_record(trials[name]), offset) for name, offset in touched.items() if name in trials]
    written = await EXPERIMENTS.write(connection, there)
    written += await REWEIGHTINGS.write(connection, _reweightings(moves, trials))
    await findings.settle(connection, [record.id for record, _ in there])
    await name_experiments(connection, [trials[name].number for name in touched if name in trials])
    return written


def _reweightings(
    moves: Sequence[tuple[ControlEvent, int]], trials: Mapping[str, Trial]
) -> list[tuple[ReweightingRecord, int]]:
    """Give the weights that experiments took, also of events heard before: their epochs are known still."""
    found: dict[tuple[str, int], tuple[ReweightingRecord, int]] = {}
    for event, offset in moves:
        trial = trials.get(name_of(event.data)) if concerns(event.data) else None
        record = None if trial is None else reweighting_record(event, trial)
        if record is not None:
            found.setdefault((record.experiment_id, record.epoch), (record, offset))
    return list(found.values())


async def write_decisions(connection: AsyncConnection, found: Decisions) -> int:
    """Write decisions once; a key's tombstone takes away all that came before it."""
    written = await DECISIONS.write(connection, found.decisions.values())
    if found.erased:
        await connection.execute(_FORGET_DECISIONS, keys.context_keys(sorted(found.erased)))
    return written


async def write_outcomes(connection: AsyncConnection, found: Outcomes) -> int:
    """Write outcomes: filings as they come, amended ones on top of what is there; what an erasure ends goes first."""
    filed: list[tuple[OutcomeRecord, int]] = []
    amended: dict[str, Said] = {}
    for identifier, said in sorted(found.said.items()):
        if any(isinstance(effect, OutcomeAmended) for effect, _ in said):
            amended[identifier] = said
        elif (record := _fold(None, said)) is not None:
            filed.append(record)
    if found.erased:
        await connection.execute(_FORGET_OUTCOMES, keys.learner_keys(sorted(found.erased)))
    written = await FILED.write(connection, filed)
    return written + (await _amend(connection, amended) if amended else 0)


async def _amend(connection: AsyncConnection, amended: dict[str, Said]) -> int:
    """Read the outcomes that were amended, fold what was said about them, write them back."""
    table = schema.OUTCOMES
    columns = [table.c[name] for name in AMENDED.fields]
    chosen = select(*columns, table.c.version).where(table.c.id.in_(amended)).with_for_update()
    there = {row[0]: (OutcomeRecord(*row[:-1]), int(row[-1])) for row in await connection.execute(chosen)}
    folded = [_fold(there.get(identifier), said) for identifier, said in amended.items()]
    return await AMENDED.write(connection, [record for record in folded if record is not None])


def _fold(before: tuple[OutcomeRecord, int] | None, said: Said) -> tuple[OutcomeRecord, int] | None:
    """Settle one outcome; what was said before the version that is there has been heard already."""
    record, version = (None, -1) if before is None else before
    for effect, offset in said:
        if offset > version:
            after = settled(record, effect)
            if after is not record:
                record, version = after, offset
    return None if record is None else (record, version)

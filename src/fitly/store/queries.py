"""What is read back from Postgres: for `verify`, the commands and the moving line.

Knows how to read all tables as of one moment. Must never change anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fitly.core.experiments.assignments import AssignmentRecord
from fitly.core.experiments.records import ExperimentRecord, ReweightingRecord
from fitly.core.experiments.results import ResultRecord
from fitly.core.population_effectiveness import PopulationRecord
from fitly.core.records import (
    ConfigRecord,
    DecisionRecord,
    EffectivenessRecord,
    LedgerRecord,
    OutcomeRecord,
    PolicyRecord,
    PreferencesRecord,
)
from fitly.core.statistics.own_baseline import by_chance
from fitly.core.vocabulary import Bin
from fitly.store import schema
from fitly.store.engine import connected, make_engine, translated

Record = TypeVar("Record")

RECORD_TABLES: Final[Mapping[type, Table]] = {
    PreferencesRecord: schema.PREFERENCES,
    ConfigRecord: schema.CONFIGS,
    EffectivenessRecord: schema.EFFECTIVENESS,
    OutcomeRecord: schema.OUTCOMES,
    DecisionRecord: schema.DECISIONS,
    LedgerRecord: schema.LEDGER,
    PolicyRecord: schema.POLICY_REVISIONS,
    PopulationRecord: schema.POPULATION,
    ExperimentRecord: schema.EXPERIMENTS,
    AssignmentRecord: schema.ASSIGNMENTS,
    ReweightingRecord: schema.REWEIGHTINGS,
    ResultRecord: schema.RESULTS,
}
_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Status:
    """A few sums, cheap enough for a line that moves.

    Attributes
    ----------
    bins : dict
        Records of all partitions by ledger bin.
    read : int
        Their sum: records read.
    decisions : int
        Decisions made.
    """

    bins: dict[str, int]
    read: int
    decisions: int


@dataclass(frozen=True, slots=True)
class Flags:
    """How many effectiveness records of a context carry a test, how many of those are flagged, and by chance alone.

    ``by_chance`` is what to expect where personalizing does nothing at all: one in twenty of the tested.
    """

    context: str
    records: int
    tested: int
    flagged: int
    by_chance: float


@dataclass(frozen=True, slots=True)
class ContentSums:
    """Outcomes of one content type that were counted, and the exact sums (10⁻⁶) of their metrics."""

    content_type: str | None
    outcomes: int
    retention: int
    performance: int
    completion: int
    engagement: int


class Snapshot:
    """All tables as of one moment.

    Attributes
    ----------
    positions : dict
        (topic, partition) to the next offset the sink will apply: what the rows are true of.
    """

    def __init__(self, connection: AsyncConnection, positions: dict[tuple[str, int], int]) -> None:
        self._connection = connection
        self.positions = positions

    @property
    def personal(self) -> list[str]:
        """The tables whose rows name a learner."""
        return [table.name for table in schema.METADATA.sorted_tables if "user_id" in table.c]

    async def rows(self, table: str, user_id: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Give every row of a table, ordered by its primary key, or those of one learner.

        Raises
        ------
        KeyError
            If there is no such table, or ``user_id`` is given for one that has no learner.
        """
        there = schema.METADATA.tables[table]
        chosen = select(there).order_by(*there.primary_key)
        if user_id is not None:
            chosen = chosen.where(there.c["user_id"] == user_id)
        with translated():
            result = await self._connection.stream(chosen, execution_options={"yield_per": _AT_ONCE})
            async for row in result:
                yield dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it

    async def records(self, kind: type[Record], user_id: str | None = None) -> AsyncIterator[Record]:
        """Give a table's rows as the core's records, ordered by primary key.

        They equal what `fitly.core.records` projects from the changelog at `positions`.
        """
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type] # the keys of RECORD_TABLES are dataclasses
        async for row in self.rows(RECORD_TABLES[kind].name, user_id):
            yield kind(*[row[name] for name in names])

    async def decided(self, prefix: str) -> AsyncIterator[tuple[str, str, str, str | None, float, datetime]]:
        """Give user, context, mode, variant, confidence and moment of the decisions of learners whose ids begin so.

        In the order in which they were made, learner by learner and context by context.
        """
        there = schema.DECISIONS.c
        chosen = (
            select(there.user_id, there.context, there.mode, there.strategy_variant, there.confidence, there.decided_at)
            .where(there.user_id.startswith(prefix, autoescape=True))
            .order_by(there.user_id, there.context, there.decided_at, there.cause_offset)
        )
        with translated():
            result = await self._connection.stream(chosen, execution_options={"yield_per": _AT_ONCE})
            async for row in result:
                yield tuple(row)

    async def counts(self) -> dict[str, int]:
        """Give the number of rows of every table."""
        counted: dict[str, int] = {}
        with translated():
            for table in schema.METADATA.sorted_tables:
                counted[table.name] = (
                    await self._connection.execute(select(func.count()).select_from(table))
                ).scalar_one()
        return counted

    async def content_sums(self) -> list[ContentSums]:
        """Give the sums of the metrics of APPLIED and ORPHAN outcomes by content type, sorted; exact integers."""
        table = schema.OUTCOMES.c
        metrics = (table.retention_score, table.performance_score, table.completion_rate, table.engagement_score)
        chosen = (
            select(table.content_type, func.count(), *map(_exact, metrics))
            .where(table.disposition.in_([Bin.APPLIED, Bin.ORPHAN]))
            .group_by(table.content_type)
            .order_by(table.content_type.nulls_first())
        )
        with translated():
            return [ContentSums(row[0], *map(int, row[1:])) for row in await self._connection.execute(chosen)]

    async def flags(self) -> list[Flags]:
        """Give each context's flags beside those that chance alone would give, sorted."""
        table = schema.EFFECTIVENESS.c
        tested, flagged = func.count(table.p_value), func.count().filter(table.is_statistically_significant)
        chosen = select(table.context, func.count(), tested, flagged).group_by(table.context).order_by(table.context)
        with translated():
            found = await self._connection.execute(chosen)
            return [Flags(row[0], row[1], row[2], row[3], by_chance(row[2])) for row in found]

    async def dangling(self) -> dict[str, int]:
        """Count references that lead nowhere, where the database does not hold them itself.

        Right after a burst some may be on their way by another topic; in a sink that has caught up there are none.
        """
        found: dict[str, int] = {}
        for name, source, target in (
            ("personalization_configs.preferences_id", schema.CONFIGS.c.preferences_id, schema.PREFERENCES.c.id),
            ("personalization_outcomes.config_id", schema.OUTCOMES.c.config_id, schema.CONFIGS.c.id),
            ("personalization_outcomes.decision_id", schema.OUTCOMES.c.decision_id, schema.DECISIONS.c.decision_id),
            ("strategy_decisions.config_id", schema.DECISIONS.c.config_id, schema.CONFIGS.c.id),
        ):
            missing = select(func.count()).where(source.is_not(None), ~select(1).where(target == source).exists())
            with translated():
                found[name] = (await self._connection.execute(missing)).scalar_one()
        return found


def _exact(metric: ColumnElement[float]) -> ColumnElement[Any]:
    """Sum a metric in millionths: each is one, so the integer is exact and the order of adding does not matter."""
    return func.coalesce(func.sum(func.round(metric * 1_000_000)), 0)


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Open all tables as of one moment (a read-only transaction of repeatable reads).

    Parameters
    ----------
    url : str
        ``postgresql+asyncpg://user:password@host:port/database``.

    Raises
    ------
    Retryable
        The database cannot be reached.
    Broken
        It refuses, for instance because it has no schema.
    """
    engine = make_engine(url, pooled=False)
    table = schema.SINK_POSITIONS.c
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with translated():
            async with engine.execution_options(**options).connect() as connection:
                chosen = select(table.topic, table.partition, table.position)
                positions = {(row[0], row[1]): row[2] for row in await connection.execute(chosen)}
                yield Snapshot(connection, positions)
    finally:
        await engine.dispose()


async def decision(url: str, decision_id: str) -> dict[str, Any] | None:
    """Give the row of a decision, None where there is none (yet).

    Raises
    ------
    Retryable
        The database cannot be reached.
    Broken
        It refuses, for instance because its schema is of another release.
    """
    chosen = select(schema.DECISIONS).where(schema.DECISIONS.c.decision_id == decision_id)
    async with connected(url) as connection:
        found = (await connection.execute(chosen)).one_or_none()
        named = {} if found is None else found._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
        return {str(name): value for name, value in named.items()} or None


async def status(url: str) -> Status:
    """Give the sums of the moving line."""
    ledger = schema.LEDGER.c
    async with connected(url) as connection:
        chosen = select(ledger.bin, func.sum(ledger.records)).group_by(ledger.bin).order_by(ledger.bin)
        bins = {row[0]: int(row[1]) for row in await connection.execute(chosen)}
        counted = await connection.execute(select(func.count()).select_from(schema.DECISIONS))
        return Status(bins, sum(bins.values()), counted.scalar_one())

"""The migrations add up to the schema, and a database that differs is told apart with its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields

import asyncpg
import pytest
from sqlalchemy import Text

from fitly.core.errors import Broken, Retryable
from fitly.core.records import ConfigRecord, DecisionRecord, EffectivenessRecord, OutcomeRecord, PreferencesRecord
from fitly.store import check, schema, upgrade
from fitly.store.upgrade import scripts

pytestmark = pytest.mark.postgres
HEAD = "0012"


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A bare connection, past everything of ours."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def test_an_empty_database_is_brought_to_the_schema_and_stays_there(postgres: Callable[[], str]) -> None:
    url = postgres()
    (problem,) = await check(url)
    assert "no schema yet" in problem.what
    assert "fitly db upgrade" in problem.remedy
    assert await upgrade(url) == HEAD
    assert await check(url) == []
    assert await upgrade(url) == HEAD
    assert await check(url) == []


async def test_upgrades_at_the_same_time_wait_for_each_other(postgres: Callable[[], str]) -> None:
    url = postgres()
    assert await asyncio.gather(*(upgrade(url) for _ in range(4))) == [HEAD] * 4
    assert await check(url) == []


async def test_an_older_schema_is_to_be_upgraded_and_a_newer_one_is_not_ours(url: str) -> None:
    async with raw(url) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '0003'")
        (older,) = await check(url)
        assert ("0003" in older.what, older.remedy) == (True, "run `fitly db upgrade`")
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    (newer,) = await check(url)
    assert "newer release" in newer.what


async def test_a_failed_migration_leaves_the_schema_as_it_was(postgres: Callable[[], str]) -> None:
    url = postgres()
    async with raw(url) as connection:
        await connection.execute("CREATE TABLE ledger (mine int)")
        with pytest.raises(Broken, match="already exists"):
            await upgrade(url)
        left = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert [row["tablename"] for row in left] == ["ledger"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE personalization_configs DROP COLUMN avg_reward", "avg_reward"),
        ("ALTER TABLE personalization_configs ALTER COLUMN avg_reward TYPE numeric", "modify type"),
        ("ALTER TABLE personalization_configs ALTER COLUMN confidence_score SET DEFAULT 0.9", "modify default"),
        ("ALTER TABLE personalization_outcomes ALTER COLUMN user_id DROP NOT NULL", "modify nullable"),
        ("DROP INDEX personalization_configs_context_idx", "personalization_configs_context_idx"),
        ("COMMENT ON COLUMN ledger.bin IS 'else'", "modify comment"),
        ("COMMENT ON TABLE ledger IS 'else'", "table comment"),
        ("ALTER TABLE ledger DROP CONSTRAINT ledger_bin_check", "lacks the check ledger_bin_check"),
        ("ALTER TABLE ledger ADD CONSTRAINT ledger_mine_check CHECK (records > 7)", "does not know"),
        (
            """ALTER TABLE ledger DROP CONSTRAINT ledger_records_check;
            ALTER TABLE ledger ADD CONSTRAINT ledger_records_check CHECK (records >= -1)""",
            "says something else",
        ),
        (
            """DROP INDEX personalization_configs_one_active_idx;
            CREATE UNIQUE INDEX personalization_configs_one_active_idx
            ON personalization_configs (user_id, context) WHERE NOT is_active AND times_selected > 3""",
            "index condition",
        ),
        (
            "ALTER TABLE personalization_effectiveness DROP CONSTRAINT personalization_effectiveness_config_id_fkey",
            "fk",
        ),
        ("DROP TABLE audit_log", "audit_log"),
    ],
)
async def test_what_drifted_is_named(url: str, change: str, words: str) -> None:
    async with raw(url) as connection:
        await connection.execute(change)
    problems = await check(url)
    assert any(words in problem.what for problem in problems), problems
    assert all(problem.remedy for problem in problems)


async def test_other_peoples_tables_are_nobodys_business(url: str) -> None:
    async with raw(url) as connection:
        await connection.execute("CREATE TABLE theirs (id int)")
    assert await check(url) == []


async def test_at_most_one_config_of_a_learner_and_context_is_active(url: str) -> None:
    text = """INSERT INTO personalization_configs
        (id, user_id, preferences_id, context, strategy_variant, is_active, created_at, updated_at, version)
        VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'MISSION', $2, $3, now(), now(), 1)"""
    async with raw(url) as connection:
        await connection.execute(text, "ada", "BALANCED", True)
        await connection.execute(text, "ada", "CONSERVATIVE", False)
        await connection.execute(text, "bob", "BALANCED", True)
        with pytest.raises(asyncpg.UniqueViolationError, match="one_active"):
            await connection.execute(text, "ada", "PATTERN_HEAVY", True)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("personalization_preferences", "level", "SOME"),
        ("personalization_configs", "context", "LUNCH"),
        ("personalization_outcomes", "disposition", "LOST"),
        ("strategy_decisions", "mode", "GUESS"),
        ("personalization_experiments", "status", "DONE"),
    ],
)
async def test_a_word_outside_its_closed_set_is_refused(url: str, table: str, column: str, value: str) -> None:
    there = schema.METADATA.tables[table]
    loosened = ", ".join(f"ALTER COLUMN {c.name} DROP NOT NULL" for c in there.columns if not c.primary_key)
    key = there.primary_key.columns.keys()[0]
    async with raw(url) as connection:
        await connection.execute(f"ALTER TABLE {table} {loosened}")
        with pytest.raises(asyncpg.CheckViolationError, match=f"{table}_{column}_check"):
            await connection.execute(f"INSERT INTO {table} ({key}, {column}) VALUES (gen_random_uuid(), $1)", value)  # noqa: S608 - names of the schema's own


def test_every_table_and_column_says_what_it_is() -> None:
    for table in schema.METADATA.sorted_tables:
        assert table.comment, table.name
        assert [column.name for column in table.columns if not column.comment] == []


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (PreferencesRecord, schema.PREFERENCES),
        (ConfigRecord, schema.CONFIGS),
        (EffectivenessRecord, schema.EFFECTIVENESS),
        (OutcomeRecord, schema.OUTCOMES),
        (DecisionRecord, schema.DECISIONS),
    ],
)
def test_a_records_fields_are_the_tables_columns(record: type, table: object) -> None:
    columns = set(table.columns.keys())  # type: ignore[attr-defined] # a Table
    assert {field.name for field in fields(record)} | {"version"} == columns


def test_the_migrations_are_one_line() -> None:
    revisions = [script.revision for script in scripts().walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert scripts().get_heads() == [HEAD]


async def test_a_database_that_is_not_there_is_waited_for_and_a_wrong_name_is_not(postgres: Callable[[], str]) -> None:
    url = postgres()
    with pytest.raises(Retryable, match="reached"):
        await upgrade("postgresql+asyncpg://fitly@127.0.0.1:1/none")
    with pytest.raises(Broken, match="FITLY_DATABASE_URL"):
        await upgrade(url + "x")
    with pytest.raises(Broken, match="password"):
        await check(url.replace("fitly:", "fitly:wrong", 1))
    with pytest.raises(Broken, match="FITLY_DATABASE_URL"):
        await check("nonsense")


def test_text_is_never_cut() -> None:
    assert all(
        column.type.length is None
        for table in schema.METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, Text)
    )

"""Is a database what the schema says? What is missing or has drifted, each with its remedy.

Knows how to compare. Must never change anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Index, Table, inspect
from sqlalchemy.dialects.postgresql.base import PGDialect

from fitly.core.problems import Problem
from fitly.store.engine import connected
from fitly.store.schema import METADATA
from fitly.store.upgrade import heads, scripts

_UPGRADE: Final = "run `fitly db upgrade`"
_DRIFT: Final = "undo the change by hand, or restore the database from a copy"
_DIALECT: Final = PGDialect()  # type: ignore[no-untyped-call] # SQLAlchemy's own
_WORDS: Final = re.compile(r"'(?:[^']|'')*'|[a-z_]\w*|\d+", re.IGNORECASE)
_NOISE: Final = frozenset(("and", "or", "not", "in", "any", "array", "text", "is", "null", "double", "precision"))


async def check(url: str) -> list[Problem]:
    """Compare a database with the schema.

    Returns
    -------
    list of Problem
        Empty where tables, columns, types, defaults, references, indexes, checks and comments are as they must be.

    Raises
    ------
    Retryable
        The database cannot be reached.
    Broken
        It can, but does not let us in.
    """
    async with connected(url) as connection:
        return await connection.run_sync(_check)


def _check(connection: Connection) -> list[Problem]:
    current, wanted = set(heads(connection)), set(scripts().get_heads())
    if not current:
        return [Problem("the database has no schema yet", _UPGRADE)]
    if unknown := current - {revision.revision for revision in scripts().walk_revisions()}:
        what = f"the schema is of a newer release (revision {', '.join(sorted(unknown))})"
        return [Problem(what, "run that release, or restore a copy from before")]
    if current != wanted:
        return [Problem(f"the schema is at {', '.join(sorted(current))}, not at {', '.join(sorted(wanted))}", _UPGRADE)]
    return [*differences(connection), *_constraints(connection)]


def differences(connection: Connection) -> list[Problem]:
    """Give what Alembic finds different: tables, columns, types, defaults, references, indexes, comments."""
    options = {"compare_type": True, "compare_server_default": True, "include_object": _is_ours}
    context = MigrationContext.configure(connection, opts=options)
    return [Problem(_said(difference), _DRIFT) for difference in _flat(compare_metadata(context, METADATA))]


def _is_ours(thing: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:  # noqa: ANN401, FBT001 - Alembic's
    """Leave other people's tables in the same database alone."""
    del thing, compared
    return not (kind == "table" and reflected and name not in METADATA.tables)


def _flat(differences: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    for difference in differences:
        if isinstance(difference, list):
            yield from _flat(difference)
        else:
            yield difference


def _said(difference: tuple[Any, ...]) -> str:
    """Put Alembic's tuple into words: the change that would lead back to the schema."""
    verb, *rest = difference
    names = [str(getattr(part, "name", part)) for part in rest if isinstance(part, str) or hasattr(part, "name")]
    return f"the database differs from the schema: {verb.replace('_', ' ')} {' '.join(names)}".rstrip()


def _constraints(connection: Connection) -> Iterator[Problem]:
    """Compare what Alembic does not: checks and the conditions of partial indexes.

    Postgres gives a condition back in its own words, so what is compared is the words and numbers in it.
    """
    inspector = inspect(connection)
    names = set(inspector.get_table_names())
    for table in (one for one in METADATA.sorted_tables if one.name in names):
        there = {str(one["name"]): essence(one["sqltext"]) for one in inspector.get_check_constraints(table.name)}
        yield from _compare(table, "check", _checks(table), there)
        partial = {
            str(one["name"]): essence(one["dialect_options"]["postgresql_where"])
            for one in inspector.get_indexes(table.name)
            if "postgresql_where" in one.get("dialect_options", {})
        }
        yield from _compare(table, "index condition", _partial(table), partial)


def _checks(table: Table) -> dict[str, frozenset[str]]:
    found = [part for part in table.constraints if isinstance(part, CheckConstraint)]
    return {_DIALECT.identifier_preparer.format_constraint(part) or "": essence(str(part.sqltext)) for part in found}


def _partial(table: Table) -> dict[str, frozenset[str]]:
    return {str(index.name): essence(str(where)) for index in table.indexes if (where := _condition(index)) is not None}


def _condition(index: Index) -> object:
    return index.dialect_options["postgresql"]["where"]


def _compare(
    table: Table, kind: str, wanted: dict[str, frozenset[str]], there: dict[str, frozenset[str]]
) -> Iterator[Problem]:
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield Problem(f"{table.name} lacks the {kind} {name}", _DRIFT)
        elif name not in wanted:
            yield Problem(f"{table.name} has a {kind} {name} that the schema does not know", _DRIFT)
        elif wanted[name] != there[name]:
            yield Problem(f"{table.name}'s {kind} {name} says something else than the schema", _DRIFT)


def essence(condition: str) -> frozenset[str]:
    """Give the words and numbers of a condition, whatever the spelling around them.

    >>> essence("level IN ('LOW', 'HIGH')") == essence("(level = ANY (ARRAY['LOW'::text, 'HIGH'::text]))")
    True
    """
    return frozenset(word for word in _WORDS.findall(condition) if word.lower() not in _NOISE)

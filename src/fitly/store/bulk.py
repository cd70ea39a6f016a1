"""Many rows in one statement.

Knows how a list of records travels to Postgres as arrays, one per column, and becomes rows there with ``unnest``. Must
never know what a table means.

A multi-row VALUES list would meet the limit of 32,767 parameters at a few hundred wide rows and be planned anew for
every length; arrays have one plan for any number of rows (measured: 4 times the rows per second).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, ColumnElement, FromClause, Insert, Table, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine, Uuid

Rows: TypeAlias = Sequence[Sequence[Any]]
Guard: TypeAlias = Callable[[Any], ColumnElement[bool]]
"""From the row proposed (``excluded``) to the condition under which it replaces the one that is there."""


def arrays(columns: Sequence[Column[Any]], name: str) -> FromClause:
    """Give a table expression whose columns come from array parameters."""
    listed = [bindparam(_parameter(column), type_=ARRAY(_carrier(column))) for column in columns]
    return func.unnest(*listed).table_valued(*[column.name for column in columns], name=name).render_derived()


def _parameter(column: Column[Any]) -> str:
    """Name a column's array apart from the column: SQLAlchemy keeps the bare names of an UPDATE for itself."""
    return f"all_{column.name}"


def _carrier(column: Column[Any]) -> TypeEngine[Any]:
    """Give the type a column's values travel as; what needs parsing is parsed by Postgres."""
    return Text() if isinstance(column.type, Uuid | JSONB | ARRAY) else column.type


def typed(source: FromClause, column: Column[Any]) -> ColumnElement[Any]:
    """Give a travelled column in the type it has in its table."""
    value = source.c[column.name]
    return cast(value, column.type) if isinstance(column.type, Uuid | JSONB | ARRAY) else value


def values(columns: Sequence[Column[Any]], rows: Rows) -> dict[str, list[Any]]:
    """Turn rows into the parameters of `arrays`: a list per column, in its travelling form."""
    lists = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {_parameter(column): _carried(column, list(part)) for column, part in zip(columns, lists, strict=True)}


def _carried(column: Column[Any], part: list[Any]) -> list[Any]:
    encode = _ENCODERS.get(type(column.type))
    return part if encode is None else [None if value is None else encode(value) for value in part]


def _as_array(words: Iterable[str]) -> str:
    """Write a Postgres array literal."""
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in quoted) + "}"


_ENCODERS: Final[dict[type, Callable[[Any], str]]] = {
    JSONB: json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode,
    ARRAY: _as_array,
}


class Upsert:
    """Insert rows, or replace those that are not newer.

    Parameters
    ----------
    table : Table
        With a primary key.
    fields : sequence of str
        Columns given, in the order of the rows.
    guard : callable or None
        When an existing row is replaced; None for never.
    constants : mapping, optional
        Columns that are the same in every row: they do not travel.
    key : sequence of str, optional
        Columns by which a row is the same; the primary key where they are not given.
    """

    def __init__(
        self,
        table: Table,
        fields: Sequence[str],
        guard: Guard | None = None,
        constants: Mapping[str, Any] | None = None,
        key: Sequence[str] = (),
    ) -> None:
        self._columns = [table.c[name] for name in fields]
        source = arrays(self._columns, "new")
        constants = constants or {}
        fixed = [cast(value, table.c[name].type) for name, value in constants.items()]
        chosen = select(*[typed(source, column) for column in self._columns], *fixed)
        fields = [*fields, *constants]
        statement = insert(table).from_select(fields, chosen)
        key = key or [column.name for column in table.primary_key]
        if guard is None:
            self._statement: Insert = statement.on_conflict_do_nothing(index_elements=key)
        else:
            self._statement = statement.on_conflict_do_update(
                index_elements=key,
                set_={name: statement.excluded[name] for name in fields if name not in key},
                where=guard(statement.excluded),
            )

    async def run(self, connection: AsyncConnection, rows: Rows) -> int:
        """Write the rows (at most one per key) and give how many; an older or refused one does not count."""
        if not rows:
            return 0
        result = await connection.execute(self._statement, values(self._columns, rows))
        return int(result.rowcount)

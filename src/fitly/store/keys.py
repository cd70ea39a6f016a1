"""Statements about whole keys: a learner, or a learner in a context, as of an offset.

Knows how to find and take away what a newer record of a key no longer holds. Must never know what rows mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Delete, Select, Table, Text, Update, Uuid, delete, or_, select, update

from fitly.store import schema
from fitly.store.bulk import arrays, typed, values

LEARNER: Final = (Column("user_id", Text), Column("version", BigInteger))
CONTEXT: Final = (Column("user_id", Text), Column("context", Text), Column("version", BigInteger))
ACTIVE: Final = (*CONTEXT, Column("active", Uuid(as_uuid=False)))


def learner_keys(rows: Sequence[tuple[str, int]]) -> dict[str, list[Any]]:
    """Give the parameters of statements over (user id, offset)."""
    return values(LEARNER, rows)


def context_keys(rows: Sequence[tuple[str, str, int]]) -> dict[str, list[Any]]:
    """Give the parameters of statements over (user id, context, offset)."""
    return values(CONTEXT, rows)


def active_keys(rows: Sequence[tuple[str, str, int, str | None]]) -> dict[str, list[Any]]:
    """Give the parameters of `deactivate`: (user id, context, offset, id of the active config)."""
    return values(ACTIVE, rows)


def forget_learner(table: Table) -> Delete:
    """Take away a learner's rows that are older than the tombstone, which came by the same topic."""
    key = arrays(LEARNER, "key")
    return delete(table).where(table.c.user_id == key.c.user_id, table.c.version < key.c.version)


def unname(table: Table) -> Update:
    """Take the learner's name out of rows that stay."""
    key = arrays(LEARNER, "key")
    return update(table).where(table.c.user_id == key.c.user_id).values(user_id=None)


def forget_older(table: Table) -> Delete:
    """Take away the rows of a learner in a context that are older than the key's newest record."""
    key = arrays(CONTEXT, "key")
    same = (table.c.user_id == key.c.user_id) & (table.c.context == key.c.context)
    return delete(table).where(same, table.c.version < key.c.version)


def deactivate() -> Update:
    """Switch off configs that are no longer active, before another of the same key is switched on."""
    key, table = arrays(ACTIVE, "key"), schema.CONFIGS
    same = (table.c.user_id == key.c.user_id) & (table.c.context == key.c.context)
    other = table.c.id.is_distinct_from(typed(key, ACTIVE[-1]))
    return update(table).where(same, table.c.is_active, other, table.c.version < key.c.version).values(is_active=False)


def overtaken() -> Select[Any]:
    """Find the keys of which the tables hold something newer."""
    key = arrays(CONTEXT, "key")
    newer = [
        select(1)
        .where(table.c.user_id == key.c.user_id, table.c.context == key.c.context, table.c.version > key.c.version)
        .exists()
        for table in (schema.CONFIGS, schema.EFFECTIVENESS, schema.ASSIGNMENTS)
    ]
    return select(key.c.user_id, key.c.context).where(or_(*newer))

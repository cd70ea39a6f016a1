"""The kinds of columns the tables are made of; each carries its comment, from which the docs are made.

Knows how a closed set, a share or a moment becomes a column. Must never know a table.

Closed sets are text with a named CHECK and not native enums: a word can be added or taken away in a transaction,
old rows and new words never meet a cast, and what is allowed can be read in the table's own definition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.schema import SchemaItem

CONVENTION: Final = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}
METADATA: Final = MetaData(naming_convention=CONVENTION)

IDENTIFIER: Final = Uuid(as_uuid=False)
MOMENT: Final = TIMESTAMP(timezone=True)
JSON: Final = JSONB(none_as_null=True)
SHARE: Final = "{0} >= 0 AND {0} <= 1"
SCORE: Final = "{0} >= 0 AND {0} <= 100"
COUNT: Final = "{0} >= 0"


def column(name: str, kind: Any, comment: str, *parts: SchemaItem, **options: Any) -> Column[Any]:  # noqa: ANN401
    """Make a column that is always there unless ``nullable=True`` says otherwise.

    Parameters
    ----------
    name, kind, comment : str, type, str
        As in the table.
    *parts, **options
        Of `sqlalchemy.Column`; ``default`` is the SQL text of a server default, ``check`` a condition in which
        ``{0}`` stands for the column.
    """
    nullable = options.pop("nullable", False)
    default = options.pop("default", None)
    condition = options.pop("check", None)
    info = {} if condition is None else {"check": condition.format(name)}
    server = None if default is None else text(default)
    return Column(name, kind, *parts, nullable=nullable, server_default=server, comment=comment, info=info, **options)


def table(name: str, *parts: SchemaItem, comment: str) -> Table:
    """Make a table; its columns' conditions become named constraints of the table, so that drift can be seen."""
    checked = [part for part in parts if isinstance(part, Column) and "check" in part.info]
    checks = [CheckConstraint(part.info["check"], name=part.name) for part in checked]
    return Table(name, METADATA, *parts, *checks, comment=comment)


def word(name: str, words: Iterable[str], comment: str, **options: Any) -> Column[str]:  # noqa: ANN401 - as `column`
    """Make a text column that holds one word of a closed set."""
    listed = ", ".join(f"'{one}'" for one in words)
    return column(name, Text, comment, check=f"{{0}} IN ({listed})", **options)


def user() -> Column[str]:
    """Make the column that names the learner."""
    return column("user_id", Text, "The learner, as upstream services name them")


def config(comment: str, **options: Any) -> Column[str]:  # noqa: ANN401 - as `column`
    """Make the column that refers to a config."""
    return column("config_id", IDENTIFIER, comment, nullable=True, **options)


def metric(name: str, comment: str) -> Column[float]:
    """Make the column of one measure of an outcome, 0-1."""
    return column(name, Double, comment, nullable=True, check=SHARE)


def figure(name: str, comment: str, kind: Any = Double, check: str | None = None) -> tuple[Column[Any], Column[str]]:  # noqa: ANN401
    """Make the column of a figure and beside it the one of the reason why there is none."""
    return (
        column(name, kind, comment, nullable=True, check=check),
        column(f"{name}_reason", Text, f"Why {name} is null: a word of fitly.core.statistics.missing", nullable=True),
    )


def version() -> Column[int]:
    """Make the column by which an older row never replaces a newer one."""
    return column(
        "version", BigInteger, "Offset of the record this row was projected from; an older one never replaces it"
    )

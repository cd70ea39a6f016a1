"""Bringing a database to the present schema.

Knows where the migrations are and how to run them. Must never know what they contain.

Alembic is driven from here, without its command line and its ``env.py``: there is one way to upgrade, the same in a
test, in ``fitly db upgrade`` and in ``fitly up``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from fitly.store.engine import connected

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x6669746C79  # "fitly": upgrades of one database wait for each other


def scripts() -> ScriptDirectory:
    """Give the migrations as Alembic sees them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


async def upgrade(url: str) -> str:
    """Bring a database to the newest schema; nothing happens where it is there already.

    Parameters
    ----------
    url : str
        ``postgresql+asyncpg://user:password@host:port/database``.

    Returns
    -------
    str
        The revision it is at now.

    Raises
    ------
    Retryable
        The database cannot be reached.
    Broken
        It can, but does not let us in, or a migration failed (and left everything as it was).
    """
    async with connected(url) as connection:
        return await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> str:
    """All in one transaction: a migration that fails leaves the schema as it was."""
    directory = scripts()

    def steps(revision: Any, _context: MigrationContext) -> list[RevisionStep]:  # noqa: ANN401 - Alembic's signature
        return list(directory._upgrade_revs("heads", revision))  # noqa: SLF001 - as alembic.command.upgrade does

    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    with EnvironmentContext(Config(), directory, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
    return ", ".join(heads(connection))


def heads(connection: Connection) -> Sequence[str]:
    """Give the revisions a database is at; none for an empty one."""
    return MigrationContext.configure(connection).get_current_heads()

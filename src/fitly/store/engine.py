"""Connections, and what their failures mean.

Knows which failures of the database pass by themselves. Must never know what was asked of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from fitly.core.errors import Broken, Retryable

CONNECT_SECONDS: Final = 10
COMMAND_SECONDS: Final = 60

_PASSING_CLASSES: Final = ("08", "40", "53", "57", "58")
"""Connection, rollback (deadlock), resources, operator (shutdown, start-up), system: try again."""
_PASSING_STATES: Final = frozenset({"55P03", "25006"})
"""A lock not to be had, and a server that became read-only (a failover going on)."""
_REMEDIES: Final = {
    "28": "check the user and password in FITLY_DATABASE_URL",
    "3D": "create the database, or correct its name in FITLY_DATABASE_URL",
    "42": "run `fitly db upgrade`, then `fitly db check`",
}


def make_engine(url: str, *, pooled: bool = True) -> AsyncEngine:
    """Make an engine whose connections are tried before use, so that a restarted database is met at once.

    Parameters of statements stay out of messages: they are learners' data.
    """
    arguments = {"timeout": CONNECT_SECONDS, "command_timeout": COMMAND_SECONDS}
    try:
        if pooled:
            return create_async_engine(url, connect_args=arguments, hide_parameters=True, pool_pre_ping=True)
        return create_async_engine(url, connect_args=arguments, hide_parameters=True, poolclass=NullPool)
    except SQLAlchemyError as error:
        message = f"FITLY_DATABASE_URL cannot be used ({error}): write it as postgresql+asyncpg://user:password@host:5432/name"
        raise Broken(message, restart_helps=False) from error


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """Open one connection with one transaction, committed at the end."""
    engine = make_engine(url, pooled=False)
    with translated():
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the libraries' errors into the product's: wait (`Retryable`) or stop (`Broken`)."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        message = f"the database cannot be reached ({str(error) or type(error).__name__}): is it running?"
        raise Retryable(message) from error
    except DBAPIError as error:
        raise _meaning(error) from error
    except SQLAlchemyError as error:
        message = f"the database layer failed ({error}): this is a fault of Fitly's"
        raise Broken(message) from error


def _meaning(error: DBAPIError) -> Retryable | Broken:
    state = getattr(error.orig, "sqlstate", None) or ""
    said = str(error.orig).partition("\n")[0]
    is_cut = error.connection_invalidated or (not state and "connection" in said)  # asyncpg gives a closed one no state
    if is_cut or state[:2] in _PASSING_CLASSES or state in _PASSING_STATES:
        return Retryable(f"the database is not ready ({said})")
    remedy = _REMEDIES.get(state[:2])
    if remedy is not None:
        return Broken(f"the database refuses ({said}): {remedy}", restart_helps=False)
    if state.startswith("22"):
        said = "a value does not fit"  # the library's words would show the value
    return Broken(f"the database refuses what was written ({state}: {said}): this is a fault of Fitly's, report it")

"""A real broker and a real Postgres for whoever asks, started once for the whole run."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from fitly.local.background import BackgroundStack, background_stack
from fitly.local.stack import Stack

QUICK, DEEP = 25, 1_000
"""Examples a property is tried on: few, or many with ``HYPOTHESIS_PROFILE=deep``. Machines differ: no deadline."""
settings.register_profile(
    "quick", max_examples=QUICK, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", max_examples=DEEP, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def stack() -> Iterator[BackgroundStack]:
    """The session's own stack: `stack.endpoints`, and `stack.stack` for what a test does to it."""
    with background_stack(lambda: Stack(ephemeral=True)) as running:
        yield running


@pytest.fixture(scope="session")
def broker(stack: BackgroundStack) -> str:
    """The bootstrap address of a real broker. It makes no topics by itself; name yours like nobody else's."""
    return stack.endpoints.bootstrap


@pytest.fixture
def postgres(stack: BackgroundStack) -> Callable[[], str]:
    """Each call makes a fresh, empty database on a real Postgres and returns its address."""

    def fresh() -> str:
        name = f"test_{uuid.uuid4().hex}"
        stack.call(_create_database, stack.endpoints.database_url, name)
        return f"{stack.endpoints.database_url.rpartition('/')[0]}/{name}"

    return fresh


async def _create_database(url: str, name: str) -> None:
    async with asyncio.timeout(30):
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            await connection.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
        finally:
            await connection.close()

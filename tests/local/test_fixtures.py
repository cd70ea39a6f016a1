"""The fixtures everybody else's tests stand on."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest


@pytest.mark.postgres
async def test_every_call_gives_a_database_of_its_own(postgres: Callable[[], str]) -> None:
    first, second = postgres(), postgres()
    assert first != second
    for url in (first, second):
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            await connection.execute("CREATE TABLE mine (id int)")
        finally:
            await connection.close()

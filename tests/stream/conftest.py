"""Each test gets a world of its own on the session's broker."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.stream.world import World

from fitly.settings import Settings

KEY = "a control key for tests"


@pytest.fixture
def settings(broker: str, tmp_path: Path) -> Settings:
    """Settings with a prefix that nobody else has, and a short session."""
    return Settings(
        kafka_bootstrap=broker,
        control_key=KEY,
        prefix=f"t{uuid.uuid4().hex[:10]}-",
        data=tmp_path,
        session_timeout_s=6,
        watchdog_s=30,
    )


@pytest.fixture
async def world(settings: Settings, tmp_path: Path) -> AsyncIterator[World]:
    """The world of one test; its workers are gone when it ends."""
    world = World(settings, tmp_path)
    yield world
    await world.end()

"""A stack of this folder's own, since its broker is killed; a slow link to it; the seed of all that is drawn."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chaos.acts import SESSION_S
from tests.chaos.driver import environment
from tests.chaos.proxy import Proxy, Width

from fitly.local.background import BackgroundStack, background_stack
from fitly.local.kafka import SideDoor
from fitly.local.ports import choose_port
from fitly.local.stack import Stack
from fitly.settings import Settings


@pytest.fixture(scope="session")
def link() -> Iterator[Proxy]:
    """A link to the broker's side door, as wide as wanted."""
    port = choose_port()
    with Proxy(port, choose_port(taken=[port])).standing() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def stack(link: Proxy) -> Iterator[BackgroundStack]:
    """A broker to be killed, in place of the one that other tests share."""
    door = SideDoor(link.target, link.port)
    with background_stack(lambda: Stack(ephemeral=True, side_door=door)) as running:
        yield running


@pytest.fixture
def seed() -> int:
    """CHAOS_SEED, else a new one each time; `Ground.tell` prints it."""
    return int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a scene takes place.

    Attributes
    ----------
    settings : Settings
        Of this process: the broker's front door, a database and a prefix of the test's own.
    env : dict
        The same for processes of the product, with the short session.
    slow_env : dict
        The same for workers: they reach the broker over the slow link.
    logs : Path
        Folder of what they log; pytest keeps it for some runs.
    tell : callable
        Prints past pytest's capture: a long run is watched, and its seed is wanted most when it fails.
    """

    seed: int
    settings: Settings
    env: dict[str, str]
    slow_env: dict[str, str]
    stack: BackgroundStack
    link: Proxy
    logs: Path
    tell: Callable[[str], None]


@pytest.fixture
def ground(
    seed: int,
    stack: BackgroundStack,
    link: Proxy,
    postgres: Callable[[], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Ground:
    """A prefix, a database and a folder of one test."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - this is what the test shows

    where = {
        "kafka_bootstrap": stack.endpoints.bootstrap,
        "control_key": stack.endpoints.control_key,
        "database_url": postgres(),
        "prefix": f"chaos-{uuid.uuid4().hex[:8]}-",
        "data": str(tmp_path),
    }
    quick = where | {"session_timeout_s": f"{SESSION_S:g}", "tick_interval_s": "1"}
    env, slow_env = environment(**quick), environment(**quick | {"kafka_bootstrap": link.address})
    link.width = Width()
    tell(f"\nCHAOS_SEED={seed}, logs in {tmp_path}")
    return Ground(seed, Settings.model_validate(where), env, slow_env, stack, link, tmp_path, tell)

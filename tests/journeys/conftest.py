"""A whole installation for one test: its own topics and database on the session's servers, its own worker and sink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fitly.local.background import BackgroundStack
from fitly.settings import Settings

KEY = "a key for tests"
PATIENCE_S = 180.0


@dataclass
class Answer:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever a command prints
        """The answer as one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The answer as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Installation:
    """One Fitly, used from outside: by its commands and by foreign producers."""

    settings: Settings
    folder: Path
    roles: list[subprocess.Popen[bytes]] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which its processes find it."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("FITLY_")},
            "FITLY_DATA": str(self.folder / "nowhere"),
            "FITLY_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "FITLY_DATABASE_URL": self.settings.database_url,
            "FITLY_CONTROL_KEY": KEY,
            "FITLY_PREFIX": self.settings.prefix,
            "PYTHONWARNINGS": "error",
            **self.more,
        }

    def fitly(self, *arguments: str, status: int | None = 0, given: str | None = None) -> Answer:
        """Run a command; an exit status other than the expected one fails the test with what was said."""
        command = [sys.executable, "-m", "fitly", *arguments]
        done = subprocess.run(
            command, input=given, env=self.environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert status is None or done.returncode == status, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, role: str) -> None:
        """Start a role beside the test."""
        with (self.folder / f"{role}.log").open("ab") as log:
            command = [sys.executable, "-m", "fitly", role]
            self.roles.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))

    def stop(self) -> list[int]:
        """Ask the roles to stop, and give their exit statuses."""
        for role in self.roles:
            role.terminate()
        try:
            return [role.wait(30) for role in self.roles]
        finally:
            for role in self.roles:
                role.kill()
            self.roles.clear()

    def publish(self, events: list[dict[str, Any]], *arguments: str, status: int = 0) -> Answer:
        """Publish events as a user would, from standard input."""
        lines = "".join(json.dumps(event) + "\n" for event in events)
        return self.fitly("publish", "-", *arguments, status=status, given=lines)

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait for a condition, with a deadline."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:g} s\n{self.logs()}"
            time.sleep(0.2)

    def logs(self) -> str:
        """The last words of the roles, for a failing test."""
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log")))


@pytest.fixture
def install(
    stack: BackgroundStack, postgres: Callable[[], str], tmp_path: Path
) -> Iterator[Callable[..., Installation]]:
    """Make an installation: topics, tables, worker and sink; all of it is stopped after the test."""
    made: list[Installation] = []

    def make(*, as_of: bool = False, roles: tuple[str, ...] = ("worker", "sink"), **more: str) -> Installation:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        settings = Settings(
            kafka_bootstrap=stack.endpoints.bootstrap,
            database_url=postgres(),
            control_key=KEY,
            prefix=f"j{uuid.uuid4().hex[:8]}-",
            data=folder,
        )
        one = Installation(settings, folder, more=more)
        made.append(one)
        one.fitly("topics", "create", *(["--as-of"] if as_of else []))
        one.fitly("db", "upgrade")
        for role in roles:
            one.start(role)
        return one

    yield make
    statuses = [status for one in made for status in one.stop()]
    assert statuses == [0] * len(statuses), "\n".join(one.logs() for one in made)

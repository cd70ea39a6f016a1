"""Processes that live and end together."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from fitly.local import crew
from fitly.local.crew import KILLED, Member


def member(program: str) -> Member:
    return Member((sys.executable, "-c", program), {})


ENDS = "raise SystemExit({})"
STAYS = "import signal; signal.pause()"
DEAF = """
import signal, pathlib, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({!r}).touch()
time.sleep(600)
"""
WAITS = """
import pathlib, time
while not pathlib.Path({!r}).exists():
    time.sleep(0.01)
raise SystemExit(3)
"""


def test_the_first_to_end_takes_the_others_along_and_its_status_is_theirs() -> None:
    assert crew.run([member(STAYS), member(ENDS.format(3)), member(STAYS)]) == 3


def test_one_that_was_killed_is_said_to_be_worth_another_start() -> None:
    assert crew.run([member("import os; os.kill(os.getpid(), 9)"), member(STAYS)]) == KILLED


def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "STOP_S", 0.3)
    began, ready = time.monotonic(), str(tmp_path / "ready")
    assert crew.run([member(DEAF.format(ready)), member(WAITS.format(ready))]) == 3
    assert time.monotonic() - began < 60

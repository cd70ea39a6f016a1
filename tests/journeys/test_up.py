"""``fitly up``: one command brings everything, the line moves, and Ctrl-C leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

COMMAND = [sys.executable, "-m", "fitly"]


def test_one_command_brings_a_live_stream_and_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FITLY_")}
    log = tmp_path / "up.log"
    with log.open("wb") as out:
        up = subprocess.Popen(
            [*COMMAND, "up", "--ephemeral", "--simulate", "30"], env=env, stdout=out, stderr=out, cwd=tmp_path
        )
    try:
        text = until(log, r"records/s")
        folder = re.search(r"Data +(\S+)", text)
        assert folder is not None
        where = ["--data", folder[1]]
        assert "127.0.0.1" in text
        assert re.search(r"APPLIED [1-9]", until(log, r"APPLIED [1-9]")), "simulated learners are at work"
        asked = subprocess.run(
            [*COMMAND, "request", "sim-1-00001", "session", *where],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stderr
        assert "sim-1-00001 · SESSION" in asked.stdout
        proof = subprocess.run(
            [*COMMAND, "verify", "--replay", *where], env=env, capture_output=True, text=True, check=False
        )
        assert proof.returncode == 0, proof.stdout + proof.stderr
        children = descendants(up.pid)
        assert len(children) >= 5, "kafka, postgres, worker, sink, learners"
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    finally:
        up.kill()
    assert "everything is stopped; nothing is kept" in log.read_text()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert not Path(folder[1]).exists()


def until(log: Path, pattern: str) -> str:
    """Wait until a pattern stands in the log."""
    deadline = time.monotonic() + 150
    while not re.search(pattern, log.read_text()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return log.read_text()


def descendants(pid: int) -> list[int]:
    """Give the processes started by a process, and by those."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return children + [grandchild for child in children for grandchild in descendants(child)]

"""Processes of the product under test: started, signalled, watched, and started again where they fell.

Knows argument lists, signals, exit codes and what a process logged. Must never know Kafka or what is being proved.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fitly.local.roles import launcher_argv

DONE, USAGE, UNREACHABLE, BROKEN = 0, 2, 3, 4
GLANCE_S = 0.1
LEAVE_S = 60.0
LAST_WORDS = {"stopping", "Unexpected error in sender routine"}
"""What a process that falls may give a traceback with: ours, and aiokafka's where its sender dies first."""
FENCED = "another process has taken over"
PARDONS = 2
COMMANDS = {
    "worker": ("worker", "--agent", "learners"),
    "experiments": ("worker", "--agent", "experiments"),
    "sink": ("sink",),
}
"""How a role is started: each agent by itself, for a signal reaches one process only."""
"""How many of a fleet may be fenced though nothing was done to them."""


def environment(**variables: str) -> dict[str, str]:
    """Give this process's environment with exactly these settings of Fitly's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FITLY_")}
    return {**kept, "FITLY_LOG_FORMAT": "json", **{f"FITLY_{name.upper()}": value for name, value in variables.items()}}


@dataclass(slots=True)
class Member:
    """One process of a role.

    Attributes
    ----------
    name : str
        Unique; names its log.
    expects : str
        What we did to it that may make it fall; empty for nothing.
    fell : bool
        Whether it ended by itself, where it might.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ended: bool = False
    asleep: bool = False
    expects: str = ""
    fell: bool = False
    _read: int = 0
    _lines: list[dict[str, Any]] = field(default_factory=list)

    def lines(self) -> list[dict[str, Any]]:
        """Give what it has logged so far; what is no JSON stands under ``raw``."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        self._lines += [_parsed(line) for line in whole.decode(errors="replace").splitlines()]
        return self._lines

    def said(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of one event."""
        return [line for line in self.lines() if line.get("event") == event]

    @property
    def alive(self) -> bool:
        """Whether it still runs, be it stopped."""
        return self.process.poll() is None

    @property
    def owns(self) -> list[int]:
        """The partitions it was assigned last."""
        told = self.said("assigned")
        found: list[int] = told[-1]["partitions"] if told and self.alive else []
        return found


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"raw": line}
    return found if isinstance(found, dict) else {"raw": line}


class Fleet:
    """The processes of one role.

    Parameters
    ----------
    role : str
        ``worker``, ``experiments`` or ``sink``.
    env : mapping
        Environment, see `environment`.
    logs : Path
        Folder of their logs.
    """

    def __init__(self, role: str, env: Mapping[str, str], logs: Path) -> None:
        self.role = role
        self.members: list[Member] = []
        self.weather = ""
        """What may make anyone fall just now."""
        self.falls: list[str] = []
        """Members that ended by themselves where that may be."""
        self.pardons = PARDONS
        self._env = dict(env)
        self._logs = logs

    # ------------------------------------------------------------ verbs

    def join(self) -> Member:
        """Start one more."""
        name = f"{self.role}-{len(self.members) + 1}"
        log = self._logs / f"{name}.log"
        argv = launcher_argv((sys.executable, "-m", "fitly", *COMMANDS[self.role]), signal.SIGKILL, None)
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=self._env
            )
        member = Member(name, process, log)
        self.members.append(member)
        return member

    def leave(self, member: Member) -> None:
        """Ask it to go, and see that it does, with status 0."""
        member.ended = True
        member.process.send_signal(signal.SIGTERM)
        try:
            status = member.process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            status = None
        assert status == DONE, f"{member.name} left with status {status}, not 0 within {LEAVE_S:g} s: see {member.log}"

    def leave_all(self) -> None:
        """Ask all who run to go, one after the other."""
        for member in self.alive:
            self.leave(member)

    def kill(self, member: Member) -> None:
        """Kill -9."""
        member.ended = True
        member.process.send_signal(signal.SIGKILL)
        member.process.wait()

    def stop(self, member: Member) -> None:
        """Let it stand still, with everything in its hands."""
        member.asleep = True
        member.expects = "was stopped"
        member.process.send_signal(signal.SIGSTOP)

    def go_on(self, member: Member) -> None:
        """Let it go on as if nothing had been."""
        member.asleep = False
        member.process.send_signal(signal.SIGCONT)

    # ------------------------------------------------------------ watching

    @property
    def alive(self) -> list[Member]:
        """Those that run and are not stopped."""
        return [member for member in self.members if member.alive and not member.asleep]

    def tend(self) -> None:
        """Start those again that fell, as a supervisor does; fail where they had no reason to fall."""
        for member in self.members:
            if member.ended or member.alive:
                continue
            member.ended = True
            status = member.process.returncode
            why = next((str(line.get("why")) for line in member.said("stopping")), "it did not say why")
            told = f"{member.name} ended with status {status}: {why}"
            reason = member.expects or self.weather or self._starved(why)
            assert reason, f"{told}; nothing was done to it; see {member.log}"
            assert status in {UNREACHABLE, BROKEN}, f"{told}; see {member.log}"
            member.fell = True
            self.falls.append(f"{told} (it {reason})")
            self.join()

    def _starved(self, why: str) -> str:
        """Explain a worker that was fenced though nothing was done to it, a few times at most.

        Where the machine is busy a worker may be silent for a session, or be fenced by one that was.
        """
        if FENCED not in why or not self.pardons:
            return ""
        self.pardons -= 1
        return "had no time for a session, or met one that had none"

    def state(self) -> str:
        """Say who runs and owns what."""
        return ", ".join(
            f"{member.name} {'asleep' if member.asleep else 'owns ' + str(member.owns)}"
            for member in self.members
            if member.alive
        )

    def end(self) -> None:
        """End whatever still runs."""
        for member in self.members:
            if member.alive:
                member.process.kill()
                member.process.wait()

    def tracebacks(self) -> list[tuple[Member, str]]:
        """Give every traceback that was logged, with who did, but for the last words of those who might fall."""
        found = []
        for member in self.members:
            lines = [line for line in member.lines() if not (member.fell and line.get("event") in LAST_WORDS)]
            found += [(member, str(line["exception"])) for line in lines if line.get("exception")]
            raw = [line["raw"] for line in lines if "raw" in line]
            if any(text.startswith("Traceback (most recent call last)") for text in raw):
                found.append((member, "\n".join(raw)))
        return found

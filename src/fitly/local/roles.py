"""What a supervised program is: a role, the policy of its restarts, and how a process of it is started.

Knows argument lists, environments, users and signals. Must never know when to start or restart: that is the
supervisor's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from fitly.local import launch
from fitly.local.errors import EXIT_CONFIG

ReadyCheck = Callable[[], Awaitable[bool]]

_LONGEST_LOG = 10 * 1024 * 1024


class Restart(Enum):
    """What the end of a role means."""

    ALWAYS = "always"
    """It should run as long as the stack: any end is a death."""
    ON_FAILURE = "on failure"
    """It may finish: exit status 0 is the end of its work."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart: doubling from `first` to `longest`, anew after `reset_after` of health.

    All in seconds.
    """

    first: float = 0.5
    longest: float = 30.0
    reset_after: float = 60.0

    def delay(self, deaths: int) -> float:
        """Return the wait after so many deaths in a row.

        >>> [Backoff().delay(deaths) for deaths in (1, 2, 3, 7, 99)]
        [0.5, 1.0, 2.0, 30.0, 30.0]
        """
        return min(self.longest, self.first * 2.0 ** min(deaths - 1, 32))


@dataclass(frozen=True, slots=True)
class RunAs:
    """Another user for a program started by root, and what it keeps of root's rights.

    Parameters
    ----------
    uid, gid
        The user and the group.
    capabilities
        Numbers of Linux capabilities below 32.
    """

    uid: int
    gid: int
    capabilities: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A program the stack keeps running.

    Parameters
    ----------
    name
        Unique in its stack; names the log `DIR/logs/NAME.log`.
    argv
        Program and arguments.
    env
        Variables added to the stack's own environment.
    ready
        Asked again and again after a start until it answers true; without it a started process counts as ready.
    restart
        What its end means.
    fatal_exits
        Exit statuses by which the role says that a restart cannot help: they stop the whole stack.
    backoff
        The waits between restarts.
    start_seconds
        How long a start may take before the process is killed and counted as dead.
    stop_signal, stop_seconds
        How it is asked to stop, and how long it may take before it is killed.
    death_signal
        What the kernel sends it when the supervisor itself was killed (Linux).
    run_as
        Another user, when the stack runs as root.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: ReadyCheck | None = None
    restart: Restart = Restart.ALWAYS
    fatal_exits: frozenset[int] = frozenset({EXIT_CONFIG})
    backoff: Backoff = Backoff()
    start_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    death_signal: signal.Signals = signal.SIGKILL
    run_as: RunAs | None = None

    def __post_init__(self) -> None:
        """Refuse a role that could not be started or would write outside the log folder."""
        if not self.argv:
            raise ValueError(f"role {self.name!r} names no program")
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise ValueError(f"role name {self.name!r} must do as a file name")


def launcher_argv(argv: tuple[str, ...], death_signal: signal.Signals, run_as: RunAs | None) -> list[str]:
    """Return `argv` behind the launcher that ties it to this process's life and changes the user."""
    keeps = ",".join(map(str, run_as.capabilities)) if run_as and run_as.capabilities else "-"
    user = (str(run_as.uid), str(run_as.gid)) if run_as else ("-1", "-1")
    head = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(death_signal)), *user, keeps]
    return [*head, *argv]


async def spawn(role: Role, log: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start a process of `role` in a session of its own, its output appended to `log`."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _turn_over(log)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *launcher_argv(role.argv, role.death_signal, role.run_as),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=inherited({**environment, **role.env}),
            start_new_session=True,
        )


async def run_to_end(
    argv: tuple[str, ...], *, run_as: RunAs | None = None, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a helper program to its end, and return its exit status and what it printed.

    A cancelled wait kills it: nothing is left behind.
    """
    process = await asyncio.create_subprocess_exec(
        *launcher_argv(argv, signal.SIGKILL, run_as),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=inherited(env or {}),
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            signal_group(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, output.decode("utf-8", "replace").strip()


def signal_group(leader: int, what: signal.Signals) -> None:
    """Send a signal to a process and the children that stayed in its group; silence when they are gone."""
    try:
        os.killpg(leader, what)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS says this of a group of zombies
        return


def inherited(added: Mapping[str, str]) -> dict[str, str]:
    """Return this process's own environment with `added`: what a child would get anyway."""
    return {**os.environ, **added}


def _turn_over(log: Path) -> None:
    """Keep one older log when the present one has grown long."""
    if log.exists() and log.stat().st_size > _LONGEST_LOG:
        log.replace(log.with_suffix(".log.1"))

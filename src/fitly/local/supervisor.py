"""Keeps roles running: starts them in order, restarts the dead, stops all in reverse order.

Knows processes, exit statuses and waits. Must never know what a role does; what it must know is in the `Role`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from fitly.local.errors import EXIT_CONFIG, EXIT_UNREACHABLE, RoleFailedError
from fitly.local.leftovers import record
from fitly.local.roles import Restart, Role, signal_group, spawn
from fitly.local.telling import Teller

_POLL_SECONDS = 0.05
_READY_SECONDS = 10.0
_FIRST_TRIES = 3
_TAIL_LINES, _TAIL_BYTES = 15, 8192


class Phase(Enum):
    """Where a role is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to restart"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One line about a role for whoever shows the stack."""

    name: str
    phase: Phase
    pid: int | None
    restarts: int


StatusCallback = Callable[[tuple[RoleStatus, ...]], None]


class Watch:
    """One role and the process that plays it now."""

    def __init__(self, role: Role, log: Path, supervisor: Supervisor) -> None:
        self.role = role
        self.log = log
        self.phase = Phase.STARTING
        self.restarts = 0
        self.settled = asyncio.Event()  # ready for the first time, or never to be
        self._supervisor = supervisor
        self._process: asyncio.subprocess.Process | None = None
        self._deaths = 0
        self._log_start = 0
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._keep(), name=f"watch {role.name}")

    @property
    def pid(self) -> int | None:
        """The running process, if there is one."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def status(self) -> RoleStatus:
        """What to show."""
        return RoleStatus(self.role.name, self.phase, self.pid, self.restarts)

    def send(self, what: signal.Signals) -> int | None:
        """Signal the process and its group; return its number, or None when there is none."""
        pid = self.pid
        if pid is not None:
            signal_group(pid, what)
        return pid

    async def stop(self) -> None:
        """Ask the process to end, wait as long as the role allows, then kill it."""
        self._stopping.set()
        if not self._supervisor.hurried:
            self.send(self.role.stop_signal)
            self.send(signal.SIGCONT)  # a stopped process would not hear
            await asyncio.wait({self._task}, timeout=self.role.stop_seconds)
        while not self._task.done():
            self.send(signal.SIGKILL)
            await asyncio.wait({self._task}, timeout=1.0)
        self._task.result()

    def tail(self) -> str:
        """Return the last lines the process wrote since its start, indented."""
        with self.log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(self._log_start if self._log_start <= end else 0, end - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").rstrip().splitlines()[-_TAIL_LINES:]
        return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"

    async def _keep(self) -> None:
        """Start, watch, restart, until told to stop or it makes no sense any more."""
        try:
            while not self._stopping.is_set():
                status, lived = await self._play()
                if self._stopping.is_set() or not self._go_on(status, lived):
                    break
                await self._wait_to_restart(status)
        except OSError as error:
            self._give_up(
                f"{self.role.name} cannot be started: {error}; its program is {self.role.argv[0]}", EXIT_UNREACHABLE
            )
        finally:
            if self.phase not in {Phase.FINISHED, Phase.FAILED}:
                self._enter(Phase.STOPPED)
            self.settled.set()

    async def _play(self) -> tuple[int, float]:
        """Run one process to its end; return its exit status and how long it was ready, in seconds."""
        loop = asyncio.get_running_loop()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = process = await spawn(self.role, self.log, self._supervisor.environment)
        self._enter(Phase.STARTING)
        ended = asyncio.create_task(process.wait())
        if self._stopping.is_set():
            self.send(signal.SIGKILL)
        since = loop.time()
        if await self._becomes_ready(ended):
            self._enter(Phase.RUNNING)
            self.settled.set()
            since = loop.time()
        status = await ended
        signal_group(process.pid, signal.SIGKILL)  # what it left in its group
        return status, loop.time() - since

    async def _becomes_ready(self, ended: asyncio.Task[int]) -> bool:
        """Ask until the role is ready; one that takes too long is killed. False when it ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.role.start_seconds
        while self.role.ready is not None and not ended.done():
            try:
                if await asyncio.wait_for(self.role.ready(), _READY_SECONDS):
                    break
            except TimeoutError:
                pass
            if loop.time() > deadline:
                self._supervisor.teller.say(
                    f"{self.role.name}: not ready after {self.role.start_seconds:g} s, killed; see {self.log}"
                )
                self.send(signal.SIGKILL)
                await ended
            await asyncio.wait({ended}, timeout=_POLL_SECONDS)
        return not ended.done()

    def _go_on(self, status: int, lived: float) -> bool:
        """Whether to restart after this end."""
        name, never_ran = self.role.name, not self.settled.is_set()
        if status == 0 and self.role.restart is Restart.ON_FAILURE:
            self._enter(Phase.FINISHED)
            return False
        if status in self.role.fatal_exits:
            self._give_up(
                f"{name} says that a restart cannot help ({_ending(status)}). It wrote last:\n{self.tail()}",
                EXIT_CONFIG,
            )
            return False
        self._deaths = 1 if lived >= self.role.backoff.reset_after else self._deaths + 1
        if never_ran and self._deaths >= _FIRST_TRIES:
            told = f"{name} does not start: {self._deaths} tries, the last ended by {_ending(status)}"
            self._give_up(f"{told}. It wrote last ({self.log}):\n{self.tail()}", EXIT_UNREACHABLE)
            return False
        return True

    async def _wait_to_restart(self, status: int) -> None:
        delay = self.role.backoff.delay(self._deaths)
        self.restarts += 1
        self._enter(Phase.WAITING)
        self._supervisor.teller.say(
            f"{self.role.name} died ({_ending(status)}); restarting in {delay:g} s; log: {self.log}"
        )
        try:
            await asyncio.wait_for(self._stopping.wait(), delay)
        except TimeoutError:
            return

    def _give_up(self, message: str, exit_code: int) -> None:
        self._enter(Phase.FAILED)
        self._supervisor.fail(RoleFailedError(message, exit_code))

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._supervisor.changed()


class Supervisor:
    """The roles of one directory.

    Parameters
    ----------
    directory
        Logs go to `DIR/logs`, process numbers to `DIR/processes.json`.
    teller
        Is told of deaths and restarts.
    on_failure
        Called once, when a role cannot be kept running.
    on_change
        Called with all statuses whenever one changes.
    """

    def __init__(
        self,
        directory: Path,
        teller: Teller,
        *,
        on_failure: Callable[[RoleFailedError], None] = lambda _failure: None,
        on_change: StatusCallback = lambda _statuses: None,
    ) -> None:
        self.teller = teller
        self.hurried = False
        self.environment: Mapping[str, str] = {}
        self._directory = directory
        self._on_failure = on_failure
        self._on_change = on_change
        self._watches: dict[str, Watch] = {}
        self._failure: RoleFailedError | None = None

    @property
    def statuses(self) -> tuple[RoleStatus, ...]:
        """All roles, in the order they were started."""
        return tuple(watch.status for watch in self._watches.values())

    async def start(self, role: Role) -> None:
        """Start a role and wait until it is ready for the first time.

        Raises
        ------
        RoleFailedError
            It cannot be started, or says that a restart cannot help.
        """
        if role.name in self._watches:
            raise ValueError(f"there is a role {role.name!r} already")
        watch = self._watches[role.name] = Watch(role, self._directory / "logs" / f"{role.name}.log", self)
        await watch.settled.wait()
        if watch.phase is Phase.FAILED and self._failure is not None:
            raise self._failure

    async def remove(self, name: str) -> None:
        """Stop one role and forget it."""
        watch = self._watches[name]
        await watch.stop()
        del self._watches[name]
        self.changed()

    async def stop(self) -> None:
        """Stop all roles, the last started first."""
        for watch in reversed(list(self._watches.values())):
            await watch.stop()

    def hurry(self) -> None:
        """Kill what still runs: somebody asked twice."""
        self.hurried = True
        for watch in self._watches.values():
            watch.send(signal.SIGKILL)

    def send(self, name: str, what: signal.Signals) -> int | None:
        """Signal a role's process; return its number, or None when it is down just now."""
        return self._watches[name].send(what)

    def fail(self, failure: RoleFailedError) -> None:
        """Take note that a role cannot be kept running."""
        if self._failure is None:
            self._failure = failure
            self._on_failure(failure)

    def changed(self) -> None:
        """Write the process numbers down and tell who wants to know."""
        pids = {status.name: status.pid for status in self.statuses}
        record(self._directory, {name: pid for name, pid in pids.items() if pid is not None})
        self._on_change(self.statuses)


def _ending(status: int) -> str:
    """Say how a process ended.

    >>> _ending(2), _ending(-9)
    ('exit status 2', 'signal SIGKILL')
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"

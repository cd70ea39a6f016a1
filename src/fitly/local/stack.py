"""One directory's stack: its lock, its addresses, its broker and its Postgres, and whatever roles a caller adds.

Knows the order in which things are had, started and stopped, and what a signal means. Must never know topics, tables or
what roles do.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from fitly.local.directory import earlier_endpoints, endpoints_for_run, hold, kept_directory, temporary_directory
from fitly.local.endpoints import Endpoints, write_endpoints
from fitly.local.errors import LocalError, RoleFailedError, StopRequestedError, UnavailableError
from fitly.local.jars import default_cache, ensure_jars
from fitly.local.java import find_java
from fitly.local.kafka import Broker, SideDoor
from fitly.local.leftovers import end_leftovers
from fitly.local.postgres import Postgres
from fitly.local.roles import Role
from fitly.local.supervisor import Phase, RoleStatus, StatusCallback, Supervisor
from fitly.local.telling import Silence, Teller

T = TypeVar("T")

KAFKA, POSTGRES = "kafka", "postgres"

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS = 0.05


class Stack:
    """A real Kafka and a real Postgres for one directory, supervised, as an async context manager.

    A first Ctrl-C, SIGTERM or SIGHUP, and a role that cannot be kept running, end `wait`, or cancel whatever else the
    body does; leaving the context stops everything. A second signal kills what is still stopping.

    Parameters
    ----------
    directory
        Where everything is kept; made when missing. With `ephemeral`, the folder that holds the temporary one (the
        system's by default).
    ephemeral
        Keep nothing: a temporary folder, removed at the end.
    teller
        Is told what a person should know.
    on_change
        Called with the statuses of all roles whenever one changes.
    cache
        Where Kafka's jars are kept; the user's cache by default.
    handle_signals
        False leaves signals to the caller; so does running outside the main thread.
    side_door
        A second address of the broker, for clients that are to reach it through a slow link.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        ephemeral: bool = False,
        teller: Teller | None = None,
        on_change: StatusCallback = lambda _statuses: None,
        cache: Path | None = None,
        handle_signals: bool = True,
        side_door: SideDoor | None = None,
    ) -> None:
        if directory is None and not ephemeral:
            raise ValueError("a stack that keeps its data needs a directory")
        self._given = directory
        self._ephemeral = ephemeral
        self._teller = teller or Silence()
        self._on_change = on_change
        self._cache = cache or default_cache()
        self._side_door = side_door
        self._signals = _SIGNALS if handle_signals and threading.current_thread() is threading.main_thread() else ()
        self._directory: Path | None = None
        self._lock: IO[str] | None = None
        self._endpoints: Endpoints | None = None
        self._supervisor: Supervisor | None = None
        self._owner: asyncio.Task[Any] | None = None
        self._ending = asyncio.Event()
        self._asked_once = False
        self._cancelled = False
        self._waiting = False
        self._failure: RoleFailedError | None = None
        self._former: dict[signal.Signals, Any] = {}

    # ------------------------------------------------------------ what a caller sees

    @property
    def directory(self) -> Path:
        """The folder of this stack."""
        return _there(self._directory)

    @property
    def endpoints(self) -> Endpoints:
        """The addresses and keys, once the stack stands."""
        return _there(self._endpoints)

    @property
    def statuses(self) -> tuple[RoleStatus, ...]:
        """All roles, in the order they were started."""
        return _there(self._supervisor).statuses

    async def add(self, role: Role) -> None:
        """Start a role, with the addresses and keys in its environment, and wait until it is ready."""
        await _there(self._supervisor).start(role)

    async def remove(self, name: str) -> None:
        """Stop a role and forget it."""
        await _there(self._supervisor).remove(name)

    def send(self, name: str, what: signal.Signals) -> int | None:
        """Signal a role's process; return its number, or None when it is down just now."""
        return _there(self._supervisor).send(name, what)

    def kill_broker(self) -> int | None:
        """Kill the broker as a crash would; the supervisor restarts it at the same address."""
        return self.send(KAFKA, signal.SIGKILL)

    async def until_running(self, name: str, *, not_pid: int | None = None, seconds: float = 60.0) -> RoleStatus:
        """Wait until a role runs, in another process than `not_pid`.

        Raises
        ------
        TimeoutError
            It does not, within so many seconds.
        """
        async with asyncio.timeout(seconds):
            while True:
                for status in self.statuses:
                    if status.name == name and status.phase is Phase.RUNNING and status.pid not in {None, not_pid}:
                        return status
                await asyncio.sleep(_POLL_SECONDS)

    async def wait(self) -> None:
        """Wait until somebody asks the stack to stop.

        Raises
        ------
        RoleFailedError
            A role cannot be kept running.
        """
        self._waiting = True
        try:
            await self._ending.wait()
        finally:
            self._waiting = False
        if self._failure is not None:
            raise self._failure

    # ------------------------------------------------------------ beginning and end

    async def __aenter__(self) -> Self:
        """Bring everything up; on any failure leave nothing behind."""
        self._owner = asyncio.current_task()
        self._listen()
        try:
            await self._begin()
        except BaseException as error:
            await self._end()
            if self._failure is not None:
                raise self._failure from None
            if isinstance(error, asyncio.CancelledError) and self._taken_back():
                raise StopRequestedError("stopped before the stack stood") from None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Stop everything; a cancellation that was only a signal's ends here."""
        await self._end()
        ours = isinstance(error, asyncio.CancelledError) and self._taken_back()
        if self._failure is not None and error is not self._failure:
            raise self._failure from (None if ours else error)
        return ours

    async def _begin(self) -> None:
        self._directory = directory = (
            temporary_directory(self._given) if self._ephemeral else kept_directory(_there(self._given))
        )
        self._lock = hold(directory)
        for name in await end_leftovers(directory):
            self._teller.say(f"{name} of an earlier run was still running in {directory}: ended")
        earlier = earlier_endpoints(directory)
        java = await find_java()
        jars = await ensure_jars(self._cache, self._teller)
        self._endpoints = endpoints = endpoints_for_run(earlier)
        write_endpoints(directory, endpoints)
        ports = endpoints.broker_port, endpoints.controller_port
        broker = Broker(directory / KAFKA, java, tuple(jars), *ports, self._side_door)
        postgres = Postgres(directory / POSTGRES, endpoints.database_port, endpoints.database_password, self._ephemeral)
        self._supervisor = Supervisor(directory, self._teller, on_failure=self._failed, on_change=self._on_change)
        self._supervisor.environment = endpoints.environment(directory)
        try:
            await _together(broker.prepare(), postgres.prepare())
        except OSError as error:
            raise UnavailableError(
                f"cannot prepare the servers in {directory}: {error}. Look for room and permissions there; "
                "in a container whose root has not root's usual rights, run as an ordinary user"
            ) from error
        await _together(self._supervisor.start(postgres.role()), self._supervisor.start(broker.role()))

    async def _end(self) -> None:
        self._ending.set()  # from here on nothing may cancel us
        try:
            if self._supervisor is not None:
                await self._supervisor.stop()
            if self._ephemeral and self._directory is not None and self._lock is not None:
                shutil.rmtree(self._directory)
        finally:
            if self._lock is not None:
                self._lock.close()
            self._unlisten()

    # ------------------------------------------------------------ asked to stop

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._signals:
            self._former[each] = signal.getsignal(each)
            loop.add_signal_handler(each, self._asked, each)

    def _unlisten(self) -> None:
        loop = asyncio.get_running_loop()
        for each, former in self._former.items():
            loop.remove_signal_handler(each)
            signal.signal(each, former)
        self._former.clear()

    def _asked(self, which: signal.Signals) -> None:
        asked_before, self._asked_once = self._asked_once, True
        if asked_before:
            self._teller.say(f"{which.name} again: killing what still runs")
            if self._supervisor is not None:
                self._supervisor.hurry()
        else:
            self._teller.say(f"{which.name}: stopping; once more kills what is slow to stop")
            self._interrupt()

    def _failed(self, failure: RoleFailedError) -> None:
        self._failure = failure
        self._interrupt()

    def _interrupt(self) -> None:
        """End `wait`, or cancel what the owner does instead; once."""
        if self._ending.is_set():
            return
        self._ending.set()
        if not self._waiting and self._owner is not None:
            self._cancelled = self._owner.cancel()

    def _taken_back(self) -> bool:
        """Whether the cancellation under way was ours alone; if so it is taken back."""
        if not self._cancelled or self._owner is None:
            return False
        self._cancelled = False
        return self._owner.uncancel() == 0


def _there(value: T | None) -> T:
    if value is None:
        raise LocalError("the stack does not stand yet: use it inside `async with`")
    return value


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Await all; the first failure cancels the others and is raised bare."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None

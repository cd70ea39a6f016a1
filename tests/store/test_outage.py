"""A Postgres that goes away is waited for: nothing is lost, nothing is written twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.store.conftest import expected, stored
from tests.store.folded import RESTLESS, Partition, a_term

from fitly.core.errors import Broken, Retryable
from fitly.core.records import OutcomeRecord
from fitly.core.topics import CONTEXTS_CHANGELOG, OUTCOMES
from fitly.local.ports import choose_port
from fitly.local.postgres import Postgres
from fitly.local.roles import Role, launcher_argv
from fitly.store import Writer, check, engine, snapshot, upgrade

pytestmark = pytest.mark.postgres
PATIENCE_S = 30.0


class Server:
    """A Postgres of one's own, to be stopped and started."""

    def __init__(self, home: Path) -> None:
        self._postgres = Postgres(home, choose_port(), "secret")  # safe against a crash, as in earnest
        self._process: asyncio.subprocess.Process | None = None
        self.url = self._postgres.database_url

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        await self._postgres.prepare()
        role: Role = self._postgres.role()
        self._process = await asyncio.create_subprocess_exec(
            *launcher_argv(role.argv, role.death_signal, role.run_as), stderr=asyncio.subprocess.DEVNULL
        )
        await until(self._postgres.is_ready)

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends sessions and shuts down, SIGQUIT leaves everything as after a crash."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and asyncio has not heard of it yet
                os.kill(self._process.pid, how)
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < deadline, "not within the deadline"
        await asyncio.sleep(0.05)


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A running server with the schema."""
    home = tmp_path_factory.mktemp("postgres")
    for folder in (home, *home.parents):
        if folder.name.startswith("pytest-"):
            folder.chmod(0o755)
    made = Server(home / "home")
    await made.start()
    await upgrade(made.url)
    yield made
    await made.stop()


async def test_an_outage_between_and_within_batches_loses_and_doubles_nothing(server: Server) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=8, days=25, per_day=2, folds=8)
    writer = Writer(server.url)
    outages = iter([(signal.SIGINT, 0.0), (signal.SIGQUIT, 0.03), (signal.SIGQUIT, 0.0), (signal.SIGINT, 0.06)])
    waits = 0

    async def apply(topic: str, position: int, end: int) -> None:
        """As the feed does it: try, wait, ask, try the same again."""
        nonlocal waits
        while True:
            try:
                await writer.apply(topic, 0, position, end, partition.topics[topic][position:end])
            except Retryable:
                waits += 1
                await server.stop()
                await server.start()
            else:
                return

    for topic in writer.topics:
        log = partition.topics[topic]
        for position in range(0, len(log), 60):
            end = min(position + 60, len(log))
            outage = next(outages, None) if position == 60 or topic == CONTEXTS_CHANGELOG else None
            work = asyncio.create_task(apply(topic, position, end))
            if outage is not None:
                how, seconds = outage
                await asyncio.sleep(seconds)
                await server.stop(how)
            await work
    assert waits >= 3
    assert await stored(server.url) == expected(partition)
    await writer.close()


async def test_a_writer_lives_through_a_restart_without_noticing(server: Server) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=2, days=5)
    log, writer = partition.topics[OUTCOMES], Writer(server.url)
    await writer.apply(OUTCOMES, 0, 0, 3, log[:3])
    await server.stop()
    with pytest.raises(Retryable, match="reached"):
        await writer.positions(OUTCOMES)
    with pytest.raises(Retryable, match="reached"):
        await check(server.url)
    with pytest.raises(Retryable, match="reached"):
        async with snapshot(server.url):
            pass
    await server.start()
    await writer.apply(OUTCOMES, 0, 3, len(log), log[3:])
    assert (await stored(server.url))[OutcomeRecord] == expected(partition)[OutcomeRecord]
    await writer.close()


async def test_a_session_that_is_ended_under_a_batch_is_tried_again(server: Server) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=2, days=5)
    log, writer, other = partition.topics[OUTCOMES], Writer(server.url), Writer(server.url)
    async with engine.connected(server.url) as blocker:
        await blocker.exec_driver_sql("LOCK TABLE personalization_outcomes")
        work = asyncio.create_task(writer.apply(OUTCOMES, 0, 0, len(log), log))

        async def is_waiting() -> bool:
            waiting = await blocker.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(waiting.scalar_one())

        await until(is_waiting)
        await blocker.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        with pytest.raises(Retryable):
            await work
    assert await writer.positions(OUTCOMES) == {}
    assert await other.apply(OUTCOMES, 0, 0, len(log), log) == len(log)
    await writer.close()
    await other.close()


async def test_a_database_that_hangs_is_given_up_on_in_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "COMMAND_SECONDS", 0.3)
    writer = Writer(server.url)
    async with engine.connected(server.url) as blocker:
        await blocker.exec_driver_sql("LOCK TABLE sink_positions")
        with pytest.raises(Retryable, match="TimeoutError"):
            await writer.positions(OUTCOMES)
    monkeypatch.undo()
    await writer.close()


async def test_a_deadlock_is_tried_again_and_a_lack_of_rights_is_not(server: Server) -> None:
    async with engine.connected(server.url) as connection:
        await connection.exec_driver_sql("CREATE ROLE reader LOGIN PASSWORD 'secret'")
    reader = Writer(server.url.replace("fitly:", "reader:", 1))
    with pytest.raises(Broken, match="permission denied"):
        await reader.positions(OUTCOMES)
    await reader.close()
    with pytest.raises(Retryable, match="deadlock"):
        await _deadlock(server.url)


async def _deadlock(url: str) -> None:
    async with engine.connected(url) as one, engine.connected(url) as other:
        await one.exec_driver_sql("LOCK TABLE ledger")
        await other.exec_driver_sql("LOCK TABLE audit_log")
        first = one.exec_driver_sql("LOCK TABLE audit_log")
        second = other.exec_driver_sql("LOCK TABLE ledger")
        for result in await asyncio.gather(first, second, return_exceptions=True):  # both are done: one by the deadlock
            if isinstance(result, BaseException):
                raise result

"""The whole stack, with the real servers: kept, thrown away, killed, refused, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from fitly.local.endpoints import read_endpoints
from fitly.local.errors import EXIT_CONFIG, EXIT_UNREACHABLE, InUseError, RoleFailedError
from fitly.local.leftovers import identity
from fitly.local.roles import Role
from fitly.local.stack import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(180)]

STANDING = Path(__file__).with_name("standing.py")
QUIET = {"log_level": 0}


async def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.05)


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def alive(pid: int | None) -> bool:
    return pid is not None and identity(pid) is not None


def pids_of(stack: Stack) -> list[int]:
    return [status.pid for status in stack.statuses if status.pid is not None]


def write_message(bootstrap: str, topic: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **QUIET})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def read_message(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, **QUIET})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        for _ in range(30):
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                return message.value()
        return None
    finally:
        consumer.close()


async def sql(url: str, statement: str) -> Any:  # noqa: ANN401 - whatever the database says
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_second_start_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    async with Stack(directory) as stack:
        first = stack.endpoints
        assert read_endpoints(directory) == first
        assert stat.S_IMODE((directory / "endpoints.json").stat().st_mode) == 0o600
        with pytest.raises(InUseError, match=f"process {os.getpid()}.*--data"):
            await Stack(directory).__aenter__()
        await asyncio.to_thread(write_message, first.bootstrap, "kept", b"still here")
        await sql(first.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        former = pids_of(stack)
    assert not [pid for pid in former if alive(pid)]

    async with Stack(directory) as stack:
        assert stack.endpoints == first
        assert await asyncio.to_thread(read_message, first.bootstrap, "kept") == b"still here"
        assert await sql(first.database_url, "SELECT answer FROM kept") == 42


async def test_postgres_wants_the_password(tmp_path: Path) -> None:
    async with Stack(tmp_path, ephemeral=True) as stack:
        wrong = stack.endpoints.database_url.replace(stack.endpoints.database_password, "guess")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await sql(wrong, "SELECT 1")


async def test_a_killed_broker_comes_back_at_its_address_with_its_data(tmp_path: Path) -> None:
    async with Stack(tmp_path, ephemeral=True) as stack:
        bootstrap = stack.endpoints.bootstrap
        await asyncio.to_thread(write_message, bootstrap, "kept", b"still here")
        killed = stack.kill_broker()
        status = await stack.until_running("kafka", not_pid=killed)
        assert status.restarts == 1
        assert stack.endpoints.bootstrap == bootstrap
        assert await asyncio.to_thread(read_message, bootstrap, "kept") == b"still here"


async def test_a_killed_postgres_comes_back_at_its_address(tmp_path: Path) -> None:
    async with Stack(tmp_path, ephemeral=True) as stack:
        killed = stack.send("postgres", signal.SIGKILL)
        await stack.until_running("postgres", not_pid=killed)
        assert await sql(stack.endpoints.database_url, "SELECT 1") == 1


async def test_a_role_that_says_a_restart_cannot_help_stops_everything(tmp_path: Path) -> None:
    pids: list[int] = []
    role = Role("picky", (sys.executable, "-c", "import sys; print('FITLY_X is not set: set it'); sys.exit(2)"))

    async def stand() -> None:
        async with Stack(tmp_path, ephemeral=True) as stack:
            pids.extend(pids_of(stack))
            await stack.add(role)
            await stack.wait()

    with pytest.raises(RoleFailedError, match="FITLY_X is not set: set it") as failure:
        await stand()
    assert failure.value.exit_code == EXIT_CONFIG
    assert len(pids) == 2
    assert not [pid for pid in pids if alive(pid)]
    assert files_in(tmp_path) == []


@dataclass
class Standing:
    process: asyncio.subprocess.Process
    pids: dict[str, int]
    directory: Path

    async def until_gone(self) -> None:
        await eventually(lambda: not [pid for pid in self.pids.values() if alive(pid)])


@contextlib.asynccontextmanager
async def standing(*arguments: str, **env: str) -> AsyncIterator[Standing]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, STANDING, *arguments, stdout=subprocess.PIPE, env={**os.environ, **env}, start_new_session=True
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 120)
        found = json.loads(line)
        yield Standing(process, found["pids"], Path(found["directory"]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_stops_everything_and_leaves_neither_process_nor_file(
    how: signal.Signals, tmp_path: Path
) -> None:
    async with standing("-", str(tmp_path)) as stack:
        assert stack.directory.parent == tmp_path
        assert stack.pids.keys() == {"kafka", "postgres", "sleeper", "self"}
        stack.process.send_signal(how)
        assert await asyncio.wait_for(stack.process.wait(), 60) == 0
        assert not [pid for pid in stack.pids.values() if alive(pid)]
        assert files_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
async def test_kill_nine_of_the_stack_leaves_no_process_and_the_next_start_goes_on_offline(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    async with standing(str(tmp_path / "data")) as stack:
        endpoints = read_endpoints(stack.directory)
        await asyncio.to_thread(write_message, endpoints.bootstrap, "kept", b"still here")
        stack.process.kill()
        await stack.until_gone()
    async with standing(str(tmp_path / "data"), HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere, ALL_PROXY=nowhere) as stack:
        assert read_endpoints(stack.directory) == endpoints
        assert await asyncio.to_thread(read_message, endpoints.bootstrap, "kept") == b"still here"
        stack.process.terminate()
        assert await asyncio.wait_for(stack.process.wait(), 60) == 0


async def test_without_network_and_cache_it_says_why_and_ends_with_three(tmp_path: Path) -> None:
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    process = await asyncio.create_subprocess_exec(
        sys.executable, STANDING, str(tmp_path / "data"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **nowhere, "HOME": str(tmp_path)},
    )  # fmt: skip
    _, told = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == EXIT_UNREACHABLE
    assert b"cannot be had" in told
    assert b"Connect this machine to the network" in told

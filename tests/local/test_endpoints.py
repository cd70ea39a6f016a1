"""Addresses and keys of a directory."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from fitly.local.directory import earlier_endpoints, endpoints_for_run
from fitly.local.endpoints import Endpoints, new_secret, read_endpoints, write_endpoints
from fitly.local.errors import EndpointsError

WRITTEN = Endpoints(
    bootstrap="127.0.0.1:15001",
    database_url="postgresql+asyncpg://fitly:secret@127.0.0.1:15003/postgres",
    control_key="ab" * 32,
    controller="127.0.0.1:15002",
)


def test_what_was_written_is_read_and_only_its_owner_may(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write_endpoints(tmp_path, WRITTEN)
    finally:
        os.umask(before)
    assert read_endpoints(tmp_path) == WRITTEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["endpoints.json"]


def test_its_parts_can_be_asked_for() -> None:
    assert (WRITTEN.broker_port, WRITTEN.controller_port, WRITTEN.database_port) == (15001, 15002, 15003)
    assert WRITTEN.database_password == "secret"
    assert WRITTEN.environment(Path("here"))["FITLY_DATA"] == "here"


def test_a_directory_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(EndpointsError, match="fitly up --data"):
        read_endpoints(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "lacks bootstrap, database_url"),
        ('{"bootstrap": 1, "database_url": "x", "control_key": "y", "controller": "z"}', "lacks bootstrap;"),
        ('{"bootstrap": "b", "database_url": "x", "control_key": "y", "controller": "z"}', "without a port"),
    ],
)
def test_a_damaged_file_is_named_with_its_damage(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "endpoints.json").write_text(text)
    with pytest.raises(EndpointsError, match=complaint):
        read_endpoints(tmp_path)


def test_keys_are_made_once_and_ports_only_when_they_are_taken(tmp_path: Path) -> None:
    first = endpoints_for_run(earlier_endpoints(tmp_path))
    write_endpoints(tmp_path, first)
    assert endpoints_for_run(earlier_endpoints(tmp_path)) == first
    moved = endpoints_for_run(replace(first, controller=first.bootstrap))
    assert moved.controller != first.bootstrap
    assert (moved.control_key, moved.database_password) == (first.control_key, first.database_password)


@pytest.mark.parametrize("marker", ["kafka/formatted", "postgres/initialised"])
def test_data_without_its_keys_is_refused_rather_than_given_new_ones(tmp_path: Path, marker: str) -> None:
    (tmp_path / marker).parent.mkdir()
    (tmp_path / marker).touch()
    with pytest.raises(EndpointsError, match="restore that file"):
        earlier_endpoints(tmp_path)


def test_secrets_differ() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 64

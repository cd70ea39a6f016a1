"""A process finds its stack: what was said on purpose wins over what happens to be there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fitly.bootstrap import Need, configured
from fitly.core.errors import Broken
from fitly.local.endpoints import Endpoints, write_endpoints
from fitly.settings import Settings, unknown_variables

HERE = Endpoints("127.0.0.1:1111", "postgresql+asyncpg://a:b@127.0.0.1:2222/c", "a key", "127.0.0.1:3333")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder whose .fitly holds a stack, with no FITLY_ variable."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FITLY_")]:
        monkeypatch.delenv(name)
    (tmp_path / ".fitly").mkdir()
    write_endpoints(tmp_path / ".fitly", HERE)
    return tmp_path


def test_a_stack_in_the_default_folder_is_found() -> None:
    found = configured(needs=tuple(Need))
    assert (found.kafka_bootstrap, found.database_url) == (HERE.bootstrap, HERE.database_url)
    assert found.signing_key == b"a key"


def test_addresses_in_the_environment_win_over_a_stack_that_happens_to_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FITLY_KAFKA_BOOTSTRAP", "kafka:9092")
    assert configured().kafka_bootstrap == "kafka:9092"


@pytest.mark.parametrize("named", ["argument", "variable"])
def test_a_folder_that_was_named_wins_over_addresses(folder: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("FITLY_KAFKA_BOOTSTRAP", "kafka:9092")
    if named == "variable":
        monkeypatch.setenv("FITLY_DATA", str(folder / ".fitly"))
    assert configured(folder / ".fitly" if named == "argument" else None).kafka_bootstrap == HERE.bootstrap


def test_other_settings_still_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITLY_PREFIX", "t-")
    assert configured().topic("control") == "t-control"


def test_what_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".fitly" / "endpoints.json").unlink()
    monkeypatch.setenv("FITLY_KAFKA_BOOTSTRAP", "kafka:9092")
    with pytest.raises(Broken, match="FITLY_DATABASE_URL and FITLY_CONTROL_KEY not set") as told:
        configured(needs=tuple(Need))
    assert not told.value.restart_helps


def test_the_driver_is_added_and_secrets_are_not_shown() -> None:
    settings = Settings(database_url="postgresql://a:hush@db/c", control_key="hush hush")
    assert settings.database_url == "postgresql+asyncpg://a:hush@db/c"
    assert "hush" not in repr(settings)


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITLY_KAFKA_BOOTSTRAPS", "kafka:9092")
    monkeypatch.setenv("FITLY_PREFIX", "t-")
    assert unknown_variables() == ["FITLY_KAFKA_BOOTSTRAPS"]

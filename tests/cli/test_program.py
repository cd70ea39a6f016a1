"""The program ends with the status its answer deserves, and tells errors instead of tracing them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from tests.test_docs import verbs

from fitly.cli import main
from fitly.cli.program import Exit
from fitly.local.endpoints import Endpoints, write_endpoints
from fitly.local.ports import choose_port


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, with no FITLY_ variable."""
    import os  # noqa: PLC0415

    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FITLY_")]:
        monkeypatch.delenv(name)


def fitly(*arguments: str) -> Result:
    """Run a command inside this process."""
    return CliRunner().invoke(main, arguments, prog_name="fitly")


@pytest.mark.parametrize("verb", verbs(main))
def test_every_verb_explains_itself_without_a_stack(verb: str) -> None:
    said = fitly(*verb.split()[1:], "--help")
    assert said.exit_code == Exit.DONE
    assert "Usage: fitly" in said.output


@pytest.mark.parametrize(
    "verb", ["doctor", "table learners", "tail control --no-follow", "verify", "topics check", "sink"]
)
def test_without_a_stack_the_status_is_2_and_the_message_says_what_to_do(verb: str) -> None:
    said = fitly(*verb.split())
    assert said.exit_code == Exit.USAGE
    assert "fitly up --data .fitly" in said.stderr
    assert "FITLY_KAFKA_BOOTSTRAP" in said.stderr


def test_a_folder_that_was_named_and_holds_no_stack_is_not_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITLY_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    said = fitly("table", "learners", "--data", "elsewhere")
    assert said.exit_code == Exit.USAGE
    assert "no local stack in elsewhere" in said.stderr


def test_kafka_that_does_not_answer_is_status_3(tmp_path: Path) -> None:
    port = choose_port()
    found = Endpoints(f"127.0.0.1:{port}", "postgresql+asyncpg://a:b@127.0.0.1:1/c", "key", "127.0.0.1:1")
    write_endpoints(tmp_path, found)
    said = fitly("table", "learners", "--data", str(tmp_path))
    assert said.exit_code == Exit.UNREACHABLE
    assert f"127.0.0.1:{port}" in said.stderr
    assert "Traceback" not in said.output


def test_postgres_that_does_not_answer_is_status_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITLY_DATABASE_URL", f"postgresql://a:b@127.0.0.1:{choose_port()}/c")
    assert fitly("db", "check").exit_code == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FITLY_LOG_LEVEL", "LOUD"),
        ("FITLY_PREFIX", "a b"),
        ("FITLY_METRICS_PORT", "-1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    said = fitly("doctor")
    assert said.exit_code == Exit.USAGE
    assert name in said.stderr
    assert value in said.stderr


def test_a_secret_that_is_wrong_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITLY_DATABASE_URL", "mysql://fitly:hush@db/fitly")
    said = fitly("doctor")
    assert said.exit_code == Exit.USAGE
    assert "FITLY_DATABASE_URL" in said.stderr
    assert "hush" not in said.output


@pytest.mark.parametrize(
    "arguments", [["table", "nothing"], ["tail", "nothing"], ["request", "ada", "KITCHEN"], ["dance"]]
)
def test_a_word_that_is_not_known_is_status_2(arguments: list[str]) -> None:
    assert fitly(*arguments).exit_code == Exit.USAGE


def test_old_data_and_simulated_learners_do_not_go_together() -> None:
    assert fitly("up", "--as-of", "--simulate", "5").exit_code == Exit.USAGE


def test_offline_learners_need_no_stack_and_a_seed_names_the_bytes() -> None:
    first, again, other = (
        fitly("simulate", "--learners", "5", "--days", "3", "--seed", seed, "--out", "-").stdout for seed in "778"
    )
    assert first == again != other
    assert {json.loads(line)["type"] for line in first.splitlines()} == {
        "fitly.strategy.requested.v1",
        "fitly.outcome.recorded.v1",
        "fitly.preferences.changed.v1",
    }


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    command = f"{sys.executable} -m fitly simulate --learners 300 --days 30 --out - | head -n 1"
    done = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_no_command_carries_a_name_of_the_environment() -> None:
    assert main.context_settings["auto_envvar_prefix"] is None, "settings.py alone reads the environment"
    assert isinstance(main, click.Group)


def test_a_feature_is_disabled_by_the_name_that_parameters_have() -> None:
    said = fitly("preferences", "set", "ada", "--disable", "mission.mood")
    assert said.exit_code == Exit.USAGE
    assert "'mission.timing'" in said.output

"""Who reads and writes a topic is what a broker grants: it has to be what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fitly.cli.proof import log, postgres
from fitly.core import topics
from fitly.core.topics import BY_NAME, CONTROL, INPUT, SNAPSHOTS, TOPICS
from fitly.local.jars import KAFKA_VERSION
from fitly.store import Writer
from fitly.stream.agents import AGENTS

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "src" / "fitly" / "cli"
OPENED = re.compile(
    r"(?:bounds|read_batches|read_topic|follow|_stop)\(\s*(?:self\._)?settings,\s*(?:topics\.)?([A-Z_]+)"
)
VERBS = {
    "request": ["request.py"],
    "simulate": ["simulate.py"],
    "policy": ["policy.py", "shadowed.py"],
    "experiments": ["moving.py"],
    "explain": ["explain.py"],
    "table": ["past.py"],
    "snapshots": ["snapshots.py"],
    "preferences": ["saying.py"],
    "erase": ["saying.py"],
    "doctor": ["examining.py"],
    "verify": ["proof/log.py", "proof/outputs.py", "proof/population.py", "proof/postgres.py", "proof/tables.py"],
}


PUBLISHING = {"saying": ("preferences", "erase"), "simulated": ("simulate",)}
"""The commands that a module publishes for, where it is not named after its own."""


def readers(name: str) -> set[str]:
    """Give the roles that read a topic, without what stands in brackets."""
    return {role.partition(" (")[0] for role in BY_NAME[name].readers}


def writers(name: str) -> set[str]:
    """Give the roles that write a topic."""
    return {role.partition(" (")[0] for role in BY_NAME[name].writer}


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_may_read_what_its_code_opens(verb: str) -> None:
    opened = {name for file in VERBS[verb] for name in OPENED.findall((CLI / file).read_text(encoding="utf-8"))}
    assert opened
    assert [name for name in sorted(opened) if verb not in readers(getattr(topics, name))] == []


def test_verify_may_read_what_its_proofs_name() -> None:
    named = {*log.OUTPUTS, *postgres.SOURCES}
    assert [name for name in sorted(named) if "verify" not in readers(name)] == []


def test_tail_may_read_every_topic_it_can_be_asked_for() -> None:
    assert [topic.name for topic in TOPICS if "tail" not in readers(topic.name)] == []


def test_the_sink_reads_what_its_writer_understands() -> None:
    assert {topic.name for topic in TOPICS if "sink" in readers(topic.name)} == set(Writer.topics)


def test_a_worker_reads_what_its_agents_fold_and_restore() -> None:
    folded = {name for agent in AGENTS.values() for name in (agent.topic, *agent.changelogs.values())}
    assert {topic.name for topic in TOPICS if "worker" in readers(topic.name)} == {*folded, CONTROL, SNAPSHOTS}


def test_whoever_publishes_may_write_the_log_and_read_its_birth() -> None:
    publishing = {file.stem for file in CLI.glob("*.py") if "stream.publish import" in file.read_text(encoding="utf-8")}
    assert publishing
    roles = {role for module in publishing for role in PUBLISHING.get(module, (module,))}
    assert roles - writers(INPUT) == set()
    assert roles - readers(CONTROL) == set()


def test_the_broker_of_the_containers_is_the_embedded_one() -> None:
    assert f"image: apache/kafka:{KAFKA_VERSION}\n" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

"""The life of an experiment, from outside: defined from files, moved by commands, and refused what is illegal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from tests.cli.test_experiments import YAML
from tests.journeys.conftest import Answer, Installation

from fitly.cli import main
from fitly.store.engine import connected

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]


def said(one: Installation, *arguments: str, status: int = 0) -> Answer:
    """Run a command of `fitly experiments` in this process: to start Python two dozen times would take a minute."""
    patience = [] if arguments[0] in {"list", "show"} else ["--timeout", "120"]
    done = CliRunner(env=one.environment).invoke(main, ["experiments", *arguments, *patience])
    assert done.exit_code == status, f"{arguments}: {done.exit_code}\n{done.stdout}\n{done.stderr}"
    return Answer(done.exit_code, done.stdout, done.stderr)


def test_an_experiment_lives_by_commands_and_every_partition_hears_of_it(
    install: Callable[..., Installation], tmp_path: Path
) -> None:
    one = install()
    yaml, other = tmp_path / "plan.yaml", tmp_path / "plan.json"
    yaml.write_text(YAML)

    assert "no experiment is defined yet" in said(one, "list").out
    assert "would be DRAFT" in said(one, "define", str(yaml), "--dry-run").out
    assert said(one, "define", str(yaml)).out.count("any as DRAFT, revision 1, is in force on par") == 4
    assert "nothing changes: revision 1" in said(one, "define", str(yaml)).out
    plan = said(one, "show", "any", "--json").json["plan"]
    other.write_text(json.dumps({**plan, "experiment_name": "other", "hypothesis": "It helps."}))
    assert said(one, "define", str(other), "--json").json["waiting"] == []

    other.write_text(json.dumps({**plan, "traffic_share": 2}))
    assert "traffic_share: Input should be less than" in said(one, "define", str(other), status=2).err
    refused = said(one, "resume", "any", status=1).err
    assert "experiment 'any' is DRAFT and cannot be resumed; possible is: define, start, cancel" in refused
    assert "there is no experiment 'nobody'" in said(one, "start", "nobody", status=1).err

    said(one, "start", "any", "--by", "ada")
    said(one, "pause", "any", "--stop-applying", "--note", "complaints")
    said(one, "resume", "any")
    enrolled_and_asked(one)
    assert "  traffic_share: 1.0 → 0.25" in said(one, "ramp", "any", "0.25").out
    yaml.write_text(YAML + "planned_n: 400\n")
    frozen = said(one, "define", str(yaml), status=1).err
    assert "its traffic_share may change and nothing else, and this changes planned_n" in frozen
    said(one, "cancel", "other")
    assert "it is over" in said(one, "start", "other", status=1).err

    shown = said(one, "show", "any", "--json").json
    assert (shown["status"], shown["revision"], shown["plan"]["traffic_share"]) == ("ACTIVE", 2, 0.25)
    assert shown["partitions"] == dict.fromkeys("0123", "ACTIVE r2")
    listed = said(one, "list", "--json").json
    assert [(each["experiment_name"], each["status"]) for each in listed] == [("any", "ACTIVE"), ("other", "CANCELLED")]

    checks = one.fitly("verify", "--replay", "--json", status=None)
    assert checks.status == 0, json.dumps([check for check in checks.json["checks"] if not check["holds"]], indent=1)
    assert asyncio.run(rows(one, "SELECT experiment_name, status, revision FROM personalization_experiments")) == [
        ("any", "ACTIVE", 2),
        ("other", "CANCELLED", 1),
    ]
    told = "SELECT user_id AS id, assigned_variant, not_enrolled_reason FROM experiment_assignments"
    assert asyncio.run(rows(one, told)) == [
        ("ada", "balanced", None),
        ("bob", "none", None),
        ("eve", None, "LEVEL"),
    ]
    acts = asyncio.run(rows(one, "SELECT action, actor, detail->>'reason' FROM audit_log WHERE action LIKE 'exp%'"))
    assert [act[0] for act in acts] == [
        *("experiment.defined", "experiment.defined", "experiment.started", "experiment.paused"),
        *("experiment.resumed", "experiment.defined", "experiment.cancelled"),
    ]
    assert (acts[2][1], acts[3][2]) == ("ada", "complaints")


def enrolled_and_asked(one: Installation) -> None:
    """Let three learners be described, and ask: two are given a variant, the third allows too little."""
    about = {"ada": "balanced", "bob": "none", "eve": "none"}
    said_of = {user: {"attributes": {"experiment:any": variant}} for user, variant in about.items()}
    lines = [event("fitly.learner.attributes.v1", user, data) for user, data in said_of.items()]
    lines.append(event("fitly.preferences.changed.v1", "eve", {"level": "LOW"}))
    one.fitly("publish", "-", given="\n".join(map(json.dumps, lines)))
    answers = {user: one.fitly("request", user, "assessment", "--json").json["data"] for user in about}
    found = {user: (each["mode"], each["experiment"], each.get("experiment_variant")) for user, each in answers.items()}
    assert found == {
        "ada": ("EXPERIMENT", "any", "balanced"),
        "bob": ("EXPERIMENT", "any", "none"),
        "eve": ("FALLBACK", None, None),
    }
    page = one.fitly("explain", answers["ada"]["decision_id"], "ada", "ASSESSMENT").out
    assert "variant balanced (GIVEN, weight 0.5" in " ".join(page.split())


def event(kind: str, user: str, data: dict[str, Any]) -> dict[str, Any]:
    """One event of now."""
    return {
        "specversion": "1.0",
        "id": f"{kind}-{user}",
        "source": "register",
        "type": kind,
        "time": datetime.now(UTC).isoformat(),
        "subject": user,
        "data": data,
    }


async def rows(one: Installation, query: str) -> list[tuple[Any, ...]]:
    """Give what Postgres holds, in the order it was written."""
    async with connected(one.settings.database_url) as connection:
        ordered = "experiment_name" if "experiment_name" in query else "id"
        return [tuple(row) for row in await connection.execute(text(f"{query} ORDER BY {ordered}"))]

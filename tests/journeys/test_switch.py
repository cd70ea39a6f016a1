"""The switch, from outside: one command, and within seconds nothing is applied; another, and it is again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.journeys.conftest import Installation

from fitly.core.topics import SELECTED
from fitly.core.vocabulary import Mode
from fitly.store.engine import connected
from fitly.stream.read import read_topic
from fitly.wire.selected import decode_selected

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

LEARNERS = 40


def request(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"request-{number}",
        "source": "journey",
        "type": "fitly.strategy.requested.v1",
        "time": datetime.now(UTC).isoformat(),
        "subject": f"learner-{number}",
        "data": {"context": "MISSION"},
    }


def modes(one: Installation) -> dict[bytes, Mode]:
    """Give the mode of what stands, by learner and context."""

    async def read() -> dict[bytes, Mode]:
        records = [record async for record in read_topic(one.settings, SELECTED)]
        return {record.key: decode_selected(record.value).mode for record in records}

    return asyncio.run(read())


def test_a_switch_is_in_force_within_seconds_and_leaves_its_trace(
    install: Callable[..., Installation], tmp_path: Path
) -> None:
    one = install()
    one.publish([request(number) for number in range(LEARNERS)])
    one.until(lambda: len(modes(one)) == LEARNERS, "every learner has a decision")
    begun = time.monotonic()
    said = one.fitly("policy", "off", "--by", "ada", "--note", "a teacher called")
    assert "switches.everything: False → True" in said.out
    assert said.out.count("is in force on partition") == 4
    one.until(lambda: {*modes(one).values()} == {Mode.OPTED_OUT}, "what stands is withdrawn")
    assert time.monotonic() - begun < 60  # the commands themselves take seconds on a busy machine
    shown = one.fitly("policy", "show", "--json").json
    assert (shown["revision"], shown["by"], shown["note"]) == (2, "ada", "a teacher called")
    assert shown["partitions"] == dict.fromkeys("0123", 2)
    assert "nothing changes: revision 2" in one.fitly("policy", "off").out
    one.fitly("policy", "on")
    one.until(lambda: Mode.OPTED_OUT not in modes(one).values(), "everybody is decided anew")
    file = tmp_path / "shadows.yaml"
    file.write_text("shadows: [{name: uniform, algorithm: UNIFORM}]\n")
    tried = one.fitly("policy", "revise", str(file), "--dry-run", "--json").json
    assert (tried["revision"], tried["changes"][0]["field"]) == (3, "shadows.uniform.name")
    assert one.fitly("policy", "revise", str(file), "--json").json["waiting"] == []
    assert "has closed its window yet" in one.fitly("policy", "compare", status=1).err
    checks = one.fitly("verify", "--replay", "--json", status=None)
    assert checks.status == 0, json.dumps([check for check in checks.json["checks"] if not check["holds"]], indent=1)
    one.until(lambda: len(asyncio.run(acts(one))) == 4, "every act is audited")
    assert asyncio.run(acts(one))[1] == ("ada", "policy.revised", "a teacher called")


async def acts(one: Installation) -> list[tuple[str, str, str]]:
    """Give what the audit log holds: who, what, and why."""
    chosen = text("SELECT actor, action, detail->>'note' FROM audit_log ORDER BY id")
    async with connected(one.settings.database_url) as connection:
        return [(row[0], row[1], row[2]) for row in await connection.execute(chosen)]

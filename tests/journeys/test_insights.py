"""What another service finds out reaches the screen: the standing decision is told again, and again when it lapses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.journeys.conftest import Installation
from tests.journeys.test_first_day import applied, event

from fitly import store
from fitly.core.records import DecisionRecord

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
LEARNERS = [f"learner-{number}" for number in range(12)]


def told(fitly: Installation) -> dict[str, list[dict[str, Any]]]:
    """Give what was said to each learner who is personalized, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in fitly.fitly("tail", "strategy-selected", "--no-follow", "--last", "100", "--json").lines:
        data = one["value"]["data"]
        if data["apply"]:
            found.setdefault(data["user_id"], []).append(data)
    return found


def test_a_decision_follows_what_is_known_and_what_lapses(install: Callable[..., Installation]) -> None:
    fitly = install(as_of=True)
    overloaded = {
        "kind": "COGNITIVE_LOAD",
        "confidence": 0.9,
        "valid_until": (START + timedelta(hours=2)).isoformat(),
        "payload": {"load": 95, "load_tolerance": 60},
    }
    soon, later = START + timedelta(minutes=10), START + timedelta(hours=5)
    happened = [event(n, user, "strategy.requested", {"context": "MISSION"}, START) for n, user in enumerate(LEARNERS)]
    happened += [event(100 + n, user, "insight.observed", overloaded, soon) for n, user in enumerate(LEARNERS)]
    happened.append(event(200, "someone else", "preferences.changed", {}, later))
    fitly.publish(happened, "--as-of-event-time")
    fitly.until(lambda: applied(fitly) == len(happened), "all events absorbed")

    assert told(fitly), "nobody is personalized: this test must have some"
    for said in told(fitly).values():
        assert len({one["decision_id"] for one in said}) == 1, "one decision"
        assert [one["parameters"]["mission.difficulty"]["value"] for one in said] == [3, 2, 3]
        assert said[0]["rendered_at"] is None
        assert said[1]["rendered_at"] < said[2]["rendered_at"]
    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
    rows = asyncio.run(decisions(fitly))
    assert {one.user_id for one in rows if one.rendered_at is not None} == set(told(fitly))
    (row,) = fitly.fitly("table", "learners", LEARNERS[0], "--json").lines
    assert row["row"]["insights"]["cognitive_load"]["payload"]["load"] == 95


async def decisions(fitly: Installation) -> list[DecisionRecord]:
    """Read the decisions back."""
    async with store.snapshot(fitly.settings.database_url) as rows:
        return [one async for one in rows.records(DecisionRecord)]

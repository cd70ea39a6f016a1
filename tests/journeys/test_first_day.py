"""A first day with Fitly, by its commands only: events in, a decision out, rows in Postgres, and the proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.journeys.conftest import Installation

from fitly import store
from fitly.core.records import ConfigRecord, OutcomeRecord, PreferencesRecord

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]


def event(number: int, user: str, kind: str, data: dict[str, Any], at: datetime | None = None) -> dict[str, Any]:
    """Write an event as a producer would."""
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "lms",
        "type": f"fitly.{kind}.v1",
        "time": (at or datetime.now(UTC)).isoformat(),
        "subject": user,
        "data": data,
    }


def mission(number: int, user: str, **more: object) -> dict[str, Any]:
    """Write the outcome of a mission."""
    data = {"outcome_type": "MISSION_COMPLETED", "context": "MISSION", "performance_score": 0.8, **more}
    return event(number, user, "outcome.recorded", data)


def test_an_outcome_becomes_a_decision_and_rows_and_is_proved(install: Callable[..., Installation]) -> None:
    fitly = install()
    said = fitly.publish([event(1, "ada", "strategy.requested", {"context": "MISSION"})])
    assert "published 1 events" in said.out

    asked = fitly.fitly("request", "ada", "mission", "--json").json
    decision = asked["data"]
    assert asked["answers_standing"] is True, "the request within the dwell repeats what stands"
    assert (decision["user_id"], decision["context"]) == ("ada", "MISSION")
    assert sum(decision["propensities"].values()) == pytest.approx(1)

    fitly.publish([mission(2, "ada", decision_id=decision["decision_id"]), mission(2, "ada")])
    fitly.publish([event(3, "ada", "preferences.changed", {"level": "HIGH"})])
    fitly.until(lambda: bins(fitly).get("DUPLICATE") == 1 and applied(fitly) == 4, "all events absorbed")

    (row,) = fitly.fitly("table", "contexts", "ada|MISSION", "--json").lines
    assert row["row"]["standing"]["decision_id"] == decision["decision_id"]
    assert row["row"]["own_n"] == 1
    tail = fitly.fitly("tail", "strategy-selected", "--no-follow", "--json", "--user", "ada").lines
    assert [one["value"]["data"]["decision_id"] for one in tail] == [decision["decision_id"]] * 2
    assert [bool(one["headers"]) for one in tail] == [False, True], "the repeat says what it answers"

    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
    assert {check["check"] for check in proof["checks"]} >= {"ledger", "causes", "outcomes", "postgres", "replay-rows"}
    preferences, outcomes, configs = asyncio.run(records(fitly))
    assert [(one.user_id, one.level) for one in preferences] == [("ada", "HIGH")]
    assert [(one.disposition, one.decision_id) for one in outcomes] == [("APPLIED", decision["decision_id"])]
    assert [one.strategy_variant for one in configs] == ([decision["strategy_variant"]] if decision["apply"] else [])
    assert "✓" in fitly.fitly("doctor").out


def test_a_row_that_was_changed_in_postgres_is_named_by_verify(install: Callable[..., Installation]) -> None:
    fitly = install()
    fitly.publish([event(1, "ada", "preferences.changed", {"level": "LOW"})])
    fitly.fitly("verify")
    asyncio.run(tamper(fitly, "UPDATE personalization_preferences SET level = 'HIGH' WHERE user_id = 'ada'"))
    said = fitly.fitly("verify", status=1)
    assert "personalization_preferences" in said.out
    assert "level" in said.out
    assert ("LOW" in said.out, "HIGH" in said.out) == (True, True), "both values are told"


def test_a_sink_or_worker_that_lags_is_told_and_not_taken_for_a_fault(install: Callable[..., Installation]) -> None:
    fitly = install(roles=("worker",))
    fitly.publish([event(1, "ada", "preferences.changed", {"level": "LOW"})])
    proof = fitly.fitly("verify", "--patience", "3", "--json", status=1).json
    (wrong,) = [check for check in proof["checks"] if not check["holds"]]
    assert wrong["check"] == "postgres"
    assert "is the sink running?" in " ".join(wrong["notes"])


def bins(fitly: Installation) -> dict[str, int]:
    """Add the bins of all partitions up."""
    total: dict[str, int] = {}
    for ledger in fitly.fitly("table", "ledger", "--json").lines:
        for name, count in ledger["row"]["bins"].items():
            word = name.partition("/")[0]
            total[word] = total.get(word, 0) + count
    return total


def applied(fitly: Installation) -> int:
    """Count the events that were applied."""
    return bins(fitly).get("APPLIED", 0)


async def records(fitly: Installation) -> tuple[list[PreferencesRecord], list[OutcomeRecord], list[ConfigRecord]]:
    """Read three tables back."""
    async with store.snapshot(fitly.settings.database_url) as rows:
        return (
            [one async for one in rows.records(PreferencesRecord)],
            [one async for one in rows.records(OutcomeRecord)],
            [one async for one in rows.records(ConfigRecord)],
        )


async def tamper(fitly: Installation, statement: str) -> None:
    """Change something behind Fitly's back."""
    import asyncpg  # noqa: PLC0415 - only to do what nobody should

    connection = await asyncpg.connect(fitly.settings.database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

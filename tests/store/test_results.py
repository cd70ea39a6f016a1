"""Reports reach Postgres: every look once, and in their experiment's own row what the newest say, in any order."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from tests.core.experiments.test_report import crowd, told
from tests.core.experiments.trials import plan
from tests.store.folded import Partition, Record

from fitly.core.errors import Broken
from fitly.core.events import ExperimentDefined
from fitly.core.experiments.report import Report
from fitly.core.topics import CONTROL, RESULTS
from fitly.store import Writer
from fitly.store.engine import connected
from fitly.wire.looks import outgoing_report

pytestmark = pytest.mark.postgres

PLAN = plan()
LOOKS = [told(PLAN, crowd((0.0, 0.2), size), look=look) for size, look in ((2, 20), (50, 30), (60, 0))]


def sent(reports: list[Report]) -> list[Record]:
    out = [outgoing_report(each, 0) for each in reports]
    return [Record(offset, 0, one.key, one.value) for offset, one in enumerate(out)]


def defined() -> list[Record]:
    partition = Partition()
    partition.move(3, ExperimentDefined(plan=PLAN))
    return partition.topics[CONTROL]


async def row(url: str) -> dict[str, object]:
    async with connected(url) as connection:
        found = await connection.execute(text("SELECT * FROM personalization_experiments"))
        return dict(found.mappings().one())


@pytest.mark.parametrize("first", [CONTROL, RESULTS])
async def test_an_experiment_shows_what_its_newest_reports_say(writer: Writer, url: str, first: str) -> None:
    logs = {CONTROL: defined(), RESULTS: sent(LOOKS)}
    for topic in sorted(logs, key=lambda each: each != first):
        await writer.apply(topic, 0, 0, len(logs[topic]), logs[topic])
    found = await row(url)
    assert (found["current_participants"], found["winning_variant"]) == (100, "A")
    assert (found["statistical_significance"], found["significance_kind"]) == (
        pytest.approx(LOOKS[1].verdict.significance),
        "SEQUENTIAL",
    )
    metrics = found["variant_metrics"]
    assert isinstance(metrics, dict)
    assert metrics["A"]["composite"]["n"] == 50


async def test_every_look_is_kept_and_a_view_in_between_replaces_the_one_before(writer: Writer, url: str) -> None:
    log = sent([*LOOKS, told(PLAN, crowd((0.0, 0.2), 61), look=0)])
    await writer.apply(RESULTS, 0, 0, 2, log[:2])
    await writer.apply(RESULTS, 0, 2, 4, log[2:])
    async with connected(url) as connection:
        rows = await connection.execute(
            text("SELECT look, is_provisional, report FROM experiment_results ORDER BY look")
        )
        found = [tuple(each) for each in rows]
    assert [(look, between) for look, between, _ in found] == [(0, True), (20, False), (30, False)]
    assert [report for *_, report in found] == [json.loads(log[at].value or b"") for at in (3, 0, 1)]


async def test_what_is_no_report_stops_the_sink(writer: Writer) -> None:
    with pytest.raises(Broken, match="cannot be read"):
        await writer.apply(RESULTS, 0, 0, 1, [Record(0, 0, b"try|1", b"{}")])

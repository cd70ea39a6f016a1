"""A bandit's new weights reach Postgres, each epoch once; what was said before the table was there is read again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from tests.core.experiments.test_report import crowd, told
from tests.core.experiments.trials import plan
from tests.store.folded import Partition, Record

from fitly.cli.proof import postgres
from fitly.core.events import ExperimentDefined, ExperimentReweighted, ExperimentStarted
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.plan import Bandit, ExperimentType
from fitly.core.experiments.records import ReweightingRecord
from fitly.core.experiments.results import ResultRecord, result_record
from fitly.core.plain import Json
from fitly.core.topics import CONTROL, RESULTS
from fitly.store import Writer, check, snapshot, upgrade
from fitly.store.engine import connected
from fitly.store.queries import RECORD_TABLES
from fitly.wire.looks import outgoing_report

pytestmark = pytest.mark.postgres

PLAN = replace(plan(), experiment_type=ExperimentType.MULTI_ARMED_BANDIT, bandit=Bandit())
NAMES = [variant.variant_id for variant in PLAN.variants]


def log() -> list[Record]:
    """A bandit that took the weights of epochs 1 and 2, and refused those of epoch 7."""
    partition = Partition()
    partition.move(3, ExperimentDefined(plan=PLAN))
    partition.move(4, ExperimentStarted(experiment_name=PLAN.experiment_name, plan_hash=plan_hash(PLAN)))
    for at, epoch in ((5, 1), (6, 7), (7, 2)):
        weights = dict(zip(NAMES, (0.25, 0.75), strict=True))
        name, means = PLAN.experiment_name, dict[str, float | None](weights)
        partition.move(
            at, ExperimentReweighted(experiment_name=name, epoch=epoch, weights=weights, means=means, look=at)
        )
    return partition.topics[CONTROL]


async def stored(url: str) -> list[ReweightingRecord]:
    async with snapshot(url) as tables:
        return [record async for record in tables.records(ReweightingRecord)]


async def test_the_weights_an_experiment_took_are_kept_with_what_they_follow_from(writer: Writer, url: str) -> None:
    records = log()
    await writer.apply(CONTROL, 0, 0, len(records), records)
    first, second = await stored(url)
    assert [(one.epoch, one.look) for one in (first, second)] == [(1, 5), (2, 7)]
    assert first.weights == dict(zip(NAMES, (0.25, 0.75), strict=True))
    posteriors: Json = {name: {"mean": part, "sd": None} for name, part in zip(NAMES, (0.25, 0.75), strict=True)}
    assert first.posteriors == posteriors


async def test_weights_of_before_the_table_are_read_again_after_an_upgrade(writer: Writer, url: str) -> None:
    records = log()
    await writer.apply(CONTROL, 0, 0, len(records), records)
    before = await stored(url)
    async with connected(url) as connection:
        await connection.execute(text("DROP TABLE experiment_reweightings"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '0011'"))
    await upgrade(url)
    assert await check(url) == []
    assert await writer.positions(CONTROL) == {}
    assert await stored(url) == []
    await writer.apply(CONTROL, 0, 0, len(records), records)
    assert await stored(url) == before


async def test_a_stored_report_is_what_verify_projects(writer: Writer, url: str) -> None:
    report = told(plan(), crowd((0.0, 0.2), 50), look=20)
    out = outgoing_report(report, 0)
    await writer.apply(RESULTS, 0, 0, 1, [Record(0, 0, out.key, out.value)])
    async with snapshot(url) as tables:
        (found,) = [record async for record in tables.records(ResultRecord)]
    assert found == result_record(report, found.report)


def test_verify_compares_all_that_the_sink_writes() -> None:
    assert set(postgres.SOURCES) == set(Writer.topics)
    assert set(postgres.NAMES) == set(postgres.KEYS) == set(RECORD_TABLES)

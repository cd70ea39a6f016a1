"""What is read back is one moment's truth, exact and ordered."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError
from tests.core.partition import Record
from tests.store.conftest import expected, feed
from tests.store.folded import RESTLESS, Partition, a_term

from fitly.core.assessments import EffectivenessRecord
from fitly.core.errors import Broken
from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Merged
from fitly.core.population_effectiveness import PopulationRecord, population_records
from fitly.core.records import DecisionRecord, OutcomeRecord
from fitly.core.topics import OUTCOMES, POPULATION_CHANGELOG
from fitly.store import ContentSums, Flags, Status, Writer, snapshot, statements, status
from fitly.store.engine import connected
from fitly.wire.merged import encode_merged

pytestmark = pytest.mark.postgres


async def test_a_snapshot_does_not_move_while_the_sink_writes(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=2, days=10)
    log = partition.topics[OUTCOMES]
    await writer.apply(OUTCOMES, 0, 0, 5, log[:5])
    async with snapshot(url) as tables:
        assert tables.positions == {(OUTCOMES, 0): 5}
        await writer.apply(OUTCOMES, 0, 5, len(log), log[5:])
        assert len([row async for row in tables.rows("personalization_outcomes")]) == 5
        assert (await tables.counts())["personalization_outcomes"] == 5
    async with snapshot(url) as tables:
        assert tables.positions == {(OUTCOMES, 0): len(log)}


async def test_rows_and_records_come_in_order_and_by_learner(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=3, days=10)
    await feed(writer, partition)
    async with snapshot(url) as tables:
        rows = [row["decision_id"] async for row in tables.rows("strategy_decisions")]
        assert rows == sorted(rows)
        own = [record async for record in tables.records(DecisionRecord, "learner-1")]
        assert own == [r for r in expected(partition)[DecisionRecord] if r.user_id == "learner-1"]
        assert [row async for row in tables.rows("personalization_outcomes", "nobody")] == []
        with pytest.raises(KeyError):
            _ = [row async for row in tables.rows("elsewhere")]
        with pytest.raises(KeyError):
            _ = [row async for row in tables.rows("ledger", "learner-1")]


async def test_metrics_are_summed_exactly_by_content_type(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    scores = {"b": [0.1, 0.2, 0.7], "a": [0.333333, 0.000001]}
    for content_type, given in scores.items():
        for index, score in enumerate(given):
            partition.outcome("ada", f"{content_type}-{index}", score, content_type=content_type)
    partition.outcome("ada", "plain", 1.0, retention_score=0.25)
    partition.outcome("ada", "b-0", 0.1, content_type="b")  # again: a DUPLICATE counts once
    partition.fold()
    await feed(writer, partition)
    async with snapshot(url) as tables:
        assert await tables.content_sums() == [
            ContentSums(None, 1, 250_000, 1_000_000, 0, 0),
            ContentSums("a", 2, 0, 333_334, 0, 0),
            ContentSums("b", 3, 0, 1_000_000, 0, 0),
        ]


async def test_the_status_adds_the_ledger_up(writer: Writer, url: str) -> None:
    assert await status(url) == Status({}, 0, 0)
    partition = Partition(policy=RESTLESS)
    for turn in range(4):
        partition.outcome("ada", f"o-{turn}", 0.5)
    partition.outcome("ada", "o-0", 0.5)
    partition.fold()
    await feed(writer, partition)
    found = await status(url)
    assert found.bins == {"APPLIED": 3, "DUPLICATE": 1, "ORPHAN": 1, "SYSTEM": 2}
    assert found.read == sum(found.bins.values()) == 7
    assert found.decisions == len(expected(partition)[DecisionRecord])


async def test_references_that_lead_nowhere_are_counted(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=2, days=10)
    log = partition.topics[OUTCOMES]
    await writer.apply(OUTCOMES, 0, 0, len(log), log)
    outcomes = expected(partition)[OutcomeRecord]
    async with snapshot(url) as tables:
        found = await tables.dangling()
    assert found["personalization_outcomes.config_id"] == sum(bool(record.config_id) for record in outcomes) > 0
    assert found["personalization_outcomes.decision_id"] == sum(bool(record.decision_id) for record in outcomes) > 0
    assert found["personalization_configs.preferences_id"] == found["strategy_decisions.config_id"] == 0


async def test_a_snapshot_can_change_nothing(url: str) -> None:
    async with snapshot(url) as tables:
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await tables._connection.exec_driver_sql("DELETE FROM ledger")


async def test_a_message_never_shows_the_data(url: str) -> None:
    with pytest.raises(Broken) as caught:
        async with connected(url) as connection:
            await statements.LEDGER.write(connection, [(_Odd(), 0)])
    assert "secret-learner" not in str(caught.value)


class _Odd:
    """A ledger record with a word where a number belongs."""

    partition, bin, detail, records = 0, "APPLIED", "", "secret-learner"


async def test_what_is_known_over_all_learners_follows_the_newest_merged_sums(writer: Writer, url: str) -> None:
    offered, held_out = [700_000, 720_000, 690_000, 740_000, 710_000], [600_000, 630_000, 580_000, 610_000, 590_000]
    sums: dict[str, int] = {}
    for group, values in (("OFFERED", offered), ("HOLDOUT", held_out)):
        sums |= {f"{group}.composite_n": len(values), f"{group}.composite_sum": sum(values)}
        sums[f"{group}.composite_squares"] = sum(value * value for value in values)
    newer = Merged(Kind.PRIORS, "MISSION", "b", {0: Millis(9), 1: Millis(7)}, sums)
    log = [
        Record(0, 0, b"\0position", b"not looked at"),
        Record(1, 0, b"priors|MISSION|0", b"one partition's word"),
        Record(2, 0, b"priors|MISSION", encode_merged(newer._replace(sums={}, clocks={}))),
        Record(3, 0, b"priors|MISSION", encode_merged(newer)),
        Record(4, 0, b"priors|CONTENT", None),
        Record(5, 0, b"shadows|CONTENT", encode_merged(newer._replace(kind=Kind.SHADOWS))),
    ]
    assert await writer.apply(POPULATION_CHANGELOG, 0, 0, 6, log) == 15
    async with snapshot(url) as tables:
        found = [record async for record in tables.records(PopulationRecord)]
    assert found == sorted(population_records(newer), key=lambda record: record.id)
    (held,) = [r for r in found if (r.measure, r.baseline_kind) == ("composite", "HOLDOUT")]
    assert held.difference == pytest.approx(0.11)
    assert held.is_statistically_significant
    assert held.is_provisional


async def test_flags_are_counted_beside_those_of_chance_alone(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=3, days=30)
    await feed(writer, partition)
    records = expected(partition)[EffectivenessRecord]
    async with snapshot(url) as tables:
        found = await tables.flags()
    assert [flags.context for flags in found] == sorted({record.context for record in records})
    for flags in found:
        here = [record for record in records if record.context == flags.context]
        tested = sum(record.p_value is not None for record in here)
        flagged = sum(record.is_statistically_significant for record in here)
        assert flags == Flags(flags.context, len(here), tested, flagged, 0.05 * tested)

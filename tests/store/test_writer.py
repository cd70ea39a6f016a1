"""The writer puts each record into the tables once, in any order of topics, and never for two sinks at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from tests.core.trials import CANCELLED, NAME, PAUSED, PLAN, RELEASED, STOPPED, started
from tests.store.conftest import expected, feed, stored
from tests.store.folded import RESTLESS, Partition, Record, a_term

from fitly.core.decisions import UNMEASURED, Measured, OutcomeAmended, OutcomeFiled
from fitly.core.errors import Broken
from fitly.core.events import ExperimentDefined, ExperimentPayload
from fitly.core.experiments.assignments import AssignmentRecord
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.plan import Guardrail, Measure
from fitly.core.experiments.records import ExperimentRecord
from fitly.core.experiments.trial import Afterwards
from fitly.core.names import EventKey, UserId, event_key
from fitly.core.numbers import Micro, Millis
from fitly.core.records import (
    ConfigRecord,
    DecisionRecord,
    EffectivenessRecord,
    OutcomeRecord,
    PolicyRecord,
    PreferencesRecord,
    settled,
)
from fitly.core.rules import Policy
from fitly.core.topics import CONTEXTS_CHANGELOG, LEARNERS_CHANGELOG, OUTCOMES, SELECTED
from fitly.core.vocabulary import Bin, Context, OutcomeType
from fitly.store import Fenced, Writer, snapshot, upgrade
from fitly.store.engine import connected, make_engine
from fitly.wire.outcomes import encode_outcome
from fitly.wire.rows import context_key
from fitly.wire.trials import trial_of

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def term() -> Partition:
    """Weeks of twenty learners, folded in ten batches."""
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=12, days=35, per_day=2, folds=10)
    return partition


async def test_the_tables_equal_what_the_topics_say(term: Partition, writer: Writer, url: str) -> None:
    await feed(writer, term)
    found = await stored(url)
    assert found == expected(term)
    assert any(record.baseline_kind == "OWN" for record in found[EffectivenessRecord])
    assert any(record.baseline_kind is None for record in found[EffectivenessRecord])
    assert any(record.corrected_by for record in found[OutcomeRecord])
    assert any(record.rendered_at for record in found[DecisionRecord])
    assert {record.disposition for record in found[OutcomeRecord]} >= {"APPLIED", "ORPHAN", "OPTED_OUT"}


@pytest.mark.parametrize("at_once", [1, 7, 90])
async def test_how_the_topics_are_cut_into_batches_makes_no_difference(writer: Writer, url: str, at_once: int) -> None:
    few = Partition(policy=RESTLESS)
    a_term(few, learners=3, days=30, folds=30)
    await feed(writer, few, at_once=at_once)
    assert await stored(url) == expected(few)


async def test_topics_may_come_in_any_order(term: Partition, url: str) -> None:
    backwards = Writer(url)
    for topic in reversed(backwards.topics):
        log = term.topics[topic]
        await backwards.apply(topic, 0, 0, len(log), log)
    await backwards.close()
    assert await stored(url) == expected(term)
    async with snapshot(url) as tables:
        assert set((await tables.dangling()).values()) == {0}


async def test_partitions_are_written_side_by_side(url: str) -> None:
    partitions = [Partition(RESTLESS) for _ in range(3)]
    for number, partition in enumerate(partitions):
        a_term(partition, learners=4, days=20, folds=5, name=f"p{number}")
    writers = [Writer(url) for _ in partitions]
    await asyncio.gather(
        *(feed(w, p, at_once=40, number=n) for n, (w, p) in enumerate(zip(writers, partitions, strict=True)))
    )
    for writer in writers:
        await writer.close()
    assert await stored(url) == expected(*partitions)


async def test_a_batch_is_written_once_though_the_answer_to_its_commit_was_lost(
    term: Partition, writer: Writer, url: str
) -> None:
    log = term.topics[OUTCOMES]
    assert await writer.apply(OUTCOMES, 0, 0, len(log), log) > 0
    assert await writer.apply(OUTCOMES, 0, 0, len(log), log) == 0
    assert await writer.positions(OUTCOMES) == {0: len(log)}
    assert (await stored(url))[OutcomeRecord] == expected(term)[OutcomeRecord]


async def test_a_second_sink_takes_over_and_the_first_is_fenced(term: Partition, writer: Writer, url: str) -> None:
    log, second = term.topics[OUTCOMES], Writer(url)
    await writer.apply(OUTCOMES, 0, 0, 10, log[:10])
    await second.apply(OUTCOMES, 0, 10, 30, log[10:30])
    before = await stored(url)
    with pytest.raises(Fenced, match=r"outcomes-0 stands at 30"):
        await writer.apply(OUTCOMES, 0, 10, 20, log[10:20])
    with pytest.raises(Fenced):  # the same move as the second's, but not its own
        await writer.apply(OUTCOMES, 0, 10, 30, log[10:30])
    assert await stored(url) == before
    assert await second.positions(OUTCOMES) == {0: 30}
    await second.close()


async def test_a_database_that_forgot_is_told_from_a_second_sink(term: Partition, writer: Writer, url: str) -> None:
    log, again = term.topics[OUTCOMES], Writer(url)
    await writer.apply(OUTCOMES, 0, 0, 10, log[:10])
    with pytest.raises(
        Fenced, match=r"stands at 10 in the database, not at 20: the database has lost its last moments"
    ):
        await writer.apply(OUTCOMES, 0, 20, 30, log[20:30])
    await again.apply(OUTCOMES, 0, 10, 30, log[10:30])
    with pytest.raises(Fenced, match=r"another sink has taken this partition over"):
        await writer.apply(OUTCOMES, 0, 10, 20, log[10:20])
    await again.close()


async def test_of_two_sinks_that_begin_together_one_wins(term: Partition, url: str) -> None:
    log, sinks = term.topics[SELECTED], [Writer(url) for _ in range(5)]
    tries = (sink.apply(SELECTED, 0, 0, len(log), log) for sink in sinks)
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Fenced"] * 4 + ["int"]
    for sink in sinks:
        await sink.close()
    assert (await stored(url))[DecisionRecord] == expected(term)[DecisionRecord]


async def test_a_batch_that_fails_leaves_neither_rows_nor_position(
    term: Partition, writer: Writer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = term.topics[CONTEXTS_CHANGELOG]
    with monkeypatch.context() as patch:
        patch.setattr("fitly.store.statements.NO_BASELINE.write", _fails)
        with pytest.raises(ZeroDivisionError):
            await writer.apply(CONTEXTS_CHANGELOG, 0, 0, len(log), log)
    assert await writer.positions(CONTEXTS_CHANGELOG) == {}
    assert (await stored(url))[ConfigRecord] == []
    await writer.apply(CONTEXTS_CHANGELOG, 0, 0, len(log), log)
    assert (await stored(url))[ConfigRecord] == expected(term)[ConfigRecord]


async def _fails(*_: object) -> int:
    raise ZeroDivisionError


async def test_positions_set_back_lead_to_the_same_tables(term: Partition, writer: Writer, url: str) -> None:
    await feed(writer, term)
    for topic in writer.topics:
        log = term.topics[topic]
        await writer.apply(topic, 0, len(log), 0, [])  # as an operator might, by hand
        half = len(log) // 2
        await writer.apply(topic, 0, 0, half, log[:half])
    assert await stored(url) == expected(term)
    await feed(writer, term, at_once=100)
    assert await stored(url) == expected(term)


async def test_an_older_row_never_replaces_a_newer_one(term: Partition, writer: Writer, url: str) -> None:
    for topic in (LEARNERS_CHANGELOG, CONTEXTS_CHANGELOG):
        log = term.topics[topic]
        await writer.apply(topic, 0, 0, len(log), log)
        before = await stored(url)
        for record in (log[3], log[len(log) // 3], log[len(log) // 2]):
            await writer.apply(topic, 0, len(log), len(log) + 1, [record])
            await writer.apply(topic, 0, len(log) + 1, len(log), [])
            assert await stored(url) == before


async def test_the_active_config_moves_within_a_batch_and_across(writer: Writer, url: str) -> None:
    partition = Partition(policy=replace(RESTLESS, control_share=0.0, epsilon=1.0))
    for turn in range(60):
        partition.outcome("ada", f"o-{turn}", 0.5)
        partition.fold()
    await feed(writer, partition, at_once=9)
    found = (await stored(url))[ConfigRecord]
    assert len(found) == 4
    assert sum(record.is_active for record in found) == 1
    assert found == expected(partition)[ConfigRecord]


async def test_a_tombstone_takes_the_rows_of_its_key_and_no_others(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=2, days=20)
    await feed(writer, partition)
    partition.tombstone(CONTEXTS_CHANGELOG, context_key(UserId("learner-0"), Context.SESSION))
    partition.tombstone(SELECTED, context_key(UserId("learner-0"), Context.SESSION))
    await feed(writer, partition)
    found = await stored(url)
    for kind in (ConfigRecord, EffectivenessRecord, DecisionRecord):
        assert {record.user_id for record in found[kind]} == {"learner-1"}
    assert {record.user_id for record in found[PreferencesRecord]} == {"learner-0", "learner-1"}


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("at_once", [3, 10_000])
async def test_a_learner_who_is_erased_leaves_no_row_in_whatever_order_topics_come(
    writer: Writer,
    url: str,
    back: bool,  # noqa: FBT001 - a parameter of pytest's
    order: int,
    at_once: int,
) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=2, days=20)
    await write_audit(url, "learner-0", "learner-1")
    for topic in (*writer.topics[::2], OUTCOMES):  # some topics lag behind
        await apply(writer, partition, topic, at_once)
    partition.say("learner.erased", "learner-0", "forget", {})
    partition.outcome("learner-0", "unheard", 0.5)
    partition.fold()
    if back:
        partition.tick(days=1)
        partition.say("preferences.changed", "learner-0", "back", {"consent": True})
        partition.outcome("learner-0", "heard", 0.5)
        partition.fold()
    for topic in writer.topics[::order]:
        await apply(writer, partition, topic, at_once)
    assert await stored(url) == expected(partition)
    async with snapshot(url) as tables:
        held = {
            name: [row.get("id", row) async for row in tables.rows(name, "learner-0")]
            for name in await tables.counts()
            if "user_id" in {column async for column in _columns(tables, name)}
        }
        acts = [row async for row in tables.rows("audit_log")]
    assert "unheard" not in str(held)
    assert [act["user_id"] for act in acts if act["action"] != "policy.revised"] == [None, "learner-1"]
    if back:
        assert held["personalization_outcomes"] == [event_key("lms", "heard")]
        assert len(held["personalization_preferences"]) == 1
    else:
        assert not any(held.values()), held


@pytest.mark.parametrize("at_once", [1, 10_000])
async def test_what_others_did_in_a_learners_name_is_audited_once(writer: Writer, url: str, at_once: int) -> None:
    partition = Partition(policy=RESTLESS)
    for number in range(3):
        partition.say("preferences.changed", "ada", f"p{number}", {"level": "LOW", "acted_by": "guardian-7"})
    partition.say("preferences.reset", "ada", "r", {"acted_by": "staff-1"})
    partition.say("preferences.changed", "ada", "own", {"level": "HIGH"})
    partition.fold()
    await apply(writer, partition, LEARNERS_CHANGELOG, at_once)
    log = partition.topics[LEARNERS_CHANGELOG]
    partition.topics[LEARNERS_CHANGELOG] = [*log, log[-1]._replace(offset=len(log))]
    await apply(writer, partition, LEARNERS_CHANGELOG, at_once)
    changes = [("guardian-7", "preferences.changed", "ada")] * 3
    assert await audited(url) == [*changes, ("staff-1", "preferences.reset", "ada")]
    partition.say("learner.erased", "ada", "e", {"acted_by": "staff-1"})
    partition.fold()
    await apply(writer, partition, LEARNERS_CHANGELOG, at_once)
    assert await audited(url) == [
        *[("guardian-7", "preferences.changed", None)] * 3,
        ("staff-1", "preferences.reset", None),
        ("staff-1", "learner.erased", None),
    ]


async def audited(url: str) -> list[tuple[str, str, str | None]]:
    async with snapshot(url) as tables:
        return [(row["actor"], row["action"], row["user_id"]) async for row in tables.rows("audit_log")]


async def apply(writer: Writer, partition: Partition, topic: str, at_once: int) -> None:
    log = partition.topics[topic]
    position = (await writer.positions(topic)).get(0, 0)
    while position < len(log):
        end = min(len(log), position + at_once)
        await writer.apply(topic, 0, position, end, log[position:end])
        position = end


async def write_audit(url: str, *users: str) -> None:
    async with connected(url) as connection:
        for user in users:
            await connection.execute(
                text("INSERT INTO audit_log (actor, action, user_id) VALUES ('staff', 'page.read', :user)"),
                {"user": user},
            )


async def _columns(tables: Any, name: str) -> Any:  # noqa: ANN401 - a snapshot, and names
    async for row in tables.rows(name):
        for column in row:
            yield column
        return


async def test_a_decision_made_after_a_tombstone_in_the_same_batch_stays(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    a_term(partition, learners=1, days=3)
    partition.tombstone(SELECTED, context_key(UserId("learner-0"), Context.SESSION))
    partition.outcome("learner-0", "again", 0.5)
    partition.fold()
    await feed(writer, partition)
    found = (await stored(url))[DecisionRecord]
    assert len(found) == 1


async def test_odd_names_and_words_do_not_stall_it(writer: Writer, url: str) -> None:
    partition = Partition(policy=RESTLESS)
    names = [
        "\U0001f600",
        "e\u0301",
        "\u202eright",
        "'; DROP TABLE ledger; --",
        "\\",
        "{a,b}",
        '"',
        "%s",
        "$1",
        "\ufeff",
    ]
    for index, name in enumerate(names):
        for turn in range(3):
            partition.outcome(name, f"{index}-{turn}", 0.5, content_type=f"{name} \\ \" ' {{}}")
    partition.fold()
    await feed(writer, partition)
    found = await stored(url)
    assert found == expected(partition)
    assert {record.user_id for record in found[PreferencesRecord]} == set(names)


def filed(disposition: Bin, performance: int, content_type: str | None = None) -> OutcomeFiled:
    """One filing of one event."""
    return OutcomeFiled(
        id=event_key("lms", "1"),
        user_id=UserId("ada"),
        context=Context.SESSION,
        outcome_type=OutcomeType.SESSION_COMPLETED,
        timestamp=Millis(1_767_600_000_000),
        disposition=disposition,
        metrics=UNMEASURED._replace(performance=Micro(performance)),
        session_duration=None,
        content_type=content_type,
        difficulty_level=None,
        personalization_applied=None,
        strategy_variant=None,
        decision_id=None,
        config_id=None,
        reward=None,
    )


def amended(metrics: Measured, number: int) -> OutcomeAmended:
    """One correction of it."""
    return OutcomeAmended(
        id=event_key("lms", "1"),
        user_id=UserId("ada"),
        context=Context.SESSION,
        metrics=metrics,
        withdrawn=metrics == UNMEASURED,
        reward=None,
        corrected_by=EventKey(event_key("lms", f"c-{number}")),
        at=Millis(1_767_600_000_001),
    )


async def test_a_nul_in_a_word_is_replaced(writer: Writer, url: str) -> None:
    value = encode_outcome(filed(Bin.APPLIED, 1, "vi\x00deo"))
    await writer.apply(OUTCOMES, 0, 0, 1, [Record(0, 0, b"ada", value)])
    assert [record.content_type for record in (await stored(url))[OutcomeRecord]] == ["vi\ufffddeo"]


STORY = st.lists(
    st.builds(filed, st.sampled_from([Bin.APPLIED, Bin.DUPLICATE, Bin.LATE, Bin.ORPHAN]), st.integers(0, 9))
    | st.builds(amended, st.sampled_from([UNMEASURED, UNMEASURED._replace(performance=Micro(77))]), st.integers(0, 9)),
    max_size=7,
)


async def test_postgres_settles_outcomes_as_the_core_does(postgres: Callable[[], str]) -> None:
    url = postgres()
    await upgrade(url)
    sink = Writer(url)
    partitions = iter(range(10**6))

    async def tell(story: list[OutcomeFiled | OutcomeAmended], cut: int) -> None:
        number = next(partitions)
        user = UserId(f"ada-{number}")
        own = [
            one._replace(id=event_key("lms", user)) if isinstance(one, OutcomeFiled) else replace_id(one, user)
            for one in story
        ]
        record: OutcomeRecord | None = None
        for effect in own:
            record = settled(record, effect)
        log = [Record(i, 0, b"ada", encode_outcome(one)) for i, one in enumerate(own)]
        cut = min(cut, len(log))
        await sink.apply(OUTCOMES, number, 0, cut, log[:cut])
        await sink.apply(OUTCOMES, number, cut, len(log) + 1, log[cut:])
        async with snapshot(url) as tables:
            found = [one async for one in tables.records(OutcomeRecord) if one.id == event_key("lms", user)]
        assert found == ([] if record is None else [record])

    def replace_id(one: OutcomeAmended, user: str) -> OutcomeAmended:
        return replace(one, id=event_key("lms", user))

    kinds = (Bin.APPLIED, Bin.DUPLICATE, Bin.LATE, Bin.ORPHAN)
    stories: list[tuple[list[OutcomeFiled | OutcomeAmended], int]] = [
        ([filed(first, 1), filed(second, 2)], 1) for first in kinds for second in kinds
    ]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(STORY, st.integers(0, 7))
    def gather(story: list[OutcomeFiled | OutcomeAmended], cut: int) -> None:
        stories.append((story, cut))

    gather()  # drawn first, told after: Hypothesis cannot await
    for story, cut in stories:
        await tell(story, cut)
    await sink.close()


async def test_every_revision_of_the_policy_is_kept(writer: Writer, url: str) -> None:
    partition = Partition()
    for revision in (2, 3):
        partition.revise(revision, Policy(epsilon=revision / 10))
    await feed(writer, partition)
    found = (await stored(url))[PolicyRecord]
    assert found == expected(partition)[PolicyRecord]
    assert [(record.revision, record.control_number) for record in found] == [(1, 2), (2, 3), (3, 4)]
    assert found[2].policy["epsilon"] == 0.3


async def test_experiments_stand_where_the_control_log_has_moved_them(writer: Writer, url: str) -> None:
    partition = Partition()
    other = replace(PLAN, experiment_name="other", guardrails=(Guardrail(metric=Measure.RETENTION, margin=0.02),))
    moves: list[ExperimentPayload] = [
        ExperimentDefined(plan=PLAN),
        ExperimentDefined(plan=other),
        started(PLAN),
        STOPPED,
        PAUSED,  # illegal: it is paused already
        started(other),
        replace(RELEASED, experiment_name="other", afterwards=Afterwards.KEEP),
    ]
    for number, said in enumerate(moves, start=3):
        partition.move(number, said)
    await feed(writer, partition, at_once=2)
    found = {record.experiment_name: record for record in (await stored(url))[ExperimentRecord]}
    assert [*found.values()] == expected(partition)[ExperimentRecord]
    first, second = found[NAME], found["other"]
    assert (first.status, first.end_date, first.completed_at) == (
        "PAUSED", first.start_date + timedelta(days=PLAN.planned_days), None
    )  # fmt: skip
    assert first.plan_hash == plan_hash(PLAN)
    assert (second.status, second.margins, second.completed_at) == ("COMPLETED", {"retention": 0.02}, second.end_date)
    assert second.created_at < second.start_date < second.end_date
    assert trial_of(second.trial).afterwards is Afterwards.KEEP
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM sink_positions"))
        await connection.execute(text("UPDATE personalization_experiments SET winning_variant = 'none'"))
    await feed(writer, partition, at_once=2)
    async with engine.connect() as connection:
        kept = list(await connection.execute(text("SELECT winning_variant FROM personalization_experiments")))
    await engine.dispose()
    assert [row[0] for row in kept] == ["none", "none"], "what reports say is not the control log's to change"
    assert (await stored(url))[ExperimentRecord] == expected(partition)[ExperimentRecord]


def a_trial_with_learners(partition: Partition) -> None:
    """Let learners meet two experiments, of which the first ends."""
    first = replace(PLAN, context=Context.SESSION)
    second = replace(first, experiment_name="other")
    partition.move(3, ExperimentDefined(plan=first))
    partition.move(4, started(first))
    a_term(partition, learners=6, days=10)
    partition.move(5, CANCELLED)
    partition.move(6, ExperimentDefined(plan=second))
    partition.move(7, started(second))
    a_term(partition, learners=8, days=18, name="late")
    a_term(partition, learners=4, days=3, name="latest")


@pytest.mark.parametrize("at_once", [7, 10_000])
@pytest.mark.parametrize("order", [1, -1])
async def test_assignments_have_their_names_whichever_topic_comes_first(
    writer: Writer, url: str, at_once: int, order: int
) -> None:
    partition = Partition(policy=RESTLESS)
    a_trial_with_learners(partition)
    for topic in writer.topics[::order]:
        await apply(writer, partition, topic, at_once)
    assert await stored(url) == expected(partition)
    engine = make_engine(url)
    named = text(
        "SELECT e.experiment_name, a.assigned_variant, a.variant_place, a.not_enrolled_reason, a.measured_at IS NOT"
        " NULL FROM experiment_assignments a JOIN personalization_experiments e ON e.id = a.experiment_id"
    )
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(named)]
        count = (await connection.execute(text("SELECT count(*) FROM experiment_assignments"))).scalar_one()
    await engine.dispose()
    assert len(found) == count > 8
    enrolled = {(variant, place) for _, variant, place, reason, _ in found if reason is None}
    assert enrolled == {("none", 0), ("balanced", 1)}
    assert all((variant is None) == (reason is not None) for _, variant, _, reason, _ in found)
    assert {name for name, *_ in found} == {NAME, "other"}
    assert {measured for *_, measured in found} == {True, False}
    partition.say("learner.erased", "late-0", "forget", {})
    partition.fold()
    for topic in writer.topics:
        await apply(writer, partition, topic, at_once)
    after = (await stored(url))[AssignmentRecord]
    assert after == expected(partition)[AssignmentRecord]
    assert "late-0" not in {record.user_id for record in after}


async def test_every_revision_is_audited_once_with_whoever_made_it(writer: Writer, url: str) -> None:
    partition = Partition()
    partition.revise(2, Policy(epsilon=0.2), by="ada@school", note="calmer")
    await feed(writer, partition)
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM sink_positions"))
    await feed(writer, partition)
    async with engine.connect() as connection:
        found = list(
            await connection.execute(text("SELECT actor, action, detail, occurred_at FROM audit_log ORDER BY id"))
        )
    await engine.dispose()
    assert [tuple(row)[:3] for row in found] == [
        ("unnamed", "policy.revised", {"revision": 1, "control_number": 2, "note": ""}),
        ("ada@school", "policy.revised", {"revision": 2, "control_number": 3, "note": "calmer"}),
    ]
    assert found[1].occurred_at.tzinfo is not None


async def test_what_cannot_be_read_stops_it_with_the_place(writer: Writer) -> None:
    with pytest.raises(Broken, match=r"outcomes-3 holds a record between offsets 5 and 5"):
        await writer.apply(OUTCOMES, 3, 5, 6, [Record(5, 0, b"ada", b"{}")])
    with pytest.raises(Broken, match="does not know the topic"):
        await writer.apply("elsewhere", 0, 0, 0, [])


async def test_a_database_without_the_schema_is_to_be_upgraded(postgres: Callable[[], str]) -> None:
    early = Writer(postgres())
    with pytest.raises(Broken, match="fitly db upgrade") as caught:
        await early.positions(OUTCOMES)
    assert not caught.value.restart_helps
    await early.close()

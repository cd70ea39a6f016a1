"""A proof accepts what is honest and names what is not: something lost, doubled, changed or invented."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.cli.folded import KEY, START, Folded, Record, folded, signed
from tests.cli.folded import log as sent

from fitly.cli.proof.findings import Finding, parts_that_differ
from fitly.cli.proof.ledgers import Ledgers, Rejects, bins_of
from fitly.cli.proof.outputs import Causes, Filings
from fitly.cli.proof.replay import Replay
from fitly.cli.proof.starts import Start
from fitly.core import topics
from fitly.core.errors import Refused
from fitly.core.events import PolicyRevised
from fitly.core.numbers import to_millis
from fitly.core.rules import Policy, Switches
from fitly.core.system import LEDGER_KEY, Ledger
from fitly.wire.events import encode_control, encode_tick, parse_event
from fitly.wire.rows import encode_ledger
from fitly.wire.shard import Shard

NOW = to_millis(START)
Tamper = Callable[[list[Record]], None]


@pytest.fixture
def log() -> Folded:
    """A small honest log."""
    return folded()


def beginning() -> Start:
    """Begin where the log does."""
    shard = Shard(0, KEY)
    shard.opened()
    return Start(shard)


def replay(log: Folded, now: int = NOW) -> Replay:
    """Fold the log again and hold it against what was written."""
    made = Replay(log.tables, log.sent(), log.ends(), {0: beginning()}, now)
    made.take(0, log.records[topics.INPUT])
    made.conclude()
    return made


def causes(log: Folded) -> Finding:
    """Look at every decision and at every event."""
    made = Causes()
    for record in log.records[topics.SELECTED]:
        made.see(record)
    for record in log.records[topics.INPUT]:
        if record.key is None:
            made.see_control(0, record.offset, record.value or b"")
            continue
        try:
            made.see_event(0, record.offset, parse_event(record.value or b""))
        except Refused:
            continue
    return made.conclude({0: 0})


def filings(log: Folded) -> Finding:
    """Look at every filed outcome and at every event."""
    made = Filings()
    for record in log.records[topics.OUTCOMES]:
        made.see(record)
    for record in log.records[topics.INPUT]:
        try:
            made.see_event(0, parse_event(record.value or b""), absorbed=True)
        except Refused:
            continue
    return made.conclude(log.tables, cut=False, input_cut=False)


def rejects(log: Folded) -> Finding:
    """Look at every rejected record."""
    made = Rejects(log.tables)
    for record in log.records[topics.REJECTED]:
        made.see(0, record.value, dict(record.headers))
    return made.conclude(cut=False)


def ledger(log: Folded) -> Finding:
    """Hold the ledger against the number of records."""
    made = Ledgers(log.tables)
    made.see(0, len(log.records[topics.INPUT]))
    return made.conclude({0: 0})


def test_what_is_honest_is_accepted_by_every_proof(log: Folded) -> None:
    made = replay(log)
    for finding in (made.outputs, made.rows, causes(log), filings(log), rejects(log), ledger(log)):
        assert finding.holds, finding
        assert finding.looked_at, finding.name
    assert bins_of(log.tables)["INVALID"] == 1


def switched_off() -> list[Record]:
    """Write a log at whose end everything is switched off."""
    made = sent()
    switch = PolicyRevised(revision=2, policy=Policy(switches=Switches(everything=True)))
    value = encode_control(3, "fitly.policy.revised.v1", switch, NOW)
    last = made[-1]
    return [*made, last._replace(offset=len(made), key=None, value=value, headers=signed(value))]


def test_a_control_event_is_the_cause_of_all_that_it_withdrew() -> None:
    log = folded(switched_off())
    made = replay(log)
    for finding in (made.outputs, made.rows, causes(log)):
        assert finding.holds, finding
    assert sum(record.offset >= 0 for record in log.records[topics.SELECTED]) > causes(folded()).looked_at


def test_a_cause_that_is_a_tick_or_another_control_event_is_told() -> None:
    for value in (
        encode_tick(0, NOW),
        encode_control(4, "fitly.policy.revised.v1", PolicyRevised(revision=3, policy=Policy()), NOW),
    ):
        log = folded(switched_off())
        records = log.records[topics.INPUT]
        records[-1] = records[-1]._replace(value=value)
        assert [one.field for one in causes(log).first] == ["cause"]


def drop(records: list[Record]) -> None:
    """Lose a record."""
    del records[1]


def repeat(records: list[Record]) -> None:
    """Write the last record once more."""
    records.append(records[-1]._replace(offset=records[-1].offset + 1))


def swap(records: list[Record]) -> None:
    """Exchange two records."""
    records[0], records[1] = records[1], records[0]


def change(records: list[Record]) -> None:
    """Change one digit."""
    value = records[0].value or b""
    records[0] = records[0]._replace(value=value.replace(b'"user_id":"ada"', b'"user_id":"eda"'))


@pytest.mark.parametrize("tamper", [drop, repeat, swap, change])
@pytest.mark.parametrize("topic", [topics.SELECTED, topics.OUTCOMES])
def test_a_refold_names_the_output_that_was_lost_doubled_moved_or_changed(
    log: Folded, topic: str, tamper: Tamper
) -> None:
    tamper(log.records[topic])
    made = replay(log)
    assert not made.outputs.holds
    assert made.rows.holds, "the rows are as they were"
    assert made.mismatches[0].topic == topic


def test_an_output_of_after_the_tables_were_read_is_not_held_against_them(log: Folded) -> None:
    ends = log.ends()
    repeat(log.records[topics.SELECTED])
    made = Replay(log.tables, log.sent(), ends, {0: beginning()}, NOW)
    made.take(0, log.records[topics.INPUT])
    made.conclude()
    assert made.outputs.holds


def test_a_refold_names_the_row_and_the_field_that_differ(log: Folded) -> None:
    rows = log.tables.rows[0, topics.LEARNERS]
    rows[b"ada"] = rows[b"ada"].replace(b"\xa6MEDIUM", b"\xa4HIGH")
    made = replay(log)
    (wrong,) = made.rows.first
    assert (wrong.where, wrong.field) == ("learners ada", "preferences.level")
    assert (wrong.expected, wrong.found) == ("MEDIUM", "HIGH")


def test_a_refold_names_a_row_that_is_missing_or_too_many(log: Folded) -> None:
    rows = log.tables.rows[0, topics.LEARNERS]
    rows[b"zoe"] = rows.pop(b"ada")
    found = {(one.where, one.expected, one.found) for one in replay(log).rows.first}
    assert found == {("learners ada", "a row", "no row"), ("learners zoe", "no row", "a row")}


def test_decisions_compacted_away_are_no_loss_when_old_enough_and_superseded(log: Folded) -> None:
    del log.records[topics.SELECTED][0]
    made = replay(log, NOW + 8 * 86_400_000)
    assert made.outputs.holds
    assert "1 superseded decisions have been compacted away" in made.outputs.notes[0]


def test_the_newest_decision_of_a_learner_is_never_compacted_away(log: Folded) -> None:
    kept = [one for one in log.records[topics.SELECTED] if one.key != b"ada|MISSION"]
    log.records[topics.SELECTED] = kept
    made = replay(log, NOW + 8 * 86_400_000)
    assert made.outputs.wrong == 1
    assert made.mismatches[0].expected is not None


def test_a_decision_with_another_id_than_its_cause_gives_is_named(log: Folded) -> None:
    record = log.records[topics.SELECTED][0]
    value = json.loads(record.value or b"")
    value["data"]["decision_id"] = "00000000-0000-5000-8000-000000000000"
    log.records[topics.SELECTED][0] = record._replace(value=json.dumps(value).encode())
    assert "decision_id" in [one.field for one in causes(log).first]


def test_the_same_answer_twice_is_named(log: Folded) -> None:
    repeat(log.records[topics.SELECTED])
    assert causes(log).first[0].field == "decision_id, answers"


RENDERED = 7
"""Where ada's decision is rendered anew, and asked for once more after it."""


def said_otherwise(log: Folded, place: int, **fields: object) -> None:
    """Change fields of a decision that was sent."""
    record = log.records[topics.SELECTED][place]
    value = json.loads(record.value or b"")
    assert value["data"].keys() >= fields.keys()
    value["data"] |= fields
    log.records[topics.SELECTED][place] = record._replace(value=json.dumps(value).encode())


def test_a_rendering_that_changes_more_than_parameters_is_named(log: Folded) -> None:
    said_otherwise(log, RENDERED, confidence=0.123)
    assert "but for its parameters" in causes(log).first[0].expected


def test_one_rendering_in_two_wordings_is_named(log: Folded) -> None:
    said_otherwise(log, RENDERED + 1, parameters={})
    (wrong,) = causes(log).first
    assert (wrong.field, wrong.where) == ("value", f"strategy-selected-0 offset {RENDERED + 1}")


def test_an_older_rendering_after_a_newer_is_named(log: Folded) -> None:
    log.records[topics.SELECTED].append(
        log.records[topics.SELECTED][0]._replace(offset=10, headers=(("answers", b"x"),))
    )
    assert [one.field for one in causes(log).first] == ["rendered_at"]


def test_a_rendering_that_answers_nothing_is_named(log: Folded) -> None:
    record = log.records[topics.SELECTED][RENDERED]
    log.records[topics.SELECTED][RENDERED] = record._replace(headers=())
    assert "answers" in [one.field for one in causes(log).first]


def test_a_decision_whose_cause_never_happened_is_named(log: Folded) -> None:
    log.records[topics.INPUT] = [one for one in log.records[topics.INPUT] if one.offset != 2]
    assert [one.field for one in causes(log).first] == ["cause"]


@pytest.mark.parametrize("tamper", [drop, repeat])
def test_an_outcome_filed_never_or_twice_is_named(log: Folded, tamper: Tamper) -> None:
    tamper(log.records[topics.OUTCOMES])
    assert filings(log).wrong == 1


def test_bins_that_do_not_add_up_are_named_with_both_sums(log: Folded) -> None:
    honest = log.tables.ledger(0)
    bins = {**honest.bins, "LATE/x": 1}
    log.tables.rows[0, topics.CONTEXTS][LEDGER_KEY] = encode_ledger(Ledger(bins, honest.read))
    wrong = ledger(log).first[0]
    assert (wrong.expected, wrong.found) == (str(honest.read), str(honest.read + 1))


def test_a_record_that_is_in_no_bin_is_named(log: Folded) -> None:
    log.records[topics.INPUT].append(log.records[topics.INPUT][-1])
    assert ledger(log).first[0].field == "records absorbed"


@pytest.mark.parametrize("tamper", [lambda records: records.clear(), repeat])
def test_a_refused_record_that_was_told_never_or_twice_is_named(log: Folded, tamper: Tamper) -> None:
    tamper(log.records[topics.REJECTED])
    assert not rejects(log).holds


def test_only_the_first_differences_are_told_and_the_rest_are_counted() -> None:
    finding = Finding("x", "a claim")
    for number in range(25):
        finding.differ(f"row {number}", "", 0, 1)
    assert (finding.wrong, len(finding.first)) == (25, 10)


def test_differences_are_found_at_the_bottom_of_nested_values() -> None:
    assert parts_that_differ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}, "d": 4}) == [
        ("a.b.1.c", 2, 3),
        ("d", None, 4),
    ]

"""Rows are shown whole: packed parts unfolded, codes as words, fixed-point as numbers, moments as dates."""

from __future__ import annotations

import json

import pytest
from tests.cli.folded import Folded, folded

from fitly.cli import decoded, show, tables
from fitly.cli.expand import expand, moment
from fitly.core import topics
from fitly.core.learner import NEVER
from fitly.core.vocabulary import MODES


@pytest.fixture(scope="module")
def log() -> Folded:
    """A small log, folded in memory."""
    return folded()


def test_every_row_of_a_log_can_be_written_as_json(log: Folded) -> None:
    for (_, table), rows in log.tables.rows.items():
        for key, value in rows.items():
            document = json.loads(json.dumps(tables.document(table, (0, key, value))))
            assert document["row"] or key.startswith(b"\x00"), key


def test_a_context_row_is_unfolded_to_words_dates_and_numbers(log: Folded) -> None:
    value = log.tables.rows[0, topics.CONTEXTS][b"ada|MISSION"]
    plain = tables.document(topics.CONTEXTS, (0, b"ada|MISSION", value))["row"]
    assert isinstance(plain, dict)
    decisions, standing = plain["decisions"], plain["standing"]
    assert isinstance(decisions, list)
    assert isinstance(standing, dict)
    last = decisions[-1]
    assert isinstance(last, dict)
    assert last["mode"] in list(MODES)
    assert last["id"] == standing["decision_id"], "packed ids are shown as ids"
    assert str(last["since"]).endswith("Z")
    assert 0 < float(str(last["propensity"])) <= 1
    assert last["is_open"] is True


def test_people_read_a_row_without_the_parts_that_are_nothing(log: Folded) -> None:
    value = log.tables.rows[0, topics.CONTEXTS][b"ada|MISSION"]
    lines = tables.lines(topics.CONTEXTS, (0, b"ada|MISSION", value))
    assert any("mode=" in line for line in lines)
    assert not any("s_engagement" in line for line in lines)


@pytest.mark.parametrize("topic", [topics.INPUT, topics.SELECTED, topics.OUTCOMES, topics.REJECTED])
def test_every_record_is_one_line_and_one_document(log: Folded, topic: str) -> None:
    assert log.records[topic]
    for record in log.records[topic]:
        assert "\n" not in decoded.line(topic, record).plain
        assert json.loads(json.dumps(decoded.document(topic, record)))["topic"] == topic


def test_a_record_that_is_no_event_is_shown_all_the_same(log: Folded) -> None:
    record = log.records[topics.INPUT][-1]
    for value in (None, b"", b"\xff\xfe", b"[1]", b'{"data": 3}', b'{"data": {}}'):
        for topic in topics.BY_NAME:
            if topic not in decoded.TABLES:
                assert decoded.line(topic, record._replace(value=value)).plain


def test_never_and_zero_are_no_moments() -> None:
    assert (moment(0), moment(NEVER), moment(None)) == (None, None, None)


def test_a_tree_is_indented_and_says_yes_and_no() -> None:
    assert show.tree({"a": {"b": True, "c": [1, 2]}, "d": [{"e": None}]}) == [
        "a:",
        "  b: yes",
        "  c: 1, 2",
        "d:",
        "  - e=-",
    ]


def test_what_is_plain_already_stays_as_it_is() -> None:
    assert expand({"a": (1, None, "x")}) == {"a": [1, None, "x"]}

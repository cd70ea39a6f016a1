"""A proof accepts what an erasure leaves and takes away, and names what else is missing; a search says until when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.cli.folded import START, Folded, Record, event, folded, log
from tests.cli.test_proof import NOW, causes, filings, ledger, rejects, replay
from tests.core.partition import Partition

from fitly.cli.decoded import document, line
from fitly.cli.proof.ledgers import bins_of
from fitly.cli.proof.traces import DAY_MS, Seen, packed, spellings, trace
from fitly.cli.tables import overview
from fitly.core import topics
from fitly.core.names import ERASED_PREFIX
from fitly.core.topics import BY_NAME
from fitly.core.vocabulary import ClockMode
from fitly.wire.snapshots import pages

MISSION = {"outcome_type": "MISSION_COMPLETED", "context": "MISSION", "performance_score": 0.75}
LATER = NOW + 40 * DAY_MS


@pytest.fixture
def erased() -> Folded:
    """A small honest log in which bob has a dead letter, is erased, and goes on working."""
    made = log()
    told: list[tuple[str, dict[str, object]]] = [
        ("strategy.wished", {}),
        ("learner.erased", {}),
        ("outcome.recorded", MISSION),
    ]
    for kind, data in told:
        made.append(event(len(made), "bob", kind, data, START + timedelta(minutes=len(made))))
    made.append(Record(0, len(made), NOW, b"bob", b"rubbish"))
    return folded(made)


def test_an_erasure_is_accepted_by_every_proof(erased: Folded) -> None:
    made = replay(erased)
    for finding in (made.outputs, made.rows, causes(erased), filings(erased), rejects(erased), ledger(erased)):
        assert finding.holds, finding
    assert bins_of(erased.tables)["ERASED"] == 2


def test_an_outcome_that_is_missing_beside_an_erased_one_is_named(erased: Folded) -> None:
    del erased.records[topics.OUTCOMES][0]
    assert not filings(erased).holds


def test_an_erased_outcome_that_was_filed_is_named(erased: Folded) -> None:
    bins = erased.records[topics.OUTCOMES]
    last = erased.records[topics.INPUT][-2]
    filed = next(record for record in bins if record.value is not None)
    assert last.key == b"bob"
    erased.records[topics.INPUT] = [record for record in erased.records[topics.INPUT] if record is not last]
    assert filed.value is not None
    assert [one.expected for one in filings(erased).first] == ["no record of 1 ERASED outcomes"]


def test_a_dead_letter_that_compaction_took_is_noted_where_learners_were_erased(
    erased: Folded,
) -> None:
    letters = erased.records[topics.REJECTED]
    erased.records[topics.REJECTED] = [record for record in letters if not (record.key or b"").startswith(b"bob")]
    finding = rejects(erased)
    assert finding.holds
    assert "--replay" in finding.notes[0]


@pytest.mark.parametrize("tombstones", [True, False])
def test_a_refold_accepts_that_compaction_took_what_tombstones_take(erased: Folded, tombstones: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    for topic in (topics.SELECTED, topics.REJECTED):
        erased.records[topic] = [
            record
            for record in erased.records[topic]
            if not (record.key or b"").startswith(b"bob") or (record.value is None and tombstones)
        ]
        filler = erased.records[topic][-1]
        erased.records[topic] += [filler] if not tombstones else []
    made = replay(erased, LATER)
    lost = [one for one in made.mismatches if one.expected is not None]
    assert not lost, "nothing that stood is missed"


def test_a_row_that_came_back_by_itself_is_named(erased: Folded) -> None:
    erased.tables.rows[0, topics.LEARNERS][b"bob"] = erased.tables.rows[0, topics.LEARNERS][b"ada"]
    assert [one.where for one in replay(erased).rows.first] == ["learners bob"]


def test_a_marker_can_be_read(erased: Folded) -> None:
    ((key, value),) = [
        (key, value) for key, value in erased.tables.rows[0, topics.LEARNERS].items() if key.startswith(ERASED_PREFIX)
    ]
    told = document(topics.LEARNERS_CHANGELOG, Record(0, 0, NOW, key, value))
    assert isinstance(told["value"], dict)
    assert str(told["value"]["at"]).startswith("2026-01-05T08:")
    rows = [(0, b"ada", erased.tables.rows[0, topics.LEARNERS][b"ada"])]
    assert overview(topics.LEARNERS, rows).row_count == 1


@pytest.mark.parametrize("topic", [topics.SELECTED, topics.OUTCOMES, topics.REJECTED, topics.LEARNERS_CHANGELOG])
def test_a_tombstone_is_told_as_what_is_gone(topic: str) -> None:
    assert line(topic, Record(0, 0, NOW, b"ada", None)).plain.endswith("ada  gone")


def seen(*values: bytes | None) -> Seen:
    """Records of one key each, all of one moment."""
    found = Seen()
    for number, value in enumerate(values):
        found.add(Record(0, number, NOW, str(number).encode(), value))
    return found


@pytest.mark.parametrize(
    ("topic", "found", "days", "leaves"),
    [
        (topics.INPUT, seen(b"x"), 30, True),
        (topics.CONTROL, seen(b"x"), None, False),
        (topics.SELECTED, seen(b"x"), None, False),
        (topics.SELECTED, seen(None), 29, True),
        (topics.LEARNERS_CHANGELOG, seen(None, None), 15, True),
        (topics.LEARNERS_CHANGELOG, seen(None, b"x"), None, False),
        (topics.REJECTED, seen(b"x"), 30, True),
        (topics.REJECTED, seen(None), 5, True),
    ],
)
def test_each_topic_says_until_when(topic: str, found: Seen, days: int | None, leaves: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    told = trace(BY_NAME[topic], found, ClockMode.LIVE)
    assert (told.until, told.leaves) == (None if days is None else NOW + days * DAY_MS, leaves)
    assert told.document()["records"] == found.records


def test_the_input_of_an_as_of_log_stays() -> None:
    told = trace(BY_NAME[topics.INPUT], seen(b"x"), ClockMode.AS_OF)
    assert (told.until, told.leaves) == (None, True)


def test_a_long_name_is_looked_for_as_it_is_packed() -> None:
    assert packed("x" * 40) == b"\xd9\x28" + b"x" * 40


def test_an_id_is_found_on_the_pages_of_a_snapshot_and_stays_there_on_an_as_of_log() -> None:
    partition = Partition()
    partition.outcome("ada")
    ((page, _),) = pages(partition.shard.state())
    topic = BY_NAME[topics.SNAPSHOTS]
    assert any(spelling in page for spelling in spellings(topic, "ada"))
    assert not any(spelling in page for spelling in spellings(topic, "bob"))
    assert trace(topic, Seen(1, NOW), ClockMode.LIVE).until == NOW + 37 * DAY_MS
    assert trace(topic, Seen(1, NOW), ClockMode.AS_OF).until is None

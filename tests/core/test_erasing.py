"""Erased: every row and word of a learner goes, nothing is heard until consent, and then they begin anew."""

from __future__ import annotations

import pytest
from tests.core.partition import BIRTH, HOURS, SURE, Partition, replace

from fitly.core.erasing import MOST_LETTERS, listed
from fitly.core.names import UserId, erased_key
from fitly.core.numbers import Millis
from fitly.core.rules import Sources
from fitly.core.topics import CONTEXTS, LEARNERS, OUTCOMES, REJECTED, SELECTED
from fitly.core.vocabulary import Context, Level
from fitly.wire.rows import context_key, decode_erased
from fitly.wire.shard import Change

ADA = UserId("ada")
MARK = erased_key(BIRTH.encode(), ADA)


def a_history() -> Partition:
    partition = Partition()
    partition.request()
    partition.outcome(score=0.9, event_id="o")
    partition.request(context="SESSION")
    partition.prefer(level="HIGH")
    partition.request("bob")
    partition.later(hours=1)
    return partition


def test_every_row_goes_and_a_marker_takes_their_place() -> None:
    partition = a_history()
    others = {key: value for key, value in partition.rows().items() if not key.startswith(b"ada")}
    batch = partition.say("learner.erased", "ada", {"acted_by": "guardian-7"})
    assert batch.bin == "APPLIED"
    rows = partition.rows()
    assert {key: value for key, value in rows.items() if key != MARK} == others
    marker = decode_erased(rows[MARK])
    assert marker.at == partition.now
    assert marker.act is not None
    assert (marker.act.kind, marker.act.by) == ("fitly.learner.erased.v1", "guardian-7")
    assert not [key for key, value in rows.items() if key.startswith(b"ada") or b"\xa3ada" in value]


def test_what_stood_and_dead_letters_get_tombstones() -> None:
    partition = a_history()
    refused = partition.write(b"ada", b"hello")
    told = partition.say("learner.erased", "ada", {})
    assert [(sent.topic, sent.key, sent.value) for sent in told.outputs] == [
        (SELECTED, b"ada|ASSESSMENT", None),
        (SELECTED, b"ada|SESSION", None),
        (OUTCOMES, b"ada", None),
        (REJECTED, refused.outputs[0].key, None),
    ]


def test_the_changelogs_get_tombstones_only_of_what_they_hold() -> None:
    partition = a_history()
    record = partition.say("learner.erased", "bob", {}).record
    fresh = a_history().shard
    batch = fresh.fold([record])
    assert [change for change in batch.row_changes() if change.value is None] == [
        Change(LEARNERS, b"bob", None),
        Change(CONTEXTS, b"bob|ASSESSMENT", None),
    ]
    born_and_gone = Partition()
    first = born_and_gone.request().record
    second = born_and_gone.say("learner.erased", "ada", {}).record
    shard = Partition().shard
    assert [change.key for change in shard.fold([first, second]).row_changes()] == [MARK]


def test_a_learner_without_a_row_can_be_erased() -> None:
    partition = Partition()
    assert partition.say("learner.erased", "ada", {}).bin == "APPLIED"
    assert partition.outcome().bin == "ERASED"
    assert partition.shard.rows[LEARNERS].keys() == {MARK}


def test_nothing_is_heard_until_there_is_consent() -> None:
    partition = a_history()
    partition.say("learner.erased", "ada", {}, event_id="e")
    rows = partition.rows()
    partition.later(hours=1)
    for told in (
        partition.outcome(),
        partition.request(),
        partition.correct("o", performance_score=0.5),
        partition.prefer(level="HIGH"),
        partition.prefer(consent=False),
        partition.prefer(level="HIGH", consent=True, time=partition.now - 2 * 3_600_000),
        partition.reset(scope="BOTH", consent=True),
        partition.say("learner.erased", "ada", {}, event_id="e"),
        partition.say("learner.erased", "ada", {}, event_id="again"),
        partition.write(b"ada", b"hello"),
    ):
        assert (told.bin, told.outputs) == ("ERASED", [])
    assert partition.rows() == rows


def test_consent_that_is_refused_for_its_time_ends_nothing() -> None:
    partition = a_history()
    partition.say("learner.erased", "ada", {})
    assert partition.prefer(consent=True, time=partition.now + 3_600_001).bin == "FUTURE"
    assert MARK in partition.rows()
    assert not partition.knows("ada")


def test_learners_who_name_themselves_leave_no_name() -> None:
    partition = a_history()
    partition.prefer(level="LOW", acted_by="ada")
    assert partition.learner().acts == ()
    partition.say("learner.erased", "ada", {"acted_by": "ada"})
    assert decode_erased(partition.rows()[MARK]).act is None


def test_with_consent_an_empty_row_begins() -> None:
    partition = a_history()
    partition.say("learner.erased", "ada", {})
    partition.later(hours=2)
    assert partition.prefer(consent=True, level="LOW").bin == "APPLIED"
    learner = partition.learner()
    assert (learner.preferences.level, learner.created_at, learner.consented_at) == (
        Level.LOW,
        partition.now,
        partition.now,
    )
    assert MARK not in partition.rows()
    assert context_key(ADA, Context.ASSESSMENT) not in partition.rows()
    told = partition.outcome()
    assert (told.bin, told.to(OUTCOMES)[0].key) == ("ORPHAN", b"ada")


def test_what_happened_before_the_consent_belongs_to_the_erased_life() -> None:
    partition = a_history()
    outcome = partition.outcome(event_id="late")
    partition.say("learner.erased", "ada", {}, event_id="e")
    partition.later(hours=2)
    partition.prefer(consent=True)
    rows = partition.rows()
    assert partition.again(outcome).bin == "ERASED"
    assert partition.outcome(time=partition.now - 1).bin == "ERASED"
    assert partition.rows() == rows


def test_a_copy_of_the_erasing_event_does_not_erase_whoever_came_back() -> None:
    partition = a_history()
    told = partition.say("learner.erased", "ada", {}, time=partition.now + 60_000)
    partition.prefer(consent=True)
    assert partition.again(told).bin == "DUPLICATE"
    assert partition.knows("ada")
    partition.later(hours=1)
    assert partition.say("learner.erased", "ada", {}).bin == "APPLIED"
    assert not partition.knows("ada")


def test_in_one_batch_a_learner_may_go_and_come_back() -> None:
    partition, whole = a_history(), a_history()
    start = len(partition.log)
    partition.say("learner.erased", "ada", {})
    partition.outcome()
    partition.prefer(consent=True)
    partition.request()
    whole.shard.adopt(whole.shard.fold(partition.log[start:]))
    assert list(whole.shard.state()) == list(partition.shard.state())


def test_the_row_lists_its_dead_letters_and_as_too_many_come_the_oldest_goes() -> None:
    partition = a_history()
    first = partition.write(b"ada", b"hello").record.offset
    for _ in range(MOST_LETTERS - 1):
        assert len(partition.write(b"ada", b"hello").outputs) == 1
    told = partition.write(b"ada", b"hello")
    assert told.outputs[1][:3] == (REJECTED, f"ada|learner-events-0-{first}".encode(), None)
    assert listed(partition.learner().refused) == list(range(first + 1, told.record.offset + 1))
    assert partition.write(b"stranger", b"hello").bin == "INVALID"
    assert not partition.knows("stranger")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("learner.erased", {}),
        ("preferences.changed", {"level": "NONE"}),
        ("preferences.reset", {}),
    ],
)
def test_only_the_sources_that_the_policy_names_may_speak_of_rights(kind: str, data: dict[str, str]) -> None:
    partition = a_history()
    named = Sources(erasure=("registry",), preferences=("registry",))
    partition.revise(replace(SURE, sources=named))
    told = partition.say(kind, "ada", data)
    assert (told.bin, told.reason) == ("INVALID", "SOURCE")
    partition.revise(replace(SURE, sources=replace(named, erasure=("lms",), preferences=("lms", "registry"))))
    assert partition.say(kind, "ada", data).bin == "APPLIED"


def test_consent_heard_before_an_erasure_and_dated_after_it_does_not_end_it_when_sent_again() -> None:
    partition = Partition()
    partition.outcome()
    consent = partition.prefer(consent=True, time=Millis(partition.now + HOURS // 2))
    partition.later(hours=0.1)
    partition.say("learner.erased", "ada", {})
    partition.later(hours=0.1)
    assert partition.again(consent).bin == "DUPLICATE"
    assert not partition.knows("ada")
    partition.later(hours=1)
    assert partition.prefer(consent=True).bin == "APPLIED"
    assert partition.knows("ada")

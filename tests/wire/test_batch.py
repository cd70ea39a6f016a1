"""Raw records into one bin each: control events in their order, forged ones, misrouted ones, broken ones."""

from __future__ import annotations

import pytest
from tests.core.partition import BIRTH, KEY, SURE, Partition, Record, Told, replace
from tests.core.trials import KINDS, PAUSED, PLAN, begin, move

from fitly.core.erasing import listed
from fitly.core.errors import Broken
from fitly.core.events import ExperimentDefined, LogOpened, PolicyRevised
from fitly.core.experiments.trial import Status
from fitly.core.names import partition_of
from fitly.core.numbers import DAY, Millis
from fitly.core.rules import Policy, Sources
from fitly.core.system import EXPERIMENT_PREFIX
from fitly.core.topics import INPUT, REJECTED
from fitly.core.vocabulary import ClockMode
from fitly.wire.batch import FORWARDED_HEADER
from fitly.wire.events import encode_control, encode_tick
from fitly.wire.letters import CUT_HEADER, MOST_REJECTED
from fitly.wire.refusing import MOST_BYTES, REASONS
from fitly.wire.rows import decode_trial, encode_learner
from fitly.wire.signing import SIGNATURE_HEADER, sign

OPENED = LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=1)
FAR = 4
"""Partitions of a log that is not all ours."""


def stranger(number: int = 0, partitions: int = FAR) -> str:
    """A learner of another partition."""
    users = (f"learner-{n}" for n in range(1_000))
    return next(user for user in users if partition_of(user.encode(), partitions) != number)


def refusals() -> dict[str, Told]:
    """A record refused for each reason there is."""
    empty, partition = Partition(opened=False), Partition()
    tick = encode_tick(0, Millis(partition.now))
    event = partition.request().record.value
    assert event is not None
    zone, number = (event.replace(old, new) for old, new in ((b"Z", b""), (b'"MISSION"', b"NaN")))
    far = Partition(partitions=FAR)
    mark = ((FORWARDED_HEADER, b"3-7"),)
    away = stranger()
    outcome = partition.outcome("bob").record.value
    assert outcome is not None
    return {
        "EMPTY": partition.write(b"ada", None),
        "NULL_KEY": partition.write(None, event),
        "FORGED": partition.write(None, tick, ((SIGNATURE_HEADER, sign(b"guessed", BIRTH, tick)),)),
        "TOO_LARGE": partition.write(b"ada", b" " * (MOST_BYTES + 1)),
        "TOO_DEEP": partition.write(b"ada", b"[" * 40),
        "NUL": partition.write(b"ada", event.replace(b"ada", b"a\\u0000")),
        "NOT_UTF8": partition.write(b"ada", b"\xff"),
        "NOT_JSON": partition.write(b"ada", b"hello"),
        "NOT_CLOUDEVENT": partition.write(b"ada", b"{}"),
        "UNKNOWN_TYPE": partition.write(b"ada", event.replace(b"strategy.requested", b"strategy.wished")),
        "NO_TIME_ZONE": partition.write(b"ada", zone),
        "NOT_A_NUMBER": partition.write(b"bob", outcome.replace(b"0.8", b"NaN")),
        "OUT_OF_RANGE": partition.write(b"bob", outcome.replace(b"0.8", b"8")),
        "SCHEMA": partition.write(b"ada", event.replace(b"ASSESSMENT", b"PLAYGROUND")),
        "KEY_MISMATCH": partition.write(b"bob", event),
        "SOURCE": Partition(replace(SURE, sources=Sources(preferences=("school",)))).prefer(level="NONE"),
        "FORWARDED_TWICE": far.write(away.encode(), event.replace(b"ada", away.encode()), mark),
        "BEFORE_OPENING": empty.write(b"ada", number),
        "ALREADY_OPENED": partition.control("fitly.log.opened.v1", OPENED),
        "ILLEGAL_MOVE": move(partition, PAUSED),
        "STAMP": partition.write(b"ada", event, stamp=-1),
    }


REFUSALS = refusals()
OF_PARTIALS = {"GENERATION", "ELSEWHERE"}
"""Reasons that only the other agent has; see ``test_population``."""
END = 65_535 * DAY
"""The first stamp whose day is not kept."""


def test_there_is_an_example_of_every_reason() -> None:
    assert REFUSALS.keys() | OF_PARTIALS == REASONS.keys()


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_is_refused_goes_out_as_it_came_with_its_reason_and_place(reason: str) -> None:
    told = REFUSALS[reason]
    assert (told.bin, told.detail, told.reason) == ("INVALID", reason, reason)
    (rejected,) = told.outputs
    headers = dict(rejected.headers)
    assert rejected.topic == REJECTED
    assert rejected.value == (told.record.value or b"")
    assert headers["detail"]
    assert (headers["topic"], headers["partition"]) == (INPUT.encode(), b"0")
    assert headers["offset"] == str(told.record.offset).encode()
    assert rejected.key == (told.record.key or b"") + f"|{INPUT}-0-{told.record.offset}".encode()


def test_bad_input_leaves_its_neighbours_unaffected() -> None:
    clean, dirty = Partition(), Partition()
    for partition in (clean, dirty):
        partition.request(event_id="r")
        if partition is dirty:
            for told in REFUSALS.values():
                if told.bin == "INVALID" and told.reason not in (
                    "BEFORE_OPENING",
                    "FORWARDED_TWICE",
                    "ALREADY_OPENED",
                    "ILLEGAL_MOVE",
                    "SOURCE",
                ):
                    assert partition.write(*told.record[2:], stamp=told.record.timestamp).bin == "INVALID"
        partition.outcome(event_id="o")
    rows = dirty.rows() | {b"ada": encode_learner(dirty.learner()._replace(refused=b""))}
    assert rows == clean.rows()
    assert (
        len(listed(dirty.learner().refused))
        == sum(
            told.bin == "INVALID" and told.record.key == b"ada" and told.reason in REASONS for told in REFUSALS.values()
        )
        - 2
    )


@pytest.mark.parametrize(("extra", "kept"), [(0, MOST_REJECTED), (1, MOST_BYTES)])
def test_of_a_record_that_unfolds_to_more_than_a_topic_holds_the_beginning_is_kept(extra: int, kept: int) -> None:
    told = Partition().write(b"ada", b"a" * (MOST_REJECTED + extra))
    (rejected,) = told.outputs
    assert told.reason == "TOO_LARGE"
    assert len(rejected.value or b"") == kept
    assert dict(rejected.headers).get(CUT_HEADER) == (str(MOST_REJECTED + 1).encode() if extra else None)


def test_a_header_without_a_value_is_sent_on_as_it_came() -> None:
    partition = Partition(partitions=FAR)
    away = stranger()
    event = Partition().request(away).record.value
    told = partition.write(away.encode(), event, (("trace", None),))
    assert told.bin == "MISROUTED"
    assert dict(told.outputs[0].headers)["trace"] is None


def test_a_misrouted_record_with_headers_too_long_to_be_sent_on_is_refused() -> None:
    partition = Partition(partitions=FAR)
    away = stranger()
    event = Partition().request(away).record.value
    assert event is not None
    assert partition.write(away.encode(), event, (("trace", b"h" * (MOST_BYTES - 5)),)).bin == "MISROUTED"
    told = partition.write(away.encode(), event, (("trace", b"h" * (MOST_BYTES - 4)),))
    assert (told.bin, told.reason) == ("INVALID", "TOO_LARGE")


def test_a_long_key_of_a_refused_record_is_cut() -> None:
    (rejected,) = Partition().write(b"k" * 500, b"hello").outputs
    assert rejected.key is not None
    assert rejected.key.startswith(b"k" * 128 + b"|")


def test_the_refusal_alarm_is_told_of_each_record() -> None:
    partition = Partition()
    good = partition.request().record
    batch = partition.shard.fold(
        [
            Record(10, partition.now, b"ada", b"hello"),
            Record(11, partition.now, b"ada", good.value),
            Record(12, partition.now, b"ada", b"{}"),
        ]
    )
    assert list(batch.refused) == [1, 0, 1]
    assert batch.count == 3


@pytest.mark.parametrize(
    ("stamp", "is_taken"), [(0, True), (-1, False), (65_535 * DAY - 1, True), (65_535 * DAY, False)]
)
def test_a_stamp_lies_between_1970_and_2149(stamp: int, is_taken: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    partition = Partition(opened=False)
    partition.now = Millis(0)
    partition.control("fitly.log.opened.v1", OPENED)
    before = partition.shard.position.clock
    told = partition.outcome(time=max(stamp, 0), stamp=stamp)
    assert (told.bin != "INVALID") == is_taken
    assert partition.shard.position.clock == (stamp if is_taken else before)


def test_an_hour_ahead_on_the_last_day_is_still_a_day_that_can_be_kept() -> None:
    partition = Partition()
    last = END - 1
    assert partition.outcome(time=last + 3_600_000, stamp=last).bin == "ORPHAN"


# ---------------------------------------------------------------- control events


def test_a_learner_event_before_the_opening_is_refused() -> None:
    partition = Partition(opened=False)
    assert partition.request().reason == "BEFORE_OPENING"


def test_the_first_control_event_opens_the_log() -> None:
    partition = Partition(opened=False)
    told = partition.control("fitly.policy.revised.v1", PolicyRevised(revision=1, policy=Policy()))
    assert told.reason == "FORGED"
    assert partition.shard.position.birth_id == ""
    partition.control("fitly.log.opened.v1", OPENED, number=1)
    position = partition.shard.position
    assert (position.birth_id, position.partitions, position.clock_mode) == (BIRTH, 1, "LIVE")


def test_a_policy_cannot_come_before_the_opening_even_signed_for_no_log() -> None:
    partition = Partition(opened=False)
    value = encode_control(1, "fitly.policy.revised.v1", PolicyRevised(revision=1, policy=Policy()), partition.now)
    told = partition.write(None, value, ((SIGNATURE_HEADER, sign(KEY, "", value)),))
    assert told.reason == "BEFORE_OPENING"
    assert partition.shard.rules.control_number == 0


def test_a_control_event_absorbed_before_is_a_duplicate() -> None:
    partition = Partition()
    rules = partition.shard.rules
    told = partition.control("fitly.policy.revised.v1", PolicyRevised(revision=9, policy=Policy(epsilon=1)), number=2)
    assert (told.bin, told.outputs) == ("DUPLICATE", [])
    assert partition.shard.rules == rules


def test_a_gap_in_the_numbers_stops_the_partition_and_a_restart_does_not_help() -> None:
    partition = Partition()
    with pytest.raises(Broken, match=r"control event 4 follows 2.*topics check") as caught:
        partition.control("fitly.policy.revised.v1", PolicyRevised(revision=3, policy=Policy()), number=4)
    assert not caught.value.restart_helps
    assert partition.shard.rules.control_number == 2


def test_a_second_opening_is_refused() -> None:
    partition = Partition()
    told = partition.control("fitly.log.opened.v1", replace(OPENED, partitions=7))
    assert told.reason == "ALREADY_OPENED"
    assert partition.shard.rules.partitions == 1


def test_a_control_event_that_is_not_allowed_takes_its_number_and_stops_nothing() -> None:
    partition = Partition()
    assert move(partition, PAUSED).reason == "ILLEGAL_MOVE"
    assert partition.shard.trials == {}
    begin(partition)
    assert (partition.revise(Policy(epsilon=1)).bin, partition.shard.rules.control_number) == ("SYSTEM", 6)


def test_each_experiment_has_a_row_that_is_written_where_it_changed() -> None:
    partition = Partition()
    begin(partition)
    move(partition, ExperimentDefined(plan=replace(PLAN, experiment_name="other")))
    batch = partition.shard.fold([])
    rows = [change.key for change in batch.system_changes() if change.key.startswith(EXPERIMENT_PREFIX)]
    assert rows == [b"\x00experiment|any", b"\x00experiment|other"]
    value = encode_control(partition.control_number + 1, KINDS[type(PAUSED)], PAUSED, partition.now)
    record = Record(len(partition.log), partition.now, None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))
    changed = [change for change in partition.shard.fold([record]).changes if change.key.startswith(EXPERIMENT_PREFIX)]
    assert [(change.key, decode_trial(change.value or b"").status) for change in changed] == [
        (b"\x00experiment|any", Status.PAUSED)
    ]


def test_a_tick_is_counted_and_moves_the_clock() -> None:
    partition = Partition()
    partition.later(days=1)
    told = partition.tick()
    assert (told.bin, told.detail, told.outputs) == ("SYSTEM", "tick", [])
    assert partition.shard.position.clock == partition.now


# ---------------------------------------------------------------- another partition's learners


@pytest.mark.parametrize(("mode", "stamped"), [(ClockMode.LIVE, False), (ClockMode.AS_OF, True)])
def test_a_learner_of_another_partition_is_sent_on_there_once_marked(mode: ClockMode, stamped: bool) -> None:  # noqa: FBT001
    partition = Partition(partitions=FAR, clock_mode=mode)
    user = stranger()
    told = partition.request(user)
    assert told.bin == "MISROUTED"
    (sent,) = told.outputs
    assert (sent.topic, sent.key, sent.value) == (INPUT, user.encode(), told.record.value)
    assert sent.partition == partition_of(user.encode(), FAR)
    assert sent.headers == ((FORWARDED_HEADER, f"0-{told.record.offset}".encode()),)
    assert sent.timestamp == (told.record.timestamp if stamped else None)
    assert not partition.knows(user)


def test_what_was_sent_on_arrives_and_keeps_its_headers() -> None:
    user = stranger()
    home = partition_of(user.encode(), FAR)
    here, there = Partition(partitions=FAR), Partition(partitions=FAR, number=home)
    value = here.request(user).record.value
    (sent,) = here.write(user.encode(), value, (("trace", b"1"),)).outputs
    assert sent.headers[0] == ("trace", b"1")
    told = there.write(sent.key, sent.value, sent.headers)
    assert told.bin == "APPLIED"
    assert told.selected.cause.partition == home


def test_what_was_sent_on_and_is_not_at_home_either_is_refused() -> None:
    partition = Partition(partitions=FAR)
    told = partition.request(stranger())
    again = partition.write(told.record.key, told.record.value, told.outputs[0].headers)
    assert (again.bin, again.reason) == ("INVALID", "FORWARDED_TWICE")


def test_only_what_is_an_event_is_sent_on() -> None:
    partition = Partition(partitions=FAR)
    assert partition.write(stranger().encode(), b"hello").bin == "INVALID"


def test_a_policy_without_switches_is_in_force_at_the_next_record() -> None:
    partition = Partition(replace(SURE, dwell_days=0))
    first = partition.request().selected
    partition.revise(replace(SURE, epsilon=1, dwell_days=0))
    second = partition.request().selected
    assert (first.policy_revision, second.policy_revision) == (1, 2)
    assert (first.epsilon, second.epsilon) == (0, 1)

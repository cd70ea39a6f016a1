"""The contract at the door: what is read, what is refused, for which reason, in words that help its sender."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.core.partition import BIRTH, KEY, START, Record
from tests.wire.examples import ENVELOPES_REFUSED, EXAMPLES, MOMENTS, OUTCOME, REFUSED, envelope

from fitly.core.errors import Refused
from fitly.core.events import (
    LEARNER_EVENTS,
    ControlEvent,
    LearnerEvent,
    LogOpened,
    OutcomeRecorded,
    PolicyRevised,
    Tick,
    Unreadable,
)
from fitly.core.names import event_key
from fitly.core.numbers import Millis, to_millis
from fitly.core.rules import Policy
from fitly.core.vocabulary import ClockMode, Context, OutcomeType, Variant
from fitly.wire.events import decode, encode_control, encode_event, encode_tick, parse_control, parse_event
from fitly.wire.refusing import MOST_BYTES, MOST_DEEP, depth
from fitly.wire.signing import SIGNATURE_HEADER, is_signed, sign

KIND = "fitly.outcome.recorded.v1"
GOOD = json.dumps(envelope(KIND, OUTCOME)).encode()
OPENED = LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=4)


def refusal(value: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_event(value)
    return caught.value


def read(value: bytes | None, key: bytes | None = b"ada", headers: tuple[tuple[str, bytes | None], ...] = ()) -> object:
    return decode(Record(0, START, key, value, headers), control_key=KEY, birth_id=BIRTH)


def why(arrival: object) -> str:
    assert isinstance(arrival, Unreadable)
    assert arrival.detail
    return arrival.reason


# ---------------------------------------------------------------- learner events


@pytest.mark.parametrize("kind", LEARNER_EVENTS)
def test_every_example_is_read(kind: str) -> None:
    for data in EXAMPLES[kind]:
        event = parse_event(json.dumps(envelope(kind, data)).encode())
        assert isinstance(event.data, LEARNER_EVENTS[kind])
        assert (event.kind, event.user_id, event.source, event.id) == (kind, "ada", "lms", "e-1")
        assert event.key == event_key("lms", "e-1")
        assert event.time == to_millis(datetime(2026, 3, 2, 7, tzinfo=UTC))


@pytest.mark.parametrize(("written", "meant"), MOMENTS.items())
def test_a_moment_is_read_however_rfc_3339_writes_it(written: str, meant: str) -> None:
    event = parse_event(json.dumps(envelope(KIND, OUTCOME, time=written)).encode())
    assert event.time == to_millis(datetime.fromisoformat(f"{meant}+00:00"))


@pytest.mark.parametrize(
    "time",
    ["1772438400", "2026-03-02 08:00:00Z", "2026-03-02T08:00:00Z\n", "2026-02-30T08:00:00Z", "0000-01-01T00:00:00Z"],
)
def test_a_moment_written_otherwise_is_refused_with_advice(time: str) -> None:
    refused = refusal(json.dumps(envelope(KIND, OUTCOME, time=time)).encode())
    assert refused.reason == "NOT_CLOUDEVENT"
    assert refused.detail.startswith("time: ")
    assert "RFC 3339" in refused.detail or "range" in refused.detail


def test_extension_attributes_are_allowed_and_ignored() -> None:
    plain, extended = (json.dumps(envelope(KIND, OUTCOME, **more)).encode() for more in ({}, {"traceparent": "00"}))
    assert parse_event(plain) == parse_event(extended)


def test_a_metric_may_be_written_as_a_whole_number_and_a_variant_by_its_label() -> None:
    data = parse_event(json.dumps(envelope(KIND, EXAMPLES[KIND][1])).encode()).data
    assert isinstance(data, OutcomeRecorded)
    assert (data.performance_score, data.completion_rate) == (1, 0)
    assert data.strategy_variant is Variant.PATTERN_HEAVY


@pytest.mark.parametrize(("kind", "data", "reason"), REFUSED)
def test_data_that_do_not_fit_are_refused_by_name(kind: str, data: dict[str, Any], reason: str) -> None:
    refused = refusal(json.dumps(envelope(kind, data)).encode())
    assert refused.reason == reason
    assert refused.detail.startswith("data")


@pytest.mark.parametrize(("attributes", "reason"), ENVELOPES_REFUSED)
def test_envelopes_that_do_not_fit_are_refused_by_name(attributes: dict[str, Any], reason: str) -> None:
    refused = refusal(json.dumps(envelope(KIND, OUTCOME, **attributes)).encode())
    assert refused.reason == reason
    (name,) = attributes
    assert name in refused.detail


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "NOT_JSON"),
        (b"{", "NOT_JSON"),
        (b"\xff\xfe", "NOT_UTF8"),
        (GOOD.replace(b"ada", b"\xffda"), "NOT_UTF8"),
        (GOOD.replace(b"ada", b"\\ud800"), "NOT_JSON"),
        (GOOD.replace(b"ada", b"a\x00da"), "NOT_JSON"),
        (GOOD.replace(b"ada", b"a\\u0000da"), "NUL"),
        (b"null", "NOT_CLOUDEVENT"),
        (b"[]", "NOT_CLOUDEVENT"),
        (b"1e400", "NOT_CLOUDEVENT"),
        (b'"text"', "NOT_CLOUDEVENT"),
        (b"{}", "NOT_CLOUDEVENT"),
        (GOOD.replace(b"0.5", b"NaN"), "NOT_A_NUMBER"),
        (GOOD.replace(b"0.5", b"Infinity"), "NOT_A_NUMBER"),
        (GOOD.replace(b"0.5", b"-Infinity"), "NOT_A_NUMBER"),
        (GOOD.replace(b"0.5", b"1e400"), "NOT_A_NUMBER"),
        (GOOD.replace(b"2026", b"1969"), "OUT_OF_RANGE"),
        (GOOD.replace(b"2026", b"0001"), "OUT_OF_RANGE"),
        (GOOD.replace(b"2026-03-02T08:00:00+01:00", b"0001-01-01T00:00:00+10:00"), "OUT_OF_RANGE"),
        (GOOD.replace(b"2026-03-02T08:00:00+01:00", b"9999-12-31T23:00:00-10:00"), "OUT_OF_RANGE"),
        (GOOD + b" " * MOST_BYTES, "TOO_LARGE"),
        (b"[" * 1_000, "TOO_DEEP"),
        (GOOD.replace(b'"ada"', ('"' + "é" * 65 + '"').encode()), "NOT_CLOUDEVENT"),
    ],
)
def test_bytes_that_are_no_event_are_refused_by_name(value: bytes, reason: str) -> None:
    assert refusal(value).reason == reason


def test_the_largest_and_the_deepest_that_are_taken() -> None:
    parse_event(GOOD + b" " * (MOST_BYTES - len(GOOD)))
    nested = json.dumps(envelope(KIND, OUTCOME, extension="@")).replace('"@"', "[" * 15 + "]" * 15).encode()
    assert depth(nested) == MOST_DEEP
    parse_event(nested)
    assert refusal(nested.replace(b"[]", b"[[]]")).reason == "TOO_DEEP"


def test_brackets_inside_texts_nest_nothing() -> None:
    text = r"\"[{[{[{[{" * 3 + r"\\"
    value = json.dumps(envelope(KIND, OUTCOME, extension="@")).replace('"@"', f'"{text}"').encode()
    assert depth(value) == 2
    parse_event(value)


def test_a_user_id_may_have_128_bytes_in_any_script() -> None:
    assert parse_event(GOOD.replace(b'"ada"', ('"' + "é" * 64 + '"').encode())).user_id == "é" * 64


def test_what_is_wrong_beside_the_first_is_counted() -> None:
    refused = refusal(json.dumps(envelope(KIND, {"context": "x", "outcome_type": "y"})).encode())
    assert "(and 1 more)" in refused.detail


def test_what_is_said_of_a_refusal_is_short_however_long_the_event() -> None:
    long = "x" * 50_000
    for event in (envelope(long, OUTCOME), envelope(KIND, {**OUTCOME, long: 1})):
        assert len(refusal(json.dumps(event).encode()).detail) < 1_000


def test_what_is_written_is_read_back() -> None:
    data = OutcomeRecorded(outcome_type=OutcomeType.SESSION_COMPLETED, context=Context.SESSION, retention_score=0.5)
    moment = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    value = encode_event(KIND, "lms", "o", "ada", moment, data)
    assert b"null" not in value
    event = parse_event(value)
    assert (event.data, event.time) == (data, to_millis(moment))
    assert event == parse_event(encode_event(KIND, "lms", "o", "ada", moment, json.loads(value)["data"]))


# ---------------------------------------------------------------- records


def test_a_record_is_read_by_its_key() -> None:
    event = read(GOOD)
    assert isinstance(event, LearnerEvent)
    assert event == parse_event(GOOD)


@pytest.mark.parametrize(
    ("value", "key", "reason"),
    [
        (None, b"ada", "EMPTY"),
        (None, None, "EMPTY"),
        (GOOD, b"bob", "KEY_MISMATCH"),
        (GOOD, b"", "KEY_MISMATCH"),
        (GOOD, b"\xff", "KEY_MISMATCH"),
        (GOOD, None, "NULL_KEY"),
        (b"", None, "NULL_KEY"),
        (b"{", b"ada", "NOT_JSON"),
    ],
)
def test_a_record_is_refused_by_name(value: bytes | None, key: bytes | None, reason: str) -> None:
    assert why(read(value, key)) == reason


# ---------------------------------------------------------------- control events


def signed(value: bytes, *, key: bytes = KEY, birth: str = BIRTH) -> object:
    return read(value, None, (("trace", b"1"), (SIGNATURE_HEADER, sign(key, birth, value))))


def test_signed_ticks_and_control_events_are_read() -> None:
    assert signed(encode_tick(3, Millis(START))) == Tick()
    policy = PolicyRevised(revision=4, policy=Policy(epsilon=0.3), note="why")
    event = signed(encode_control(7, "fitly.policy.revised.v1", policy, START))
    assert event == ControlEvent(7, event_key("fitly", "control-7"), "fitly.policy.revised.v1", policy, Millis(START))


def test_the_opening_is_signed_with_the_birth_id_it_brings() -> None:
    value = encode_control(1, "fitly.log.opened.v1", OPENED, START)
    record = Record(0, START, None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))
    assert isinstance(decode(record, control_key=KEY, birth_id=""), ControlEvent)
    assert why(decode(record, control_key=KEY, birth_id="another")) == "FORGED"


def test_a_signature_of_another_key_log_or_value_is_forged() -> None:
    value = encode_tick(0, Millis(START))
    assert why(signed(value, key=b"another")) == "FORGED"
    assert why(signed(value, birth="another")) == "FORGED"
    other = sign(KEY, BIRTH, value + b" ")
    assert why(read(value, None, ((SIGNATURE_HEADER, other),))) == "FORGED"
    assert not is_signed(KEY, BIRTH, value, other)


def test_a_control_event_with_a_key_is_no_learner_event() -> None:
    value = encode_tick(0, Millis(START))
    assert why(read(value, b"ada", ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))) == "UNKNOWN_TYPE"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (GOOD, "UNKNOWN_TYPE"),
        (b"{", "NOT_JSON"),
        (b" " * (MOST_BYTES + 1), "TOO_LARGE"),
        (encode_tick(0, Millis(START)).replace(b'"data":{}', b'"data":{"a":1}'), "SCHEMA"),
        (encode_control(1, "fitly.log.opened.v1", OPENED, START).replace(b'"number":1', b'"number":0'), "OUT_OF_RANGE"),
    ],
)
def test_a_signed_record_that_is_no_control_event_is_refused(value: bytes, reason: str) -> None:
    assert why(signed(value)) == reason


def test_the_control_topic_is_read_without_looking_at_signatures() -> None:
    event = parse_control(encode_control(1, "fitly.log.opened.v1", OPENED, START))
    assert (event.number, event.data) == (1, OPENED)


@pytest.mark.parametrize("value", [encode_tick(0, Millis(START)), GOOD, b"{"])
def test_the_control_topic_holds_control_events_only(value: bytes) -> None:
    with pytest.raises(Refused):
        parse_control(value)

"""Bad input of every kind, from a foreign client (librdkafka), between good events: told, counted, and harmless."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.journeys.conftest import Installation
from tests.journeys.test_first_day import event

from fitly.core.names import partition_of

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

PARTITIONS = 4
OUTCOME = {"outcome_type": "CONTENT_ENGAGED", "context": "CONTENT", "engagement_score": 0.5}


@dataclass(frozen=True)
class Bad:
    """One bad record, and what is to become of it."""

    name: str
    reason: str
    value: bytes | None
    key: bytes | None = b"mallory"
    headers: tuple[tuple[str, bytes], ...] = ()


def changed(**fields: Any) -> bytes:  # noqa: ANN401 - anything may be wrong with an event
    """Write an event of Mallory's with something wrong in its envelope."""
    made = event(999, "mallory", "outcome.recorded", dict(OUTCOME)) | fields
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def measured(**fields: Any) -> bytes:  # noqa: ANN401
    """Write an event of Mallory's with something wrong in its data."""
    return changed(data={**OUTCOME, **fields})


def forged() -> bytes:
    """Write a control event as if one were the sequencer."""
    data = {"revision": 2, "policy": {"holdout_share": 1.0}, "note": ""}
    made = event(3, "x", "policy.revised", data) | {"id": "control-3", "source": "fitly", "number": 3}
    del made["subject"]
    return json.dumps(made).encode()


def nested(depth: int) -> bytes:
    """Write an event whose data go down too deep."""
    return changed(data={**OUTCOME, "content_type": json.loads("[" * depth + "]" * depth)})


BAD = (
    Bad("not UTF-8", "NOT_UTF8", changed().replace(b"mallory", b"mall\xff\xfey")),
    Bad("not JSON", "NOT_JSON", b"{"),
    Bad("NUL bytes", "NOT_JSON", b"\x00\x00\x00"),
    Bad("nothing", "EMPTY", None),
    Bad("an empty value", "NOT_JSON", b""),
    Bad("no CloudEvent", "NOT_CLOUDEVENT", b'{"hello": "world"}'),
    Bad("another version of CloudEvents", "NOT_CLOUDEVENT", changed(specversion="0.3")),
    Bad("no id", "NOT_CLOUDEVENT", changed(id=None)),
    Bad("an unknown type", "UNKNOWN_TYPE", changed(type="fitly.outcome.imagined.v1")),
    Bad("an unknown field", "SCHEMA", measured(mood=1)),
    Bad("no metric at all", "SCHEMA", measured(engagement_score=None)),
    Bad("a word for a number", "SCHEMA", measured(engagement_score="high")),
    Bad("NaN", "NOT_A_NUMBER", measured(engagement_score=float("nan"))),
    Bad("infinity", "NOT_A_NUMBER", measured(engagement_score=float("inf"))),
    Bad("out of range", "OUT_OF_RANGE", measured(engagement_score=1.5)),
    Bad("a time without zone", "NO_TIME_ZONE", changed(time="2026-03-01T10:00:00")),
    Bad("larger than 64 KiB", "TOO_LARGE", measured(content_type="x" * 70_000)),
    Bad("nested deeper than 16", "TOO_DEEP", nested(20)),
    Bad("a NUL character in a text", "NUL", measured(content_type="a\x00b")),
    Bad("somebody else's key", "KEY_MISMATCH", changed(), key=b"alice"),
    Bad("no key", "NULL_KEY", changed(), key=None),
    Bad("a forged control event", "FORGED", forged(), key=None, headers=(("fitly-signature", b"\x00" * 32),)),
)


def test_every_bad_record_is_told_with_its_reason_and_no_good_neighbour_suffers(
    install: Callable[..., Installation],
) -> None:
    fitly = install()
    producer = Producer({"bootstrap.servers": fitly.settings.kafka_bootstrap, "message.max.bytes": 4 << 20})
    topic = fitly.settings.topic("learner-events")
    places: dict[tuple[int, int], Bad] = {}
    good = 0

    def send(key: bytes | None, value: bytes | None, *, at: int, headers: tuple[tuple[str, bytes], ...] = ()) -> int:
        offsets: list[int] = []

        def delivered(error: object, message: Any) -> None:  # noqa: ANN401 - librdkafka's
            assert error is None, error
            offsets.append(message.offset())

        producer.produce(topic, value, key, at, on_delivery=delivered, headers=list(headers))
        assert producer.flush(30) == 0
        return offsets[0]

    def send_good(user: str) -> None:
        nonlocal good
        good += 1
        kind, data = (
            ("strategy.requested", {"context": "CONTENT"}) if good <= PARTITIONS else ("outcome.recorded", OUTCOME)
        )
        at = partition_of(user.encode(), PARTITIONS)
        send(user.encode(), json.dumps(event(good, user, kind, dict(data))).encode(), at=at)

    homes = {
        at: next(f"user{n}" for n in range(99) if partition_of(f"user{n}".encode(), PARTITIONS) == at)
        for at in range(4)
    }
    for user in homes.values():
        send_good(user)
    for number, bad in enumerate(BAD):
        at = number % PARTITIONS if bad.key is None else partition_of(bad.key, PARTITIONS)
        places[at, send(bad.key, bad.value, at=at, headers=bad.headers)] = bad
        send_good(homes[at])

    # What is well-formed but has its own bin: seen twice, too late, too early, in the wrong partition.
    user, now = homes[0], datetime.now(UTC)
    send(user.encode(), json.dumps(event(1, user, "strategy.requested", {"context": "CONTENT"})).encode(), at=0)
    for number, moment in ((901, now - timedelta(days=17)), (902, now + timedelta(hours=2))):
        send(user.encode(), json.dumps(event(number, user, "outcome.recorded", dict(OUTCOME), moment)).encode(), at=0)
    stranger = next(f"stray{n}" for n in range(99) if partition_of(f"stray{n}".encode(), PARTITIONS) != 1)
    send(
        stranger.encode(), json.dumps(event(903, stranger, "strategy.requested", {"context": "CONTENT"})).encode(), at=1
    )
    send_good(homes[1])

    expected = {"INVALID": len(BAD), "DUPLICATE": 1, "LATE": 1, "FUTURE": 1, "MISROUTED": 1, "APPLIED": good + 1}
    fitly.until(lambda: expected.items() <= bins(fitly).items(), f"bins {expected}")

    rejected = fitly.fitly("tail", "rejected-events", "--no-follow", "--last", "1000", "--json").lines
    told = {(int(one["headers"]["partition"]), int(one["headers"]["offset"])): one for one in rejected}
    assert len(rejected) == len(BAD), "each exactly once"
    for place, bad in places.items():
        one = told[place]
        assert (bad.name, one["headers"]["reason"]) == (bad.name, bad.reason), one["headers"]
        assert one["headers"]["detail"], bad.name
        assert one["headers"]["topic"] == "learner-events"
        original = bad.value or b""
        assert one["value"] in (text(original), original.decode(errors="replace")), f"{bad.name}: the original bytes"
    assert fitly.fitly("tail", "strategy-selected", "--no-follow", "--user", stranger, "--json").lines, (
        "sent on, and decided"
    )

    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
    held = fitly.fitly("doctor", status=1).out
    assert "were refused" in held, "over a fifth of all records were refused: the doctor says so"


def text(raw: bytes) -> str:
    """Write bytes as the command does."""
    from fitly.cli.decoded import text as written  # noqa: PLC0415

    return written(raw) or ""


def bins(fitly: Installation) -> Counter[str]:
    """Add the bins of all partitions up, without their details."""
    total: Counter[str] = Counter()
    for ledger in fitly.fitly("table", "ledger", "--json").lines:
        for name, count in ledger["row"]["bins"].items():
            total[name.partition("/")[0]] += count
    return total


def test_publish_tells_line_and_field_of_what_it_refuses_and_sends_the_rest(
    install: Callable[..., Installation],
) -> None:
    fitly = install(roles=())
    good = json.dumps(event(1, "ada", "outcome.recorded", dict(OUTCOME)))
    bad = json.dumps(event(2, "ada", "outcome.recorded", {**OUTCOME, "engagement_score": 7}))
    said = fitly.fitly("publish", "-", status=1, given=f"{good}\n{bad}\n\nnonsense\n{good}\n")
    assert "published 2 events" in said.out
    assert "line 2: OUT_OF_RANGE: data.engagement_score" in said.err
    assert "line 4: NOT_JSON" in said.err


def test_the_wrong_clock_is_refused_before_anything_is_sent(install: Callable[..., Installation]) -> None:
    fitly = install(roles=())
    good = json.dumps(event(1, "ada", "outcome.recorded", dict(OUTCOME)))
    said = fitly.fitly("publish", "-", "--as-of-event-time", status=2, given=good)
    assert "LIVE" in said.err
    assert fitly.fitly("tail", "learner-events", "--no-follow", "--user", "ada").out == ""


def test_a_request_nobody_answers_ends_with_a_hint(install: Callable[..., Installation]) -> None:
    fitly = install(roles=())
    began = time.monotonic()
    said = fitly.fitly("request", "ada", "mission", "--timeout", "1", status=1)
    assert "is a worker running?" in said.err
    assert time.monotonic() - began < 60

"""Why, and what was: decisions explained from their records, and a log that lost its beginning proved all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition
from tests.journeys.conftest import Installation
from tests.journeys.test_first_day import event, mission

from fitly.cli.partitions import last_known
from fitly.core.topics import INPUT, SNAPSHOTS
from fitly.stream.clients import started_admin, started_producer
from fitly.stream.read import bounds, read_topic
from fitly.stream.snapshots import kept
from fitly.wire.snapshots import BEGIN_HEADER, KIND_HEADER, PAGE

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

USERS = [f"learner-{n}" for n in range(12)]


def test_a_decision_is_explained_from_wherever_its_record_is_kept(install: Callable[..., Installation]) -> None:
    fitly = install()
    fitly.publish([event(n, user, "strategy.requested", {"context": "MISSION"}) for n, user in enumerate(USERS)])
    decision = fitly.fitly("request", USERS[0], "mission", "--json").json["data"]
    name = decision["decision_id"]

    there = fitly.fitly("explain", name, USERS[0], "mission", "--json").json
    assert there["holds"]
    assert there["read_from"].startswith(fitly.settings.topic("strategy-selected"))
    assert there["follows"] == {"mode": decision["mode"], "strategy_variant": decision["strategy_variant"]}
    fitly.until(lambda: "Postgres" in fitly.fitly("explain", name, "--json").json["read_from"], "the sink has it")
    kept_there = fitly.fitly("explain", name.upper(), "--json").json
    assert {**kept_there, "read_from": ""} == {**there, "read_from": ""}

    page = fitly.fitly("explain", name).out
    assert f"{USERS[0]} · MISSION" in page
    assert "How it came to this" in page
    assert "OPTED_OUT" in page
    assert decision["cause"]["event_id"] in page
    assert "no decision" in fitly.fitly("explain", "00000000-0000-5000-8000-000000000000", status=1).err
    assert "no decision's id" in fitly.fitly("explain", "x", status=2).err
    assert "both USER and CONTEXT" in fitly.fitly("explain", name, USERS[0], status=2).err


def test_a_log_that_lost_its_beginning_is_proved_from_a_snapshot(install: Callable[..., Installation]) -> None:
    fitly = install(FITLY_SNAPSHOT_DAYS="0.00003", FITLY_TICK_INTERVAL_S="1")
    fitly.publish([event(n, user, "strategy.requested", {"context": "MISSION"}) for n, user in enumerate(USERS)])
    fitly.publish([mission(100 + n, user) for n, user in enumerate(USERS)])
    fitly.until(lambda: absorbed(fitly) == 2 * len(USERS), "the first half is folded")
    half = {partition: known.offset for partition, known in asyncio.run(last_known(fitly.settings)).items()}
    fitly.until(lambda: len(begins(fitly, half)) == len(half), "a snapshot of every partition holds the first half")
    fitly.stop()
    fitly.more.clear()
    start = begins(fitly, half)
    was = row(fitly)
    assert "yes" in fitly.fitly("snapshots").out
    listed = fitly.fitly("snapshots", "--json").lines
    assert {(partition, offset) for partition, offset in start.items()} <= {
        (one["partition"], one["offset"]) for one in listed if one["usable"]
    }

    asyncio.run(cut(fitly, {partition: offset + 1 for partition, offset in start.items()}))
    fitly.start("worker")
    fitly.start("sink")
    fitly.publish(
        [mission(200 + n, user) for n, user in enumerate(USERS)]
        + [event(300 + n, user, "preferences.changed", {"level": "NONE"}) for n, user in enumerate(USERS)]
    )
    fitly.until(lambda: absorbed(fitly) == 4 * len(USERS), "the second half is folded")

    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
    notes = " ".join(note for check in proof["checks"] for note in check["notes"])
    for partition, offset in start.items():
        assert f"learner-events-{partition}: refolded from offset {offset + 1}, snapshot of" in notes
    assert "what lies before cannot be refolded" in notes

    place = f"{was['partition']}/{start[was['partition']]}"
    then = fitly.fitly("table", "contexts", f"{USERS[0]}|MISSION", "--as-of", place, "--json")
    assert then.lines == [was]
    assert "from the snapshot of" in then.err
    now = fitly.fitly("table", "contexts", f"{USERS[0]}|MISSION", "--as-of", "2100-01-01", "--json")
    assert now.lines == [row(fitly)] != [was]
    early = fitly.fitly("table", "learners", USERS[0], "--as-of", "1", status=1)
    assert "cannot be reached" in early.err
    assert "the oldest snapshot is of" in early.err

    asyncio.run(forge(fitly, was["partition"], start[was["partition"]]))
    broken = fitly.fitly("verify", "--replay", "--json", status=1).json
    (wrong,) = [check for check in broken["checks"] if not check["holds"]]
    assert wrong["check"] == "snapshots"
    assert "the pages are not those that were written" in wrong["first"][0]["found"]


def row(fitly: Installation) -> dict[str, Any]:
    """Give the first learner's row as it stands."""
    (found,) = fitly.fitly("table", "contexts", f"{USERS[0]}|MISSION", "--json").lines
    whole: dict[str, Any] = found
    return whole


def absorbed(fitly: Installation) -> int:
    """Count the learners' events that were absorbed."""
    known = asyncio.run(last_known(fitly.settings)).values()
    return sum(count for one in known for name, count in one.bins.items() if not name.startswith("SYSTEM"))


def begins(fitly: Installation, least: dict[int, int]) -> dict[int, int]:
    """Give by partition the offset of the first snapshot that stands at an offset or after it."""
    found = asyncio.run(kept(fitly.settings))
    after = {partition: [one.manifest.offset for one in found[partition]] for partition in least}
    return {
        partition: min(fit)
        for partition, offsets in after.items()
        if (fit := [offset for offset in offsets if offset >= least[partition]])
    }


async def cut(fitly: Installation, before: dict[int, int]) -> None:
    """Take the beginning of the log away, as retention does."""
    topic = fitly.settings.topic(INPUT)
    async with started_admin(fitly.settings) as admin:
        found = {TopicPartition(topic, partition): offset for partition, offset in before.items()}
        await admin.delete_records({place: RecordsToDelete(offset) for place, offset in found.items()})
    firsts = {partition: first for partition, (first, _) in (await bounds(fitly.settings, INPUT)).items()}
    assert firsts == before


async def forge(fitly: Installation, partition: int, offset: int) -> None:
    """Write a snapshot once more, with a byte of a page changed."""
    there = next(one for one in (await kept(fitly.settings, partition))[partition] if one.manifest.offset == offset)
    ends = dict.fromkeys(await bounds(fitly.settings, SNAPSHOTS), 0) | {partition: there.end}
    records = [
        record
        async for record in read_topic(fitly.settings, SNAPSHOTS, start={partition: there.begin}, stop=ends)
        if record.partition == partition
    ]
    begin: int | None = None
    async with started_producer(fitly.settings) as producer:
        for record in records:
            headers = [(name, value) for name, value in record.headers if name != BEGIN_HEADER]
            value = record.value.replace(b"MEDIUM", b"NUIDEM") if dict(headers)[KIND_HEADER] == PAGE else record.value
            if begin is not None:
                headers.append((BEGIN_HEADER, str(begin).encode()))
            sent = await producer.send(
                fitly.settings.topic(SNAPSHOTS), value, key=record.key, partition=partition, headers=headers
            )
            begin = (await sent).offset if begin is None else begin

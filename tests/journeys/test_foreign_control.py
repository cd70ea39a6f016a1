"""Records of others in `control`: every reader passes over them; the next revision takes the number they claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from tests.journeys.conftest import Installation
from tests.journeys.test_bad_input import forged

from fitly.core.events import PolicyRevised
from fitly.core.records import PolicyRecord
from fitly.core.rules import Policy
from fitly.core.topics import CONTROL
from fitly.settings import Settings
from fitly.store import snapshot
from fitly.stream.clients import started_producer
from fitly.stream.control import Sequencer
from fitly.stream.read import read_topic
from fitly.wire.events import encode_control
from fitly.wire.signing import SIGNATURE_HEADER, sign

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

REVISED = "fitly.policy.revised.v1"


async def spoil(settings: Settings) -> int:
    """Write junk, forgeries and a copy of a signed record into `control`; give how many."""
    first, second = [record async for record in read_topic(settings, CONTROL)]
    revision = encode_control(3, REVISED, PolicyRevised(revision=2, policy=Policy(epsilon=1.0), note="forged"), 0)  # type: ignore[arg-type]  # the time tells nothing here
    headers: tuple[tuple[bytes | None, list[tuple[str, bytes]]], ...] = (
        (b"junk", []),
        (None, []),
        (forged(), []),
        (revision, []),
        (revision, [(SIGNATURE_HEADER, sign(b"another key", "", revision))]),
        (first.value, [("of", b"somebody")]),
        (second.value, list(second.headers)),
    )
    async with started_producer(settings) as producer:
        for value, given in headers:
            await producer.send_and_wait(settings.topic(CONTROL), value, key=b"k", headers=given)
    return len(headers)


async def revisions(settings: Settings) -> list[tuple[int, Any, str]]:
    """Give what Postgres holds of the policies: revision, epsilon and note."""
    async with snapshot(settings.database_url) as tables:
        found = [record async for record in tables.records(PolicyRecord)]
    return [(record.revision, cast("dict[str, Any]", record.policy)["epsilon"], record.note) for record in found]


def test_records_of_others_in_control_stop_nobody_and_count_for_nothing(
    install: Callable[..., Installation],
) -> None:
    one = install()
    epsilon = Policy().epsilon
    one.until(lambda: len(asyncio.run(revisions(one.settings))) == 1, "the sink has the first policy")
    count = asyncio.run(spoil(one.settings))
    assert asyncio.run(Sequencer(one.settings).revise(Policy(epsilon=0.07), "ours")) == 3
    one.until(lambda: len(asyncio.run(revisions(one.settings))) > 1, "the sink has the next policy")
    assert asyncio.run(revisions(one.settings)) == [(1, epsilon, "at opening"), (2, 0.07, "ours")]
    assert one.stop() == [0, 0]
    assert "not signed with our key: passed over" in one.logs()
    for role in ("worker", "sink"):  # both read what is not theirs from the beginning
        one.start(role)
    one.fitly("verify")
    one.fitly("topics", "check")
    told = {answer["question"]: answer for answer in one.fitly("doctor", "--json", status=None).json}
    assert told["control"]["well"]
    assert f"3 control events; {count} records are not ours" in told["control"]["told"]
    assert "who else writes there" in told["control"]["remedy"]

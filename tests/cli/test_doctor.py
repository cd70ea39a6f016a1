"""What the doctor says of figures, and of the broker it finds."""

from __future__ import annotations

import pytest

from fitly.cli.examining import became
from fitly.local.background import BackgroundStack
from fitly.local.jars import KAFKA_VERSION
from fitly.settings import Settings
from fitly.stream.release import read_release

GOOD = {"APPLIED": 9_000, "LATE": 900, "SYSTEM": 50_000}


@pytest.mark.parametrize("misrouted", [0, 99])
def test_up_to_one_event_in_a_hundred_in_the_wrong_partition_is_well(misrouted: int) -> None:
    (answer,) = became({**GOOD, "MISROUTED": misrouted})
    assert answer.well
    assert f"9,900 events, 0 refused, {misrouted} sent on" in answer.told


def test_more_than_one_event_in_a_hundred_in_the_wrong_partition_is_told_with_the_remedy() -> None:
    (answer,) = became({**GOOD, "MISROUTED": 100})
    assert not answer.well
    assert "1.0% of all 9,900 events came to the wrong partition" in answer.told
    assert "murmur2_random" in answer.remedy


def test_an_event_sent_on_is_one_event() -> None:
    (answer,) = became({"APPLIED": 100, "MISROUTED": 75})
    assert "75.0% of all 100 events" in answer.told


def test_more_than_a_fifth_refused_is_told_beside_the_rest() -> None:
    (fine,) = became({"APPLIED": 80, "INVALID": 20})
    assert fine.well
    refused, misrouted = became({"APPLIED": 79, "INVALID": 21, "MISROUTED": 2})
    assert "21% of all 100 events were refused" in refused.told
    assert "rejected-events" in refused.remedy
    assert "2.0%" in misrouted.told


def test_a_log_without_events_is_well() -> None:
    (answer,) = became({"SYSTEM": 12})
    assert answer.well


@pytest.mark.kafka
async def test_a_real_broker_tells_its_release(broker: str) -> None:
    assert await read_release(Settings(kafka_bootstrap=broker)) == KAFKA_VERSION.rpartition(".")[0]


@pytest.mark.postgres
async def test_what_is_no_kafka_tells_none(stack: BackgroundStack) -> None:
    database = stack.endpoints.database_url.rpartition("@")[2].partition("/")[0]
    assert await read_release(Settings(kafka_bootstrap=database)) is None

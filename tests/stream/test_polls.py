"""How long the consumer's thread polls: a partition just restored must not wait for those restored before it."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from fitly.stream.garbage import THRESHOLDS, spare_what_stays
from fitly.stream.transport import GLANCE_S, ConsumerThread, Cursor

OURS = [TP("events", partition) for partition in range(4)]


class Asked:
    """Stands for aiokafka's consumer: notes how it is polled, and has nothing."""

    def __init__(self) -> None:
        self.partitions: list[int] = []
        self.timeout_ms = -1

    async def getmany(self, *tps: TopicPartition, timeout_ms: int, max_records: int | None) -> dict[Any, Any]:  # noqa: ARG002
        """Note it."""
        self.partitions, self.timeout_ms = [tp.partition for tp in tps], timeout_ms
        return {}


async def poll(taken: list[TP], full: set[TP]) -> Asked:
    """Let a thread poll for a second whose host owns all of `OURS`."""
    asked = Asked()
    owner = SimpleNamespace(flow_active=True, host=SimpleNamespace(tasks=dict.fromkeys(OURS)))
    thread = SimpleNamespace(consumer=owner, cursors={tp: Cursor(1, 0) for tp in taken}, full=full)
    fetched = await ConsumerThread._fetch_records(cast("ConsumerThread", thread), asked, set(OURS), timeout=1.0)
    assert fetched == {}
    return asked


async def test_a_poll_of_all_that_is_ours_takes_its_time() -> None:
    asked = await poll(OURS, set())
    assert (asked.partitions, asked.timeout_ms) == ([0, 1, 2, 3], 1_000)


@pytest.mark.parametrize("full", [set(), {OURS[0]}])
async def test_a_poll_is_short_while_a_partition_of_ours_is_still_restored(full: set[TP]) -> None:
    """A2, A3: it is taken while the poll goes on, and the poll knows only the partitions it began with."""
    asked = await poll(OURS[:3], full)
    assert asked.partitions == [tp.partition for tp in OURS[:3] if tp not in full]
    assert asked.timeout_ms == GLANCE_S * 1_000


async def test_a_poll_is_short_while_a_partition_of_ours_is_full() -> None:
    asked = await poll(OURS, {OURS[2]})
    assert (asked.partitions, asked.timeout_ms) == ([0, 1, 3], GLANCE_S * 1_000)


def test_what_stays_is_out_of_the_collectors_sight() -> None:
    before, rows = gc.get_threshold(), [["a container that lives"]]
    try:
        spare_what_stays()
        assert not any(seen is rows for seen in gc.get_objects())
        assert gc.get_threshold() == THRESHOLDS
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
    assert any(seen is rows for seen in gc.get_objects())

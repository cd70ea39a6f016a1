"""A run of a quarter of an hour must not end in words that cannot be found."""

from __future__ import annotations

import pytest
from tests.bench import report
from tests.bench.latency import Latency
from tests.bench.loading import Loaded
from tests.bench.machine import Loop
from tests.bench.restore import Restored
from tests.bench.throughput import Throughput
from tests.bench.workload import Shape

LOOP = Loop(40.0, 35.0, 55.0)
USAGE = {"worker": 0.5, "others": 0.1, "nobody": 0.4}


def throughput(dwell: float, processes: int) -> Throughput:
    return Throughput(
        shape=Shape(20_000, 30, 1, dwell),
        processes=processes,
        loaded=Loaded(requests=80_000, outcomes=1_720_000, repeats=3_600, ticks=2_880, bytes=600_000_000),
        seconds=100.0,
        per_second=18_000.0,
        cpu_us=50.0,
        fold_us=40.0,
        commit_us=60.0,
        applied=0.998,
        attributed=1.0,
        decisions=0.4,
        rows=0.8,
        changelog=1_300.0,
        loop=LOOP,
        usage=USAGE,
    )


def latency(new: list[float]) -> Latency:
    return Latency(100.0, new, [12.0], 3, 0.0, 9_000, 0, LOOP, USAGE)


RESTORED = Restored(100_000, 300_000, 2_100.0, 4.0, 11.0, 2_000.0, 170.0, 60_000, LOOP, USAGE, 3.0)


def test_a_page_has_every_part_and_compares_in_steps_of_the_loop() -> None:
    sections = [
        report.of_latency(latency([20.0, 30.0, 400.0])),
        report.of_throughput(throughput(1.0, 1)),
        report.of_restore(RESTORED),
        report.of_throughput(throughput(0.0, 2)),
    ]
    page = report.as_page(sections, 1, "python -m tests.bench --write")
    for line in (
        "| **new decisions: p50; p99** (goal: 60 ms; 250 ms) | **30 ms; 400 ms** |",
        "## Throughput: 20,000 learners, 30 days, dwell 1 day, one process",
        "| **events per second**, one worker, one process, 4 partitions (goal: 15,000) | **18,000** |",
        "| CPU per event, in steps of the loop | 1,250 |",
        "| events per million steps of the loop | 720 |",
        "| **live rows per second** (goal: 50,000) | **25,000** |",
        "| changelog records read per second, those overwritten since included | 75,000 |",
        "| of these a partition's fence, rows and heap; until all have folded | 3.0; 1.0 |",
        "| outcomes per second among them | 17,166 |",
        "| **events per second**, one worker, 2 processes, 4 partitions | **18,000** |",
        "| who used the cores | worker 50%, others 10%, nobody 40% |",
    ):
        assert line in page.splitlines()
    assert "**" not in report.as_text(sections)


@pytest.mark.parametrize("new", [[], [5.0]])
def test_what_was_not_answered_can_be_reported(new: list[float]) -> None:
    assert report.of_latency(latency(new)).lines["not answered"] == "3"


def test_nothing_measured_is_an_empty_table() -> None:
    assert report.as_text([]) == ""

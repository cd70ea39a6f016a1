"""A run of a quarter of an hour must not end in words that cannot be found."""

from __future__ import annotations

import pytest
from tests.bench import report
from tests.bench.latency import Latency
from tests.bench.loading import Loaded
from tests.bench.machine import Loop
from tests.bench.process import BenchError
from tests.bench.restore import Restored, seen_in
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


RESTORED = Restored(2, 100_000, 300_000, 2_100.0, 4.0, 11.0, 2_000.0, 170.0, 60_000, LOOP, USAGE, 2.9, 3.2)


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
        "## Restore of what 2 processes left, from the first assignment to the first fold of every partition",
        "| **live rows per second** (goal: 50,000) | **25,000** |",
        "| changelog records read per second, those overwritten since included | 75,000 |",
        "| of these until the last was released; seek, fetch, fold and commit after that | 3.20; 0.80 |",
        "| live rows per second until the last was released | 31,250 |",
        "| outcomes per second among them | 17,166 |",
        "| **events per second**, one worker, 2 processes, 4 partitions | **18,000** |",
        "| who used the cores | worker 50%, others 10%, nobody 40% |",
    ):
        assert line in page.splitlines()
    assert "**" not in report.as_text(sections)


SAID = """
2026-03-01T10:00:00.000000Z [info     ] assigned                       [fitly.stream.host] agent=experiments gone=[] partitions=[0, 1]
2026-03-01T10:00:00.100000Z [info     ] assigned                       [fitly.stream.host] agent=learners gone=[] partitions=[]
2026-03-01T10:00:00.250000Z [info     ] assigned                       [fitly.stream.host] agent=learners gone=[] partitions=[0, 1]
2026-03-01T10:00:01.000000Z [info     ] restored                       [fitly.stream.partition] agent=learners partition=1 rows=7
2026-03-01T10:00:02.500000Z [info     ] restored                       [fitly.stream.partition] agent=learners partition=0 rows=9
2026-03-01T10:00:04.000000Z [info     ] restored                       [fitly.stream.partition] agent=experiments partition=0 rows=0
2026-03-01T10:00:09.000000Z [info     ] stopped                        [fitly.stream.worker] agent=learners
"""  # noqa: E501 - lines of a log


def test_a_restore_is_over_when_the_last_partition_is_restored() -> None:
    assigned, restored = seen_in(SAID)
    assert (restored - assigned).total_seconds() == 2.25


def test_a_worker_that_restored_nothing_is_an_error() -> None:
    with pytest.raises(BenchError, match="has not told"):
        seen_in(SAID.replace("restored", "revoked"))


@pytest.mark.parametrize("new", [[], [5.0]])
def test_what_was_not_answered_can_be_reported(new: list[float]) -> None:
    assert report.of_latency(latency(new)).lines["not answered"] == "3"


def test_nothing_measured_is_an_empty_table() -> None:
    assert report.as_text([]) == ""

"""The figures as a table, for the screen and for the documentation.

Knows words and units. Must never know how a figure came about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.latency import Latency, percentile
from tests.bench.machine import described
from tests.bench.restore import Restored
from tests.bench.throughput import Throughput

PAGE: Final = Path("docs/benchmarks.md")


class Line(NamedTuple):
    """One figure."""

    what: str
    figure: str


class Section(NamedTuple):
    """Figures that belong together."""

    title: str
    lines: list[Line]


def of_throughput(run: Throughput) -> Section:
    """Put a throughput run into words."""
    shape, loaded = run.shape, run.loaded
    every = "a decision for every outcome" if not shape.dwell_days else f"dwell {shape.dwell_days:g} day"
    return Section(
        f"Throughput: {shape.learners:,} learners, {shape.days} days, {every}",
        [
            Line("learner events (of these requests; and ticks)",
                 f"{loaded.requests + loaded.outcomes:,} ({loaded.requests:,}; {loaded.ticks:,})"),
            Line("events per second, one worker process, 4 partitions", f"{run.per_second:,.0f}"),
            Line("decisions per event", f"{run.decisions:.2f}"),
            Line("APPLIED", f"{run.applied:.2%}"),
            Line("outcomes attributed", f"{run.attributed:.2%}"),
            Line("CPU per event, worker process", f"{run.cpu_us:.0f} µs"),
            Line("wall time per event in folds; in commits", f"{run.fold_us:.0f} µs; {run.commit_us:.0f} µs"),
            Line("changelog bytes per event", f"{run.changelog:,.0f}"),
            Line("plain loop beside it; CPU per event in its steps",
                 f"{run.loop_ns:.0f} ns; {1000 * run.cpu_us / run.loop_ns:,.0f}"),
        ],
    )  # fmt: skip


def of_restore(run: Restored) -> Section:
    """Put a restore into words."""
    return Section(
        "Restore of what the throughput run left, up to the first fold of every partition",
        [
            Line("rows; changelog records read for them", f"{run.rows:,}; {run.records:,}"),
            Line("seconds, fence and deadline heap included", f"{run.seconds:.1f}"),
            Line("changelog records per second", f"{run.records / run.seconds:,.0f}"),
            Line("bytes per learner x context row; per learner row", f"{run.row_bytes:,.0f}; {run.learner_bytes:,.0f}"),
            Line("entries in the deadline heaps", f"{run.due:,}"),
            Line("plain loop beside it", f"{run.loop_ns:.0f} ns"),
        ],
    )


def of_latency(run: Latency) -> Section:
    """Put latencies into words."""
    asked = len(run.new) + len(run.repeated)
    return Section(
        f"Request to decision at {run.per_second:g} requests/s, worker, sink and Postgres on the same cores",
        [
            Line("answers; new decisions among them", f"{asked:,}; {len(run.new) / max(asked, 1):.0%}"),
            Line("new decisions: p50; p99", _quantiles(run.new)),
            Line("repeated ones: p50; p99", _quantiles(run.repeated)),
            Line("not answered", f"{run.unanswered:,}"),
            Line("plain loop beside it", f"{run.loop_ns:.0f} ns"),
        ],
    )


def _quantiles(ordered: list[float]) -> str:
    return f"{percentile(ordered, 0.5):.0f} ms; {percentile(ordered, 0.99):.0f} ms"


def as_text(sections: list[Section]) -> str:
    """Give a table for the screen."""
    width = max(len(line.what) for section in sections for line in section.lines)
    parts = []
    for section in sections:
        parts.append(f"\n{section.title}")
        parts += [f"  {line.what:<{width}}  {line.figure}" for line in section.lines]
    return "\n".join(parts)


def as_page(sections: list[Section], seed: int, command: str) -> str:
    """Give the page of the documentation."""
    parts = [
        "# Benchmarks",
        "",
        f"<!-- Written by `{command}`; run it again in place of editing. -->",
        "",
        "Measured on a real Kafka and Postgres (the embedded stack), exactly once: one transaction per batch of a",
        "partition, rows in the changelog, outputs read-committed. Everything is reported, nothing asserted. Wall time",
        "in commits counts each of the four partitions' own; they overlap.",
        "",
        f"Machine: {described()}, shared with others: the same run has differed by a factor of two",
        "within an hour. The plain loop (`total += step & 3`, nanoseconds of CPU per step) ran in the same minutes:",
        "compare in its steps.",
        f"Seed {seed}. To reproduce: `{command}` (`--help` names smaller runs).",
    ]
    for section in sections:
        parts += ["", f"## {section.title}", "", "| | |", "|---|--:|"]
        parts += [f"| {line.what} | {line.figure} |" for line in section.lines]
    return "\n".join([*parts, ""])

"""The figures as a table, for the screen and for the documentation.

Knows words and units. Must never know how a figure came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.latency import Latency, percentile
from tests.bench.machine import Loop, described
from tests.bench.restore import Restored
from tests.bench.throughput import Throughput

PAGE: Final = Path("docs/benchmarks.md")
INTRODUCTION: Final = """\
Measured on a real Kafka and Postgres (the embedded stack), exactly once: one transaction per batch of a partition,
rows in the changelog, outputs read-committed. Everything is reported, nothing asserted.

The learners of the throughput run study as those of a busy course do: every second day, in the afternoon or evening,
half an hour at a time (`tests/bench/habits.py` gives the figures and what they lean on). Their events come in order
of time over all learners, with a signed tick per hour and partition. "Event" is an outcome or a request. Wall time
in folds and commits counts each of the four partitions' own; commits overlap, and so do processes.

The goal of 15,000 events/s is set for two processes that fold (`FITLY_PROCESSES=2`) and the compiled form of the fold
(`make compiled`): one is what there is where nothing else is said, in `docker-compose.yml` and `deploy/` too. Processes
are those of the agent `learners`; the agent `experiments` has one more. "Outcomes per second" leaves requests and
repeats out. Fewer partitions, learners or days change a figure: rows grow until they hold two weeks.

The machine is shared: the same run has differed by a factor of two within an hour. So a plain loop
(`total += step & 3`, nanoseconds of CPU per step) runs before and after each part, and "who used the cores" tells
what others took. Compare runs of different days by the figures in steps of that loop."""


class Section(NamedTuple):
    """Figures that belong together, by what they say."""

    title: str
    lines: dict[str, str]


def of_throughput(run: Throughput) -> Section:
    """Put a throughput run into words."""
    shape, loaded = run.shape, run.loaded
    every = f"dwell {shape.dwell_days:g} day" if shape.dwell_days else "a decision for every outcome (dwell 0)"
    goal = " (goal: 15,000)" if shape.dwell_days else ""
    row = run.changelog / run.rows
    crew = _crew(run.processes)
    lines = {
        f"**events per second**, one worker, {crew}, 4 partitions{goal}": f"**{run.per_second:,.0f}**",
        "outcomes per second among them": f"{run.per_second * loaded.outcomes / loaded.events:,.0f}",
        "CPU per event, worker": f"{run.cpu_us:.0f} µs",
        "wall time per event in folds; in commits": f"{run.fold_us:.0f} µs; {run.commit_us:.0f} µs",
        "decisions per event": f"{run.decisions:.2f}",
        "rows written per event": f"{run.rows:.2f}",
        "changelog bytes per event; per row written": f"{run.changelog:,.0f}; {row:,.0f}",
        "APPLIED; outcomes attributed": f"{run.applied:.2%}; {run.attributed:.2%}",
        "outcomes; requests; sent twice": f"{loaded.outcomes:,}; {loaded.requests:,}; {loaded.repeats:,}",
        "outcomes per learner and day": f"{loaded.outcomes / shape.learners / shape.days:.1f}",
        "bytes per event": f"{loaded.bytes / loaded.events:.0f}",
        "CPU per event, in steps of the loop": _cpu_in_steps(run.cpu_us, run.loop),
        "events per million steps of the loop": _per_million(run.per_second, run.loop),
    }
    return Section(
        f"Throughput: {shape.learners:,} learners, {shape.days} days, {every}, {crew}",
        lines | _noise(run.loop, run.usage),
    )


def _crew(processes: int) -> str:
    return "one process" if processes == 1 else f"{processes} processes"


def of_restore(run: Restored) -> Section:
    """Put a restore into words."""
    megabytes = run.record_bytes * run.records / 1e6
    per_second = run.rows / run.seconds
    lines = {
        "**live rows per second** (goal: 50,000)": f"**{per_second:,.0f}**",
        "changelog records read per second, those overwritten since included": f"{run.records / run.seconds:,.0f}",
        "live rows; records read": f"{run.rows:,}; {run.records:,}",
        "seconds from the assignment until every partition has folded": f"{run.seconds:.2f}",
        "of these until the last was released; seek, fetch, fold and commit after that": (
            f"{run.released:.2f}; {max(0.0, run.seconds - run.released):.2f}"
        ),
        "live rows per second until the last was released": f"{run.rows / run.released:,.0f}",
        "seconds a partition's fence, rows and heap took, the mean": f"{run.restoring:.2f}",
        "MB read; per second": f"{megabytes:,.0f}; {megabytes / run.seconds:,.0f}",
        "bytes per learner x context row; per learner row": f"{run.row_bytes:,.0f}; {run.learner_bytes:,.0f}",
        "CPU per row read, worker": f"{run.cpu_us:.1f} µs",
        "entries in the deadline heaps": f"{run.due:,}",
        "CPU per row read, in steps of the loop": _cpu_in_steps(run.cpu_us, run.loop),
        "live rows per million steps of the loop": _per_million(per_second, run.loop),
    }
    return Section(
        f"Restore of what {_crew(run.processes)} left, from the first assignment to the first fold of every partition",
        lines | _noise(run.loop, run.usage),
    )


def of_latency(run: Latency) -> Section:
    """Put latencies into words."""
    asked = len(run.new) + len(run.repeated)
    lines = {
        "**new decisions: p50; p99** (goal: 60 ms; 250 ms)": f"**{_quantiles(run.new)}**",
        "repeated ones: p50; p99": _quantiles(run.repeated),
        "all: p50; p99; the slowest": f"{_quantiles(sorted(run.new + run.repeated))}; {run.slowest:.0f} ms",
        "answers; new decisions among them": f"{asked:,}; {len(run.new) / max(asked, 1):.0%}",
        "not answered": f"{run.unanswered:,}",
        "requests that the bench itself sent late, by over 10 ms": f"{run.late:.1%}",
        "records the sink applied; behind at the end": f"{run.sunk:,}; {run.behind:,}",
    }
    return Section(
        f"Request to decision at {run.per_second:g} requests/s: "
        "broker, worker, sink, Postgres and both clients on the same cores",
        lines | _noise(run.loop, run.usage),
    )


def _cpu_in_steps(cpu_us: float, loop: Loop) -> str:
    return f"{1000 * cpu_us / loop.ns:,.0f}"


def _per_million(per_second: float, loop: Loop) -> str:
    return f"{per_second * loop.ns / 1000:,.0f}"


def _noise(loop: Loop, usage: dict[str, float]) -> dict[str, str]:
    return {
        "a step of the loop beside it; fastest to slowest": f"{loop.ns:.0f} ns; {loop.least:.0f} to {loop.most:.0f} ns",
        "who used the cores": ", ".join(f"{name} {share:.0%}" for name, share in usage.items()),
    }


def _quantiles(ordered: list[float]) -> str:
    return f"{percentile(ordered, 0.5):.0f} ms; {percentile(ordered, 0.99):.0f} ms"


def as_text(sections: Sequence[Section]) -> str:
    """Give a table for the screen."""
    width = max((len(what) for section in sections for what in section.lines), default=0)
    parts = []
    for section in sections:
        parts.append(f"\n{section.title}")
        parts += [
            f"  {what.replace('**', ''):<{width}}  {figure.replace('**', '')}" for what, figure in section.lines.items()
        ]
    return "\n".join(parts)


def as_page(sections: Sequence[Section], seed: int, command: str) -> str:
    """Give the page of the documentation."""
    parts = [
        "# Benchmarks",
        "",
        f"<!-- Written by `{command}`; run it again in place of editing. -->",
        "",
        INTRODUCTION,
        "",
        f"Machine: {described()}. Seed {seed}. To reproduce: `{command}` (`--quick` for a first look).",
    ]
    for section in sections:
        parts += ["", f"## {section.title}", "", "| | |", "|---|--:|"]
        parts += [f"| {what} | {figure} |" for what, figure in section.lines.items()]
    return "\n".join([*parts, ""])

"""Outcome events per second of one worker process, exactly once, from a log that is full.

Knows when to look at the clock. Must never know what is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.bench.loading import Loaded, load
from tests.bench.machine import loop_ns
from tests.bench.process import Worker
from tests.bench.workload import PARTITIONS, Shape

from fitly.core.errors import Broken
from fitly.core.rules import Policy
from fitly.core.topics import CONTEXTS_CHANGELOG, LEARNERS_CHANGELOG, SELECTED
from fitly.core.vocabulary import ClockMode
from fitly.stream import topics
from fitly.stream.control import Sequencer

if TYPE_CHECKING:
    from fitly.settings import Settings

GLANCE_S: Final = 0.25
OUTCOME: Final = "fitly.outcome.recorded.v1"
RECORDS: Final = "fitly_records_total"


class Throughput(NamedTuple):
    """What a run showed.

    Attributes
    ----------
    per_second : float
        Learner events (outcomes and requests) per second.
    cpu_us, fold_us, commit_us : float
        Per learner event: CPU of the worker process with all its threads; wall time inside folds and inside commits.
    applied, attributed : float
        Share of learner events that were APPLIED; of outcomes that found their decision.
    decisions : float
        Decisions per learner event.
    changelog : float
        Bytes written to both changelogs per learner event.
    loop_ns : float
        The plain loop, mean of before and after.
    """

    shape: Shape
    loaded: Loaded
    seconds: float
    per_second: float
    cpu_us: float
    fold_us: float
    commit_us: float
    applied: float
    attributed: float
    decisions: float
    changelog: float
    loop_ns: float


class Written:
    """Counts the bytes of changelog segments as they grow; what compaction takes away later stays counted."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self._directory = directory
        self._patterns = [f"{settings.topic(name)}-[0-9]*" for name in (LEARNERS_CHANGELOG, CONTEXTS_CHANGELOG)]
        self._largest: dict[Path, int] = {}

    def look(self) -> int:
        """Give the bytes written so far."""
        for pattern in self._patterns:
            for segment in self._directory.rglob(f"{pattern}/*.log"):
                try:
                    size = segment.stat().st_size
                except FileNotFoundError:
                    continue
                self._largest[segment] = max(size, self._largest.get(segment, 0))
        return sum(self._largest.values())


async def open_log(settings: Settings, mode: ClockMode) -> None:
    """Make the topics; a broker that has just removed others may need to be asked again."""
    for pause in (0.5, 1.0, 2.0):
        try:
            await topics.create(settings, mode)
        except Broken:
            await asyncio.sleep(pause)
        else:
            return
    await topics.create(settings, mode)


async def measure(settings: Settings, shape: Shape, folder: Path, say: Callable[[str], None]) -> Throughput:
    """Open a log under the settings' prefix, fill it, and let one worker fold it."""
    await open_log(settings, ClockMode.AS_OF)
    controls = 2 * PARTITIONS
    if shape.dwell_days != Policy().dwell_days:
        await Sequencer(settings).revise(Policy(dwell_days=shape.dwell_days))
        controls += PARTITIONS
    loaded = await load(settings, shape, say)
    written, before = Written(folder, settings), loop_ns()
    everything = loaded.requests + loaded.outcomes + loaded.ticks + controls
    async with Worker(settings, folder / f"{settings.prefix}worker.log") as worker:
        first = await worker.until(lambda page: page.total(RECORDS) > controls, 0.05)
        began, cpu, page, told = time.perf_counter(), worker.cpu(), first, 0.0
        while page.total(RECORDS) < everything:
            await asyncio.sleep(GLANCE_S)
            page = await worker.page()
            written.look()
            passed = time.perf_counter() - began
            if passed - told > 5:
                told, done = passed, page.total(RECORDS) - first.total(RECORDS)
                say(f"folding: {100 * page.total(RECORDS) / everything:.0f} %, {done / passed:,.0f} records/s")
        seconds, cpu = time.perf_counter() - began, worker.cpu() - cpu
        page = await worker.page()
    share = 1 - first.total(RECORDS) / everything
    events = (loaded.requests + loaded.outcomes) * share
    learner_events = page.total(RECORDS) - page.total(RECORDS, "SYSTEM/")
    return Throughput(
        shape=shape,
        loaded=loaded,
        seconds=seconds,
        per_second=events / seconds,
        cpu_us=cpu / events * 1e6,
        fold_us=(page.total("fitly_fold_seconds_sum") - first.total("fitly_fold_seconds_sum")) / events * 1e6,
        commit_us=(page.total("fitly_commit_seconds_sum") - first.total("fitly_commit_seconds_sum")) / events * 1e6,
        applied=page.total(RECORDS, "APPLIED/") / learner_events,
        attributed=page.total(RECORDS, f"APPLIED/{OUTCOME}") / loaded.outcomes,
        decisions=page.total("fitly_outputs_total", SELECTED) / learner_events,
        changelog=written.look() / learner_events,
        loop_ns=(before + loop_ns()) / 2,
    )

"""Learner events per second of one worker process, exactly once, from a log that is full.

Knows when to look at the clock. Must never know what is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.bench.changelogs import Written
from tests.bench.loading import Loaded, load
from tests.bench.machine import Loop, Usage, loop
from tests.bench.process import Page, Worker, stalled
from tests.bench.workload import PARTITIONS, Shape

from fitly.core.rules import Policy
from fitly.core.topics import SELECTED
from fitly.core.vocabulary import ClockMode
from fitly.local.stack import KAFKA
from fitly.stream import topics
from fitly.stream.control import Sequencer

if TYPE_CHECKING:
    from fitly.local.stack import Stack
    from fitly.settings import Settings

GLANCE_S: Final = 0.25
TELL_S: Final = 10.0
STALLED_S: Final = 90.0
OUTCOME: Final = "fitly.outcome.recorded.v1"
RECORDS: Final = "fitly_records_total"


class Throughput(NamedTuple):
    """What a run showed; "per event" is per learner event: outcomes, requests, and those of them that came twice.

    Attributes
    ----------
    per_second, cpu_us, fold_us, commit_us : float
        Events per second; per event CPU of the worker process with all its threads, and wall time inside folds and
        inside commits.
    applied, attributed : float
        Share of events that were APPLIED; share of outcomes that found their decision.
    decisions, rows, changelog : float
        Per event: decisions, rows written (system rows included), bytes of both changelogs.
    """

    shape: Shape
    processes: int
    loaded: Loaded
    seconds: float
    per_second: float
    cpu_us: float
    fold_us: float
    commit_us: float
    applied: float
    attributed: float
    decisions: float
    rows: float
    changelog: float
    loop: Loop
    usage: dict[str, float]


async def measure(
    settings: Settings, shape: Shape, stack: Stack, say: Callable[[str], None], processes: int = 1
) -> Throughput:
    """Open a log under the settings' prefix, fill it, and let one worker of so many processes fold it."""
    await topics.create(settings, ClockMode.AS_OF)
    controls = 2 * PARTITIONS
    if shape.dwell_days != Policy().dwell_days:
        await Sequencer(settings).revise(Policy(dwell_days=shape.dwell_days))
        controls += PARTITIONS
    loaded = await load(settings, shape, say)
    written, before = Written(stack.directory, settings), loop()
    async with Worker(settings, stack.directory / f"{settings.prefix}worker.log", processes) as worker:
        run = _Run(worker, loaded, controls, written)
        first = await worker.until(lambda page: page.total(RECORDS) > controls and worker.least > 0, 0.05)
        broker = await stack.until_running(KAFKA)
        usage = Usage({"worker": worker.pid} | ({KAFKA: broker.pid} if broker.pid else {}))
        began, cpu = time.perf_counter(), worker.cpu()
        last = await run.to_its_end(first, say)
        seconds, cpu = time.perf_counter() - began, worker.cpu() - cpu
        shares = usage.shares()
    events = loaded.events * (1 - first.total(RECORDS) / run.everything)
    learner_events = last.total(RECORDS) - last.total(RECORDS, "SYSTEM/")
    return Throughput(
        shape=shape,
        processes=processes,
        loaded=loaded,
        seconds=seconds,
        per_second=events / seconds,
        cpu_us=cpu / events * 1e6,
        fold_us=(last.total("fitly_fold_seconds_sum") - first.total("fitly_fold_seconds_sum")) / events * 1e6,
        commit_us=(last.total("fitly_commit_seconds_sum") - first.total("fitly_commit_seconds_sum")) / events * 1e6,
        applied=last.total(RECORDS, "APPLIED/") / learner_events,
        attributed=last.total(RECORDS, f"APPLIED/{OUTCOME}") / loaded.outcomes,
        decisions=last.total("fitly_outputs_total", SELECTED) / learner_events,
        rows=last.total("fitly_changes_total") / learner_events,
        changelog=written.look() / learner_events,
        loop=before.and_after(loop()),
        usage=shares,
    )


class _Run:
    """A worker's way through a full log."""

    def __init__(self, worker: Worker, loaded: Loaded, controls: int, written: Written) -> None:
        self._worker = worker
        self._written = written
        self.everything = loaded.events + loaded.ticks + controls

    async def to_its_end(self, first: Page, say: Callable[[str], None]) -> Page:
        """Look on until everything is folded.

        Raises
        ------
        BenchError
            Nothing has been folded for `STALLED_S`.
        """
        began = moved = told = time.perf_counter()
        page, done = first, first.total(RECORDS)
        while done < self.everything:
            await asyncio.sleep(GLANCE_S)
            page = await self._worker.page()
            self._written.look()
            now, before, done = time.perf_counter(), done, max(done, page.total(RECORDS))
            if done > before:
                moved = now
            elif now - moved > STALLED_S:
                message = (
                    f"nothing was folded for {STALLED_S:g} s, {self.everything - done:,.0f} records before the end"
                )
                raise stalled(message, self._worker.log)
            if now - told > TELL_S:
                told, rate = now, (done - first.total(RECORDS)) / (now - began)
                say(f"folding: {done / self.everything:.0%}, {rate:,.0f} records/s")
        return page

"""The worker: one process that folds its share of the partitions until it is told to stop.

Knows starting, stopping and exit codes. Must never know a partition's life.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import structlog
from faust.tables.recovery import ServiceStopped

from fitly import metrics
from fitly.core.errors import Broken, FitlyError, Retryable
from fitly.metrics import Meters
from fitly.settings import AgentName
from fitly.stream import topics
from fitly.stream.agents import AGENTS
from fitly.stream.app import App, build_app
from fitly.stream.clients import started_reader, understood
from fitly.stream.control import overruled
from fitly.stream.garbage import spare_what_stays
from fitly.stream.generation import read_generation
from fitly.stream.host import Host
from fitly.stream.page import Page
from fitly.stream.watchdog import Sample, Watchdog

if TYPE_CHECKING:
    from fitly.settings import Settings
    from fitly.stream.generation import Generation

log = structlog.get_logger(__name__)

DONE: Final = 0
USAGE: Final = 2
UNREACHABLE: Final = 3
BROKEN: Final = 4
HEARTBEAT_S: Final = 0.5
PROBES: Final = 6
"""How often the broker is asked for within the watchdog's time, where nothing gets on."""


def exit_code(error: BaseException) -> int:
    """Give the exit code of an error: 2 where a restart cannot help, 3 where the world was not ready, else 4.

    >>> exit_code(Broken("gap", restart_helps=False)), exit_code(Retryable("away")), exit_code(ValueError())
    (2, 3, 4)
    """
    if isinstance(error, Broken) and not error.restart_helps:
        return USAGE
    return UNREACHABLE if isinstance(error, Retryable) else BROKEN


def end_process(error: BaseException, bootstrap: str) -> NoReturn:
    """End the process at once: our own fault, or another worker has taken over. Nothing escapes a task.

    Not by unwinding: a stop waits for transactions that may never end (A7), and all that matters is already in the
    log.
    """
    ours = understood(error, bootstrap) if not isinstance(error, FitlyError) else error
    log.critical("stopping", why=str(ours), exc_info=error)
    logging.shutdown()
    os._exit(exit_code(ours) if not isinstance(ours, Retryable) else BROKEN)


def unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what a task failed with that nobody waits for; not that a stop found Faust's recovery at work (A2)."""
    if not isinstance(context.get("exception"), ServiceStopped):
        loop.default_exception_handler(context)


def run(settings: Settings, agent: AgentName = AgentName.LEARNERS) -> int:
    """Fold one agent's share until SIGTERM or SIGINT.

    Returns
    -------
    int
        0 stopped as told; 2 a restart cannot help; 3 the broker cannot be reached; 4 broken, a restart may help.
        Where a task fails the process ends at once with the same codes.
    """
    structlog.contextvars.bind_contextvars(agent=agent.value)
    try:
        return asyncio.run(_run(settings, agent))
    except FitlyError as error:
        log.critical("stopping", why=str(error))
        return exit_code(error)


async def _run(settings: Settings, agent: AgentName) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(unheard)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    generation = await _sound(settings)
    meters = Meters(agent=agent.value)
    host = Host(settings, meters, generation, lambda error: end_process(error, settings.kafka_bootstrap), AGENTS[agent])
    worker = Worker(settings, host, meters, build_app(settings, host))
    spare_what_stays()
    return await worker.serve(stop)


async def _sound(settings: Settings) -> Generation:
    """Check what a worker needs before it joins anything."""
    if not settings.signing_key:
        message = "FITLY_CONTROL_KEY is not set: without it control events cannot be told from forged ones"
        raise Broken(message, restart_helps=False)
    findings = await topics.examine(settings)
    advice = findings.advice if findings.vital else [*findings.advice, *await overruled(settings)]
    for problem in advice:
        log.warning(problem.what, remedy=problem.remedy)
    for problem in findings.vital:
        log.error(problem.what, remedy=problem.remedy)
    if findings.vital:
        first = findings.vital[0]
        message = f"{len(findings.vital)} problem(s) with the topics, the first: {first.what}. {first.remedy}"
        raise Broken(message, restart_helps=False)
    return await read_generation(settings)


@dataclass
class Worker:
    """A running app with its watchdog and its page.

    Parameters
    ----------
    settings, host, meters, app
        The parts.
    """

    settings: Settings
    host: Host
    meters: Meters
    app: App
    lags: dict[int, int] = field(default_factory=dict)
    _beat: float = field(default_factory=time.monotonic)

    async def serve(self, stop: asyncio.Event) -> int:
        """Run until `stop` is set or Faust crashes; then stop cleanly."""
        watchdog = Watchdog(self.settings.watchdog_s, self._sample, self._bite)
        page = Page(self.settings.metrics_port, self.meters, self.host.ready) if self.settings.metrics_port else None
        if page is not None:
            page.start()
        watchdog.start()
        starting = self.host.guard(self.app.start())
        pulse, probe = self.host.guard(self._pulse()), self.host.guard(self._probe())
        crashed = asyncio.ensure_future(self.app.wait_until_stopped())
        told = asyncio.ensure_future(stop.wait())
        log.info(
            "working",
            app=self.host.agent.app_id(self.settings),
            broker=self.settings.kafka_bootstrap,
            clock=self.host.generation.clock_mode.value,
        )
        await asyncio.wait({crashed, told}, return_when=asyncio.FIRST_COMPLETED)
        if crashed.done() and not told.done():
            error = self.app.crash_reason or RuntimeError("Faust stopped by itself")
            end_process(error, self.settings.kafka_bootstrap)
        watchdog.stop()
        for waiting in (told, crashed):
            waiting.cancel()
        await self.host.release(pulse, probe)
        await self._stop(starting)
        if page is not None:
            page.stop()
        log.info("stopped")
        return DONE

    async def _stop(self, starting: asyncio.Task[None]) -> None:
        """Finish the transactions, let go of the partitions, then leave the group."""
        await self.host.stop()
        await self.app.stop()
        await self.host.release(starting)

    async def _pulse(self) -> None:
        """Show that the loop answers, and look at the lag."""
        while True:
            self._beat = time.monotonic()
            if self.host.flow is not None:
                self.lags = {tp.partition: lag for tp, lag in (await self.host.flow.lags()).items()}
                for partition, lag in self.lags.items():
                    self.meters.set(metrics.LAG, lag, partition=str(partition))
            await asyncio.sleep(HEARTBEAT_S)

    async def _probe(self) -> None:
        """While nothing gets on, ask whether the broker is away: that is waited out in place, not by dying of it."""
        while True:
            before = self.host.progress
            await asyncio.sleep(self.settings.watchdog_s / PROBES)
            if self.host.progress != before or not self._sample().owes:
                continue
            try:
                async with started_reader(self.settings):
                    continue
            except Retryable as error:
                self.host.progress += 1
                log.warning("waiting", why=str(error))

    def _sample(self) -> Sample:
        silent = time.monotonic() - self._beat > 10 * HEARTBEAT_S
        busy = any(task.busy for task in list(self.host.tasks.values()))
        return Sample(silent or busy or self.app.rebalancing or any(self.lags.values()), self.host.progress)

    def _bite(self) -> None:
        message = f"no progress for {self.settings.watchdog_s:g} s while there is work (lag by partition: {self.lags})"
        end_process(Broken(message), self.settings.kafka_bootstrap)

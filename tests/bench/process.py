"""A worker as its own process, watched from outside: its metrics page and its CPU time.

Knows the command and the page. Must never know how a worker works.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from prometheus_client.parser import text_string_to_metric_families
from tests.bench.machine import cpu_s, family

from fitly.local.ports import choose_neighbours

if TYPE_CHECKING:
    from fitly.settings import Settings

ROOT: Final = Path(__file__).parents[2]
STOP_S: Final = 30.0
START_S: Final = 180.0


class BenchError(Exception):
    """A measurement cannot be finished; says why."""


def stalled(what: str, log: Path) -> BenchError:
    """Say of a measured process what was seen, and what it said last."""
    said = log.read_text(errors="replace")[-3000:] if log.exists() else "nothing"
    return BenchError(f"{what}; the worker said:\n{said}")


class Page(dict[tuple[str, str], float]):
    """A metrics page: (sample, value of its last label) to figure."""

    def total(self, sample: str, part: str = "") -> float:
        """Add up a sample over those of its labels that contain a text."""
        return sum(figure for (name, label), figure in self.items() if name == sample and part in label)


def environment(settings: Settings, port: int) -> dict[str, str]:
    """Give what a role is told by its environment."""
    return {
        "FITLY_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "FITLY_DATABASE_URL": settings.database_url,
        "FITLY_CONTROL_KEY": settings.control_key.get_secret_value(),
        "FITLY_PREFIX": settings.prefix,
        "FITLY_METRICS_PORT": str(port),
    }


class Worker:
    """One `fitly worker`, as an async context manager; it is stopped at the end.

    Parameters
    ----------
    settings : Settings
        Broker, key and prefix.
    log : Path
        Where it writes what it says.
    processes : int
        How many it is to be.

    Attributes
    ----------
    least : float
        How many partitions the process with the fewest had when last looked at.
    """

    def __init__(self, settings: Settings, log: Path, processes: int = 1) -> None:
        self._ports = choose_neighbours(processes + 1)[:processes]  # the other agent's page comes after them
        self.log = log
        self.least = 0.0
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FITLY_")}
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fitly", "worker"],
                env=inherited | environment(settings, self._ports[0]) | {"FITLY_PROCESSES": str(processes)},
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    async def __aenter__(self) -> Self:
        """Give it as it starts; nothing is waited for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask it to stop, and do not ask twice."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def cpu(self) -> float:
        """Give the CPU seconds that it and its processes have used."""
        return cpu_s(family(self.pid))

    async def page(self) -> Page:
        """Read its metrics, those of all its processes added up; empty while one of them does not answer.

        Raises
        ------
        BenchError
            It has ended.
        """
        if self._process.poll() is not None:
            message = f"the worker ended with {self._process.returncode}"
            raise stalled(message, self.log)
        pages = [await asyncio.to_thread(read_page, port) for port in self._ports]
        self.least = min(page.total("fitly_partitions") for page in pages)
        sums = Page()
        for page in pages if all(pages) else []:
            for sample, figure in page.items():
                sums[sample] = sums.get(sample, 0.0) + figure
        return sums

    async def until(self, reached: Callable[[Page], bool], glance_s: float, within_s: float = START_S) -> Page:
        """Read its metrics until they fulfil a condition.

        Raises
        ------
        BenchError
            They do not within so many seconds.
        """
        try:
            async with asyncio.timeout(within_s):
                while not reached(page := await self.page()):  # noqa: ASYNC110 - a page sends no events
                    await asyncio.sleep(glance_s)
        except TimeoutError as error:
            message = f"the worker was not as far as expected after {within_s:g} s"
            raise stalled(message, self.log) from error
        return page


def read_page(port: int) -> Page:
    """Read the metrics page of a process on this machine; empty while it does not answer."""
    page = Page()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2.0) as answer:
            text = answer.read().decode()
    except OSError:
        return page
    for metric in text_string_to_metric_families(text):
        for sample in metric.samples:
            label = "/".join(sample.labels.values())
            page[sample.name, label] = sample.value
    return page

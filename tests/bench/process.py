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

from fitly.local.ports import choose_port

if TYPE_CHECKING:
    from fitly.settings import Settings

ROOT: Final = Path(__file__).parents[2]
STOP_S: Final = 30.0
START_S: Final = 120.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


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
    """

    def __init__(self, settings: Settings, log: Path) -> None:
        self._port = choose_port()
        self._log = log
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FITLY_")}
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fitly", "worker"],
                env=inherited | environment(settings, self._port),
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

    def cpu(self) -> float:
        """Give the CPU seconds it has used, all threads, user and system."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    async def page(self) -> Page:
        """Read its metrics; empty while it does not answer."""
        if self._process.poll() is not None:
            message = f"the worker ended with {self._process.returncode}; it said:\n{self._log.read_text()[-3000:]}"
            raise RuntimeError(message)
        return await asyncio.to_thread(read_page, self._port)

    async def until(self, reached: Callable[[Page], bool], glance_s: float, within_s: float = START_S) -> Page:
        """Read its metrics until they fulfil a condition."""
        async with asyncio.timeout(within_s):
            while not reached(page := await self.page()):  # noqa: ASYNC110 - a page sends no events
                await asyncio.sleep(glance_s)
        return page


def read_page(port: int) -> Page:
    """Read the metrics page of a process on this machine; empty while it does not answer."""
    page = Page()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2.0) as answer:
            text = answer.read().decode()
    except OSError:
        return page
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            label = "/".join(sample.labels.values())
            page[sample.name, label] = sample.value
    return page

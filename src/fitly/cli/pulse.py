"""The one line that moves while a stack is up: rate, where records went, decisions, lag.

Knows where the figures are to be had and how they are put into a line. Must never know how they come about.

Records and decisions are read from Postgres, so that the line moves only when the whole way works; the lags come
from the roles' own metrics pages.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fitly.cli.show import COLOURS
from fitly.core.errors import FitlyError
from fitly.core.vocabulary import Bin
from fitly.local.supervisor import Phase, RoleStatus
from fitly.settings import Settings

ON_SCREEN_S: Final = 1.0
IN_LOG_S: Final = 10.0
_WINDOW: Final = 6
_PAGE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Beat:
    """The figures of one moment."""

    at: float
    bins: Mapping[str, int]
    decisions: int
    worker_lag: int | None
    sink_lag: int | None
    note: str = ""

    @property
    def records(self) -> int:
        """Records in all bins."""
        return sum(self.bins.values())


@dataclass(slots=True)
class Pulse:
    """Looks at a stack again and again, and shows it.

    Parameters
    ----------
    screen : Console
        Rewritten in place where it is a terminal; else a plain line every ten seconds.
    settings : Settings
        Where the stack is.
    pages : mapping
        Role -> port of its metrics page.
    statuses : callable
        The supervisor's view of the roles.
    """

    screen: Console
    settings: Settings
    pages: Mapping[str, int]
    statuses: Callable[[], Sequence[RoleStatus]]
    begun: float = field(default_factory=time.monotonic)
    beats: deque[Beat] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    async def beat(self) -> None:
        """Show the line until cancelled."""
        if not self.screen.is_terminal:
            while True:
                await asyncio.sleep(IN_LOG_S)
                await self._look()
                self.screen.print(self.line())
        with Live(console=self.screen, auto_refresh=False, transient=True) as live:
            while True:
                await self._look()
                live.update(self.line(), refresh=True)
                await asyncio.sleep(ON_SCREEN_S)

    async def _look(self) -> None:
        from fitly import store  # noqa: PLC0415 - SQLAlchemy is not loaded for `--help`

        worker, sink = [await asyncio.to_thread(lag, self.pages[name], metric) for name, metric in LAGS.items()]
        try:
            status = await store.status(self.settings.database_url)
        except FitlyError as error:
            before = self.beats[-1] if self.beats else Beat(0, {}, 0, None, None)
            self.beats.append(Beat(time.monotonic(), before.bins, before.decisions, worker, sink, str(error)))
        else:
            bins = {name.value: status.bins[name] for name in Bin if status.bins.get(name)}
            self.beats.append(Beat(time.monotonic(), bins, status.decisions, worker, sink))

    def line(self) -> Text:
        """Put the newest figures into one line."""
        if not self.beats:
            return Text("looking …", style="dim")
        now, first = self.beats[-1], self.beats[0]
        passed = now.at - first.at
        rate = (now.records - first.records) / passed if passed else 0.0
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{_clock(time.monotonic() - self.begun)}  ", style="dim")
        text.append(f"{rate:,.1f} records/s", style="bold")
        text.append(f" │ {now.records:,}:")
        for name, count in now.bins.items():
            text.append(f" {name} {count:,}", style=COLOURS.get(name, ""))
        text.append(f" │ {now.decisions:,} decisions")
        text.append(f" │ lag {_known(now.worker_lag)}, sink {_known(now.sink_lag)}")
        for status in self.statuses():
            if status.phase is not Phase.RUNNING or status.restarts:
                restarts = f", {status.restarts} restarts" if status.restarts else ""
                text.append(f" │ {status.name} {status.phase.value}{restarts}", style="red")
        if now.note:
            text.append(f" │ {now.note}", style="red")
        return text

    def summary(self) -> str:
        """Say in the end what was done."""
        if not self.beats:
            return f"up for {_clock(time.monotonic() - self.begun)}"
        now = self.beats[-1]
        where = ", ".join(f"{name} {count:,}" for name, count in now.bins.items())
        passed = _clock(time.monotonic() - self.begun)
        return f"up for {passed}: {now.records:,} records ({where}), {now.decisions:,} decisions"


LAGS: Final = {"worker": "fitly_lag_records", "sink": "fitly_sink_lag_records"}


def lag(port: int, metric: str) -> int | None:
    """Give a role's lag as its page says, None where it does not answer."""
    figures = scrape(port)
    return None if figures is None or metric not in figures else int(figures[metric])


def scrape(port: int) -> dict[str, float] | None:
    """Read a metrics page on this machine; samples of one name are added up. None where nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_PAGE_S) as page:
            text = page.read().decode()
    except OSError:
        return None
    figures: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            figures[sample.name] = figures.get(sample.name, 0.0) + sample.value
    return figures


def _known(figure: int | None) -> str:
    return "?" if figure is None else f"{figure:,}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

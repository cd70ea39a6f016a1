"""How the stack speaks to a person: durable lines, and a progress that moves.

Knows terminals. Must never know what is being done: callers hand over finished sentences and numbers.
"""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn


class Teller(Protocol):
    """Whoever shows what the stack has to say."""

    def say(self, line: str) -> None:
        """Show a line that stays."""
        ...

    def progress(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` bytes of `what` are here; `done == total` ends it."""
        ...


class Silence:
    """Says nothing: for programs that look at exceptions only."""

    def say(self, line: str) -> None:
        """Drop the line."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Drop the figures."""


class ConsoleTeller:
    """Speaks on a terminal with a moving bar, elsewhere in plain lines, one per tenth of a download.

    Parameters
    ----------
    console
        Where to; standard error by default, so that standard output stays for answers.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._tenth = -1

    def say(self, line: str) -> None:
        """Print the line, as it is, above whatever moves."""
        self._console.print(line, markup=False, highlight=False)

    def progress(self, what: str, done: int, total: int) -> None:
        """Move the bar, or print a line at every further tenth."""
        if self._console.is_terminal:
            self._move(what, done, total)
        else:
            self._print_tenth(what, done, total)

    def _move(self, what: str, done: int, total: int) -> None:
        if self._bar is None or self._task is None:
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task(what, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)
        if done >= total:
            self._bar.stop()
            self._bar = self._task = None

    def _print_tenth(self, what: str, done: int, total: int) -> None:
        tenth = 10 if done >= total else done * 10 // max(total, 1)
        if tenth > self._tenth:
            self.say(f"{what}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")
        self._tenth = -1 if tenth == 10 else tenth  # noqa: PLR2004 - ten tenths are the whole

"""The watchdog: never a live, idle worker.

Knows samples of lag and progress, and time as an argument. Must never know why nothing moves; it ends the process
from a thread of its own, so that a blocked loop cannot stop it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

GLANCE_S: Final = 0.5


class Sample(NamedTuple):
    """What the worker looks like at a moment.

    Attributes
    ----------
    owes : bool
        Whether there is something to do: lag, a queue, a partition not read yet, or an event loop that does not
        answer.
    progress : int
        A number that grows with every record folded, with every fetch of a restore (A3), and with every answer that
        the broker is away.
    """

    owes: bool
    progress: int


@dataclass(slots=True)
class Patience:
    """Decides when a worker that owes work has stood still too long.

    Examples
    --------
    >>> patience = Patience(30.0)
    >>> still = Sample(owes=True, progress=5)
    >>> patience.is_over(still, now=0.0), patience.is_over(still, now=29.0)
    (False, False)
    >>> patience.is_over(Sample(owes=True, progress=6), now=31.0)
    False
    >>> patience.is_over(Sample(owes=True, progress=6), now=62.0)
    True
    """

    limit: float
    _since: float = float("-inf")
    _progress: int = -1

    def is_over(self, sample: Sample, now: float) -> bool:
        """Take a sample; tell whether the worker owed work and made no progress for longer than the limit."""
        if not sample.owes or sample.progress != self._progress or self._since == float("-inf"):
            self._since, self._progress = now, sample.progress
        return now - self._since > self.limit


class Watchdog(threading.Thread):
    """Looks at samples from its own thread.

    Parameters
    ----------
    limit : float
        Seconds.
    sample : callable
        Gives the present `Sample`; called from this thread.
    bite : callable
        Ends the process; called at most once.
    """

    def __init__(self, limit: float, sample: Callable[[], Sample], bite: Callable[[], None]) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._patience = Patience(limit)
        self._sample = sample
        self._bite = bite
        self._over = threading.Event()

    def run(self) -> None:
        """Watch until `stop`."""
        while not self._over.wait(GLANCE_S):
            if self._patience.is_over(self._sample(), time.monotonic()):
                self._bite()
                return

    def stop(self) -> None:
        """End the watch."""
        self._over.set()

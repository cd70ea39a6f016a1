"""When a partition's owner sends a clock tick: the passing of time in silence.

Knows intervals. Must never know what falls due, nor how a tick is sent. Time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HURRY_S: Final = 0.05
"""The least time between two ticks while rows are overdue (B10): each tick closes at most one slice of deadlines."""


@dataclass(slots=True)
class Ticker:
    """Decides when to tick.

    Attributes
    ----------
    interval : float
        Seconds between ticks.
    next_at : float
        Moment (of the caller's clock) of the next one.
    pending : int or None
        Offset of a tick that was sent and is not absorbed yet: there is never more than one on its way.

    Examples
    --------
    >>> ticker = Ticker(60.0)
    >>> ticker.begin(now=100.0, silent_for=70.0)
    >>> ticker.wait(100.0)
    0.0
    >>> ticker.sent(100.0, offset=7)
    >>> ticker.wait(100.0) is None
    True
    >>> ticker.absorbed(100.2, position=7, overdue=700)
    >>> round(ticker.wait(100.2), 3)
    0.05
    >>> ticker.sent(100.5, offset=9); ticker.absorbed(100.5, position=9, overdue=0)
    >>> ticker.wait(100.5)
    60.0
    """

    interval: float
    next_at: float = float("inf")
    pending: int | None = None

    def begin(self, now: float, silent_for: float) -> None:
        """Start, on a partition whose clock has stood still for that many seconds."""
        self.pending = None
        self.next_at = now + max(0.0, self.interval - silent_for)

    def rest(self) -> None:
        """Send nothing until `begin`."""
        self.next_at = float("inf")

    def wait(self, now: float) -> float | None:
        """Give the seconds until a tick is due, None where none is to be sent."""
        if self.pending is not None or self.next_at == float("inf"):
            return None
        return max(0.0, self.next_at - now)

    def sent(self, now: float, offset: int) -> None:
        """Note that a tick is on its way."""
        self.pending = offset
        self.next_at = now + self.interval

    def absorbed(self, now: float, position: int, overdue: int) -> None:
        """Note how far the log is folded; `overdue` rows still wait for a slice.

        Without `begin` they wait for whoever else sends ticks: on an AS_OF log ours would be of today (A6).

        >>> ticker = Ticker(60.0)
        >>> ticker.absorbed(100.0, position=7, overdue=700)
        >>> ticker.wait(100.0) is None
        True
        """
        if self.pending is not None and position >= self.pending:
            self.pending = None
        if overdue and self.next_at != float("inf"):
            self.next_at = min(self.next_at, now + HURRY_S)

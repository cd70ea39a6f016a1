"""The refusal alarm: bad input never stops a worker, but it must not go unseen.

Knows a window of the last records and a share. Must never know why a record was refused.
"""

from __future__ import annotations

from typing import Final

WINDOW: Final = 1_000
SHARE: Final = 0.2


class RefusalAlarm:
    """Watches the share of refused records among the last ones of a partition.

    Parameters
    ----------
    window : int
        How many records are looked at. Before so many have come there is no alarm: a few bad ones after a start are
        no trend.
    share : float
        Above this share the alarm is raised.

    Examples
    --------
    >>> alarm = RefusalAlarm(window=4)
    >>> alarm.add(bytes([1, 0, 0, 0])), alarm.raised
    (True, True)
    >>> alarm.add(bytes([0, 0])), alarm.raised
    (True, False)
    >>> alarm.add(bytes([0]))
    False
    """

    def __init__(self, window: int = WINDOW, share: float = SHARE) -> None:
        self._window = window
        self._limit = share
        self._last = b""
        self.raised = False

    @property
    def share(self) -> float:
        """Share of refused records in the window."""
        return sum(self._last) / len(self._last) if self._last else 0.0

    def add(self, refused: bytes | bytearray) -> bool:
        """Take one byte per record, 1 where it was refused; tell whether the alarm was raised or ended by them."""
        self._last = (self._last + bytes(refused))[-self._window :]
        raised = len(self._last) >= self._window and self.share > self._limit
        changed, self.raised = raised != self.raised, raised
        return changed

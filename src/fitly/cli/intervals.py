"""Intervals over looks, drawn with characters: one line a look, time downwards.

Knows numbers and widths. Must never know what an interval is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from fitly.core.statistics.welch import Interval

MOST_LINES: Final = 16
"""More looks than that are thinned out; the first and the last stay."""
_MARGIN: Final = 0.05


class Seen(NamedTuple):
    """What one look saw: its label, the difference and the interval; None before there is one."""

    label: str
    difference: float | None
    interval: Interval | None


def drawn(seen: Sequence[Seen], width: int, most: int = MOST_LINES) -> list[str]:
    """Draw intervals on one scale, with a line at 0 and the scale beneath.

    Parameters
    ----------
    seen : sequence of Seen
        In the order of the looks.
    width : int
        Characters a line may have.
    most : int
        Lines to draw.

    Examples
    --------
    >>> for line in drawn([Seen("1", 0.0, Interval(-1.0, 1.0)), Seen("2", 0.5, Interval(0.0, 1.0))], 26):
    ...     print(line)
    1  ├─────────●──────────┤
    2            ├─────●────┤
       -1        0         +1
    """
    shown = thinned(seen, most)
    pad = max((len(each.label) for each in shown), default=0) + 2
    ends = [end for each in shown if each.interval is not None for end in each.interval]
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    room = max(width - pad - 1, 20)
    if low == high:
        return ["no interval yet"]
    scale = _Scale(low, high, room)
    lines = [f"{each.label:<{pad}}{_line(each, scale)}".rstrip() for each in shown]
    return [*lines, " " * pad + _axis(scale)]


def thinned(seen: Sequence[Seen], most: int) -> list[Seen]:
    """Keep the first, the last and as many evenly between them as there is room for.

    >>> [each.label for each in thinned([Seen(str(n), None, None) for n in range(10)], 4)]
    ['0', '3', '6', '9']
    """
    if len(seen) <= most:
        return list(seen)
    return [seen[round(place * (len(seen) - 1) / (most - 1))] for place in range(most)]


class _Scale(NamedTuple):
    low: float
    high: float
    room: int

    def at(self, value: float) -> int:
        """Give the column of a value."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(share * (self.room - 1))


def _line(each: Seen, scale: _Scale) -> str:
    cells = [" "] * scale.room
    cells[scale.at(0.0)] = "┊"
    if each.interval is not None:
        first, last = (scale.at(end) for end in each.interval)
        cells[first : last + 1] = "─" * (last - first + 1)
        if first < scale.at(0.0) < last:
            cells[scale.at(0.0)] = "┼"
        cells[first], cells[last] = "├", "┤"
    if each.difference is not None:
        cells[scale.at(each.difference)] = "●"
    return "".join(cells)


def _axis(scale: _Scale) -> str:
    """Write both ends, and 0 between them where there is room."""
    left = "" if scale.low == 0 else f"{scale.low:+.3g}"
    right = "" if scale.high == 0 else f"{scale.high:+.3g}"
    cells = list(left.ljust(scale.room))
    cells[scale.room - len(right) :] = right
    zero = scale.at(0.0)
    if len(left) <= zero < scale.room - len(right) or not left or not right:
        cells[zero] = "0"
    return "".join(cells).rstrip()

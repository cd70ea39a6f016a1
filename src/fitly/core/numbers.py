"""Fixed-point numbers, times and the one rounding rule.

Knows that metrics and rewards are integers of 10^-6, propensities integers of 10^-9 and times
integers of milliseconds since 1970 UTC. Must never know where a number came from.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NewType

Micro = NewType("Micro", int)
"""A metric or reward in millionths: 0..1_000_000 for a metric."""
Nano = NewType("Nano", int)
"""A probability in thousand-millionths: 0..1_000_000_000."""
Millis = NewType("Millis", int)
"""A moment, or a span, in milliseconds; moments count from 1970-01-01T00:00Z."""
Day = NewType("Day", int)
"""A UTC day, counted from 1970-01-01."""

ONE: Final = Micro(1_000_000)
CERTAIN: Final = Nano(1_000_000_000)
HOUR: Final = Millis(3_600_000)
DAY: Final = Millis(86_400_000)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def micro(value: float) -> Micro:
    """Round a number to millionths, half to even.

    >>> micro(0.25), micro(0.0000005), micro(0.0000015)
    (250000, 0, 2)
    """
    return Micro(round(value * 1_000_000))


def nano(value: float) -> Nano:
    """Round a probability to thousand-millionths, half to even.

    >>> nano(0.05)
    50000000
    """
    return Nano(round(value * 1_000_000_000))


def mean(total: int, count: int) -> Micro:
    """Divide a fixed-point sum by a count, half to even, without passing through a float.

    Raises
    ------
    ZeroDivisionError
        If ``count`` is 0.

    Examples
    --------
    >>> mean(5, 2), mean(7, 2), mean(-5, 2), mean(10, 3)
    (2, 4, -2, 3)
    """
    quotient, remainder = divmod(total, count)
    twice = 2 * remainder
    if twice > count or (twice == count and quotient & 1):
        quotient += 1
    return Micro(quotient)


def day_of(moment: Millis) -> Day:
    """Give the UTC day a moment falls in.

    >>> day_of(Millis(86_400_000))
    1
    """
    return Day(moment // DAY)


def span(days: float) -> Millis:
    """Turn days into milliseconds.

    >>> span(0.5)
    43200000
    """
    return Millis(round(days * DAY))


def to_millis(moment: datetime) -> Millis:
    """Turn an aware datetime into milliseconds since 1970, dropping what is finer.

    >>> to_millis(datetime(1970, 1, 1, 0, 0, 1, 1999, tzinfo=UTC))
    1001
    """
    return Millis((moment - EPOCH) // _MILLISECOND)


def to_datetime(moment: Millis) -> datetime:
    """Turn milliseconds since 1970 into an aware UTC datetime.

    >>> to_datetime(Millis(1001)).isoformat()
    '1970-01-01T00:00:01.001000+00:00'
    """
    return EPOCH + timedelta(0, 0, 0, moment)

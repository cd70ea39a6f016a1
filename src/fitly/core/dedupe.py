"""Which events were seen before, exactly, over the acceptance window.

Knows a ring of fingerprints with their event days. Must never know what the events said.
A full ring forgets whole days, oldest first, and remembers which: events of a forgotten day are refused as
late rather than counted twice.
"""

from __future__ import annotations

from typing import Final

from fitly.core.learner import SEEN, Seen
from fitly.core.numbers import Day

CAPACITY: Final = 512
"""Events remembered per row."""
ACCEPTANCE_DAYS: Final = 16
"""An event of an earlier day than this many before now is LATE; nothing older needs remembering."""


def is_seen(ring: bytes, fingerprint: bytes) -> bool:
    """Tell whether the ring holds a fingerprint.

    >>> is_seen(remember(b"", -1, b"f" * 16, Day(3), Day(3))[0], b"f" * 16)
    True
    """
    return SEEN.find(ring, fingerprint) >= 0


def remember(ring: bytes, floor: int, fingerprint: bytes, day: Day, today: Day) -> tuple[bytes, int]:
    """Add an event to the ring.

    Parameters
    ----------
    ring : bytes
        `SEEN` records.
    floor : int
        Newest forgotten day.
    fingerprint : bytes
        16 bytes.
    day, today : Day
        The event's day, and the clock's.

    Returns
    -------
    tuple of bytes and int
        Ring and floor with the event in them; at most `CAPACITY` records.
    """
    if ring and SEEN.at(ring, 0).day < today - ACCEPTANCE_DAYS:
        ring = SEEN.join([seen for seen in SEEN.all(ring) if seen.day >= today - ACCEPTANCE_DAYS])
    ring = SEEN.append(ring, Seen(fingerprint, day))
    if SEEN.count(ring) <= CAPACITY:
        return ring, floor
    oldest = min(seen.day for seen in SEEN.all(ring))
    return SEEN.join([seen for seen in SEEN.all(ring) if seen.day > oldest]), max(floor, oldest)

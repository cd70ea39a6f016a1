"""Which events were seen before, exactly, over the acceptance window.

Knows a ring of fingerprints with their event days. Must never know what the events said.
A full ring forgets whole days, oldest first, and remembers which: events of a forgotten day are refused as
late rather than counted twice.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from fitly.core.entries import SEEN, Seen
from fitly.core.numbers import DAY, Day, Millis

CAPACITY: Final = 512
"""Events remembered per row."""
ACCEPTANCE_DAYS: Final = 16
"""An event of an earlier day than this many before now is LATE; nothing older needs remembering."""
KEPT_AFTER_END: Final = Millis(ACCEPTANCE_DAYS * DAY)
"""How long a decision's interval is remembered after it ended."""


_DAY: Final = SEEN.columns(Seen._fields.index("day"))
_SEEN: Final = SEEN.pack
_FULL: Final = CAPACITY * SEEN.width


def drop_before(blob: bytes, width: int, day_reader: Struct, oldest: int) -> bytes:
    """Leave out the leading records of days before ``oldest``.

    Records stand in order of arrival, which is nearly that of their days; one behind a newer stays until
    that one goes.
    """
    start = 0
    while start < len(blob) and day_reader.unpack_from(blob, start)[0] < oldest:
        start += width
    return blob[start:] if start else blob


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
    ring = drop_before(ring, SEEN.width, _DAY, today - ACCEPTANCE_DAYS) + _SEEN(fingerprint, day)
    if len(ring) <= _FULL:
        return ring, floor
    oldest = min(seen.day for seen in SEEN.all(ring))
    return SEEN.join([seen for seen in SEEN.all(ring) if seen.day > oldest]), max(floor, oldest)

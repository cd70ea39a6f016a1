"""What each partition's last transaction says of it, read from the end of the changelog.

Knows where system rows stand. Must never read a whole changelog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fitly.core.system import LEDGER_KEY, POSITION_KEY
from fitly.core.topics import CONTEXTS_CHANGELOG
from fitly.settings import Settings
from fitly.stream import read
from fitly.wire.rows import decode_ledger, decode_position

TAIL: Final = 50
"""Offsets before the end in which the last transaction's system rows certainly are: they close it."""


@dataclass(frozen=True, slots=True)
class Known:
    """How far a partition is, its clock, and what became of its records."""

    offset: int
    clock: int
    bins: dict[str, int]


async def last_known(settings: Settings, changelog: str = CONTEXTS_CHANGELOG) -> dict[int, Known]:
    """Give what is known of every partition that has absorbed anything; `changelog` is where its system rows stand."""
    ends = {partition: end for partition, (_, end) in (await read.bounds(settings, changelog)).items()}
    start = {partition: max(0, end - TAIL) for partition, end in ends.items()}
    bins: dict[int, dict[str, int]] = {}
    known: dict[int, Known] = {}
    async for record in read.read_topic(settings, changelog, start=start, stop=ends):
        if record.value is None:
            continue
        if record.key == LEDGER_KEY:
            bins[record.partition] = decode_ledger(record.value).bins
        elif record.key == POSITION_KEY:
            at = decode_position(record.value)
            known[record.partition] = Known(at.offset, at.clock, bins.get(record.partition, {}))
    return known

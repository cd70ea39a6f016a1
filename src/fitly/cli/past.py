"""A table as it was: the rows of a partition at a moment of its clock, or at an offset of its log.

Knows how far back a log and its snapshots lead, and folds on from there. Must never know how a row is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final

from fitly.cli.expand import moment
from fitly.cli.proof.starts import fitting, has_changed, opened
from fitly.core import topics
from fitly.core.errors import Refused
from fitly.core.numbers import Millis, to_millis
from fitly.core.system import Position
from fitly.settings import Settings
from fitly.stream import read, snapshots
from fitly.stream.generation import read_generation
from fitly.stream.snapshots import Damaged, Kept
from fitly.wire.shard import Incoming, Shard

CHUNK: Final = 2_000
"""Records folded at a time; any number gives the same bytes."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Which moment is meant: a time of the log's clock, or an offset (of one partition where that is said)."""

    time: Millis | None = None
    offset: int | None = None
    partition: int | None = None

    def is_past(self, record: Incoming) -> bool:
        """Tell whether a record lies beyond the moment: the clock is past it from here on."""
        if self.time is not None:
            return record.timestamp > self.time
        return self.offset is not None and record.offset > self.offset

    def reaches(self, one: Kept) -> bool:
        """Tell whether a snapshot stands at the moment or before."""
        if self.time is not None:
            return one.manifest.clock <= self.time
        return self.offset is not None and one.manifest.offset <= self.offset

    @property
    def told(self) -> str:
        """Say which moment is meant."""
        return f"{moment(self.time)}" if self.time is not None else f"offset {self.offset}"


def as_of(text: str) -> AsOf:
    """Read a moment: ISO 8601 (UTC where no zone is given), an offset, or PARTITION/OFFSET as `fitly tail` shows it.

    Raises
    ------
    Refused
        If it is neither.

    Examples
    --------
    >>> as_of("2/1234"), as_of("7").offset
    (AsOf(time=None, offset=1234, partition=2), 7)
    >>> moment(as_of("2026-03-01T10:00").time)
    '2026-03-01T10:00:00.000Z'
    """
    partition, slash, offset = text.rpartition("/")
    if offset.isdigit() and (partition.isdigit() if slash else not partition):
        return AsOf(offset=int(offset), partition=int(partition) if slash else None)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no moment: give a time such as 2026-03-01T10:00Z, an offset, or PARTITION/OFFSET"
        raise Refused("MOMENT", message) from None
    return AsOf(time=to_millis(found if found.tzinfo else found.replace(tzinfo=UTC)))


@dataclass(frozen=True, slots=True)
class Past:
    """One partition as it was, and what is to be said of it."""

    shard: Shard
    note: str


async def restored(settings: Settings, when: AsOf, chosen: Callable[[int], Iterable[int]]) -> list[Past]:
    """Give partitions as they were.

    Parameters
    ----------
    chosen : callable
        Gives the partitions that are asked for, of so many.

    Raises
    ------
    Refused
        The moment lies before everything that log and snapshots lead on from.
    """
    birth = (await read_generation(settings)).birth_id
    bounds = await read.bounds(settings, topics.INPUT)
    kept = await snapshots.kept(settings)
    found = []
    for partition in chosen(len(bounds)):
        first, end = bounds[partition]
        fit = fitting(kept.get(partition, []), Position(birth_id=birth, offset=end - 1), first)
        shard, begun = await _begun(settings, when, partition, first, fit)
        ended = await _folded_on(settings, when, shard, dict.fromkeys(bounds, 0) | {partition: end})
        found.append(Past(shard, f"{begun}; stands at offset {shard.position.offset}, {_clock(shard)}{ended}"))
    return found


async def _begun(settings: Settings, when: AsOf, partition: int, first: int, fit: list[Kept]) -> tuple[Shard, str]:
    """Load the nearest snapshot before the moment; else begin where the log does, if it still has its beginning."""
    place, passed = f"{topics.INPUT}-{partition}", ""
    for one in reversed(fit):
        if when.reaches(one):
            try:
                told = f"from the snapshot of {moment(one.manifest.clock)}, offset {one.manifest.offset}"
                return await opened(settings, one), f"{place}: {told}{passed}"
            except Damaged as error:
                passed += f" ({error})"
    if first:
        leads = "no snapshot leads on from there"
        if fit:
            leads = f"the oldest snapshot is of {moment(fit[0].manifest.clock)}, offset {fit[0].manifest.offset}"
        begins = f"it begins at offset {first} (retention), and {leads}{passed}"
        raise Refused("MOMENT", f"{when.told} cannot be reached in {place}: {begins}")
    version = f" (folded by version {fit[0].manifest.folded_by} then, by ours now)" if has_changed(fit) else ""
    shard = Shard(partition, settings.signing_key)
    shard.opened()
    return shard, f"{place}: from its beginning{version}{passed}"


async def _folded_on(settings: Settings, when: AsOf, shard: Shard, stop: dict[int, int]) -> str:
    """Fold up to the moment; say so where the log ends before."""
    start = {shard.partition: shard.position.offset + 1}
    async with aclosing(read.read_batches(settings, topics.INPUT, start=start, stop=stop)) as batches:
        async for records in batches:
            wanted = list(takewhile(lambda record: not when.is_past(record), records))
            for at in range(0, len(wanted), CHUNK):
                shard.adopt(shard.fold(wanted[at : at + CHUNK]))
            if len(wanted) < len(records):
                return ""
    return ", the newest of its log"


def _clock(shard: Shard) -> str:
    return moment(shard.position.clock) or "before its first record"

"""Where a refold begins: at the log's own beginning, or at a snapshot, where that is gone or was folded otherwise.

Knows which snapshots fit a log, a fold and a moment. Must never fold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fitly.cli.expand import moment
from fitly.cli.proof.findings import Finding
from fitly.core import topics
from fitly.core.system import FOLD_VERSION, Position
from fitly.settings import Settings
from fitly.stream import snapshots
from fitly.stream.snapshots import Damaged, Kept
from fitly.wire.shard import Shard


@dataclass(frozen=True, slots=True)
class Start:
    """A shard to fold on from, and the snapshot it was loaded from; None for the log's own beginning."""

    shard: Shard
    snapshot: Kept | None = None

    @property
    def told(self) -> str:
        """Say what a refold from here covers."""
        if self.snapshot is None:
            return f"{topics.INPUT}-{self.shard.partition}: refolded from its beginning"
        there = self.snapshot.manifest
        begins = f"{topics.INPUT}-{there.partition}: refolded from offset {there.offset + 1}, snapshot of "
        before = "what lies before cannot be refolded"
        if there.folded_by != there.goes_on_by:
            before = f"what lies before was folded by version {there.folded_by}, this program folds by {FOLD_VERSION}"
        return f"{begins}{moment(there.clock)}; {before}"

    def end_of(self, topic: str) -> int:
        """Give where an output topic ended here: what stands before was said by records that are not refolded."""
        return 0 if self.snapshot is None else self.snapshot.manifest.outputs.get(topic, 0)


def fitting(found: Iterable[Kept], reached: Position, first: int) -> list[Kept]:
    """Give the snapshots from which this program's fold leads to where a partition stands, oldest first.

    Parameters
    ----------
    found : iterable of Kept
        Those that stand.
    reached : Position
        How far the partition is.
    first : int
        Where its log begins now: a snapshot must not leave a gap before it.
    """
    fit = [
        one
        for one in found
        if one.manifest.birth_id == reached.birth_id
        and one.manifest.goes_on_by == FOLD_VERSION
        and first <= one.manifest.offset + 1 <= reached.offset + 1
    ]
    fit.sort(key=lambda one: one.manifest.offset)
    changes = [at for at, one in enumerate(fit) if one.manifest.folded_by != FOLD_VERSION]
    return fit[changes[-1] :] if changes else fit


def has_changed(found: Sequence[Kept]) -> bool:
    """Tell whether the oldest of fitting snapshots marks a change of the fold: nothing before it can be refolded."""
    return bool(found) and found[0].manifest.folded_by != FOLD_VERSION


async def opened(settings: Settings, one: Kept) -> Shard:
    """Load a snapshot into a shard.

    Raises
    ------
    Damaged
        Something of it is missing or changed.
    """
    shard = Shard(one.manifest.partition, settings.signing_key)
    async with aclosing(snapshots.load(settings, one)) as changes:
        async for change in changes:
            shard.load(change.table, change.key, change.value)
    shard.opened()
    return shard


class Starts:
    """Finds where each partition's refold begins, the earliest that will do.

    Attributes
    ----------
    finding : Finding
        Whether the snapshots that were begun from, or were to be, are whole.
    uncovered : dict
        Partition -> where its log begins, where no snapshot leads on from there.
    """

    def __init__(self, settings: Settings, firsts: Mapping[int, int], position: Callable[[int], Position]) -> None:
        self.finding = Finding("snapshots", "the snapshots that a replay starts from are whole")
        self.uncovered: dict[int, int] = {}
        self._settings = settings
        self._firsts = firsts
        self._position = position

    async def find(self, partitions: Iterable[int]) -> dict[int, Start]:
        """Give where each partition begins; one that is uncovered begins with nothing."""
        kept = await snapshots.kept(self._settings)
        return {partition: await self._begin(partition, kept.get(partition, [])) for partition in partitions}

    async def _begin(self, partition: int, kept: list[Kept]) -> Start:
        first = self._firsts.get(partition, 0)
        fit = fitting(kept, self._position(partition), first)
        if first or has_changed(fit):
            for one in fit:
                self.finding.looked_at += 1
                try:
                    return Start(await opened(self._settings, one), one)
                except Damaged as error:
                    self.finding.differ(f"{topics.SNAPSHOTS}-{partition}", "", "a snapshot that is whole", f"{error}")
            if first or fit:
                self.uncovered[partition] = first
        shard = Shard(partition, self._settings.signing_key)
        shard.opened()
        return Start(shard)

"""Taking snapshots of a partition in time: before the log loses its beginning, and where a release changes the fold.

Knows when one is due. Must never hold up a commit for longer than a copy of the rows takes, nor end the worker: a
snapshot that fails is tried again later, and until then a replay covers less.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import aiokafka
import structlog
from aiokafka.structs import TopicPartition

from fitly import metrics
from fitly.core.errors import FitlyError, Retryable
from fitly.core.numbers import HOUR, span
from fitly.core.system import FOLD_VERSION
from fitly.core.topics import INPUT
from fitly.core.vocabulary import ClockMode
from fitly.stream import snapshots
from fitly.stream.clients import started_reader, understood

if TYPE_CHECKING:
    from fitly.settings import Settings
    from fitly.stream.generation import Generation
    from fitly.stream.snapshots import Kept
    from fitly.wire.shard import Change, Shard
    from fitly.wire.snapshots import Manifest

log = structlog.get_logger(__name__)

LONGEST_S: Final = 3.0
"""How long the question may take where the outputs end. Who was stopped for longer may own the partition no more, and
another one writes there; shorter than any session."""
_AWAY: Final = (aiokafka.errors.KafkaError, OSError, FitlyError)
_GLANCE_BYTES: Final = 64 << 10
_POLL_MS: Final = 200


class Keeper:
    """Keeps snapshots of one partition.

    Parameters
    ----------
    guard : callable
        Runs a task whose failure ends the process.
    progressed : callable
        Tells the watchdog that something gets on.

    Attributes
    ----------
    writing : asyncio.Task or None
        The snapshot that is being written, to be released when the partition is let go.
    """

    def __init__(
        self,
        settings: Settings,
        meters: metrics.Meters,
        generation: Generation,
        guard: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        progressed: Callable[[], None],
    ) -> None:
        self.writing: asyncio.Task[None] | None = None
        self._settings = settings
        self._meters = meters
        self._live = generation.clock_mode is ClockMode.LIVE
        self._guard = guard
        self._progressed = progressed
        self._every = span(settings.snapshot_days)
        self._since = -1

    async def begin(self, shard: Shard) -> None:
        """After the restore, before anything is folded: see when the last one was taken, and mark a change of the fold.

        Where the rows come from another version of the fold, what follows can be refolded from here only. So that one
        is written at once, and a failure is the restore's.
        """
        newest = await snapshots.newest(self._settings, shard.partition)
        if newest is not None:
            self._since = newest.manifest.clock
        elif self._live:
            self._since = await self._first_stamp(shard.partition)
        if shard.folded_by != FOLD_VERSION and shard.position.offset >= 0 and not _marks(newest, shard):
            await self._write(await snapshots.draft(self._settings, shard), list(shard.state()))

    async def consider(self, shard: Shard) -> None:
        """Between two commits: take a snapshot if the log's clock has moved on so far since the last one."""
        clock = shard.position.clock
        if not self._live or not self._every:
            return
        if self._since < 0:
            self._since = clock
        if clock - self._since < self._every or (self.writing is not None and not self.writing.done()):
            return
        self._since, started = clock, time.monotonic()
        try:
            manifest = await snapshots.draft(self._settings, shard)
        except _AWAY as error:
            self._put_off(clock, error)
            return
        if time.monotonic() - started > LONGEST_S:
            self._put_off(clock, Retryable(f"to ask where the outputs end took more than {LONGEST_S:g} s"))
            return
        self.writing = self._guard(self._patiently(manifest, list(shard.state())))

    async def _patiently(self, manifest: Manifest, changes: list[Change]) -> None:
        try:
            await self._write(manifest, changes)
        except _AWAY as error:
            self._put_off(manifest.clock, error)

    async def _write(self, manifest: Manifest, changes: list[Change]) -> None:
        closed = await snapshots.write(self._settings, manifest, changes, self._progressed)
        self._meters.add(metrics.SNAPSHOTS, partition=str(manifest.partition))
        log.info(
            "snapshot taken",
            partition=closed.partition,
            offset=closed.offset,
            rows=closed.rows,
            bytes=closed.size,
            folded_by=closed.folded_by,
        )

    def _put_off(self, clock: int, error: BaseException) -> None:
        """Try again when the log's clock has moved on an hour."""
        self._since = clock + HOUR - self._every
        why = str(understood(error, self._settings.kafka_bootstrap))
        log.warning("no snapshot was taken; it is tried again in an hour", why=why)

    async def _first_stamp(self, partition: int) -> int:
        """Give the stamp of the log's first record: what is older than that needs no snapshot; -1 where there is none.

        The log's own beginning is as good as a snapshot until retention takes it.
        """
        place = TopicPartition(self._settings.topic(INPUT), partition)
        async with started_reader(self._settings, fetch_bytes=_GLANCE_BYTES) as reader:
            begins, ends = await reader.beginning_offsets([place]), await reader.end_offsets([place])
            reader.assign([place])
            reader.seek(place, begins[place])
            while await reader.position(place) < ends[place]:
                for records in (await reader.getmany(place, timeout_ms=_POLL_MS)).values():
                    stamp: int = records[0].timestamp
                    return stamp
        return -1


def _marks(newest: Kept | None, shard: Shard) -> bool:
    """Tell whether the newest snapshot already marks this change of the fold: a worker that died right after it."""
    if newest is None:
        return False
    there = newest.manifest
    return (there.offset, there.folded_by, there.goes_on_by) == (shard.position.offset, shard.folded_by, FOLD_VERSION)

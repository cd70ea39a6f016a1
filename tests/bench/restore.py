"""How fast a worker takes back the rows that a throughput run has left.

Knows changelogs and rows. Must never know what is printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.machine import loop_ns
from tests.bench.process import Worker
from tests.bench.throughput import RECORDS
from tests.bench.workload import BEGIN, PARTITIONS, Shape

from fitly.core.numbers import DAY, HOUR
from fitly.core.topics import CONTEXTS, LEARNERS
from fitly.stream.publish import Publisher
from fitly.stream.restore import load_rows
from fitly.wire.shard import Shard

if TYPE_CHECKING:
    from fitly.settings import Settings


class Restored(NamedTuple):
    """What a restore showed.

    Attributes
    ----------
    rows, records : int
        Rows that live; changelog records read for them, those included that compaction had not reached.
    seconds : float
        From the assignment of the partitions to their first fold: fence, rows, deadline heap, seek, one commit.
    row_bytes, learner_bytes : float
        Mean bytes of a learner x context row, and of a learner row.
    due : int
        Entries in the deadline heaps.
    """

    rows: int
    records: int
    seconds: float
    row_bytes: float
    learner_bytes: float
    due: int
    loop_ns: float


async def measure(settings: Settings, shape: Shape, folder: Path, say: Callable[[str], None]) -> Restored:
    """Give every partition one more tick, start a worker, and wait until each has folded it."""
    say("restoring")
    end = BEGIN + shape.days * DAY
    async with Publisher(settings) as publisher:
        await publisher.advance(end)
        await publisher.advance(end + HOUR)
    before = loop_ns()
    async with Worker(settings, folder / f"{settings.prefix}restored.log") as worker:
        await worker.until(lambda page: page.total("fitly_partitions") == PARTITIONS, 0.01)
        began = time.perf_counter()
        page = await worker.until(lambda page: page.total(RECORDS) >= PARTITIONS, 0.02)
        seconds = time.perf_counter() - began
    say("counting rows")
    shards = [Shard(partition, settings.signing_key) for partition in range(PARTITIONS)]
    for shard in shards:
        await load_rows(settings, shard.partition, shard, lambda _: None)
        shard.opened()
    contexts = [len(row) for shard in shards for row in shard.rows[CONTEXTS].values()]
    learners = [len(row) for shard in shards for row in shard.rows[LEARNERS].values()]
    return Restored(
        rows=len(contexts) + len(learners),
        records=int(page.total("fitly_restored_rows_total")),
        seconds=seconds,
        row_bytes=sum(contexts) / len(contexts),
        learner_bytes=sum(learners) / len(learners),
        due=sum(len(shard.due) for shard in shards),
        loop_ns=(before + loop_ns()) / 2,
    )

"""How fast a worker takes back the rows that a throughput run has left.

Knows changelogs and rows. Must never know what is printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from tests.bench.machine import Loop, Usage, loop
from tests.bench.process import BenchError, Worker
from tests.bench.throughput import RECORDS
from tests.bench.workload import BEGIN, PARTITIONS, Shape

from fitly.core.numbers import DAY, HOUR
from fitly.core.topics import CONTEXTS, LEARNERS
from fitly.local.stack import KAFKA
from fitly.settings import AgentName
from fitly.stream.publish import Publisher
from fitly.stream.restore import load_rows
from fitly.wire.shard import Shard

if TYPE_CHECKING:
    from fitly.local.stack import Stack
    from fitly.settings import Settings


GLANCE_S: Final = 0.1
"""Every glance costs the worker some milliseconds of CPU; a restore looks slower by less than this."""

PATIENCE_S: Final = 900.0

SAID: Final = re.compile(
    rf"^(\S+Z) \[info +\] (assigned|restored) .* agent={AgentName.LEARNERS} .*partitions?=\[?\d", re.MULTILINE
)
"""What the agent measured writes of partitions that came to it; the other agent writes beside it."""


class Restored(NamedTuple):
    """What a restore showed.

    Attributes
    ----------
    processes : int
        Of the worker that took the rows back.
    rows, records : int
        Rows that live; changelog records read for them, those included that compaction had not reached.
    record_bytes : float
        Mean bytes of a record read, key and value.
    seconds : float
        From the first assignment of a partition, by the stamp of the worker's own log, to the first fold of the last of
        them, as glances at the worker's page show it: fence, rows, deadline heap, release, seek, first fetch, one
        commit. Not the start of the processes, nor their way into the group.
    released : float
        From the same assignment until the last partition is restored and may be read again, by the stamps of the
        worker's own log: the restore alone.
    cpu_us : float
        CPU of the worker per record read.
    row_bytes, learner_bytes : float
        Mean bytes of a learner x context row, and of a learner row.
    due : int
        Entries in the deadline heaps.
    restoring : float
        Seconds that a partition's fence, rows and heap took, the mean over the partitions; they go on side by side.
    """

    processes: int
    rows: int
    records: int
    record_bytes: float
    seconds: float
    cpu_us: float
    row_bytes: float
    learner_bytes: float
    due: int
    loop: Loop
    usage: dict[str, float]
    restoring: float
    released: float


class Weighed:
    """Adds up the bytes on their way into a shard; around it, for a compiled class takes no subclass."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.weight = 0

    def load(self, table: str, key: bytes, value: bytes | None) -> None:
        """Take in one record of a changelog."""
        self.weight += len(key) + len(value or b"")
        self.shard.load(table, key, value)


async def measure(
    settings: Settings, shape: Shape, stack: Stack, say: Callable[[str], None], processes: int = 1
) -> Restored:
    """Give every partition one more tick, start a worker of so many processes, and wait until each has folded it."""
    say("restoring")
    end = BEGIN + shape.days * DAY
    async with Publisher(settings) as publisher:
        await publisher.advance(end)
        await publisher.advance(end + HOUR)
    before = loop()
    async with Worker(settings, stack.directory / f"{settings.prefix}restored.log", processes) as worker:
        broker = await stack.until_running(KAFKA)
        await worker.until(lambda page: page.total("fitly_partitions") == PARTITIONS, GLANCE_S / 5)
        cpu = worker.cpu()
        usage = Usage({"worker": worker.pid} | ({KAFKA: broker.pid} if broker.pid else {}))
        page = await worker.until(lambda page: page.total(RECORDS) >= PARTITIONS, GLANCE_S, PATIENCE_S)
        folded, cpu, shares = datetime.now(UTC), worker.cpu() - cpu, usage.shares()
        assigned, released = seen_in(worker.log.read_text())
    after = loop()
    say("counting rows")
    shards = [Shard(partition, settings.signing_key) for partition in range(PARTITIONS)]
    read = weight = 0
    for shard in shards:
        weighed = Weighed(shard)
        read += await load_rows(settings, shard.partition, cast("Shard", weighed), lambda _: None)
        weight += weighed.weight
        shard.opened()
    contexts = [len(row) for shard in shards for row in shard.rows[CONTEXTS].values()]
    learners = [len(row) for shard in shards for row in shard.rows[LEARNERS].values()]
    records = int(page.total("fitly_restored_rows_total"))
    return Restored(
        processes=processes,
        rows=len(contexts) + len(learners),
        records=records,
        record_bytes=weight / read,
        seconds=(folded - assigned).total_seconds(),
        cpu_us=cpu / records * 1e6,
        row_bytes=sum(contexts) / len(contexts),
        learner_bytes=sum(learners) / len(learners),
        due=sum(len(shard.due) for shard in shards),
        loop=before.and_after(after),
        usage=shares,
        restoring=page.total("fitly_restore_seconds_sum") / PARTITIONS,
        released=(released - assigned).total_seconds(),
    )


def seen_in(log: str) -> tuple[datetime, datetime]:
    """Give the moments of a worker's first assignment and of its last restore, by what it has written of them.

    Raises
    ------
    BenchError
        It has not written of both.
    """
    stamps: dict[str, list[datetime]] = {}
    for stamp, what in SAID.findall(log):
        stamps.setdefault(what, []).append(datetime.fromisoformat(stamp))
    if len(stamps) < 2:
        message = f"the worker has not told when it was assigned and when it had restored; it said:\n{log[-3000:]}"
        raise BenchError(message)
    return min(stamps["assigned"]), max(stamps["restored"])

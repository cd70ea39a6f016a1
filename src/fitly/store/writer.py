"""The sink's hand: batches of Kafka records into Postgres, each exactly once.

Knows the positions and the one transaction that moves them together with the rows. Must never know a Kafka client: the
loop that reads topics is ``stream.feed``.

The contract with that loop, whose numbers stand in the code too:

1. It asks `Writer.positions` where to begin, for every partition it was given, and again after each `Retryable`.
2. It hands over consecutive records of one partition: those from ``from_offset`` up to, not including, ``to_offset``.
   Offsets without a record (transaction markers, compaction) are allowed, so both bounds are said explicitly.
3. The position moves from ``from_offset`` to ``to_offset``, or nothing happens: `Fenced` when it does not stand there,
   because another sink moved it, or the database lost what it had said was kept. Then this process must let go and
   exit: it begins again where the database stands.
4. The rows follow in the same transaction.
5. `Retryable`: nothing is known to have happened; wait and do the same again. If the answer to a commit was lost, the
   repetition finds the position moved by this very writer, and is done.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from msgspec import MsgspecError
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from fitly.core.errors import Broken, Refused
from fitly.core.topics import (
    CONTEXTS_CHANGELOG,
    CONTROL,
    LEARNERS_CHANGELOG,
    OUTCOMES,
    POPULATION_CHANGELOG,
    RESULTS,
    SELECTED,
)
from fitly.store import projecting, schema, statements
from fitly.store.engine import make_engine, translated
from fitly.store.projecting import Incoming

Apply = Callable[[AsyncConnection], Awaitable[int]]


class Fenced(Broken):
    """The position of this partition is not where we left it: let go of it and exit; nothing was written."""


class Writer:
    """Writes what the topics say.

    Parameters
    ----------
    url : str
        ``postgresql+asyncpg://user:password@host:port/database``.

    Attributes
    ----------
    topics : tuple of str
        The topics it understands, without the installation's prefix.
    """

    topics: Final = (CONTROL, LEARNERS_CHANGELOG, CONTEXTS_CHANGELOG, SELECTED, OUTCOMES, POPULATION_CHANGELOG, RESULTS)

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._owner = str(uuid.uuid4())

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()

    async def positions(self, topic: str) -> dict[int, int]:
        """Give the next offset to apply, by partition; a partition never applied is absent.

        Raises
        ------
        Retryable
            The database cannot be reached.
        Broken
            It refuses, for instance because it has no schema.
        """
        table = schema.SINK_POSITIONS
        chosen = select(table.c.partition, table.c.position).where(table.c.topic == topic)
        with translated():
            async with self._engine.connect() as connection:
                return {row[0]: row[1] for row in await connection.execute(chosen)}

    async def apply(
        self, topic: str, partition: int, from_offset: int, to_offset: int, records: Sequence[Incoming]
    ) -> int:
        """Write one batch and move the position, or neither.

        Parameters
        ----------
        topic : str
            One of `topics`.
        partition : int
            Its partition.
        from_offset, to_offset : int
            The position before and after: the batch holds what stands at ``from_offset <= offset < to_offset``.
        records : sequence
            In the order of the partition; aiokafka's records will do. A few thousand are best.

        Returns
        -------
        int
            Rows written; 0 for a batch that had been applied by this writer already.

        Raises
        ------
        Fenced
            The position is not at ``from_offset``.
        Retryable
            The database is away: wait and repeat.
        Broken
            Records cannot be read, or the database refuses the rows.
        """
        write = await _project(topic, partition, records)
        with translated():
            async with self._engine.begin() as connection:
                if not await self._move(connection, topic, partition, from_offset, to_offset):  # 3
                    return 0
                return await write(connection)  # 4

    async def _move(
        self, connection: AsyncConnection, topic: str, partition: int, from_offset: int, to_offset: int
    ) -> bool:
        """Move the position; True where this did it, False where this writer had done it before."""
        table = schema.SINK_POSITIONS
        here = (table.c.topic == topic) & (table.c.partition == partition)
        moved = await connection.execute(
            update(table)
            .where(here, table.c.position == from_offset)
            .values(position=to_offset, owner=self._owner, updated_at=func.now())
        )
        if moved.rowcount:
            return True
        first = {"topic": topic, "partition": partition, "position": to_offset, "owner": self._owner}
        entered = await connection.execute(insert(table).values(first).on_conflict_do_nothing())
        if entered.rowcount:
            return True
        found = (await connection.execute(select(table.c.position, table.c.owner).where(here))).one()
        if tuple(found) == (to_offset, self._owner):  # 5
            return False
        raise Fenced(_fenced(f"{topic}-{partition}", found[0], from_offset))


def _fenced(what: str, found: int, expected: int) -> str:
    """Say why a position is not where this sink left it: only a database that forgot goes back.

    >>> _fenced("outcomes-0", 7, 5)
    'outcomes-0 stands at 7 in the database, not at 5: another sink has taken this partition over; this one stops ...'
    """
    where = f"{what} stands at {found} in the database, not at {expected}"
    if found < expected:
        return (
            f"{where}: the database has lost its last moments (as after a crash with synchronous_commit=off, or when "
            f"an older copy was put back); this sink stops, and goes on from {found} when it is started again"
        )
    return f"{where}: another sink has taken this partition over; this one stops (it may be started again)"


Project: TypeAlias = Callable[[int, Sequence[Incoming]], Awaitable[Any]]
Write: TypeAlias = Callable[[AsyncConnection, Any], Awaitable[int]]

_HANDS: Final[dict[str, tuple[Project, Write]]] = {
    CONTROL: (lambda _, records: projecting.control(records), statements.write_control),
    LEARNERS_CHANGELOG: (lambda _, records: projecting.learners(records), statements.write_learners),
    CONTEXTS_CHANGELOG: (projecting.contexts, statements.write_contexts),
    SELECTED: (lambda _, records: projecting.decisions(records), statements.write_decisions),
    OUTCOMES: (lambda _, records: projecting.outcomes(records), statements.write_outcomes),
    POPULATION_CHANGELOG: (lambda _, records: projecting.population(records), statements.write_population),
    RESULTS: (lambda _, records: projecting.results(records), statements.write_results),
}
"""Of each topic: what a batch of a partition says, and how that is written."""


async def _project(topic: str, partition: int, records: Sequence[Incoming]) -> Apply:
    """Read the records before a connection is taken; what is left is writing."""
    if topic not in _HANDS:
        message = f"the sink does not know the topic {topic}: it reads {', '.join(Writer.topics)}"
        raise Broken(message, restart_helps=False)
    project, write = _HANDS[topic]
    try:
        found = await project(partition, records)
    except (ValueError, MsgspecError, Refused) as error:
        first, last = (records[0].offset, records[-1].offset) if records else (-1, -1)
        message = (
            f"{topic}-{partition} holds a record between offsets {first} and {last} that cannot be read ({error}): "
            "was it written by a newer release?"
        )
        raise Broken(message, restart_helps=False) from error
    return lambda connection: write(connection, found)

"""The tables as their changelogs hold them: read once, brought up to date where asked.

Knows changelogs as keys and bytes. Must never know what a row means beyond the system rows.
"""

from __future__ import annotations

import time
from typing import Final

from fitly.core.errors import Broken
from fitly.core.rules import Rules
from fitly.core.system import LEDGER_KEY, POSITION_KEY, RULES_KEY, Ledger, Position
from fitly.core.topics import CONTEXTS, CONTEXTS_CHANGELOG, INPUT, LEARNERS, LEARNERS_CHANGELOG
from fitly.settings import Settings
from fitly.stream import read
from fitly.wire.rows import decode_ledger, decode_position, decode_rules

STILL_S: Final = 10.0
"""How long to wait for a moment in which no transaction is under way."""
CHANGELOGS: Final = {LEARNERS: LEARNERS_CHANGELOG, CONTEXTS: CONTEXTS_CHANGELOG}


class Tables:
    """Rows at rest by partition and table.

    Attributes
    ----------
    rows : dict
        (partition, table) -> key -> bytes, system rows among those of ``contexts``.
    together : frozenset of int
        Partitions whose rows of both tables are of the same transaction.
    ends : dict
        Changelog topic -> partition -> offset up to which it has been read, exclusive.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.rows: dict[tuple[int, str], dict[bytes, bytes]] = {}
        self.ends: dict[str, dict[int, int]] = {topic: {} for topic in CHANGELOGS.values()}
        self.partitions: tuple[int, ...] = ()
        self.together: frozenset[int] = frozenset()

    async def advance(self) -> None:
        """Read on to where no partition is in the middle of a transaction: its rows of both tables belong together.

        A partition that never stands still is left out of `together`; its two tables are some transactions apart.
        """
        deadline = time.monotonic() + STILL_S
        while True:
            contexts, learners = await self._ends(CONTEXTS), await self._ends(LEARNERS)
            again = await self._ends(CONTEXTS), await self._ends(LEARNERS)
            moved = {
                partition
                for partition in contexts
                if (contexts[partition], learners[partition]) != (again[0][partition], again[1][partition])
            }
            if not moved or time.monotonic() > deadline:
                break
        await self.advance_to(CONTEXTS, contexts)
        await self.advance_to(LEARNERS, learners)
        self.partitions = tuple(sorted(contexts))
        self.together = frozenset(contexts) - moved

    async def _ends(self, table: str) -> dict[int, int]:
        bounds = await read.bounds(self._settings, CHANGELOGS[table])
        return {partition: end for partition, (_, end) in bounds.items()}

    async def advance_to(self, table: str, stop: dict[int, int]) -> None:
        """Read one changelog on to the given ends."""
        topic = CHANGELOGS[table]
        for partition in stop:
            self.rows.setdefault((partition, table), {})
        async for record in read.read_topic(self._settings, topic, start=self.ends[topic], stop=stop):
            rows = self.rows[record.partition, table]
            if record.key is None:
                message = f"{topic}-{record.partition} holds a record without key at offset {record.offset}: not ours"
                raise Broken(message, restart_helps=False)
            if record.value is None:
                rows.pop(record.key, None)
            else:
                rows[record.key] = record.value
        self.ends[topic].update(stop)

    def position(self, partition: int) -> Position:
        """Give how far a partition of the input is absorbed."""
        value = self.rows[partition, CONTEXTS].get(POSITION_KEY)
        return Position() if value is None else decode_position(value)

    def ledger(self, partition: int) -> Ledger:
        """Give a partition's bins."""
        value = self.rows[partition, CONTEXTS].get(LEDGER_KEY)
        return Ledger({}, 0) if value is None else decode_ledger(value)

    def rules(self, partition: int) -> Rules:
        """Give the rules in force on a partition."""
        value = self.rows[partition, CONTEXTS].get(RULES_KEY)
        return Rules() if value is None else decode_rules(value)

    async def behind(self, ends: dict[int, int]) -> dict[int, int]:
        """Give how many records below the given ends of the input are not absorbed yet; no entry for none."""
        waiting: dict[int, int] = {}
        start = {partition: self.position(partition).offset + 1 for partition in ends}
        async for records in read.read_batches(self._settings, INPUT, start=start, stop=ends):
            waiting[records[0].partition] = waiting.get(records[0].partition, 0) + len(records)
        return waiting

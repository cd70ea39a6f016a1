"""The tables as their changelogs hold them: read once, brought up to date where asked.

Knows changelogs as keys and bytes. Must never know what a row means beyond the system rows.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from fitly.core.errors import Broken
from fitly.core.rules import Rules
from fitly.core.system import LEDGER_KEY, POSITION_KEY, RULES_KEY, Ledger, Position
from fitly.core.topics import CHANGELOGS, CONTEXTS, INPUT, LEARNERS
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.clients import started_reader
from fitly.wire.rows import decode_ledger, decode_position, decode_rules

LOOKS: Final = 3
LOOK_S: Final = 0.02
STILL_S: Final = 10.0
"""How long to wait for a moment in which no transaction is under way."""


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
        cuts, self.together = await _still(self._settings)
        for table, stop in cuts.items():
            await self.advance_to(table, stop)
        self.partitions = tuple(sorted(cuts[CONTEXTS]))

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


async def _still(settings: Settings) -> tuple[dict[str, dict[int, int]], frozenset[int]]:
    """Find ends of both changelogs between two transactions, partition by partition.

    Every transaction moves the end of the contexts changelog; where neither end moves for some looks, none is under way
    and none has been ended in one changelog but not yet in the other.

    Returns
    -------
    tuple of dict and frozenset
        Ends by table and partition, and the partitions that stood still.
    """
    async with started_reader(settings) as reader:
        places = {table: await read.partitions_of(reader, settings.topic(topic)) for table, topic in CHANGELOGS.items()}
        asked = [place for listed in places.values() for place in listed]
        deadline = time.monotonic() + STILL_S
        ends: dict[str, dict[int, int]] = {CONTEXTS: {}, LEARNERS: {}}
        looks: dict[int, int] = {place.partition: 0 for place in places[CONTEXTS]}
        still: set[int] = set()
        while len(still) < len(looks) and time.monotonic() < deadline:
            found = await reader.end_offsets(asked)
            now = {table: {place.partition: found[place] for place in listed} for table, listed in places.items()}
            for partition in looks.keys() - still:
                same = all(ends[table].get(partition) == now[table][partition] for table in ends)
                looks[partition] = looks[partition] + 1 if same else 0
                for table, by_partition in ends.items():
                    by_partition[partition] = now[table][partition]
                if looks[partition] >= LOOKS:
                    still.add(partition)
            await asyncio.sleep(LOOK_S)
    return ends, frozenset(still)

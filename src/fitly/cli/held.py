"""All that is held of one learner: events, rows, decisions, outcomes, dead letters, and the rows of every table.

Knows where to look. Must never change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fitly import store
from fitly.cli import decoded
from fitly.cli.expand import Plain, expand
from fitly.cli.reads import is_of
from fitly.core import topics
from fitly.core.names import partition_of
from fitly.core.plain import plain
from fitly.settings import Settings
from fitly.stream import read
from fitly.stream.generation import read_generation

TOPICS: Final = {
    "events": topics.INPUT,
    "learner": topics.LEARNERS_CHANGELOG,
    "contexts": topics.CONTEXTS_CHANGELOG,
    "decisions": topics.SELECTED,
    "outcomes": topics.OUTCOMES,
    "refused": topics.REJECTED,
}
"""Part of the answer -> the topic it is read from."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one learner.

    Attributes
    ----------
    user_id : str
        The learner.
    topics : dict
        Part -> records, as they stand; of rows only the newest.
    tables : dict
        Table of Postgres -> rows.
    """

    user_id: str
    topics: dict[str, list[Plain]]
    tables: dict[str, list[Plain]]

    def __bool__(self) -> bool:
        """Tell whether anything is held."""
        return any([*self.topics.values(), *self.tables.values()])

    def document(self) -> dict[str, Plain]:
        """Give everything as JSON holds it."""
        return {"user_id": self.user_id, **self.topics, "tables": {**self.tables}}


async def everything(settings: Settings, user: str) -> Held:
    """Read all that topics and tables hold of a learner."""
    generation = await read_generation(settings)
    home = partition_of(user.encode(), generation.partitions)
    parts = {part: await _records(settings, topic, user, home) for part, topic in TOPICS.items()}
    tables: dict[str, list[Plain]] = {}
    async with store.snapshot(settings.database_url) as snapshot:
        for table in snapshot.personal:
            tables[table] = [expand(row) async for row in snapshot.rows(table, plain(user))]
    return Held(user, parts, tables)


async def _records(settings: Settings, topic: str, user: str, home: int) -> list[Plain]:
    """Give the records of a learner; of a changelog the rows that stand."""
    rows: dict[bytes, Plain] = {}
    found: list[Plain] = []
    others = {number: 0 for number in await read.bounds(settings, topic) if number != home}
    stop = {} if topic in {topics.INPUT, topics.REJECTED} else others  # a misrouted event may stand anywhere
    async for record in read.read_topic(settings, topic, stop=stop):
        if record.key is None or not is_of(record.key, user):
            continue
        if topic not in decoded.TABLES:
            found.append(decoded.document(topic, record))
        elif record.value is None:
            rows.pop(record.key, None)
        else:
            rows[record.key] = decoded.value_of(topic, record)
    return found + [rows[key] for key in sorted(rows)]

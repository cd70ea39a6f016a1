"""Sums of the shadows over all learners, as the second agent has merged them from the partitions' words.

Knows the changelog of the merged sums. Must never know what is estimated from them.
"""

from __future__ import annotations

from collections.abc import Iterable

from fitly.cli.comparing import Sums
from fitly.core.partials import Kind, Merged
from fitly.core.topics import POPULATION_CHANGELOG
from fitly.settings import Settings
from fitly.stream import read
from fitly.wire.merged import decode_merged


async def merged_sums(settings: Settings) -> tuple[Sums, int]:
    """Read what stands.

    Returns
    -------
    tuple of mapping and int
        The sums by name, and the newest clock that a partition has told with them.
    """
    newest: dict[bytes, bytes] = {}
    async for record in read.read_topic(settings, POPULATION_CHANGELOG):
        if record.key is None or not record.key.startswith(f"{Kind.SHADOWS}|".encode()) or record.key.count(b"|") != 1:
            continue
        if record.value is None:
            newest.pop(record.key, None)
        else:
            newest[record.key] = record.value
    return of_shadows(decode_merged(value) for value in newest.values())


def of_shadows(rows: Iterable[Merged]) -> tuple[Sums, int]:
    """Give merged sums by their name, and the newest clock."""
    found = list(rows)
    return {row.name: row.sums for row in found}, max((row.clock for row in found), default=0)

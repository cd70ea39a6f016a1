"""Sums of the shadows over all learners, added up from the rows as they stand.

Knows the changelog of the contexts. Must never know what is estimated from the sums.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from fitly.core.shadows import contribution
from fitly.core.system import POSITION_KEY, SYSTEM_PREFIX
from fitly.core.topics import CONTEXTS_CHANGELOG
from fitly.settings import Settings
from fitly.stream import read
from fitly.wire.rows import decode_context, decode_position


async def merged_sums(settings: Settings) -> tuple[dict[str, Counter[str]], int]:
    """Read every learner's row and add up what each contributes.

    Returns
    -------
    tuple of dict and int
        The sums by name, and the latest clock of all partitions.
    """
    newest: dict[bytes, bytes] = {}
    clock = 0
    async for record in read.read_topic(settings, CONTEXTS_CHANGELOG):
        key, value = record.key, record.value
        if key == POSITION_KEY and value is not None:
            clock = max(clock, decode_position(value).clock)
        elif key is None or key.startswith(SYSTEM_PREFIX):
            continue
        elif value is None:
            newest.pop(key, None)
        else:
            newest[key] = value
    return added_up(newest.values()), clock


def added_up(rows: Iterable[bytes]) -> dict[str, Counter[str]]:
    """Add up the contributions of rows at rest."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for value in rows:
        for name, part in contribution(decode_context(value)).items():
            sums[name].update(part)
    return dict(sums)

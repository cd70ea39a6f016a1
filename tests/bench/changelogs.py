"""What a run writes to its changelogs, as the broker's files show it.

Knows folders and segments. Must never know what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.workload import PARTITIONS

from fitly.core.topics import CONTEXTS_CHANGELOG, LEARNERS_CHANGELOG
from fitly.local.stack import KAFKA

if TYPE_CHECKING:
    from fitly.settings import Settings


class Written:
    """Counts the bytes of changelog segments as they grow; what compaction takes away stays counted.

    Parameters
    ----------
    directory : Path
        Of the stack.
    settings : Settings
        With the prefix of the run.
    """

    def __init__(self, directory: Path, settings: Settings) -> None:
        self._folders = [
            directory / KAFKA / "data" / f"{settings.topic(name)}-{partition}"
            for name in (LEARNERS_CHANGELOG, CONTEXTS_CHANGELOG)
            for partition in range(PARTITIONS)
        ]
        self._largest: dict[Path, int] = {}

    def look(self) -> int:
        """Give the bytes written so far."""
        for segment, size in self._segments():
            self._largest[segment] = max(size, self._largest.get(segment, 0))
        return sum(self._largest.values())

    def _segments(self) -> Iterator[tuple[Path, int]]:
        for folder in self._folders:
            for segment in folder.glob("*.log"):
                try:
                    yield segment, segment.stat().st_size
                except FileNotFoundError:  # compaction has just replaced it
                    continue

"""Several who follow the same rows, as one.

Knows how to hand on. Must never know what any of them does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitly.stream.agents import Follower


class Followers:
    """Whatever one is told, all are.

    Parameters
    ----------
    each : Follower
        In the order in which they are told.
    """

    def __init__(self, *each: Follower) -> None:
        self._each = each

    def see(self, partition: int, shard: Any) -> None:  # noqa: ANN401 - the agent's own kind
        """Let all look at a partition's rows."""
        for one in self._each:
            one.see(partition, shard)

    def forget(self, partitions: Iterable[int]) -> None:
        """Let all let go of partitions."""
        gone = list(partitions)
        for one in self._each:
            one.forget(gone)

    async def run(self) -> None:
        """Let all work until cancelled; who fails ends it for all."""
        await asyncio.gather(*(one.run() for one in self._each))

    async def quiet(self) -> None:
        """Let all finish what is under way."""
        await asyncio.gather(*(one.quiet() for one in self._each))

"""What follows from the merged sums: control events, proposed to the sequencer.

Knows looks, the control log and patience. Must never know how a proposal is arrived at: that is a pure function of the
looks and of what was said before.

Nothing is remembered of what was proposed: the looks stand in the rows and the control events in their log, and
whenever a look is new, or a process has restored its rows, one is held against the other. So a crash between a commit
and its proposal loses nothing; and since the sequencer asks again under its fence, two who propose the same say it
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from fitly.core.errors import Refused, Retryable
from fitly.core.partials import Kind, Look
from fitly.stream.clients import BACKOFF_S
from fitly.stream.control import Sequencer

if TYPE_CHECKING:
    from fitly.core.events import ControlEvent, ControlPayload
    from fitly.settings import Settings
    from fitly.wire.population import Population

log = structlog.get_logger(__name__)

Looks: TypeAlias = Mapping[tuple[Kind, str], Look]
Revisions: TypeAlias = Callable[[Looks, Sequence["ControlEvent"]], list["ControlPayload"]]
"""What to say, given the newest looks and all that was said before; nothing where nothing is worth it."""

QUIET_S: Final = 10.0
"""Longer than a sequencer's transaction may stay open."""


class Proposer:
    """Holds the looks of one process's partitions against the control log.

    Parameters
    ----------
    settings : Settings
        Broker, prefix and control key.
    revisions : callable
        What follows from the looks.
    """

    def __init__(self, settings: Settings, revisions: Revisions) -> None:
        self._sequencer = Sequencer(settings)
        self._revisions = revisions
        self._looks: dict[int, Looks] = {}
        self._new = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False

    def see(self, partition: int, shard: Population) -> None:
        """Take the looks of a partition's rows; where one is new, it will be acted upon."""
        if self._looks.get(partition) is not shard.looks:
            self._looks[partition] = shard.looks
            self._new.set()

    def forget(self, partitions: Iterable[int]) -> None:
        """Let go of partitions: another process looks at them now."""
        for partition in partitions:
            self._looks.pop(partition, None)

    async def quiet(self) -> None:
        """Propose nothing more, and let the sequencer end what it has begun: it holds back every partition (C1)."""
        self._stopping = True
        try:
            async with asyncio.timeout(QUIET_S):
                await self._idle.wait()
        except TimeoutError:
            log.warning("a proposal did not end in time; the next one will settle it")

    async def run(self) -> None:
        """Propose whenever a look is new, for ever; wait out a broker that is away."""
        attempt = 0
        while True:
            await self._new.wait()
            self._new.clear()
            if self._stopping:
                return
            self._idle.clear()
            try:
                await self._propose()
                attempt = 0
                continue
            except Refused as error:
                log.warning("a proposal is not allowed: nothing of it was written", why=error.detail)
                continue
            except Retryable as error:
                pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
                log.warning("waiting", why=str(error), seconds=pause)
                self._new.set()
            finally:
                self._idle.set()
            attempt += 1
            await asyncio.sleep(pause)

    async def _propose(self) -> None:
        looks = {subject: look for found in self._looks.values() for subject, look in found.items()}
        if not looks or not self._revisions(looks, await self._sequencer.history()):
            return
        number = await self._sequencer.propose(lambda history: self._revisions(looks, history))
        log.info("proposed", control_number=number)

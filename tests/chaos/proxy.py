"""A slow link: a TCP proxy whose width can be changed while it runs.

Knows bytes and seconds. Must never know what the bytes mean: that clients who came this way come back this way is the
broker's doing, which advertises the proxy's port at its side door (`fitly.local.kafka.SideDoor`).

Each connection has the width for itself, as behind a router that shares fairly: heartbeats pass beside a long answer.
Those that come during `narrow_for_newcomers` have less: who is there already works on as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from fitly.local.ports import LOOPBACK

CHUNK = 64 << 10
PULSE_S = 0.05
"""A narrow link passes about so much at a time, so that a change of width is felt at once."""


@dataclass(slots=True)
class Width:
    """Bytes per second and connection; None for as many as there are."""

    up: int | None = None
    """From client to broker."""
    down: int | None = None
    """From broker to client."""

    def of(self, way: str) -> float:
        """Give the width of one way, ``up`` or ``down``."""
        width: int | None = getattr(self, way)
        return math.inf if width is None else width


class Proxy:
    """The link between a port of ours and one of the broker's.

    Parameters
    ----------
    port : int
        Where clients come to.
    target : int
        Where they are sent on to.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.width = Width()
        self.target = target
        self._newcomers = Width()

    @property
    def address(self) -> str:
        """What clients use as their bootstrap."""
        return f"{LOOPBACK}:{self.port}"

    @contextlib.contextmanager
    def narrow_for_newcomers(self, down: int) -> Iterator[Width]:
        """Let connections that are made during the block have no more than this, or what it is changed to."""
        before, self._newcomers = self._newcomers, Width(down=down)
        narrow = self._newcomers
        try:
            yield narrow
        finally:
            self._newcomers = before
            narrow.down = None

    @contextlib.contextmanager
    def standing(self) -> Iterator[Proxy]:
        """Run on a thread of its own until the block ends."""
        ready: Future[asyncio.Event] = Future()

        async def stand() -> None:
            over = asyncio.Event()
            server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
            ready.set_result(over)
            async with server:
                await over.wait()
                server.close()
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()

        loop = asyncio.new_event_loop()

        def run() -> None:
            try:
                loop.run_until_complete(stand())
                loop.run_until_complete(asyncio.sleep(0))  # the cancelled connections unwind
            except BaseException as error:
                if ready.done():
                    raise
                ready.set_exception(error)
            finally:
                loop.close()

        thread = threading.Thread(target=run, name="proxy", daemon=True)
        thread.start()
        over = ready.result(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until either side ends it."""
        own = self._newcomers
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:  # the broker is down: so are we
            writer.transport.abort()
            return
        pumps = (
            asyncio.ensure_future(self._pump(reader, back, own, "up")),
            asyncio.ensure_future(self._pump(there, writer, own, "down")),
        )
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            return
        finally:
            for pump in pumps:
                pump.cancel()
            writer.transport.abort()
            back.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, own: Width, way: str) -> None:
        clock, free_at = asyncio.get_running_loop().time, 0.0
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while chunk := await source.read(max(1, int(min(CHUNK, self._narrowest(own, way) * PULSE_S)))):
                sink.write(chunk)
                await sink.drain()
                free_at = max(free_at, clock() - PULSE_S) + len(chunk) / self._narrowest(own, way)
                await asyncio.sleep(max(0.0, free_at - clock()))

    def _narrowest(self, own: Width, way: str) -> float:
        return min(self.width.of(way), own.of(way))

"""A stack beside synchronous code: tests, notebooks, scripts.

Knows how to run a `Stack` on a thread of its own. Must never add anything to what a `Stack` does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from fitly.local.endpoints import Endpoints
from fitly.local.stack import Stack

T = TypeVar("T")


class BackgroundStack:
    """A handle on a stack that runs on another thread."""

    def __init__(self, stack: Stack, loop: asyncio.AbstractEventLoop) -> None:
        self.stack = stack
        self._loop = loop

    @property
    def endpoints(self) -> Endpoints:
        """The addresses and keys."""
        return self.stack.endpoints

    def call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: object, **named: object) -> T:
        """Run a coroutine function, such as `stack.until_running`, on the stack's own loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(function(*arguments, **named), self._loop).result()


@contextmanager
def background_stack(make: Callable[[], Stack]) -> Iterator[BackgroundStack]:
    """Run the stack that `make` returns until the block ends.

    Parameters
    ----------
    make
        Called on the stack's own thread, e.g. `lambda: Stack(ephemeral=True)`.

    Raises
    ------
    LocalError
        Whatever keeps the stack from standing.
    """
    standing: Future[BackgroundStack] = Future()
    done = threading.Event()

    async def stand() -> None:
        try:
            async with make() as stack:
                standing.set_result(BackgroundStack(stack, asyncio.get_running_loop()))
                await asyncio.to_thread(done.wait)
        except BaseException as error:
            if standing.done():
                raise
            standing.set_exception(error)

    ended: Future[None] = Future()

    def run() -> None:
        try:
            asyncio.run(stand())
        except BaseException as error:  # noqa: BLE001 - raised below, on the caller's thread
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = threading.Thread(target=run, name="fitly-stack", daemon=True)
    thread.start()
    try:
        yield standing.result()
    finally:
        done.set()
        thread.join()
    ended.result()

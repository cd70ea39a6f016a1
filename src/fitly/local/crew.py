"""Several processes of one role that live and end together: it has several agents, and a machine several cores.

Knows how many and what the end of one means. Must never know what they do.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fitly.local.roles import inherited, launcher_argv

KILLED: Final = 4
"""Exit status of a crew one of which was killed: starting again may help."""
STOP_S: Final = 20.0
"""How long the others may take to stop: with the broker away a clean stop may have no end."""


class Member(NamedTuple):
    """One process of a crew.

    Attributes
    ----------
    argv : sequence of str
        Program and arguments.
    environment : mapping
        Variables that it is given beside the inherited ones.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]


def run(members: Sequence[Member]) -> int:
    """Run one process for each member until SIGTERM or SIGINT, or until the first ends.

    Whoever ends by itself takes the others along: whatever starts workers again (a container's engine, systemd) sees
    one program and one end. A process never outlives the one that started it: where that is killed, so are they, for
    they are safe against it, and nobody would be left to kill one that is slow to stop.

    Returns
    -------
    int
        The exit status of the one that ended by itself; 0 if all stopped as told, else the highest.
    """
    return asyncio.run(_run(members))


async def _run(members: Sequence[Member]) -> int:
    told = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    crew = [
        # A session of its own: Ctrl-C reaches the one that was started, which tells the others.
        await asyncio.create_subprocess_exec(
            *launcher_argv(tuple(argv), signal.SIGKILL, None), env=inherited(environment), start_new_session=True
        )
        for argv, environment in members
    ]
    ends = [asyncio.ensure_future(each.wait()) for each in crew]
    stopping = asyncio.ensure_future(told.wait())
    done, _ = await asyncio.wait({stopping, *ends}, return_when=asyncio.FIRST_COMPLETED)
    first = [end.result() for end in ends if end in done]
    for each in crew:
        if each.returncode is None:
            each.send_signal(signal.SIGTERM)
    await asyncio.wait(ends, timeout=STOP_S)
    for each in crew:
        if each.returncode is None:
            each.kill()
    statuses = first or await asyncio.gather(*ends)
    await asyncio.gather(*ends)
    stopping.cancel()
    return max(KILLED if status < 0 else status for status in statuses)


def program() -> list[str]:
    """Give the command line this process was started with, to start it once more."""
    return [sys.executable, "-m", "fitly", *sys.argv[1:]]

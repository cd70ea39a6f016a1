"""What an earlier run may have left running, told apart from every other process on the machine.

Knows process numbers, their start times and `DIR/processes.json`. Must never know what the processes are for.

A process number alone proves nothing: it is given again. Number, start time and boot together name one process for
ever, so that nothing is ever ended that this directory's stack did not start.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path

from fitly.local.endpoints import write_private
from fitly.local.errors import UnavailableError
from fitly.local.roles import signal_group

FILE_NAME = "processes.json"
_END_SECONDS = 20.0
_POLL_SECONDS = 0.05


def identity(pid: int) -> str | None:
    """Return what names this process and no other, or None when it is gone (or this system cannot tell)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    state, start = fields[0], fields[19]  # after the name: field 3 is the state, field 22 the start in clock ticks
    return None if state in "ZX" else f"{boot}/{pid}/{start}"


def record(directory: Path, pids: Mapping[str, int]) -> None:
    """Write down which processes run now, by name."""
    named = {name: {"pid": pid, "identity": identity(pid)} for name, pid in sorted(pids.items())}
    write_private(directory / FILE_NAME, json.dumps(named, indent=2) + "\n")


def leftovers(directory: Path) -> dict[str, int]:
    """Return the recorded processes that still run, by name."""
    try:
        found = json.loads((directory / FILE_NAME).read_text(encoding="utf-8"))
        rows = [(str(name), int(row["pid"]), row["identity"]) for name, row in found.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # never written, or cut short by the very crash: the servers' own locks are the second line
    return {name: pid for name, pid, known in rows if known is not None and known == identity(pid)}


async def end_leftovers(directory: Path) -> list[str]:
    """End what an earlier run left, wait until it is gone, and return the names.

    Only the holder of the directory's lock may call this.

    Raises
    ------
    UnavailableError
        A process does not end.
    """
    found = leftovers(directory)
    for pid in found.values():
        signal_group(pid, signal.SIGKILL)
    deadline = asyncio.get_running_loop().time() + _END_SECONDS
    while left := leftovers(directory):
        if asyncio.get_running_loop().time() > deadline:
            names = ", ".join(f"{name} (process {pid})" for name, pid in left.items())
            raise UnavailableError(
                f"an earlier run in {directory} left {names}, which cannot be ended; end it by hand, then start again"
            )
        await asyncio.sleep(_POLL_SECONDS)
    return sorted(found)

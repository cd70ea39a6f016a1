"""How fast the machine is at the moment, and who uses it: others may be at work on it.

Knows one plain loop and the kernel's counters. Every figure of the bench stands beside the loop's, so that figures of
different days can be compared. Must never know what is measured.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from fitly.core import step

STEPS: Final = 2_000_000
ROUNDS: Final = 5
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_IDLE: Final = (3, 4)
"""Columns of /proc/stat: idle, and waiting for a disk."""
_GUESTS: Final = 8
"""From here on columns are counted in earlier ones already."""


class Loop(NamedTuple):
    """Nanoseconds of CPU per step of a plain loop: the median of some rounds, the fastest and the slowest."""

    ns: float
    least: float
    most: float

    def and_after(self, after: Loop) -> Loop:
        """Join what was seen before a run with what was seen after it."""
        return Loop((self.ns + after.ns) / 2, min(self.least, after.least), max(self.most, after.most))


def loop() -> Loop:
    """Run the plain loop: half a second in which nothing else is done."""
    rounds = sorted(_once() for _ in range(ROUNDS))
    return Loop(rounds[ROUNDS // 2], rounds[0], rounds[-1])


def _once() -> float:
    started = time.process_time()
    total = 0
    for number in range(STEPS):
        total += number & 3
    return (time.process_time() - started) / STEPS * 1e9


class Usage:
    """Who uses the cores from now on.

    Parameters
    ----------
    pids : mapping of str to int
        The processes that are told apart from the rest, each with all it has started; what ends is not counted.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {name: family(pid) for name, pid in pids.items()} | {"bench": [os.getpid()]}
        self._all, self._idle = _machine()
        self._began = {name: cpu_s(pids) for name, pids in self._pids.items()}

    def shares(self) -> dict[str, float]:
        """Give the share of all cores' time that each process, the others, and nobody used."""
        now, idle = _machine()
        passed = max(now - self._all, 1 / _TICKS)
        shares = {name: (cpu_s(pids) - self._began[name]) / passed for name, pids in self._pids.items()}
        unused = (idle - self._idle) / passed
        return {**shares, "others": max(0.0, 1 - unused - sum(shares.values())), "nobody": unused}


def family(pid: int) -> list[int]:
    """Give a process, those it has started, and those they have."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Give the CPU seconds that processes have used, all threads, user and system; one that has ended gives none."""
    used = 0
    for pid in pids:
        try:
            fields = _fields(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        used += int(fields[11]) + int(fields[12])
    return used / _TICKS


def _fields(pid: int) -> list[str]:
    """Give what the kernel says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _machine() -> tuple[float, float]:
    """Give the seconds that all cores have had, and those in which they were idle."""
    columns = [int(column) for column in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1 : _GUESTS + 1]]
    return sum(columns) / _TICKS, sum(columns[place] for place in _IDLE) / _TICKS


def described() -> str:
    """Name the machine, the interpreter, and whether the fold is compiled."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    compiled = not str(step.__file__).endswith(".py")
    return f"{os.cpu_count()} cores, {platform.machine()}, {python}, core {'compiled' if compiled else 'interpreted'}"

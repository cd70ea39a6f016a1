"""How fast the machine is at the moment: others may be using it.

Knows one plain loop. Every figure of the bench stands beside the loop's, so that ratios can be taken.
"""

from __future__ import annotations

import os
import platform
import time
from typing import Final

STEPS: Final = 3_000_000
BEST_OF: Final = 3


def loop_ns() -> float:
    """Give nanoseconds of CPU per step of a plain loop, the median of three."""
    return sorted(_once() for _ in range(BEST_OF))[BEST_OF // 2]


def _once() -> float:
    started = time.process_time()
    total = 0
    for step in range(STEPS):
        total += step & 3
    return (time.process_time() - started) / STEPS * 1e9


def described() -> str:
    """Name the machine and the interpreter."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    )

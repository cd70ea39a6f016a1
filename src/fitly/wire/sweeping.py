"""The next slice of a withdrawal: rows in the order of their keys, from where the last slice ended.

Knows the cursor and how many rows a slice looks at. Must never know why a row is withdrawn. Which rows a slice holds
follows from the rows and the cursor alone, so that neither batches nor restarts change it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import Final, NamedTuple

from fitly.core.decisions import Cause, Selected
from fitly.core.learner import ContextRow
from fitly.core.system import SYSTEM_PREFIX, Sweep

MOST_EXAMINED: Final = 2_000
"""Rows that one control or tick record looks at, whether or not they are withdrawn: some 50 ms."""

Look = Callable[[bytes, Cause], tuple[ContextRow, Selected] | None]
"""Gives what becomes of a key's row, None where it stays; the key is there."""


class Slice(NamedTuple):
    """What one slice did: the sweep as it is afterwards, and new rows and decisions by key."""

    sweep: Sweep
    withdrawn: list[tuple[bytes, ContextRow, Selected]]


class Keys:
    """Keys of rows in order: sorted when a sweep begins, kept in order while it lasts, then let go."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: list[bytes] | None = None

    def after(self, key: bytes, rows: Iterable[bytes], fresh: Iterable[bytes]) -> Iterator[bytes]:
        """Give every key behind one, in order: those of the rows at rest, and fresh ones that are not there yet."""
        if self._keys is None:
            self._keys = sorted([each for each in rows if not each.startswith(SYSTEM_PREFIX)])
        keys = self._keys
        behind = [each for each in fresh if each > key and not self._has(each)]
        return merge((keys[place] for place in range(bisect_right(keys, key), len(keys))), sorted(behind))

    def add(self, key: bytes) -> None:
        """Take in the key of a new row, which may have been there before."""
        if self._keys is not None and not self._has(key):
            insort(self._keys, key)

    def _has(self, key: bytes) -> bool:
        """Tell whether a key is there already: also one whose row went, and may have come back as a fresh one."""
        keys = self._keys or []
        place = bisect_left(keys, key)
        return keys[place : place + 1] == [key]

    def forget(self) -> None:
        """Let the keys go: no sweep is under way."""
        self._keys = None


def next_slice(sweep: Sweep, partition: int, keys: Iterator[bytes], look: Look, most: int) -> Slice:
    """Look at the next rows.

    Parameters
    ----------
    sweep : Sweep
        Under way.
    partition : int
        Partition of the input log, where the cause stands.
    keys : iterator of bytes
        Keys behind the cursor that have a row, in order.
    look : callable
        Withdraws.
    most : int
        Rows to withdraw at most.

    Returns
    -------
    Slice
        With an idle sweep where every row has been looked at.
    """
    cause, done = Cause(sweep.cause, partition, sweep.offset), list[tuple[bytes, ContextRow, Selected]]()
    for examined, key in enumerate(keys):
        if len(done) == most or examined == MOST_EXAMINED:
            return Slice(sweep, done)
        sweep = Sweep(sweep.cause, sweep.offset, key)
        found = look(key, cause)
        if found is not None:
            done.append((key, *found))
    return Slice(Sweep(), done)

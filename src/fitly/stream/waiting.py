"""What waits to be folded: a bounded queue of fetched records.

Knows counts and sizes. Must never know what is in a record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

MOST_RECORDS: Final = 20_000
MOST_BYTES: Final = 32 << 20


class Portion(NamedTuple):
    """Records that are folded together, and what to call once they are committed."""

    records: list[ConsumerRecord]
    done: list[Callable[[], object]]


class Waiting:
    """The queue of one partition (A7: bounded; the consumer pauses while it is full).

    Examples
    --------
    >>> waiting = Waiting()
    >>> waiting.add(list("abc"), 3, lambda: None)
    >>> waiting.take(2).records, waiting.take(2).records, bool(waiting)
    (['a', 'b'], ['c'], False)
    """

    def __init__(self) -> None:
        self._batches: deque[tuple[list[ConsumerRecord], int, Callable[[], object]]] = deque()
        self._at = 0  # how much of the first batch is taken
        self._records = self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def is_full(self) -> bool:
        """Whether no more should be fetched."""
        return self._records > MOST_RECORDS or self._bytes > MOST_BYTES

    @property
    def is_low(self) -> bool:
        """Whether fetching should go on."""
        return self._records <= MOST_RECORDS // 2 and self._bytes <= MOST_BYTES // 2

    def add(self, records: list[ConsumerRecord], size: int, done: Callable[[], object]) -> None:
        """Queue a batch; `done` is called when its last record is committed, or when it is dropped."""
        self._batches.append((records, size, done))
        self._records += len(records)
        self._bytes += size

    def take(self, most: int) -> Portion:
        """Take at most that many records from the front; the bytes of a divided batch go with its last part."""
        records: list[ConsumerRecord] = []
        done = []
        while self._batches and len(records) < most:
            batch, size, finished = self._batches[0]
            part = (
                batch
                if not self._at and len(batch) <= most - len(records)
                else batch[self._at : self._at + most - len(records)]
            )
            records = part if not records else records + part
            self._at += len(part)
            if self._at >= len(batch):
                self._batches.popleft()
                self._at = 0
                self._bytes -= size
                done.append(finished)
        self._records -= len(records)
        return Portion(records, done)

    def drop(self) -> None:
        """Forget everything; it will be fetched again."""
        for _, _, done in self._batches:
            done()
        self._batches.clear()
        self._at = self._records = self._bytes = 0

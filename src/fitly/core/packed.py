"""Small fixed-width records kept as bytes, one after another.

Knows how to read, append and replace the k-th record of a byte string. Must never know what a record means.

A row is touched once per event but only one or two of its many entries are needed; unpacking just those,
and copying the rest as bytes, is what keeps the fold fast and a row at rest small. Widths are bytes of the
changelog: a layout never changes in place, the row's version does.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

Record = TypeVar("Record", bound=tuple[Any, ...])


class Layout(Generic[Record]):
    """One fixed-width record type inside a byte string.

    Parameters
    ----------
    record : type
        The NamedTuple that a record is.
    fields : str
        ``struct`` codes, little endian, no padding.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Point(NamedTuple):
    ...     x: int
    ...     y: int
    >>> points = Layout(Point, "hh")
    >>> blob = points.append(points.append(b"", Point(1, 2)), Point(3, 4))
    >>> points.at(blob, -1), points.count(blob)
    (Point(x=3, y=4), 2)
    """

    __slots__ = ("_codes", "_struct", "make", "pack", "width")

    def __init__(self, record: type[Record], fields: str) -> None:
        # What a NamedTuple's `_make` does, without a Python frame for each record.
        self.make: Callable[[tuple[Any, ...]], Record] = partial(tuple.__new__, record)
        self._struct = struct.Struct("<" + fields)
        self.pack: Callable[..., bytes] = self._struct.pack
        """Packs the fields of one record; what is packed at once need not be a record first."""
        self._codes = re.findall(r"\d*[a-zA-Z]", fields)
        self.width = self._struct.size

    def count(self, blob: bytes) -> int:
        """Give the number of records."""
        return len(blob) // self.width

    def at(self, blob: bytes, index: int) -> Record:
        """Unpack one record; negative indexes count from the end.

        Raises
        ------
        IndexError
            If there is no such record.
        """
        try:
            # A negative place counts from the end here too.
            return self.make(self._struct.unpack_from(blob, index * self.width))
        except struct.error:
            message = f"no record {index} among {self.count(blob)}"
            raise IndexError(message) from None

    def all(self, blob: bytes) -> Iterator[Record]:
        """Unpack every record in order."""
        return map(self.make, self._struct.iter_unpack(blob))

    def columns(self, *places: int) -> struct.Struct:
        """Give a reader of some fields only (by their place, ascending): its ``iter_unpack`` skips the others.

        >>> pairs = Layout(tuple, "hhh")
        >>> list(pairs.columns(0, 2).iter_unpack(pairs.join([(1, 2, 3), (4, 5, 6)])))
        [(1, 3), (4, 6)]
        """
        codes = (
            code if place in places else f"{struct.calcsize('<' + code)}x" for place, code in enumerate(self._codes)
        )
        return struct.Struct("<" + "".join(codes))

    def start_of(self, place: int) -> int:
        """Give the byte at which a field begins inside its record.

        >>> Layout(tuple, "hqB").start_of(2)
        10
        """
        return struct.calcsize("<" + "".join(self._codes[:place]))

    def append(self, blob: bytes, record: Record) -> bytes:
        """Add a record at the end."""
        return blob + self.pack(*record)

    def replace(self, blob: bytes, index: int, record: Record) -> bytes:
        """Put a record in another's place (``index`` from 0)."""
        start = index * self.width
        return blob[:start] + self.pack(*record) + blob[start + self.width :]

    def put(self, blob: bytes, index: int, packed: bytes) -> bytes:
        """Put a packed record in another's place, or at the end where ``index`` is negative."""
        if index < 0:
            return blob + packed
        start = index * self.width
        return blob[:start] + packed + blob[start + self.width :]

    def remove(self, blob: bytes, index: int) -> bytes:
        """Leave out one record (``index`` from 0)."""
        start = index * self.width
        return blob[:start] + blob[start + self.width :]

    def drop(self, blob: bytes, count: int) -> bytes:
        """Leave out the first ``count`` records."""
        return blob[count * self.width :]

    def join(self, records: Iterator[Record] | list[Record]) -> bytes:
        """Pack records one after another."""
        return b"".join([self.pack(*record) for record in records])

    def find_byte(self, blob: bytes, first: int) -> int:
        """Give the index of the first record whose first byte is ``first``, or -1.

        For the layouts that begin with a one-byte code: every ``width``-th byte is the codes of the records in order.
        """
        return blob[:: self.width].find(first)

    def find(self, blob: bytes, prefix: bytes) -> int:
        """Give the index of the first record that begins with ``prefix``, or -1.

        A match that does not start at a record's edge is passed over.
        """
        start = blob.find(prefix)
        while start >= 0:
            index, offset = divmod(start, self.width)
            if not offset:
                return index
            start = blob.find(prefix, start + 1)
        return -1

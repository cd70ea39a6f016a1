"""The form of a file: compressed or not, in which letters, and what stands between its fields.

Knows bytes, lines and fields. Must never know what a column means.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import IO, Any, Final, NamedTuple

GZIP: Final = b"\x1f\x8b"
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS: Final = (",", ";", "\t")
MOST: Final = 2**24
"""Characters of a field; a quote that is never closed ends there and not with the memory."""
_SAYS: Final = "sep="
"""How a spreadsheet tells itself, in a line before the header, what stands between fields."""

Row = list[str]


class Table(NamedTuple):
    """A file's header, without spaces around names, its delimiter, and lines' numbers and fields below the header."""

    header: Row
    delimiter: str
    rows: Iterator[tuple[int, Row]]


@contextmanager
def opened(file: IO[bytes], wanted: Collection[str]) -> Generator[Table | None]:
    """Open a table; None where the file is empty. Blank lines are left out.

    Parameters
    ----------
    file : binary file
        Need not be seekable. Whoever opened it closes it.
    wanted : collection of str
        Columns that are needed: the delimiter is the one that finds most of them.
    """
    csv.field_size_limit(MOST)
    raw: Any = file if hasattr(file, "peek") else io.BufferedReader(file)
    if raw.peek(2)[:2] == GZIP:
        raw = gzip.GzipFile(fileobj=raw)
    start = raw.peek(2)[:2]
    text = io.TextIOWrapper(raw, encoding="utf-16" if start in UTF16 else "utf-8-sig", newline="")
    try:
        yield _table(text, wanted)
    finally:
        text.detach()


def _table(text: io.TextIOWrapper, wanted: Collection[str]) -> Table | None:
    first, before = text.readline(), 0
    while first and (not first.strip() or first.casefold().startswith(_SAYS)):
        first, before = text.readline(), before + 1
    delimiter = max(DELIMITERS, key=lambda one: _found(first, one, wanted))
    reader = csv.reader(chain([first], text), delimiter=delimiter)
    header = next(filter(None, reader), None)
    if header is None:
        return None
    rows = ((reader.line_num + before, row) for row in reader if row)
    return Table([name.strip() for name in header], delimiter, rows)


def _found(line: str, delimiter: str, wanted: Collection[str]) -> tuple[int, int]:
    """Count how many columns a delimiter finds: those that are needed, and any."""
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    return sum(name in names for name in wanted), len(names)

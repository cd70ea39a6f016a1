"""How a file writes fractions: with a point, or with a comma as half of the world does.

Knows cells that have commas or points. Must never know columns' meaning. A file has one way: 0.5 in one cell and 0,5 in
another, or a comma that may as well mark thousands, is refused, for a number that is silently a thousand times too
large is worse than none.
"""

from __future__ import annotations

import re
from typing import Final

from fitly.cli.analysis.cells import NotANumber, number

_COMMA: Final = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?|[+-]?\d+,")
_EITHER: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_GROUPED: Final = re.compile(
    r"[+-]?\d{1,3}(?:"
    r"(?:,\d{3})+\.\d*|(?:,\d{3}){2,}|(?:\.\d{3})+,\d*|(?:\.\d{3}){2,}"
    r"|(?:[ '\u2019\u00a0\u202f]\d{3})+(?:[.,]\d*)?)"
)
"""Thousands marks that can be nothing else."""
_REMEDY: Final = "write all numbers without thousands marks, and fractions with points"


class Unreadable(ValueError):  # noqa: N818 - it reads as a sentence where it is caught
    """Cells that contradict each other, or could mean two numbers; with what to do."""


class Fractions:
    """What was seen so far of points and commas.

    Parameters
    ----------
    delimiter : str
        Of the file: where it is a semicolon, commas are free for fractions.

    Examples
    --------
    >>> file = Fractions(";")
    >>> file.read("0,25", "y", 2), file.read("-1,5e-3", "y", 3), file.read("4", "y", 4)
    (0.25, -0.0015, 4.0)
    >>> file.read("0.25", "y", 5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    fitly.cli.analysis.fractions.Unreadable: line 5, column 'y' has '0.25', and line 2, column 'y' has '0,25': ...
    """

    def __init__(self, delimiter: str) -> None:
        self.free = delimiter == ";"
        self.point = self.comma = self.either = ""

    def read(self, cell: str, column: str, line: int) -> float | None:
        """Read a number as `number` does, decimal commas too.

        Raises
        ------
        NotANumber
            The cell is none.
        Unreadable
            It is written in a way that cannot be read, or not beside what came before.
        """
        try:
            value = number(cell)
        except NotANumber:
            return self._marked(cell, column, line)
        if not self.point and "." in cell and value is not None:
            self.point = _told(cell, column, line)
            _agree(self.point, self.comma or self.either)
        return value

    def settle(self) -> str | None:
        """Say at the file's end how commas were read; None where there were none.

        Raises
        ------
        Unreadable
            Every comma may as well mark thousands.
        """
        if self.either and not self.comma and not self.free:
            raise Unreadable(f"{self.either}, which may be a fraction or thousands: {_REMEDY}")
        found = self.comma or self.either
        return f"{found}: commas are read as decimal commas" if found else None

    def _marked(self, cell: str, column: str, line: int) -> float:
        """Read what `number` does not; three digits behind a comma are a fraction until `settle` knows better."""
        word, told = cell.strip(), _told(cell, column, line)
        if _GROUPED.fullmatch(word):
            raise Unreadable(f"{told}: thousands marks are not read, {_REMEDY}")
        if not _COMMA.fullmatch(word):
            raise NotANumber(repr(cell))
        if _EITHER.fullmatch(word):
            self.either = self.either or told
        else:
            self.comma = self.comma or told
        _agree(told, self.point)
        value = number(word.replace(",", "."))
        assert value is not None  # noqa: S101 - it has a digit
        return value


def _told(cell: str, column: str, line: int) -> str:
    return f"line {line:,}, column {column!r} has {cell.strip()!r}"


def _agree(told: str, other: str) -> None:
    if other:
        raise Unreadable(f"{told}, and {other}: {_REMEDY}")

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
    >>> file.read("0,25", "line 2"), file.read("-1,5e-3", "line 3"), file.read("4", "line 4")
    (0.25, -0.0015, 4.0)
    >>> file.read("0.25", "line 5")
    Traceback (most recent call last):
    ...
    fitly.cli.analysis.fractions.Unreadable: line 5 has '0.25', and line 2 has '0,25': write all fractions with points
    """

    def __init__(self, delimiter: str) -> None:
        self.free = delimiter == ";"
        self.point = self.comma = self.either = ""

    def read(self, cell: str, where: str) -> float | None:
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
            return self._marked(cell, where)
        if not self.point and "." in cell and value is not None:
            self.point = f"{where} has {cell.strip()!r}"
            self._agree(self.point, self.comma)
        return value

    def settle(self) -> str | None:
        """Say at the file's end how commas were read; None where there were none.

        Raises
        ------
        Unreadable
            Every comma may as well mark thousands.
        """
        if self.either and not self.comma and not self.free:
            message = (
                f"{self.either}, which may be a fraction or thousands: write numbers plainly, fractions with points"
            )
            raise Unreadable(message)
        found = self.comma or self.either
        return f"{found}: commas are read as decimal commas" if found else None

    def _marked(self, cell: str, where: str) -> float:
        """Read what `number` does not; three digits behind a comma are a fraction until `settle` knows better."""
        word = cell.strip()
        if _GROUPED.fullmatch(word):
            raise Unreadable(f"{where} has {word!r}: thousands marks are not read, write numbers plainly")
        if not _COMMA.fullmatch(word):
            raise NotANumber(repr(cell))
        told = f"{where} has {word!r}"
        if _EITHER.fullmatch(word):
            self.either = self.either or told
        else:
            self.comma = self.comma or told
        self._agree(told, self.point)
        value = number(word.replace(",", "."))
        assert value is not None  # noqa: S101 - it has a digit
        return value

    @staticmethod
    def _agree(told: str, other: str) -> None:
        if other and told:
            raise Unreadable(f"{told}, and {other}: write all fractions with points")

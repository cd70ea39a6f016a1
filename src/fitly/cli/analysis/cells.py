"""What a cell of a file says: a number, a yes or no, a name, or nothing.

Knows how people and programs spell these. Must never know columns.
"""

from __future__ import annotations

import math
from typing import Final

WORDS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y"), 1.0),
    **dict.fromkeys(("false", "f", "no", "n"), 0.0),
}
"""Yes and no, in any case."""
NOTHING: Final = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "."})
"""Spellings of a missing value, in any case."""
NOBODY: Final = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null"})
"""Spellings of a missing name, as they stand: an arm may well be called "none"."""


LARGEST: Final = 1e100
"""Beyond, squares of squares would leave the floats; nearer to 0 than its inverse, they would vanish."""


class NotANumber(ValueError):  # noqa: N818 - it reads as a sentence where it is caught
    """The cell says something that is no number."""


def number(cell: str) -> float | None:
    """Read a number, or yes and no as 1 and 0; None where there is no value. Below 1e-100 it is 0.

    Raises
    ------
    NotANumber
        Anything else, numbers beyond 1e100 included.

    Examples
    --------
    >>> number(" 0.25"), number("1e3"), number("TRUE"), number("f"), number("NA"), number("")
    (0.25, 1000.0, 1.0, 0.0, None, None)
    >>> number("1_000")
    Traceback (most recent call last):
    ...
    fitly.cli.analysis.cells.NotANumber: '1_000'
    """
    try:
        value = float(cell)
    except ValueError:
        word = cell.strip().casefold()
        if word in NOTHING:
            return None
        if word in WORDS:
            return WORDS[word]
        raise NotANumber(repr(cell)) from None
    if abs(value) <= LARGEST and "_" not in cell:
        return value if abs(value) >= 1 / LARGEST else 0.0
    if math.isnan(value):
        return None
    raise NotANumber(repr(cell))


def label(cell: str) -> str | None:
    """Read a name; None where there is none.

    >>> label(" video "), label("none"), label("NA")
    ('video', 'none', None)
    """
    name = cell.strip()
    return None if name in NOBODY else name

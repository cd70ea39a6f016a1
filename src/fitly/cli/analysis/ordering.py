"""The order that a column asks for: numbers, or moments in one of the ways people write them.

Knows how to compare what cells say. Must never know what is put in order. What could be ordered in two ways is refused:
looks in a wrong order are looks that nobody had.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from fitly.cli.analysis.cells import NotANumber, number

_TIME: Final = r"(?:[ T,]\s*(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d))?(?:\s*(?P<half>[AaPp][Mm]))?)?"
_NOON: Final = 12
_EARLY, _LATE = 1e9, 4.2e9
"""Seconds from 1970 to the years 2001 and 2103: a number between may well be a moment."""
_UNITS: Final = (1, 10**3, 10**6, 10**9)
_REMEDY: Final = "Write all as numbers, or all as moments like 2024-01-31T09:30:00Z"

Reading = Callable[[str], Any]


class Unordered(ValueError):  # noqa: N818 - it reads as a sentence where it is caught
    """Cells that cannot be put in order, or in more than one; with what to do."""


def ranks(keys: Sequence[str], called: str = "the order") -> list[int]:
    """Give each key's place in the order, from 1; equal keys in the order they came, missing ones ("") last.

    All numbers: by size. All moments, in ISO 8601 or as 2024/1/31, 31.1.2024, 1/31/2024 or 31/1/2024 (with a time or
    not): by time, those without a zone taken as UTC.

    Raises
    ------
    Unordered
        Neither, or both; slashes that may put days or months first, where that matters; seconds and milliseconds.

    Examples
    --------
    >>> ranks(["10", "9", "", "9"])
    [3, 1, 4, 2]
    >>> ranks(["2024-01-02T00:00+02:00", "2024-01-01T23:00Z", "2024-01-01"])
    [2, 3, 1]
    >>> ranks(["1/31/2024 1:05 PM", "1/31/2024 11:00 AM", "2/1/2024"])
    [2, 1, 3]
    """
    present = [at for at, key in enumerate(keys) if key]
    order = [present[at] for at in _sorted([keys[at] for at in present], present, called)]
    order += [at for at, key in enumerate(keys) if not key]
    found = [0] * len(keys)
    for rank, at in enumerate(order, 1):
        found[at] = rank
    return found


def _sorted(words: list[str], rows: list[int], called: str) -> list[int]:
    """Give the words' places in their order; ``rows`` are theirs in the file, for messages."""
    orders: list[list[int]] = []
    farthest = 0
    for reading in (_number, _iso, *_DATES):
        meant = _read(words, reading)
        farthest = max(farthest, len(meant))
        if len(meant) == len(words):
            if reading is _number:
                _agree(meant, words, rows, called)
                return sorted(range(len(words)), key=meant.__getitem__)
            orders.append(sorted(range(len(words)), key=meant.__getitem__))
    if not orders:
        beside = f" where row {rows[0] + 1:,} has {words[0]!r}" if farthest else ""
        message = f"{called}: row {rows[farthest] + 1:,} has {words[farthest]!r}{beside}"
        raise Unordered(f"{message}. {_REMEDY}")
    if any(order != orders[0] for order in orders):
        raise Unordered(f"{called}: dates like {words[0]!r} may have the month or the day first. {_REMEDY}")
    return orders[0]


def _read(words: list[str], reading: Reading) -> list[Any]:
    """Read words up to the first that the reading does not fit."""
    meant: list[Any] = []
    try:
        for word in words:
            meant.append(reading(word))  # noqa: PERF401 - what was read before the misfit is needed
    except ValueError:  # NotANumber is one
        pass
    return meant


def _number(key: str) -> float:
    value = number(key)
    if value is None:
        raise NotANumber(key)
    return int(key) if key.isdecimal() else value


def _iso(key: str) -> datetime:
    moment = datetime.fromisoformat(key.removesuffix(" UTC"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _dated(form: str, mark: str) -> Reading:
    """Read dates of numbers in the order of ``form`` with marks between, and a time of day or none."""
    pattern = re.compile(re.escape(mark).join(f"(?P<{part}>{_DIGITS[part]})" for part in form) + _TIME)

    def read(key: str) -> datetime:
        found = pattern.fullmatch(key)
        if found is None:
            raise ValueError(key)
        part = {name: int(digits) for name, digits in found.groupdict(default="0").items() if name != "half"}
        hour = part["H"]
        if half := (found["half"] or "").casefold():
            if not 1 <= hour <= _NOON:
                raise ValueError(key)
            hour = hour % _NOON + _NOON * (half == "pm")
        return datetime(part["y"], part["m"], part["d"], hour, part["M"], part["S"], tzinfo=UTC)

    return read


_DIGITS: Final = {"y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}"}
_DATES: Final = (_dated("ymd", "/"), _dated("dmy", "."), _dated("mdy", "/"), _dated("dmy", "/"))
"""Only the last two can be taken for one another."""


def _agree(meant: list[float], words: list[str], rows: list[int], called: str) -> None:
    """Refuse moments of which some are seconds and some thousandths: sorted by size, the years would be mixed up."""
    units = [next((unit for unit in _UNITS if _EARLY <= value / unit <= _LATE), None) for value in meant]
    if None not in units and (other := next((at for at, unit in enumerate(units) if unit != units[0]), None)):
        first, second = (f"row {rows[at] + 1:,} has {words[at]!r}" for at in (0, other))
        raise Unordered(f"{called}: {first} and {second}, which look like seconds and thousandths of them. {_REMEDY}")

"""The order that a column asks for: numbers, moments or words.

Knows how to compare what cells say. Must never know what is put in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from fitly.cli.analysis.cells import NotANumber, number


def ranks(keys: Sequence[str]) -> list[int]:
    """Give each key's place in the order, from 1; equal keys in the order they came, missing ones ("") last.

    All numbers: by size. All moments in ISO 8601: by time, those without a zone taken as UTC. Else: as words.

    >>> ranks(["10", "9", "", "9"])
    [3, 1, 4, 2]
    >>> ranks(["2024-01-02T00:00+02:00", "2024-01-01T23:00Z", "2024-01-01"])
    [2, 3, 1]
    >>> ranks(["b", "10", "9"])
    [3, 1, 2]
    """
    present = [at for at, key in enumerate(keys) if key]
    meant = _meant([keys[at] for at in present])
    order = [at for _, at in sorted(zip(meant, present, strict=True))]
    order += [at for at, key in enumerate(keys) if not key]
    found = [0] * len(keys)
    for rank, at in enumerate(order, 1):
        found[at] = rank
    return found


def _meant(words: list[str]) -> list[Any]:
    readings: tuple[Callable[[str], object], ...] = (_number, _moment)
    for reading in readings:
        try:
            return [reading(word) for word in words]
        except ValueError:  # NotANumber is one
            continue
    return words


def _number(key: str) -> float:
    value = number(key)
    if value is None:
        raise NotANumber(key)
    return value


def _moment(key: str) -> datetime:
    moment = datetime.fromisoformat(key)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

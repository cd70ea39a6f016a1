"""What a check found: how much it looked at, and the first things that are not as they must be.

Knows counting and telling. Must never know a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fitly.cli.expand import Plain

MOST_TOLD: Final = 10
"""How many differences of one check are told; the rest are counted."""
_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be.

    Attributes
    ----------
    where : str
        The row or record: table and key, or topic, partition and offset.
    field : str
        The part of it that differs, empty where the whole does.
    expected, found : str
        Both values.
    """

    where: str
    field: str
    expected: str
    found: str


@dataclass(slots=True)
class Finding:
    """One check's result, while it is being made and afterwards.

    Attributes
    ----------
    name : str
        Short name, for programs.
    claim : str
        The sentence that is proved or not.
    looked_at : int
        How many things were held against it.
    notes : list of str
        What was left out, and why.
    """

    name: str
    claim: str
    looked_at: int = 0
    wrong: int = 0
    first: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the claim."""
        return not self.wrong

    def differ(self, where: str, part: str, expected: object, found: object) -> None:
        """Take down one difference."""
        self.wrong += 1
        if len(self.first) < MOST_TOLD:
            self.first.append(Difference(where, part, _short(expected), _short(found)))

    def compare(self, where: str, expected: Plain, found: Plain) -> None:
        """Hold two unfolded rows against each other; take down every field that differs."""
        self.looked_at += 1
        if expected == found:
            return
        for part, left, right in parts_that_differ(expected, found):
            self.differ(where, part, left, right)

    def document(self) -> dict[str, Plain]:
        """Give the result as ``--json`` prints it."""
        return {
            "check": self.name,
            "claim": self.claim,
            "holds": self.holds,
            "looked_at": self.looked_at,
            "differences": self.wrong,
            "first": [
                {"where": one.where, "field": one.field, "expected": one.expected, "found": one.found}
                for one in self.first
            ],
            "notes": [*self.notes],
        }


def parts_that_differ(expected: Plain, found: Plain, path: str = "") -> list[tuple[str, Plain, Plain]]:
    """Give the innermost parts in which two unfolded values differ, with their path.

    >>> parts_that_differ({"a": [1, 2], "b": 1}, {"a": [1, 3], "b": 1})
    [('a.1', 2, 3)]
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        return _inside({**expected, **found}, expected, found, path)
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = ({str(index): item for index, item in enumerate(part)} for part in (expected, found))
        left, right = pairs
        return _inside(left, left, right, path)
    return [] if expected == found else [(path, expected, found)]


def _inside(
    names: Mapping[str, Plain], expected: Mapping[str, Plain], found: Mapping[str, Plain], path: str
) -> list[tuple[str, Plain, Plain]]:
    return [
        difference
        for name in names
        for difference in parts_that_differ(expected.get(name), found.get(name), f"{path}.{name}" if path else name)
    ]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"

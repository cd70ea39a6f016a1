"""What was asked for, against the arms that a file turned out to have.

Knows options. Must never know figures.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fitly.cli.analysis.reading import wrong
from fitly.core.statistics.sequential import Tuning

UNIFORM: Final = "uniform"
"""The target that gives every arm the same chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a file is to be analyzed.

    Attributes
    ----------
    control : str, optional
        The first by name where it is not said.
    weights : mapping of str to float, optional
        What each arm's share should be; equal where it is not said.
    tuning : Tuning
    target : str
        The policy to estimate from logged propensities: an arm, or ``uniform``.
    level : float
        Confidence of every interval.
    """

    control: str | None = None
    weights: Mapping[str, float] | None = None
    tuning: Tuning = field(default_factory=Tuning)
    target: str = UNIFORM
    level: float = 0.95

    def control_among(self, arms: Sequence[str]) -> str | None:
        """Give the control, which must have rows; None where there is no arm at all."""
        if self.control is None or not arms:
            return arms[0] if arms else None
        if self.control not in arms:
            raise wrong(f"--control {self.control!r}: no such arm; the file's arms are {_listed(arms)}")
        return self.control

    def missed(self, arms: Collection[str]) -> list[str]:
        """Give the arms that were planned and have no row: that nobody is in them is a fact of the trial."""
        return sorted((self.weights or {}).keys() - set(arms)) if arms else []

    def weights_of(self, arms: Sequence[str]) -> list[float] | None:
        """Give the weight of each arm; None where it is not said."""
        if self.weights is None:
            return None
        if without := [arm for arm in arms if arm not in self.weights]:
            said = f"--weights names {_listed(list(self.weights))}"
            raise wrong(f"{said}, but the file has rows of {_listed(without)} too: give every arm its share")
        return [self.weights[arm] for arm in arms]

    def check_target(self, arms: Sequence[str]) -> None:
        """Refuse a target that is no arm."""
        if self.target != UNIFORM and self.target not in arms:
            raise wrong(f"--target {self.target!r}: no such arm; the file's arms are {_listed(arms)}, or say uniform")


def shares(text: str) -> dict[str, float]:
    """Read weights.

    Raises
    ------
    ValueError
        Not of the form, or not above 0.

    Examples
    --------
    >>> shares("a=0.8,b=0.2")
    {'a': 0.8, 'b': 0.2}
    >>> shares('"video, long"=1,text=1')
    {'video, long': 1.0, 'text': 1.0}
    """
    found: dict[str, float] = {}
    for part in names(text):
        arm, equals, share = part.rpartition("=")
        arm = arm.strip()
        try:
            weight = float(share)
        except ValueError:
            weight = -1.0
        if not equals or not arm or not 0 < weight < float("inf"):
            message = f"{part!r} is not of the form ARM=SHARE with a share above 0, as in a=0.8,b=0.2"
            raise ValueError(message)
        if arm in found:
            message = f"{arm!r} is named twice"
            raise ValueError(message)
        found[arm] = weight
    return found


def names(text: str) -> list[str]:
    """Split at commas as a line of a CSV file is: what has commas, or line ends, of its own stands in quotes.

    Raises
    ------
    ValueError
        A line end outside of quotes.

    Examples
    --------
    >>> names('score,"passed, in time"')
    ['score', 'passed, in time']
    """
    try:
        found = next(csv.reader([text], skipinitialspace=True))
    except csv.Error:
        raise ValueError(f"{text!r} has a line end outside of quotes") from None
    return [name.strip() for name in found or [""]]


def _listed(arms: Sequence[str]) -> str:
    return ", ".join(repr(arm) for arm in arms) or "none"

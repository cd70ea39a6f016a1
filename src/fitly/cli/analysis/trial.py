"""A file's units: one small record each, whatever the number of their rows.

Knows units, arms and what was left out. Must never know files, nor figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

TOLD: Final = 10
"""How many cells that cannot be used are told one by one; the rest are counted."""


class Reason(StrEnum):
    """Why something of a row was left out. A row counts once for each reason, and stays for whatever it can serve."""

    FIELDS = "FIELDS"
    """The row has fewer or more fields than the header."""
    MISSING_UNIT = "MISSING_UNIT"
    """Nobody knows whose row it is."""
    MISSING_ARM = "MISSING_ARM"
    """Nobody knows which arm it belongs to."""
    MULTIPLE_ARMS = "MULTIPLE_ARMS"
    """All rows of a unit that stands in several arms."""
    MISSING_VALUE = "MISSING_VALUE"
    """No value of some metric: left out of that metric's figures."""
    MISSING_COVARIATE = "MISSING_COVARIATE"
    """Left out of what is adjusted by the covariate or correlated with it."""
    MISSING_CLUSTER = "MISSING_CLUSTER"
    """Left out of cluster-robust errors and of the sample ratio over clusters."""
    MULTIPLE_CLUSTERS = "MULTIPLE_CLUSTERS"
    """All rows of a unit that stands in several clusters: as if it had none."""
    MISSING_ORDER = "MISSING_ORDER"
    """Looked at last, in the order of the file."""
    MISSING_PROPENSITY = "MISSING_PROPENSITY"
    """Left out of off-policy estimates."""
    PROPENSITY_OUT_OF_RANGE = "PROPENSITY_OUT_OF_RANGE"
    """Not above 0 and at most 1: left out of off-policy estimates."""
    NOT_A_NUMBER = "NOT_A_NUMBER"
    """A value that is no number: as if it were missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is what."""

    unit: str
    arm: str
    metrics: Sequence[str]
    covariate: str | None = None
    cluster: str | None = None
    order: str | None = None
    propensity: str | None = None

    @property
    def named(self) -> list[str]:
        """All columns that are needed."""
        others = (self.covariate, self.cluster, self.order, self.propensity)
        return [self.unit, self.arm, *self.metrics, *(name for name in others if name is not None)]


class Unit:
    """What is kept of a unit; of a decision, where rows are decisions.

    Attributes
    ----------
    name, arm : str
    cluster : str or None
    at : int
        How many rows were read when its last one was: from then on its means are complete.
    rows : int
    torn, scattered : bool
        Whether it stands in several arms, or clusters.
    totals, counts : list
        Per metric, and the covariate at the end: sum and number of values.
    propensity : float or None
        Of a decision.
    """

    __slots__ = ("arm", "at", "cluster", "counts", "name", "propensity", "rows", "scattered", "torn", "totals")

    def __init__(self, name: str, arm: str, cluster: str | None, width: int) -> None:
        self.name, self.arm, self.cluster = name, arm, cluster
        self.at = self.rows = 0
        self.torn = self.scattered = False
        self.totals, self.counts = [0.0] * width, [0] * width
        self.propensity: float | None = None

    def value(self, which: int) -> float | None:
        """Give the mean of the unit's values of a metric, by its place."""
        return self.totals[which] / self.counts[which] if self.counts[which] else None


@dataclass(slots=True)
class Trial:
    """What a file holds.

    Attributes
    ----------
    columns : Columns
    rows : int
        Below the header, blank lines left out.
    skipped : counter of Reason
    told : list of str
        The first things that ought to be looked at, in words.
    units : list of Unit
    arms : list of str
        By name; known when the trial is closed. What `expect` adds has no unit.
    """

    columns: Columns
    rows: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    arms: list[str] = field(default_factory=list)

    def skip(self, reason: Reason, line: int, said: str = "") -> None:
        """Count what is left out, and remember the first ones that ought to be looked at."""
        self.skipped[reason] += 1
        if said and len(self.told) < TOLD:
            self.told.append(f"line {line:,}: {reason}: {said}")

    def expect(self, arms: Sequence[str]) -> None:
        """Add arms that were planned and have no unit, and say so."""
        self.arms = sorted([*self.arms, *arms])
        self.told += [f"no row is of arm {arm!r}, which --weights plans: it counts with 0" for arm in arms]

    def close(self) -> None:
        """Drop units in several arms, forget clusters of units in several, and sort by last rows."""
        for unit in self.units:
            if unit.torn:
                self.skipped[Reason.MULTIPLE_ARMS] += unit.rows
            elif unit.scattered:
                self.skipped[Reason.MULTIPLE_CLUSTERS] += unit.rows
                unit.cluster = None
        self.units = sorted((unit for unit in self.units if not unit.torn), key=lambda unit: unit.at)
        self.arms = sorted({unit.arm for unit in self.units})

"""A CSV file read row by row, once: rows become units.

Knows which rows cannot be used. Must never know a file's form, nor figures. Kept are one record per unit and, where an
order is asked for, one key per row.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable
from typing import IO, Final

from fitly.cli.analysis.cells import NotANumber, label
from fitly.cli.analysis.fractions import Fractions, Unreadable
from fitly.cli.analysis.ordering import Unordered, ranks
from fitly.cli.analysis.table import Row, Table, opened
from fitly.cli.analysis.trial import Columns, Reason, Trial, Unit
from fitly.core.errors import Broken

_ROUNDING: Final = 1e-9
_ODD: Final = 0.1
"""A share of rows with a wrong number of fields beyond which those that are left are no sample of the rows."""
_ARMS: Final = 100
"""So many arms may have a unit each."""

Progressed = Callable[[], None]


def wrong(message: str) -> Broken:
    """Give the error of a file or option that cannot be used: status 2."""
    return Broken(message, restart_helps=False)


def read(file: IO[bytes], columns: Columns, progressed: Progressed = lambda: None) -> Trial:
    """Read a file.

    Parameters
    ----------
    file : binary file
        Need not be seekable.
    columns : Columns
        Which column is what.
    progressed : callable
        Called now and then, for a progress bar.

    Raises
    ------
    Broken
        No such column, or not a CSV file; with what to do next.
    """
    try:
        with opened(file, columns.named) as table:
            if table is None:
                raise wrong("the file is empty: its first line must name the columns")
            return _Reader(columns, table).read(progressed)
    except (Unreadable, Unordered) as error:
        raise wrong(str(error)) from None
    except UnicodeDecodeError as error:
        raise wrong(f"the file is not UTF-8 ({error.reason}): save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise wrong(f"the file is not CSV: {error}; is a quote left open?") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise wrong(f"the gzip file is damaged or cut off: {error}") from None


class _Reader:
    """Turns rows into units."""

    def __init__(self, columns: Columns, table: Table) -> None:
        self.columns, self.rows = columns, table.rows
        self.fractions = Fractions(table.delimiter)
        names = table.header
        self.width = len(names)
        places = {name: _place(name, names) for name in columns.named}
        self.unit, self.arm = places[columns.unit], places[columns.arm]
        measured = [*columns.metrics, *([] if columns.covariate is None else [columns.covariate])]
        self.covariate = len(columns.metrics)
        self.measured = [(which, places[name], name) for which, name in enumerate(measured)]
        self.cluster, self.order, self.propensity = (
            None if name is None else places[name] for name in (columns.cluster, columns.order, columns.propensity)
        )
        self.trial = Trial(columns)
        self.units: dict[str, Unit] = {}
        self.owners: list[Unit | None] = []
        self.keys: list[str] = []
        self.words: dict[str, str] = {}
        """Per column that has such, the first cell that is no number."""

    def read(self, progressed: Progressed) -> Trial:
        """Read all rows."""
        trial, ordered = self.trial, self.order is not None
        for line, row in self.rows:
            trial.rows += 1
            unit = self._take(row, line)
            if unit is not None:
                unit.at, unit.rows = trial.rows, unit.rows + 1
            if ordered:
                self._remember(row, unit, line)
            if not trial.rows % 2_000:
                progressed()
        self._check()
        if ordered:
            self._reorder()
        trial.close()
        if len(trial.arms) > max(_ARMS, len(trial.units) / 2):
            message = f"column {self.columns.arm!r} has {len(trial.arms):,} arms for {len(trial.units):,} units"
            raise wrong(f"{message}: --arm names the column that says which of a few arms the unit is in")
        return trial

    def _take(self, row: Row, line: int) -> Unit | None:
        """Add a row to its unit; None where it has none."""
        if len(row) < self.width or any(row[self.width :]):
            self.trial.skip(Reason.FIELDS, line, f"{len(row)} fields where the header has {self.width}")
            return None
        name, arm = label(row[self.unit]), label(row[self.arm])
        if name is None or arm is None:
            self.trial.skip(Reason.MISSING_UNIT if name is None else Reason.MISSING_ARM, line)
            return None
        unit = self._unit(name, arm, row, line)
        for which, place, column in self.measured:
            missing = Reason.MISSING_COVARIATE if which == self.covariate else Reason.MISSING_VALUE
            value = self._number(row[place], column, line, missing)
            if value is not None:
                unit.totals[which] += value
                unit.counts[which] += 1
        return unit

    def _unit(self, name: str, arm: str, row: Row, line: int) -> Unit:
        """Find the row's unit, or begin one; where rows are decisions, each begins its own."""
        cluster = None
        if self.cluster is not None and (cluster := label(row[self.cluster])) is None:
            self.trial.skip(Reason.MISSING_CLUSTER, line)
        unit = None if self.propensity is not None else self.units.get(name)
        if unit is None:
            unit = Unit(name, arm, cluster, len(self.measured))
            self.trial.units.append(unit)
            if self.propensity is None:
                self.units[name] = unit
            else:
                unit.propensity = self._probability(row[self.propensity], line)
        elif unit.arm != arm:
            unit.torn = True
        if cluster != unit.cluster and cluster is not None:
            unit.scattered = unit.cluster is not None
            unit.cluster = cluster
        return unit

    def _number(self, cell: str, column: str, line: int, missing: Reason) -> float | None:
        """Read a number, or count why there is none."""
        try:
            value = self.fractions.read(cell, column, line)
        except NotANumber as error:
            self.words.setdefault(column, f"line {line:,} has {error}")
            self.trial.skip(Reason.NOT_A_NUMBER, line, f"{column}: {error} is no number")
            return None
        if value is None:
            self.trial.skip(missing, line)
        return value

    def _probability(self, cell: str, line: int) -> float | None:
        assert self.columns.propensity is not None  # noqa: S101 - asked for where rows are decisions
        value = self._number(cell, self.columns.propensity, line, Reason.MISSING_PROPENSITY)
        if value is not None and not 0 < value <= 1 + _ROUNDING:
            said = f"{self.columns.propensity}: {value:g} is no chance of something that happened"
            self.trial.skip(Reason.PROPENSITY_OUT_OF_RANGE, line, said)
            return None
        return value

    def _check(self) -> None:
        """Refuse rows that mostly do not fit, columns in which nothing is a number, commas that may mean two things."""
        odd = self.trial.skipped[Reason.FIELDS]
        if odd > _ODD * self.trial.rows:
            first = next((f" ({told})" for told in self.trial.told if Reason.FIELDS in told), "")
            message = f"{odd:,} of {self.trial.rows:,} rows have other fields than the header{first}"
            raise wrong(f"{message}: quote fields that hold the separator, decimal commas too, and name every column")
        if (said := self.fractions.settle()) is not None:
            self.trial.told.append(said)
        numbers = {name for which, _, name in self.measured if any(unit.counts[which] for unit in self.trial.units)}
        if any(unit.propensity is not None for unit in self.trial.units):
            numbers.add(self.columns.propensity or "")
        for name, first in self.words.items():
            if name not in numbers:
                message = (
                    f"column {name!r} has no number at all, {first}: numbers are written like 0.5 or 1e-3, without"
                )
                raise wrong(f"{message} thousands marks, % or currency; yes and no like true and false")

    def _remember(self, row: Row, unit: Unit | None, line: int) -> None:
        """Keep a row's key, for the order is known at the end only."""
        assert self.order is not None  # noqa: S101 - asked for by the caller
        key = label(row[self.order]) if len(row) > self.order else None
        if key is None:
            self.trial.skip(Reason.MISSING_ORDER, line)
        self.owners.append(unit)
        self.keys.append(key or "")

    def _reorder(self) -> None:
        """Let each unit's last row be the last in the order asked for."""
        for unit in self.trial.units:
            unit.at = 0
        for unit_, rank in zip(self.owners, ranks(self.keys, f"--order {self.columns.order}"), strict=True):
            if unit_ is not None:
                unit_.at = max(unit_.at, rank)


def _place(name: str, names: list[str]) -> int:
    """Find a column."""
    if names.count(name) == 1:
        return names.index(name)
    if name in names:
        raise wrong(f"several columns are called {name!r}: rename all but one")
    there = ", ".join(repr(one) for one in names)
    quoted = next(
        (f"; one with a comma is asked for in quotes of its own: '\"{one}\"'" for one in names if "," in one), ""
    )
    raise wrong(f"there is no column {name!r}: the file's columns are {there}{quoted}")

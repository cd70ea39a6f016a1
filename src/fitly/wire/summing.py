"""A partition's sums while it folds: moved as rows change, kept as system rows, told as partials.

Knows that the sums of a partition are those of its rows, and when they have to be told. Must never know what a sum
means (``core.population``) or where it goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fitly.core.learner import ContextRow
from fitly.core.partials import Partial
from fitly.core.population import Change as Moved
from fitly.core.population import Name, differences
from fitly.core.system import SUMS_PREFIX, UNTOLD_KEY, Position, Untold
from fitly.core.topics import CONTEXTS
from fitly.wire import rows as at_rest
from fitly.wire.outgoing import Change

MOST_UNTOLD: Final = 256
"""Changes of a name's sums after which they are told without waiting for a tick."""


@dataclass(slots=True)
class Sums:
    """What a partition's rows add up to.

    Attributes
    ----------
    totals : dict
        (kind, name) -> name of a sum -> its value; what is 0 is left out.
    untold : dict
        (kind, name) -> changes since the last partial; what is 0 is left out.
    """

    totals: dict[Name, dict[str, int]] = field(default_factory=dict)
    untold: dict[Name, int] = field(default_factory=dict)

    @classmethod
    def taken_from(cls, rows: dict[bytes, bytes]) -> Sums:
        """Read the system rows of sums, and take them from among the learners' rows."""
        sums = cls()
        for key in [key for key in rows if key.startswith(SUMS_PREFIX)]:
            sums.totals[at_rest.split_sums_key(key)] = at_rest.decode_sums(rows.pop(key))
        if (untold := rows.pop(UNTOLD_KEY, None)) is not None:
            for name, count in at_rest.decode_untold(untold).changes.items():
                sums.untold[at_rest.split_sums_key(name.encode())] = count
        return sums

    @classmethod
    def added_up(cls, rows: Iterable[bytes]) -> Sums:
        """Add up what context rows at rest contribute; nothing of it counts as told."""
        working = PartitionSums(cls())
        for row in rows:
            working.row_changed(None, at_rest.decode_context(row))
        return working.now


class PartitionSums:
    """Working copies of the sums that a run of records moved.

    Parameters
    ----------
    before : Sums
        As they stand; not changed.

    Attributes
    ----------
    overfull : list
        Names that have changed `MOST_UNTOLD` times since they were told.
    """

    def __init__(self, before: Sums) -> None:
        self._before = before
        self._totals: dict[Name, dict[str, int]] = {}
        self._untold = dict(before.untold)
        self.overfull: list[Name] = []

    def row_changed(self, before: ContextRow | None, after: ContextRow | None) -> None:
        """Take out what a row contributed and put in what it contributes now; None stands for no row."""
        for name, moved in differences(before, after):
            self._move(name, moved)

    def _move(self, name: Name, moved: list[Moved]) -> None:
        totals = self._totals.get(name)
        if totals is None:
            totals = self._totals[name] = dict(self._before.totals.get(name, {}))
        for each, change in moved:
            value = totals.get(each, 0) + change
            if value:
                totals[each] = value
            else:
                del totals[each]
        count = self._untold[name] = self._untold.get(name, 0) + 1
        if count == MOST_UNTOLD:
            self.overfull.append(name)

    def untold(self) -> list[Name]:
        """Give the names whose sums have changed since they were told."""
        return sorted(self._untold)

    def partial(self, name: Name, partition: int, at: Position) -> Partial:
        """Give what is to be said of a name's sums; they count as told."""
        self._untold.pop(name, None)
        if name in self.overfull:
            self.overfull.remove(name)
        totals = self._totals.get(name, self._before.totals.get(name, {}))
        sums = {each: totals[each] for each in sorted(totals)}
        return Partial(*name, partition, at.birth_id, at.offset, at.clock, sums)

    @property
    def now(self) -> Sums:
        """The sums after the run."""
        return Sums({**self._before.totals, **self._totals}, self._untold)

    def changes(self, *, everything: bool) -> list[Change]:
        """Give the system rows that changed, or all of them; in the order of their keys."""
        totals = self.now.totals if everything else self._totals
        changes = [
            Change(CONTEXTS, at_rest.sums_key(*name), at_rest.encode_sums(totals[name])) for name in sorted(totals)
        ]
        # Also where nothing is left untold: whether a row stands must not depend on where a batch ended.
        if totals or self._untold != self._before.untold:
            untold = Untold({f"{kind}|{name}": count for (kind, name), count in self._untold.items()})
            changes.append(Change(CONTEXTS, UNTOLD_KEY, at_rest.encode_untold(untold)))
        return changes

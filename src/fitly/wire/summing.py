"""A partition's sums while it folds: moved as rows change, kept as system rows, told as partials.

Knows that the sums of a partition are those of its rows, and when they have to be told. Must never know what a sum
means (``core.population``) or where it goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from fitly.core import shadows
from fitly.core.experiments import sums as experiments
from fitly.core.experiments.trial import Trials
from fitly.core.inforce import NO_TRIALS
from fitly.core.learner import ContextRow
from fitly.core.partials import Closing, Kind, Partial
from fitly.core.population import NO_ROW, Name, listed, move, named
from fitly.core.system import SUMS_PREFIX, UNTOLD_KEY, Position, Untold
from fitly.core.topics import CONTEXTS
from fitly.core.vocabulary import Context
from fitly.wire import rows as at_rest
from fitly.wire.outgoing import Change

MOST_UNTOLD: Final = 256
"""Changes of a name's sums after which they are told without waiting for a tick."""


@dataclass(slots=True)
class Sums:
    """What a partition's rows add up to.

    Attributes
    ----------
    priors : dict
        Context -> its sums in the order of `population.NAMES`; never changed in place.
    others : dict
        (kind, name) of any other kind -> name of a sum -> its value; what is 0 is left out.
    untold : dict
        (kind, name) -> changes since the last partial; what is 0 is left out.
    """

    priors: dict[str, list[int]] = field(default_factory=dict)
    others: dict[Name, dict[str, int]] = field(default_factory=dict)
    untold: dict[Name, int] = field(default_factory=dict)

    @classmethod
    def taken_from(cls, rows: dict[bytes, bytes]) -> Sums:
        """Read the system rows of sums, and take them from among the learners' rows."""
        sums = cls()
        for key in [key for key in rows if key.startswith(SUMS_PREFIX)]:
            kind, name = at_rest.split_sums_key(key)
            totals = at_rest.decode_sums(rows.pop(key))
            if kind is Kind.PRIORS:
                sums.priors[name] = listed(totals)
            else:
                sums.others[kind, name] = totals
        if (untold := rows.pop(UNTOLD_KEY, None)) is not None:
            for name, count in at_rest.decode_untold(untold).changes.items():
                sums.untold[at_rest.split_sums_key(name.encode())] = count
        return sums

    @property
    def totals(self) -> dict[Name, dict[str, int]]:
        """All sums by kind, name and the name of each, as they are told and kept; what is 0 is left out."""
        totals: dict[Name, dict[str, int]] = {(Kind.PRIORS, name): named(sums) for name, sums in self.priors.items()}
        totals.update(self.others)
        return totals

    @classmethod
    def added_up(cls, rows: Iterable[bytes], trials: Trials = NO_TRIALS) -> Sums:
        """Add up what context rows at rest contribute; nothing of it counts as told."""
        working = PartitionSums(cls(), trials)
        for row in rows:
            working.row_changed(None, at_rest.decode_context(row))
        return working.now


class PartitionSums:
    """Working copies of the sums that a run of records moved.

    Parameters
    ----------
    before : Sums
        As they stand; not changed.
    trials : mapping
        Every experiment by its name, in the order of their numbers.

    Attributes
    ----------
    overfull : list
        Names that have changed `MOST_UNTOLD` times since they were told.
    """

    def __init__(self, before: Sums, trials: Trials = NO_TRIALS) -> None:
        self._before = before
        self._trials = trials
        self._priors: dict[str, list[int]] = {}
        self._others: dict[Name, dict[str, int]] = {}
        self._untold = dict(before.untold)
        self.overfull: list[Name] = []

    def row_changed(self, before: ContextRow | None, after: ContextRow | None) -> None:
        """Take out what a row contributed and put in what it contributes now; None stands for no row."""
        row = after or before
        if row is None:
            return
        # Of a learner who is there to try things out no row is in any sum.
        old = NO_ROW if before is None or before.left_out else before
        new = NO_ROW if after is None or after.left_out else after
        name = _PRIORS[row.context]
        context = name[1]
        sums = self._priors.get(context)
        if sums is None:
            sums = self._before.priors.get(context, _NOTHING).copy()
        if move(sums, old, new):
            self._priors[context] = sums
            self._changed(name)
        if old.shadows or new.shadows or old.shadow_sums or new.shadow_sums:
            for each, scores in shadows.differences(old, new):
                self._move((Kind.SHADOWS, each), scores)
        if old.trials or new.trials:
            for number, moved in experiments.differences(old.trials, new.trials):
                self._move((Kind.EXPERIMENTS, _name_of(number, self._trials)), moved)

    def _move(self, name: Name, moved: list[tuple[str, int]]) -> None:
        self._changed(name)
        totals = self._others.get(name)
        if totals is None:
            totals = self._others[name] = dict(self._before.others.get(name, {}))
        for each, change in moved:
            value = totals.get(each, 0) + change
            if value:
                totals[each] = value
            else:
                del totals[each]

    def _changed(self, name: Name) -> None:
        count = self._untold[name] = self._untold.get(name, 0) + 1
        if count == MOST_UNTOLD:
            self.overfull.append(name)

    def know(self, trials: Trials) -> None:
        """Take in what became of the experiments; what has changed of one that has started is told at the next tick."""
        for name, trial in trials.items():
            if trial != self._trials.get(name) and trial.started_at is not None:
                self._untold.setdefault((Kind.EXPERIMENTS, name), 0)
        self._trials = trials

    def untold(self) -> list[Name]:
        """Give the names whose sums have changed since they were told."""
        return sorted(self._untold)

    def partial(
        self, name: Name, partition: int, at: Position, control: int = 0, closes: Closing | None = None
    ) -> Partial:
        """Give what is to be said of a name's sums; they count as told."""
        self._untold.pop(name, None)
        if name in self.overfull:
            self.overfull.remove(name)
        kind, which = name
        if kind is Kind.PRIORS:
            sums = named(self._priors.get(which) or self._before.priors.get(which, _NOTHING))
        else:
            totals = self._others.get(name, self._before.others.get(name, {}))
            sums = {each: totals[each] for each in sorted(totals)}
        said = Partial(*name, partition, at.birth_id, at.offset, at.clock, sums)
        if kind is Kind.EXPERIMENTS:
            return said._replace(about=self._trials[which], control=control, closes=closes)
        return said

    @property
    def now(self) -> Sums:
        """The sums after the run."""
        before = self._before
        return Sums({**before.priors, **self._priors}, {**before.others, **self._others}, self._untold)

    def changes(self, *, everything: bool) -> list[Change]:
        """Give the system rows that changed, or all of them; in the order of their keys."""
        totals = (self.now if everything else Sums(self._priors, self._others)).totals
        changes = [
            Change(CONTEXTS, at_rest.sums_key(*name), at_rest.encode_sums(totals[name])) for name in sorted(totals)
        ]
        if self._untold != self._before.untold or (everything and self._untold):
            untold = Untold({f"{kind}|{name}": count for (kind, name), count in self._untold.items()})
            # A tombstone where all is told: whether the row is there must not depend on where a batch ended.
            changes.append(Change(CONTEXTS, UNTOLD_KEY, at_rest.encode_untold(untold) if untold.changes else None))
        return changes


_PRIORS: Final[dict[Context, Name]] = {context: (Kind.PRIORS, context.value) for context in Context}
_NOTHING: Final = listed({})


def _name_of(number: int, trials: Trials) -> str:
    """Give the name of an experiment by its number: its place among all that were ever defined, from 1."""
    return next(islice(trials, number - 1, None))

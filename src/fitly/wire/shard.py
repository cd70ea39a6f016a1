"""One partition's rows at rest, and the fold of raw records over them.

Knows rows as bytes, what goes out for each effect, the order in which due rows fall due. Must never know
Kafka, transactions or time: the worker, a replay, a benchmark and a test all fold through here, and get the
same bytes whatever the batches were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from fitly.core.errors import Broken
from fitly.core.experiments.trial import Trials
from fitly.core.inforce import NO_TRIALS, put_in_force
from fitly.core.learner import NEVER
from fitly.core.rules import Rules
from fitly.core.system import (
    EXPERIMENT_PREFIX,
    FOLD_KEY,
    FOLD_VERSION,
    LEDGER_KEY,
    POSITION_KEY,
    RULES_KEY,
    SWEEP_KEY,
    Ledger,
    Position,
    Sweep,
)
from fitly.core.topics import CONTEXTS, LEARNERS
from fitly.wire.batch import Batch
from fitly.wire.events import Incoming
from fitly.wire.outgoing import Change, Outgoing
from fitly.wire.rows import (
    decode_fold_version,
    decode_ledger,
    decode_position,
    decode_rules,
    decode_sweep,
    decode_trial,
    due_of,
)
from fitly.wire.summing import Sums
from fitly.wire.sweeping import Keys

__all__ = ["Batch", "Change", "Incoming", "Outgoing", "Shard"]

TABLES: Final = (LEARNERS, CONTEXTS)
KEEPS_SUMS: Final = 4
"""Version of the fold from which on a partition keeps the sums of its rows as we add them up."""


class Shard:
    """What one partition of the input log has folded to.

    Life: `load` each changelog record, `opened` once, then `fold` and `adopt` in turn.

    Parameters
    ----------
    partition : int
        Number of the input partition.
    control_key : bytes
        Secret that control events and ticks are signed with.

    Attributes
    ----------
    rows : dict
        Table name -> key -> bytes at rest.
    position : Position
        How far the log is absorbed; offset -1 for not at all.
    ledger : Ledger
        Records by bin.
    rules : Rules
        What control events have set.
    trials : mapping
        Every experiment by its name, in the order of their numbers.
    force : InForce
        Rules and experiments, ready for use.
    folded_by : int
        Version of the fold that the rows are of.
    sums : Sums
        What its rows add up to, and what partials have not told of it yet.
    sweep : Sweep or None
        What is being withdrawn; None where never anything took more than one record.
    keys : Keys
        Keys of the context rows in order, while something is being withdrawn.
    due : list
        Heap of (due, key) of context rows; an entry may be out of date, then the row says otherwise.
    """

    def __init__(self, partition: int, control_key: bytes) -> None:
        self.partition = partition
        self.control_key = control_key
        self.rows: dict[str, dict[bytes, bytes]] = {table: {} for table in TABLES}
        self.position = Position()
        self.ledger = Ledger({}, 0)
        self.rules = Rules()
        self.trials: Trials = NO_TRIALS
        self.force = put_in_force(self.rules)
        self.sums = Sums()
        self.folded_by = FOLD_VERSION
        self.sweep: Sweep | None = None
        self.keys = Keys()
        self.due: list[tuple[int, bytes]] = []

    def load(self, table: str, key: bytes, value: bytes | None) -> None:
        """Take in one record of a changelog, in its order; a tombstone removes."""
        if value is None:
            self.rows[table].pop(key, None)
        else:
            self.rows[table][key] = value

    def opened(self) -> None:
        """Make ready to fold: read the system rows and order the rows by when they are due.

        Raises
        ------
        Broken
            If the rows were folded by another version of the rules, or cannot be read.
        """
        contexts = self.rows[CONTEXTS]
        if (fold := contexts.pop(FOLD_KEY, None)) is not None:
            self.folded_by = decode_fold_version(fold)
        if self.folded_by > FOLD_VERSION:
            version = self.folded_by
            message = f"rows folded by version {version}, this program folds by {FOLD_VERSION}: run a newer release"
            raise Broken(message, restart_helps=False)
        if (position := contexts.pop(POSITION_KEY, None)) is not None:
            self.position = decode_position(position)
        if (ledger := contexts.pop(LEDGER_KEY, None)) is not None:
            self.ledger = decode_ledger(ledger)
        if (rules := contexts.pop(RULES_KEY, None)) is not None:
            self.rules = decode_rules(rules)
        self.trials = _taken_from(contexts)
        self.force = put_in_force(self.rules, self.trials)
        if (sweep := contexts.pop(SWEEP_KEY, None)) is not None:
            self.sweep = decode_sweep(sweep)
        self.sums = Sums.taken_from(contexts)
        if self.folded_by < KEEPS_SUMS:
            untold = self.sums.untold
            self.sums = Sums.added_up(contexts.values(), self.trials)
            self.sums.untold.update({name: count for name, count in untold.items() if name not in self.sums.untold})
        self.due = [(due, key) for key, row in contexts.items() if (due := due_of(row)) != NEVER]
        heapify(self.due)

    def fold(self, records: Sequence[Incoming], batch: Batch | None = None) -> Batch:
        """Fold records, in the order of the log; nothing here changes until the batch is adopted.

        Parameters
        ----------
        records : sequence of Incoming
            Records of this partition; those at or below the position are redeliveries and passed over.
        batch : Batch, optional
            One that is still open, to go on with it.

        Returns
        -------
        Batch
            What goes out and which rows changed.

        Raises
        ------
        Broken
            Where the log must not be built upon: a gap in the control numbers.
        """
        batch = batch or Batch(self)
        batch.absorb(records)
        return batch

    def adopt(self, batch: Batch) -> None:
        """Make a batch's rows the shard's own, after they were committed."""
        contexts = self.rows[CONTEXTS]
        for change in batch.row_changes():
            if change.table == CONTEXTS and change.key not in contexts:
                self.keys.add(change.key)
            self.load(*change)
        self.position = batch.position
        self.ledger = batch.ledger
        self.sums = batch.sums
        self.folded_by = FOLD_VERSION
        self.rules = batch.rules
        self.trials = batch.trials
        self.force = batch.force
        self.sweep = batch.sweep
        if not self.is_sweeping:
            self.keys.forget()

    def discard(self, batch: Batch) -> None:
        """Let a batch go that was not committed; the shard is as it was before."""
        for entry in batch.taken:
            heappush(self.due, entry)

    def overdue(self) -> int:
        """Give how many rows are due at or before the clock, and one more while something is being withdrawn.

        Ticks should come faster while there are any.

        To be asked while no batch is open: what one has pushed would be taken for out of date.
        """
        while self.due and not self._is_current(self.due[0]):
            heappop(self.due)
        late = set()
        # Down the heap from its top: below an entry that is not due, none is. Asked after every commit, over a heap of
        # as many entries as there are rows.
        places = [0]
        while places:
            place = places.pop()
            if place < len(self.due) and self.due[place][0] <= self.position.clock:
                places += (2 * place + 1, 2 * place + 2)
                if self._is_current(self.due[place]):
                    late.add(self.due[place])
        return len(late) + self.is_sweeping

    @property
    def is_sweeping(self) -> bool:
        """Whether something is being withdrawn."""
        return self.sweep is not None and bool(self.sweep.cause)

    def _is_current(self, entry: tuple[int, bytes]) -> bool:
        due, key = entry
        row = self.rows[CONTEXTS].get(key)
        return row is not None and due_of(row) == due

    def state(self) -> Iterable[Change]:
        """Give every row as its changelog holds it, system rows included, in the order of table and key."""
        for table in TABLES:
            for key in sorted(self.rows[table]):
                yield Change(table, key, self.rows[table][key])
        yield from Batch(self).system_changes()


def _taken_from(rows: dict[bytes, bytes]) -> Trials:
    """Read the rows of experiments, and take them from among the learners' rows."""
    keys = [key for key in rows if key.startswith(EXPERIMENT_PREFIX)]
    trials = sorted((decode_trial(rows.pop(key)) for key in keys), key=lambda trial: trial.number)
    return {trial.plan.experiment_name: trial for trial in trials}

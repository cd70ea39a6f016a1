"""What a handler of an event is given, and what it gives back.

Knows the shape of both. Must never know what an event leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from fitly.core.attributes import is_test
from fitly.core.decisions import Cause, Effect
from fitly.core.events import LearnerEvent
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow, Erased, LearnerRow
from fitly.core.names import UserId
from fitly.core.numbers import Millis
from fitly.core.vocabulary import Bin, Context
from fitly.core.windows import settle


class Moment(NamedTuple):
    """Where and when a record stands in the log.

    ``stamp`` is the record's own, ``now`` the highest of the partition so far.
    """

    stamp: Millis
    now: Millis
    partition: int
    offset: int


class Rows(Protocol):
    """The rows of the learners of one partition."""

    def learner(self, user_id: UserId) -> LearnerRow | None:
        """Give a learner's row, None where there is none yet."""

    def context(self, user_id: UserId, context: Context) -> ContextRow | None:
        """Give a learner's row of a context, None where there is none yet."""

    def erased(self, user_id: UserId) -> Erased | None:
        """Give what is left of a learner who was erased and has not come back, None for everybody else."""


class Folded(NamedTuple):
    """What one record led to: its bin, the rows that changed, and what goes out, in order.

    ``reopens`` where what was assessed has to be looked at again: see `assessing`.
    With ``erased`` every row of the learner goes and this takes their place; with ``returned`` it goes in turn.
    """

    bin: Bin
    learner: LearnerRow | None = None
    contexts: tuple[ContextRow, ...] = ()
    effects: tuple[Effect, ...] = ()
    reopens: bool = False
    erased: Erased | None = None
    returned: bool = False


def trials_elsewhere(
    rows: Rows, force: InForce, user_id: UserId, context: Context, changed: Sequence[ContextRow] = ()
) -> bytes:
    """Give what a learner's rows of other contexts keep of experiments; nothing where no layer reaches so far."""
    if not force.rivals:
        return b""
    newest = {row.context: row for row in changed}
    found = [newest.get(other) or rows.context(user_id, other) for other in Context if other is not context]
    return b"".join([row.trials for row in found if row is not None])


class Scene(NamedTuple):
    """What every handler is given."""

    rows: Rows
    learner: LearnerRow
    event: LearnerEvent
    force: InForce
    at: Moment

    @property
    def cause(self) -> Cause:
        """The event as the cause of a decision."""
        return Cause(self.event.key, self.at.partition, self.at.offset)

    def elsewhere(self, context: Context, changed: Sequence[ContextRow] = ()) -> bytes:
        """Give what the learner's rows of other contexts keep of experiments, where those have a say in this one.

        ``changed`` are rows that the event has changed already.
        """
        return trials_elsewhere(self.rows, self.force, self.event.user_id, context, changed)

    def context(self, context: Context) -> ContextRow:
        """The row of a context, settled to now."""
        row = self.rows.context(self.event.user_id, context)
        if row is None:
            left_out = bool(self.learner.attributes) and is_test(self.learner.attributes)
            return ContextRow(user_id=self.event.user_id, context=context, left_out=left_out)
        return settle(row, self.at.now)

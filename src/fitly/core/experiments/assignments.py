"""Who is in which variant since when, or why not, as the table of assignments shows it: from a context's row.

Knows how each column follows from an enrolment. Must never know a database, nor the name of an experiment or a variant:
a row counts both, and whoever has the control log can name them. Field names are the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, How, Reason, State
from fitly.core.learner import ContextRow
from fitly.core.names import named
from fitly.core.numbers import CERTAIN, Millis, to_datetime
from fitly.core.plain import plain


@dataclass(frozen=True, slots=True)
class AssignmentRecord:
    """One learner in one experiment: the newest of what the row says of it. Of a bandit that is the newest epoch.

    A roll-out is told of those only who were not in the experiment itself: who was in which variant stays to be seen.
    """

    experiment_number: int
    user_id: str
    context: str
    preferences_id: str
    variant_place: int | None
    enrolment_probability: float | None
    enrolled_at: datetime | None
    measured_at: datetime | None
    not_enrolled_reason: str | None


def assignment_records(row: ContextRow) -> list[AssignmentRecord]:
    """Project a context's row to its assignments, in the order of the experiments' numbers."""
    newest: dict[int, Enrolment] = {}
    for record in ENROLMENTS.all(row.trials):
        before = newest.get(record.trial)
        if (
            before is None
            or before.reason
            or not (record.reason or (_is_of_roll_out(record) > _is_of_roll_out(before)))
        ):
            newest[record.trial] = record
    return [_assignment(row, newest[number]) for number in sorted(newest)]


def _is_of_roll_out(record: Enrolment) -> bool:
    return record.how in {How.ROLLED_OUT, How.HELD_BACK}


def _assignment(row: ContextRow, record: Enrolment) -> AssignmentRecord:
    user = plain(row.user_id)
    facts = record.trial, user, row.context.value, named("preferences", user)
    if record.reason:
        return AssignmentRecord(*facts, None, None, None, None, Reason(record.reason).name)
    return AssignmentRecord(
        *facts,
        record.variant,
        record.probability / CERTAIN,
        to_datetime(Millis(record.since)),
        to_datetime(Millis(record.until)) if record.state == State.MEASURED else None,
        None,
    )

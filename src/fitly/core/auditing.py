"""What the audit log keeps: who did what, when, by which event.

Knows which control events are acts of people, and what others did in a learner's name. Must never know a database.
Field names are the columns.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from fitly.core.events import (
    ControlEvent,
    ExperimentCancelled,
    ExperimentCompleted,
    ExperimentDefined,
    ExperimentPaused,
    ExperimentResumed,
    ExperimentStarted,
    PolicyRevised,
)
from fitly.core.learner import Act, Erased, LearnerRow
from fitly.core.numbers import to_datetime
from fitly.core.plain import Json, as_json, plain

UNNAMED: Final = "unnamed"
"""The actor of what nobody signed for: the opening of a log, and calls that gave no name."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One act; ``user_id`` is None where it concerned nobody in particular, or was to forget them."""

    event_id: str
    occurred_at: datetime
    actor: str
    action: str
    user_id: str | None
    detail: Json


def audit_record(event: ControlEvent) -> AuditRecord | None:
    """Project a control event; None where it is nobody's act."""
    data = event.data
    detail: dict[str, Json]
    if isinstance(data, PolicyRevised):
        detail = {"revision": data.revision, "control_number": event.number, "note": plain(data.note)}
    elif isinstance(data, ExperimentDefined):
        detail = {"experiment_name": data.plan.experiment_name, "control_number": event.number}
    elif isinstance(data, _ACTS):
        said = {name: as_json(value) for name, value in asdict(data).items() if name != "by"}
        detail = said | {"control_number": event.number}
    else:
        return None
    actor, action = plain(data.by) or UNNAMED, event.kind.removeprefix("fitly.").removesuffix(".v1")
    return AuditRecord(event.key, to_datetime(event.issued_at), actor, action, None, detail)


_ACTS: Final = (ExperimentStarted, ExperimentPaused, ExperimentResumed, ExperimentCompleted, ExperimentCancelled)
"""What people do with an experiment, beside defining it; verdicts and new weights are nobody's act."""


def audit_records(row: LearnerRow | Erased) -> list[AuditRecord]:
    """Project what others did in a learner's name, or who asked for an erasure."""
    if isinstance(row, Erased):
        return [] if row.act is None else [_audited(row.act, None)]
    return [_audited(act, plain(row.user_id)) for act in row.acts]


def _audited(act: Act, user_id: str | None) -> AuditRecord:
    action = act.kind.removeprefix("fitly.").removesuffix(".v1")
    return AuditRecord(act.key, to_datetime(act.at), plain(act.by), action, user_id, {})

"""What the audit log keeps of control events: who did what, when.

Knows which control events are acts of people. Must never know a database. Field names are the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fitly.core.events import ControlEvent, PolicyRevised
from fitly.core.numbers import to_datetime
from fitly.core.plain import Json, plain

UNNAMED: Final = "unnamed"
"""The actor of what nobody signed for: the opening of a log, and calls that gave no name."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One act."""

    occurred_at: datetime
    actor: str
    action: str
    user_id: str | None
    detail: Json


def audit_record(event: ControlEvent) -> AuditRecord | None:
    """Project a control event; None where it is nobody's act."""
    data = event.data
    if not isinstance(data, PolicyRevised):
        return None
    detail: Json = {"revision": data.revision, "control_number": event.number, "note": plain(data.note)}
    return AuditRecord(to_datetime(event.issued_at), plain(data.by) or UNNAMED, "policy.revised", None, detail)

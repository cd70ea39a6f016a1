"""The one planned look at an experiment: what stands of it in every look after it.

Knows numbers. Must never know how they came about. It is kept apart from judging because every word of the second
agent's table may hold one, and reading that must not load what makes reports.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLook:
    """The one look at the fixed p: the first that is taken at or after the planned end.

    ``p_values``: treatment -> p of the primary metric, clusters taken into account; not held together with others yet.
    """

    look: int
    p_values: dict[str, float | None]

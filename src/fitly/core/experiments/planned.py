"""The one planned look at an experiment: what stands of it in every look after it.

Knows numbers. Must never know how they came about. It is kept apart from judging because every word of the second
agent's table may hold one, and reading that must not load what makes reports.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLook:
    """The one look at the fixed p: the first that is taken at or after the planned end.

    ``p_values``: treatment -> p of the primary metric, clusters taken into account; not held together with others yet.
    ``differences``: treatment -> treatment less control at that look. The p is two-sided, so it stands for the side it
    was found on, and for no other.
    """

    look: int
    p_values: dict[str, float | None]
    differences: dict[str, float | None] = field(default_factory=dict)

    def p_for(self, treatment: str, difference: float | None) -> float | None:
        """Give the p that stands for a treatment whose difference is now this; 1 where it has changed sides.

        >>> found = PlannedLook(look=90, p_values={"A": 0.03}, differences={"A": -0.2})
        >>> found.p_for("A", -0.1), found.p_for("A", 0.1), found.p_for("B", 0.1)
        (0.03, 1.0, None)
        """
        p, then = self.p_values.get(treatment), self.differences.get(treatment)
        if p is None or then is None or difference is None or then * difference > 0:
            return p
        return 1.0

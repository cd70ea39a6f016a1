"""Who has won, if anybody: every condition of a verdict, met or not.

Knows the conditions and their levels. Must never know how a figure comes about.

A winner is significant: at any look by the always-valid p, at level .01, or at the one planned look by the fixed p, at
level .04; both held together over treatments (Holm). The two levels add to .05; taking either at .05 would not hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fitly.core.experiments.figures import Check, Comparison, Role
from fitly.core.experiments.plan import Plan

SEQUENTIAL_LEVEL: Final = 0.01
FIXED_LEVEL: Final = 0.04
LEAST_GROUPS: Final = 10
"""Groups in each arm before a verdict."""
FEW_GROUPS: Final = 40
"""Under so many groups in all, cluster-robust errors are told to be too small."""


class Requirement(StrEnum):
    """What a verdict needs."""

    PARTICIPANTS = "PARTICIPANTS"
    DURATION = "DURATION"
    GROUPS = "GROUPS"
    NO_MISMATCH = "NO_MISMATCH"
    PRIMARY_SIGNIFICANT = "PRIMARY_SIGNIFICANT"
    UNJOINED_AS_ZERO = "UNJOINED_AS_ZERO"
    GUARDRAILS_KEPT = "GUARDRAILS_KEPT"


class SignificanceKind(StrEnum):
    """Which p a verdict rests on."""

    SEQUENTIAL = "SEQUENTIAL"
    FIXED = "FIXED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that a verdict needs, whether it is so, and what is known of it in words."""

    name: Requirement
    met: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLook:
    """The one look at the fixed p: the first that is taken at or after the planned end.

    ``p_values``: treatment -> p of the primary metric, clusters taken into account and held together by Holm.
    """

    look: int
    p_values: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who has won, or nobody yet.

    Attributes
    ----------
    winner : str or None
        ``variant_id``; the control where a treatment is significantly worse.
    contender : str or None
        The treatment that the conditions are told of.
    significance, significance_reason, significance_kind
        p of the primary metric, None until participants and days suffice.
    conditions : tuple of Condition
        All of them, always.
    """

    winner: str | None
    contender: str | None
    significance: float | None
    significance_reason: str | None
    significance_kind: SignificanceKind | None
    conditions: tuple[Condition, ...]

    @property
    def unmet(self) -> tuple[str, ...]:
        """Names of the conditions that are not met."""
        return tuple(each.name.value for each in self.conditions if not each.met)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict rests on.

    Attributes
    ----------
    plan : Plan
        The plan.
    comparisons : sequence of Comparison
        Those that are tested.
    filled : mapping
        Treatment -> difference of the primary metric with what did not join as 0; None where there is none.
    checks : sequence of Check
        Of the arms.
    participants, groups : mapping
        Variant -> how many are measured; groups None where learners are the unit.
    days : float
        Since the start.
    planned : PlannedLook or None
        The planned look, at it and afterwards.
    """

    plan: Plan
    comparisons: Sequence[Comparison]
    filled: Mapping[str, float | None]
    checks: Sequence[Check]
    participants: Mapping[str, int]
    groups: Mapping[str, int] | None
    days: float
    planned: PlannedLook | None


def verdict(known: Evidence) -> Verdict:
    """Judge."""
    primary = [each for each in known.comparisons if each.role is Role.PRIMARY]
    common = (*_minima(known), _no_mismatch(known.checks))
    each = [(one, common + tuple(_of_treatment(known, one))) for one in primary]
    winners = [one for one, conditions in each if all(condition.met for condition in conditions)]
    better = [one for one in winners if (one.difference or 0.0) > 0]
    best = max(better, key=_difference, default=None)
    contender = best or min(primary, key=lambda one: (_p(known, one)[0], -_difference(one)))
    conditions = next(conditions for one, conditions in each if one is contender)
    winner = None if best is None else best.treatment
    if best is None and winners and len(winners) == len(primary):
        winner = contender.control
    p, kind = _p(known, contender)
    minima_met = all(condition.met for condition in common[:2])
    return Verdict(
        winner=winner,
        contender=contender.treatment,
        significance=p if minima_met and kind else None,
        significance_reason=None if minima_met and kind else ("NO_TEST" if minima_met else "MINIMA_NOT_MET"),
        significance_kind=kind if minima_met else None,
        conditions=conditions,
    )


def _difference(comparison: Comparison) -> float:
    return comparison.difference or 0.0


def _p(known: Evidence, one: Comparison) -> tuple[float, SignificanceKind | None]:
    """Give the p that a verdict would rest on: the planned look's where it decides, else the always-valid one."""
    valid = None if one.adjusted is None else one.adjusted.always_valid
    fixed = None if known.planned is None else known.planned.p_values.get(one.treatment)
    if fixed is not None and (fixed <= FIXED_LEVEL) and not (valid is not None and valid <= SEQUENTIAL_LEVEL):
        return fixed, SignificanceKind.FIXED
    return (1.0, None) if valid is None else (valid, SignificanceKind.SEQUENTIAL)


def _minima(known: Evidence) -> Iterator[Condition]:
    """Participants in every arm, days, and groups where these are randomized."""
    plan = known.plan
    fewest = min(known.participants, key=lambda name: known.participants[name])
    have = known.participants[fewest]
    yield Condition(
        name=Requirement.PARTICIPANTS,
        met=have >= plan.min_participants,
        detail=f"{have:,} measured in the smallest arm, {fewest}; {plan.min_participants:,} needed in every arm",
    )
    yield Condition(
        name=Requirement.DURATION,
        met=known.days >= plan.min_duration_days,
        detail=f"{known.days:.1f} days of at least {plan.min_duration_days:,}",
    )
    if known.groups is not None:
        fewest = min(known.groups, key=lambda name: (known.groups or {})[name])
        have, whole = known.groups[fewest], sum(known.groups.values())
        few = "" if whole >= FEW_GROUPS else f"; under {FEW_GROUPS} in all, errors come out too small"
        yield Condition(
            name=Requirement.GROUPS,
            met=have >= LEAST_GROUPS,
            detail=f"{have:,} groups measured in the smallest arm, {fewest}, of at least {LEAST_GROUPS}{few}",
        )


def _no_mismatch(checks: Sequence[Check]) -> Condition:
    """Nothing that the arms must not differ in differs."""
    blocking = [check for check in checks if check.blocks]
    words = [f"{check.suspicion}{f' of {check.measure}' if check.measure else ''}" for check in blocking]
    return Condition(
        name=Requirement.NO_MISMATCH,
        met=not blocking,
        detail=f"the arms differ in {', '.join(words)}" if blocking else f"{len(checks)} checks, none blocks",
    )


def _of_treatment(known: Evidence, one: Comparison) -> Iterator[Condition]:
    """Significant, of the same sign with unjoined as zero, and guardrails kept."""
    p, kind = _p(known, one)
    level = FIXED_LEVEL if kind is SignificanceKind.FIXED else SEQUENTIAL_LEVEL
    said = "no test yet" if kind is None else f"{kind.value.lower()} p = {p:.3g}, needs {level:g} or less"
    tests = 0 if one.adjusted is None else one.adjusted.tests
    yield Condition(
        name=Requirement.PRIMARY_SIGNIFICANT,
        met=kind is not None and p <= level,
        detail=f"{one.treatment}: {said}{f' (Holm over {tests})' if tests > 1 else ''}",
    )
    zero, difference = known.filled[one.treatment], one.difference
    told = "no difference yet" if zero is None or difference is None else f"{zero:+.4f} beside {difference:+.4f}"
    yield Condition(
        name=Requirement.UNJOINED_AS_ZERO,
        met=zero is not None and difference is not None and zero * difference > 0,
        detail=f"{one.treatment}, decisions without an outcome as 0: {told}",
    )
    rails = [each for each in known.comparisons if each.treatment == one.treatment and each.guardrail is not None]
    open_ = [each.measure.value for each in rails if each.guardrail is not None and not each.guardrail.kept]
    is_worse = _difference(one) < 0
    told = f"not (yet) kept: {', '.join(open_)}" if open_ else f"{len(rails)} kept" if rails else "none planned"
    yield Condition(
        name=Requirement.GUARDRAILS_KEPT,
        met=is_worse or not open_,
        detail=f"{one.treatment} is worse in the primary metric: nothing to guard" if is_worse else told,
    )

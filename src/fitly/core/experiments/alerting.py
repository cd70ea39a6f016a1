"""What an operator must be told of an experiment without having asked.

Knows which findings are alarming. Must never know who is told, nor how.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fitly.core.experiments.figures import ArmFigures, Check, Comparison, Suspicion
from fitly.core.experiments.judging import Judgement
from fitly.core.experiments.plan import Plan

LEAST_JOINED: Final = 0.5
"""Decisions with an outcome, of a measured learner's: under half, what is measured is half of what happened."""
COLLAPSED: Final = 0.1
"""An arm with less than this share of the learners it should have is as good as gone."""
ENOUGH_EXPECTED: Final = 20.0
"""Learners an arm should have before it can be called collapsed."""


class AlertKind(StrEnum):
    """What is alarming."""

    MISMATCH = "MISMATCH"
    GUARDRAIL_CROSSED = "GUARDRAIL_CROSSED"
    VERDICT_READY = "VERDICT_READY"
    ARM_COLLAPSED = "ARM_COLLAPSED"
    """Hardly anybody comes into it, whatever its weight says."""
    BANDIT_CONVERGED = "BANDIT_CONVERGED"
    """One arm has all but the floor and the exploration: what the others would do now is hardly measured any more."""
    LOW_JOIN_RATE = "LOW_JOIN_RATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to be told: what, of which variant where it is one, and what is known of it."""

    kind: AlertKind
    variant_id: str | None
    detail: str


def alerts(
    plan: Plan,
    arms: Sequence[ArmFigures],
    comparisons: Sequence[Comparison],
    checks: Sequence[Check],
    verdict: Judgement,
) -> list[Alert]:
    """Give what is alarming in a report, in a fixed order."""
    return [
        *_mismatches(checks),
        *_guardrails(comparisons),
        *_verdict(verdict),
        *_collapsed(checks),
        *_converged(plan, arms),
        *_joins(plan, arms),
    ]


def _mismatches(checks: Sequence[Check]) -> Iterator[Alert]:
    for check in checks:
        if check.alarm:
            what = f"{check.suspicion}{f' of {check.measure}' if check.measure else ''}"
            counts = ", ".join(
                f"{name} {seen:,} for {check.expected[name]:,.0f}" for name, seen in check.observed.items()
            )
            after = "no verdict while it lasts" if check.blocks else "blocks nothing"
            yield Alert(kind=AlertKind.MISMATCH, variant_id=None, detail=f"{what} by {check.unit}: {counts}; {after}")


def _guardrails(comparisons: Sequence[Comparison]) -> Iterator[Alert]:
    for each in comparisons:
        if each.guardrail is not None and each.guardrail.crossed:
            detail = f"{each.measure}: {each.difference or 0.0:+.4f} against a margin of {each.guardrail.margin:g}"
            yield Alert(kind=AlertKind.GUARDRAIL_CROSSED, variant_id=each.treatment, detail=detail)


def _verdict(verdict: Judgement) -> Iterator[Alert]:
    if verdict.winner is not None:
        yield Alert(kind=AlertKind.VERDICT_READY, variant_id=verdict.winner, detail="every condition is met")


def _collapsed(checks: Sequence[Check]) -> Iterator[Alert]:
    """Name arms that hardly anybody comes into."""
    for check in checks:
        for name, seen in check.observed.items():
            due = check.expected[name]
            if check.suspicion is Suspicion.SAMPLE_RATIO and due >= ENOUGH_EXPECTED and seen < COLLAPSED * due:
                detail = f"{seen:,} enrolled where {due:,.0f} are to be expected"
                yield Alert(kind=AlertKind.ARM_COLLAPSED, variant_id=name, detail=detail)


def _converged(plan: Plan, arms: Sequence[ArmFigures]) -> Iterator[Alert]:
    """Name the arm that a bandit gives all that the floor and exploration leave."""
    if plan.bandit is None:
        return
    rest = plan.bandit.floor + (1 - plan.bandit.floor * len(arms)) * plan.bandit.epsilon / len(arms)
    for arm in arms:
        others = [other.weight or 0.0 for other in arms if other is not arm]
        if arm.weight is not None and max(others) <= rest + 1e-6 < arm.weight:
            detail = f"{arm.weight:.1%} of the allocated learners; the others are at their least"
            yield Alert(kind=AlertKind.BANDIT_CONVERGED, variant_id=arm.variant_id, detail=detail)


def _joins(plan: Plan, arms: Sequence[ArmFigures]) -> Iterator[Alert]:
    for arm in arms:
        if arm.join_rate is not None and arm.measured >= plan.min_participants and arm.join_rate < LEAST_JOINED:
            detail = f"{arm.join_rate:.1%} of {arm.decisions:,} decisions have an outcome"
            yield Alert(kind=AlertKind.LOW_JOIN_RATE, variant_id=arm.variant_id, detail=detail)

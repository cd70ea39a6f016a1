"""What a verdict rests on, taken from a report's comparisons, checks and counts.

Knows which figures are asked, and of which treatment the conditions are told. Must never know the conditions' levels
(``verdict``), nor how a figure comes about.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from fitly.core.experiments.families import decisive
from fitly.core.experiments.figures import Check, Comparison, Role, Suspicion
from fitly.core.experiments.plan import Plan
from fitly.core.experiments.planned import PlannedLook
from fitly.core.experiments.verdict import NONE_DECLARED, RULE, Condition, Contrast, Evidence, Rule, verdict
from fitly.core.statistics.adjust import holm
from fitly.core.statistics.missing import Missing

MINIMA: Final = ("participants", "duration")
"""Conditions before which no p is told as that of the experiment."""


class SignificanceKind(StrEnum):
    """Which p a verdict rests on."""

    SEQUENTIAL = "SEQUENTIAL"
    FIXED = "FIXED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Who has won, or nobody yet.

    Attributes
    ----------
    winner : str or None
        ``variant_id``; the control where every treatment is significantly worse.
    contender : str
        The treatment that the conditions are told of.
    significance, significance_reason, significance_kind
        p of the primary metric, held together over treatments (Holm); None until participants and days suffice.
    conditions : tuple of Condition
        All of them, always.
    """

    winner: str | None
    contender: str
    significance: float | None
    significance_reason: str | None
    significance_kind: SignificanceKind | None
    conditions: tuple[Condition, ...]

    @property
    def unmet(self) -> tuple[str, ...]:
        """Names of the conditions that are not met."""
        return tuple(each.name for each in self.conditions if each.met is False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known at a look.

    Attributes
    ----------
    plan : Plan
        The plan.
    comparisons : sequence of Comparison
        Those that are tested, of all measures.
    filled : mapping
        Treatment -> difference of the primary metric with what did not join as 0; None where there is none.
    checks : sequence of Check
        Of the arms.
    participants, groups : mapping
        Variant -> how many learners have a value of the primary metric; groups None where learners are the unit.
    days : float
        Since the start, but for those in which it was paused.
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


def rule_of(plan: Plan) -> Rule:
    """Give what a winner of a plan needs."""
    return replace(RULE, participants=plan.min_participants, days=plan.min_duration_days)


def judge(known: Known) -> Judgement:
    """Judge."""
    rule, contrasts = rule_of(known.plan), list(_contrasts(known))
    contender, p, kind = _contender(contrasts, rule)
    found = verdict(
        Evidence(
            control=known.plan.controls,
            contrasts=contrasts,
            participants=known.participants,
            days=math.floor(known.days * 100) / 100,
            at_end=known.planned is not None,
            mismatches=_mismatches(known.checks),
            guardrails=_guardrails(known, contender),
            unguarded=_unguarded(known, contender),
            clusters=known.groups,
        ),
        rule,
    )
    minima = all(each.met for each in found.conditions if each.name in MINIMA)
    told = minima and kind is not None
    return Judgement(
        winner=found.winner,
        contender=contender.treatment,
        significance=p if told else None,
        significance_reason=None if told else "MINIMA_NOT_MET" if not minima else Missing.BURN_IN.value,
        significance_kind=kind if told else None,
        conditions=found.conditions,
    )


def planned_look(look: int, comparisons: Sequence[Comparison]) -> PlannedLook:
    """Keep the p of the planned look, and on which side each was found."""
    found = {each.treatment: decisive(each) for each in comparisons if each.role is Role.PRIMARY}
    p_values = {name: None if isinstance(p, Missing) else p for name, p in found.items()}
    differences = {each.treatment: each.difference for each in comparisons if each.role is Role.PRIMARY}
    return PlannedLook(look=look, p_values=p_values, differences=differences)


def _contrasts(known: Known) -> Iterator[Contrast]:
    for one in known.comparisons:
        if one.role is not Role.PRIMARY:
            continue
        zero = known.filled[one.treatment]
        fixed = None if known.planned is None else known.planned.p_for(one.treatment, one.difference)
        yield Contrast(
            treatment=one.treatment,
            difference=Missing.TOO_FEW if one.difference is None else one.difference,
            sequential_p=Missing.BURN_IN if one.always_valid is None else one.always_valid.p_value,
            fixed_p=Missing.TOO_FEW if fixed is None else fixed,
            as_zero=Missing.TOO_FEW if zero is None else zero,
        )


def _contender(contrasts: Sequence[Contrast], rule: Rule) -> tuple[Contrast, float, SignificanceKind | None]:
    """Give the treatment that leads: the best of those significantly better, else the one of the smallest p.

    With its p: that of the planned look where that alone decides, else the always-valid one.
    """
    sequential, fixed = ([*holm([getattr(one, name) for one in contrasts])] for name in ("sequential_p", "fixed_p"))
    ranked: list[tuple[bool, float, float, Contrast, SignificanceKind | None]] = []
    for one, valid, end in zip(contrasts, sequential, fixed, strict=True):
        p, kind = (1.0, None) if isinstance(valid, Missing) else (valid, SignificanceKind.SEQUENTIAL)
        significant = p <= rule.sequential_p
        if not significant and not isinstance(end, Missing) and end <= rule.fixed_p:
            p, kind, significant = end, SignificanceKind.FIXED, True
        difference = 0.0 if isinstance(one.difference, Missing) else one.difference
        leads = difference > 0 and significant
        ranked.append((leads, difference if leads else 0.0, -p, one, kind))
    _, _, minus_p, best, kind = max(ranked, key=lambda each: each[:3])
    return best, -minus_p, kind


def _mismatches(checks: Sequence[Check]) -> dict[str, tuple[bool | None, str]]:
    """Give per kind of check whether it blocks, None where nothing could be tested, and what was found."""
    found: dict[str, tuple[bool | None, str]] = {}
    for suspicion in Suspicion:
        mine = [check for check in checks if check.suspicion is suspicion]
        if not mine or suspicion is Suspicion.APPLIED:
            continue
        worst = min(mine, key=lambda check: (not check.blocks, 1.0 if check.p_value is None else check.p_value))
        what = f"by {worst.unit}{f', {worst.measure}' if worst.measure else ''}"
        p = f"no test ({worst.p_value_reason})" if worst.p_value is None else f"p {worst.p_value:.3g}"
        evidence = "" if worst.log10_e is None else f", evidence 10^{worst.log10_e:.1f} (blocks from 10^3)"
        is_tested = any(check.p_value is not None or check.log10_e is not None for check in mine)
        blocks = any(check.blocks for check in mine) if is_tested else None
        found[suspicion.value.lower()] = blocks, f"{what}: {p}{evidence}"
    return found


def _unguarded(known: Known, contender: Contrast) -> str:
    """Say why no guardrail is asked, for where none is."""
    return f"{contender.treatment} is worse anyway: nothing to guard" if known.plan.guardrails else NONE_DECLARED


def _guardrails(known: Known, contender: Contrast) -> dict[str, tuple[bool, str]]:
    """Give of each guardrail whether the contender keeps it; one that is worse anyway has nothing to guard."""
    if not isinstance(contender.difference, Missing) and contender.difference < 0:
        return {}
    found = {}
    for one in known.comparisons:
        rail = one.guardrail
        if rail is not None and one.treatment == contender.treatment:
            lower = rail.lower_reason if rail.lower is None else f"at least {rail.lower:+.4f}"
            found[one.measure.value] = (rail.kept, f"{one.treatment} {lower}, margin {rail.margin:g}")
    return found

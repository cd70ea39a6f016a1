"""Who won: a list of conditions, each met or not, and a winner only where none is unmet.

Knows the figures that a report has already derived. Must never know how they were derived, nor from where.

Looking twice costs: a sequential p that may be looked at any time, and a fixed p at the planned end, are two tests of
one question. At .01 and .04 the chance that either errs is below .05; at .05 each it would be .055 and more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fitly.core.statistics.adjust import holm
from fitly.core.statistics.missing import Missing


class NotJudged(StrEnum):
    """Why a condition is neither met nor unmet; it does not stand in the way of a winner."""

    NOT_APPLICABLE = "NOT_APPLICABLE"
    """There is nothing of the kind here: no planned duration, no guardrails."""


NOT_APPLICABLE: Final = NotJudged.NOT_APPLICABLE
NONE_DECLARED: Final = "none are declared"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a winner needs.

    Attributes
    ----------
    name : str
        Which.
    met : bool or NotJudged
    detail : str
        The figures behind it, in words.
    """

    name: str
    met: bool | NotJudged
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a winner needs, in figures.

    Attributes
    ----------
    participants : int
        In every arm.
    days : float
        Since the start, without pauses.
    sequential_p, fixed_p : float
        At any look; at the planned end, one look.
    clusters : int
        In every arm, where groups were randomized.
    few_clusters : int
        In every arm, below which cluster-robust errors are known to be too small.
    """

    participants: int = 20
    days: float = 14
    sequential_p: float = 0.01
    fixed_p: float = 0.04
    clusters: int = 10
    few_clusters: int = 40


RULE: Final = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A treatment against the control, of the primary metric.

    Attributes
    ----------
    treatment : str
    difference : float or Missing
        Treatment minus control; more is better.
    sequential_p : float or Missing
        Always valid, burn-in over; missing where groups were randomized, for it takes people as the unit.
    fixed_p : float or Missing
        Of the planned look; cluster-robust where groups were randomized.
    as_zero : float or Missing
        The difference with those who have no value counted as 0.
    """

    treatment: str
    difference: float | Missing
    sequential_p: float | Missing
    fixed_p: float | Missing
    as_zero: float | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a verdict rests on.

    Attributes
    ----------
    control : str
    contrasts : sequence of Contrast
        One per treatment.
    participants : mapping of str to int
        Per arm, with a value of the primary metric.
    days : float, optional
        Since the start, without pauses; None where there is no clock.
    at_end : bool
        Whether the planned end is reached: only then does the fixed p count.
    mismatches : mapping of str to (bool or None, str)
        Per check (sample ratio, joins, opt-outs): whether it raised its alarm, None where there was nothing to test,
        and its figures in words.
    guardrails : mapping of str to (bool, str)
        Per guardrail: whether its margin is kept, and its figures in words.
    clusters : mapping of str to int, optional
        Per arm, where groups were randomized.
    unguarded : str
        Why there are no guardrails, where there are none.
    """

    control: str
    contrasts: Sequence[Contrast]
    participants: Mapping[str, int]
    days: float | None
    at_end: bool
    mismatches: Mapping[str, tuple[bool | None, str]]
    guardrails: Mapping[str, tuple[bool, str]]
    clusters: Mapping[str, int] | None = None
    unguarded: str = NONE_DECLARED


@dataclass(frozen=True, slots=True)
class Verdict:
    """The winner, if there is one, and every condition."""

    winner: str | None
    conditions: tuple[Condition, ...]


def verdict(evidence: Evidence, rule: Rule = RULE) -> Verdict:
    """Judge.

    Returns
    -------
    Verdict
        The winner is the treatment with the largest difference among those that are significantly better; the
        control, where every treatment is significantly worse; nobody, where a condition is unmet. With several
        treatments their p are Holm's.

    Examples
    --------
    >>> clear = Contrast(treatment="b", difference=0.1, sequential_p=1e-6, fixed_p=1e-9, as_zero=0.1)
    >>> found = verdict(Evidence(
    ...     control="a", contrasts=[clear], participants={"a": 900, "b": 900}, days=None, at_end=True,
    ...     mismatches={"sample_ratio": (False, "p = 0.6")}, guardrails={},
    ... ))
    >>> found.winner, [(one.name, one.met) for one in found.conditions][:2]
    ('b', [('participants', True), ('duration', <NotJudged.NOT_APPLICABLE: 'NOT_APPLICABLE'>)])
    """
    leader, primary = _primary(evidence, rule)
    conditions = (
        _participants(evidence, rule),
        _duration(evidence, rule),
        *([] if evidence.clusters is None else [_clusters(evidence.clusters, rule)]),
        *(
            Condition(name, NOT_APPLICABLE if alarm is None else not alarm, detail)
            for name, (alarm, detail) in evidence.mismatches.items()
        ),
        primary,
        _guardrails(evidence),
        _as_zero(evidence, leader),
    )
    clear = all(one.met is not False for one in conditions)
    return Verdict(leader if clear else None, conditions)


def _participants(evidence: Evidence, rule: Rule) -> Condition:
    fewest = min(evidence.participants.values(), default=0)
    arms = [arm for arm, count in evidence.participants.items() if count < rule.participants]
    short = f"; too few in {', '.join(arms)}" if arms else ""
    detail = (
        f"{fewest:,} in the smallest of {len(evidence.participants)} arms, {rule.participants:,} needed in every one"
    )
    return Condition("participants", len(evidence.participants) > 1 and not arms, detail + short)


def _duration(evidence: Evidence, rule: Rule) -> Condition:
    if evidence.days is None:
        return Condition("duration", NOT_APPLICABLE, "no clock here: whoever planned the experiment knows its days")
    return Condition("duration", evidence.days >= rule.days, f"{evidence.days:g} days of {rule.days:g}")


def _clusters(clusters: Mapping[str, int], rule: Rule) -> Condition:
    fewest = min(clusters.values(), default=0)
    detail = f"{fewest:,} in the smallest arm, {rule.clusters:,} needed in every one"
    if fewest < rule.few_clusters:
        detail += f"; under {rule.few_clusters:,} the errors come out somewhat too small"
    return Condition("clusters", fewest >= rule.clusters, detail)


def _primary(evidence: Evidence, rule: Rule) -> tuple[str | None, Condition]:
    """Find who leads significantly, and say why or why nobody does."""
    sequential = holm([one.sequential_p for one in evidence.contrasts])
    fixed = holm([one.fixed_p for one in evidence.contrasts])
    better: list[tuple[float, str, str]] = []
    worse, told = 0, []
    for one, at_look, at_end in zip(evidence.contrasts, sequential, fixed, strict=True):
        words = f"sequential p {_said(at_look)}" + (f", fixed p {_said(at_end)}" if evidence.at_end else "")
        told.append(f"{one.treatment}: {words}")
        significant = _below(at_look, rule.sequential_p) or (evidence.at_end and _below(at_end, rule.fixed_p))
        if significant and not isinstance(one.difference, Missing):
            worse += one.difference < 0
            if one.difference > 0:
                better.append((one.difference, one.treatment, words))
    needs = f"needed: sequential p at most {rule.sequential_p:g}, or {rule.fixed_p:g} fixed at the planned end"
    if better:
        _, leader, words = max(better, key=lambda one: one[0])
        return leader, Condition("primary", met=True, detail=f"{leader} is better ({words}); {needs}")
    if worse and worse == len(evidence.contrasts):
        detail = f"{evidence.control} is better than every treatment ({'; '.join(told)}); {needs}"
        return evidence.control, Condition("primary", met=True, detail=detail)
    return None, Condition("primary", met=False, detail=f"{'; '.join(told) or 'no treatment'}; {needs}")


def _below(p_value: float | Missing, level: float) -> bool:
    return not isinstance(p_value, Missing) and p_value <= level


def _said(p_value: float | Missing) -> str:
    return p_value.value if isinstance(p_value, Missing) else f"{p_value:.3g}"


def _guardrails(evidence: Evidence) -> Condition:
    if not evidence.guardrails:
        return Condition("guardrails", NOT_APPLICABLE, evidence.unguarded)
    kept = all(kept for kept, _ in evidence.guardrails.values())
    return Condition(
        "guardrails", kept, "; ".join(f"{name}: {said}" for name, (_, said) in evidence.guardrails.items())
    )


def _as_zero(evidence: Evidence, leader: str | None) -> Condition:
    """Whoever has no value may have left because of the arm: counted as 0, the sign must stay."""
    leading = [one for one in evidence.contrasts if leader in {one.treatment, evidence.control}]
    shown = "; ".join(f"{one.treatment}: {_shown(one)}" for one in leading or evidence.contrasts)
    same = all(
        not isinstance(one.as_zero, Missing)
        and not isinstance(one.difference, Missing)
        and one.as_zero * one.difference > 0
        for one in leading or evidence.contrasts
    )
    return Condition("unjoined_as_zero", bool(evidence.contrasts) and same, shown or "no treatment")


def _shown(one: Contrast) -> str:
    if isinstance(one.as_zero, Missing) or isinstance(one.difference, Missing):
        return "no difference is known"
    return f"difference {one.difference:.4g}, {one.as_zero:.4g} with missing values as 0"

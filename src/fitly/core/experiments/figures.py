"""What a report of an experiment is made of: arms, comparisons, checks, plans, conditions, alerts.

Knows the words and the fields. Must never know how a figure comes about. A figure without a value is None, and its
sibling ``<name>_reason`` says why; the unit and the sizes stand beside, the window stands in the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fitly.core.experiments.plan import Measure
from fitly.core.statistics.welch import Interval


class CountedUnit(StrEnum):
    """Who counts once."""

    LEARNER = "learner"
    LEARNER_EPOCH = "learner_epoch"
    """A learner in one epoch of a bandit: drawn anew in each."""
    GROUP = "group"
    DECISION = "decision"
    """Decisions, with errors over whoever was randomized: those of one learner hang together."""


class Allocation(StrEnum):
    """How those who are compared came to their variants."""

    RANDOMIZED = "RANDOMIZED"
    UNIFORM_SLICE = "UNIFORM_SLICE"
    """A bandit's learners who are drawn uniformly all along: these alone give a verdict."""
    BANDIT_ALLOCATED = "BANDIT_ALLOCATED"
    """Weights followed what was measured: a variant's mean is biased by its luck and by when it was drawn."""
    ROLL_OUT = "ROLL_OUT"
    """After the end: who got the winner against who was held back with the control."""


class Role(StrEnum):
    """What a measure is for in the plan."""

    PRIMARY = "PRIMARY"
    GUARDRAIL = "GUARDRAIL"
    SECONDARY = "SECONDARY"


class Family(StrEnum):
    """How the p of many tests are held together."""

    HOLM = "HOLM"
    """Over the treatments of the primary metric."""
    BENJAMINI_HOCHBERG = "BENJAMINI_HOCHBERG"
    """Over all other measures and treatments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """One measure in one arm: a learner counts once, with their mean. Unit: of the measure, 0-1."""

    n: int
    mean: float | None
    mean_reason: str | None
    sd: float | None
    sd_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFigures:
    """One variant: who is in it, where their measuring stands, and what was measured.

    Attributes
    ----------
    weight : float or None
        In force now; None before the start.
    enrolled, open, measured, opted_out : int
        Enrolled = open + measured + those cut off by a later enrolment. Whoever opted out counts among them as ever:
        open until the days are complete, then measured, with what came until they left.
    with_outcome, decisions : int
        Of those measured: how many had any outcome, and their decisions.
    join_rate, applied_share : float or None
        Shares of these decisions that had an outcome, and that were applied.
    groups : int or None
        Groups drawn for; None where the unit is the learner.
    measures : dict
        Frozen: of who is measured, once and for all.
    provisional : dict
        Of who is still open: these move, and no test is made of them.
    unjoined_as_zero : Mean
        The primary metric where decisions without an outcome count 0.
    applied_only : Mean
        The primary metric of those with a decision that was applied: chosen after the treatment, so it describes.
    """

    variant_id: str
    is_control: bool
    weight: float | None
    enrolled: int
    open: int
    measured: int
    opted_out: int
    with_outcome: int
    decisions: int
    join_rate: float | None
    join_rate_reason: str | None
    applied_share: float | None
    applied_share_reason: str | None
    groups: int | None
    measures: dict[Measure, Mean]
    provisional: dict[Measure, Mean]
    unjoined_as_zero: Mean
    applied_only: Mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Welch's test as if there were no other look: naive wherever it is read more than once."""

    se: float
    df: float
    t: float
    p_value: float
    ci: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class AlwaysValid:
    """A p and an interval that hold however often one looks; tuned to ``planned`` units of both arms together."""

    p_value: float
    ci: Interval
    planned: float
    burn_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """The two p, held together with those of ``tests`` tests; None where there is no p."""

    family: Family
    tests: int
    fixed: float | None
    always_valid: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LessNoise:
    """CUPED: the difference with what the mean before the enrolment explains taken out.

    Whoever has no outcome before the enrolment (``uncovered`` of both arms) stays as they are.
    """

    theta: float
    covered: int
    uncovered: int
    difference: float
    se: float
    p_value: float
    ci: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Robust:
    """The difference with cluster-robust errors: over groups (CR1), or over a bandit's learners, drawn once an epoch.

    The t test decides, the normal quantile stands beside. ``groups_…`` are None where learners are the clusters.
    """

    clusters: CountedUnit
    groups_treatment: int | None
    groups_control: int | None
    se: float
    p_value: float
    ci: Interval
    normal_p_value: float
    normal_ci: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """Whether a guardrail is kept: the lower end of the always-valid interval lies above ``-margin``.

    ``crossed``: certainly worse, and by the margin or more as far as can be estimated.
    """

    margin: float
    kept: bool
    crossed: bool
    lower: float | None
    lower_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A treatment less the control in one measure (unit: of the measure, 0-1).

    Attributes
    ----------
    unit : CountedUnit
        Who was randomized, and so what n means in the tests.
    n_treatment, n_control : int
        Learners (or learner-epochs) who have the measure.
    difference, lift, d : float or None
        Of means; as a share of the control's mean; in pooled standard deviations.
    lift_ci : Interval or None
        By the delta method.
    fixed, always_valid, adjusted, cuped, robust, guardrail
        See there; a block that is None has its reason beside it, or does not apply. Where there is ``robust``,
        ``fixed`` is naive in that respect too: it takes everyone for a unit of chance.
    """

    measure: Measure
    role: Role
    allocation: Allocation
    treatment: str
    control: str
    unit: CountedUnit
    n_treatment: int
    n_control: int
    difference: float | None
    difference_reason: str | None
    lift: float | None
    lift_reason: str | None
    lift_ci: Interval | None
    lift_ci_reason: str | None
    d: float | None
    d_reason: str | None
    fixed: Fixed | None
    fixed_reason: str | None
    always_valid: AlwaysValid | None
    always_valid_reason: str | None
    adjusted: Adjusted | None
    cuped: LessNoise | None
    cuped_reason: str | None
    robust: Robust | None
    robust_reason: str | None
    guardrail: Margin | None


class Suspicion(StrEnum):
    """What may have gone differently in the arms than the plan says."""

    SAMPLE_RATIO = "SAMPLE_RATIO"
    JOINS = "JOINS"
    OPT_OUTS = "OPT_OUTS"
    MISSING_METRIC = "MISSING_METRIC"
    APPLIED = "APPLIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison of counts with what they should be.

    Attributes
    ----------
    observed : dict
        Variant -> how many.
    expected : dict
        Variant -> how many there should be, had the arms nothing to do with it.
    log10_e : float or None
        Of the e-process, where there is one: 3 or more is evidence however often one looks, and blocks.
    alarm : bool
        p < .001 at this look, or the e-process says so.
    blocks : bool
        No verdict while it does.
    """

    suspicion: Suspicion
    measure: Measure | None
    unit: CountedUnit
    observed: dict[str, int]
    expected: dict[str, float]
    chi2: float | None
    df: int | None
    p_value: float | None
    log10_p_value: float | None
    p_value_reason: str | None
    log10_e: float | None
    alarm: bool
    blocks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What a level of a factor does against the factor's first, or two of them together (an interaction)."""

    factors: tuple[str, ...]
    levels: tuple[str, ...]
    n: int
    estimate: float
    se: float
    p_value: float
    ci: Interval

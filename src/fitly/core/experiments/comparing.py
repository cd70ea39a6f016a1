"""Treatments less the control: every comparison of a report, from the sums of two arms.

Knows which statistics belong to a comparison. Must never know conditions, nor how sums are named.

What is tested is what was randomized. Where groups were, every test that is made for samples of people is given groups
in their place: as many values as there are groups, with the spread that their cluster-robust error has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from fitly.core.experiments.counted import Arm, across, clustered
from fitly.core.experiments.figures import (
    Allocation,
    AlwaysValid,
    Comparison,
    CountedUnit,
    Fixed,
    LessNoise,
    Margin,
    Robust,
    Role,
)
from fitly.core.experiments.plan import Measure
from fitly.core.statistics.clusters import Clustered, ClusterTest, clustered_difference
from fitly.core.statistics.cuped import adjusted, slope
from fitly.core.statistics.effect_size import cohens_d
from fitly.core.statistics.joint import NO_PAIRS, JointMoments
from fitly.core.statistics.lift import lift
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sequential import Sequential, Tuning, looked
from fitly.core.statistics.welch import Welch, welch

LEVEL: Final = 0.95
BURN_IN: Final = 10
"""Units in each arm before the first look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is the same in all comparisons of a report.

    Attributes
    ----------
    unit : CountedUnit
        Who was randomized.
    allocation : Allocation
        How.
    planned : float
        Learners of both arms expected at the end: tunes the always-valid statistics.
    everybody : mapping
        Measure -> pairs of all arms: x the mean before the enrolment, y the measure.
    """

    unit: CountedUnit
    allocation: Allocation
    planned: float
    everybody: Mapping[Measure, JointMoments] = field(default_factory=dict)

    @property
    def is_tested(self) -> bool:
        """Whether chance alone put people into the arms, in one and the same way all along."""
        return self.allocation is not Allocation.BANDIT_ALLOCATED

    def tuning(self, pair: Pair) -> Tuning:
        """Tune to the planned size, in units of chance: as many groups as learners like those so far would fill."""
        people, units = (
            getattr(pair.treatment, side).n + getattr(pair.control, side).n for side in ("people", "units")
        )
        planned = self.planned * units / people if people and units else self.planned
        return Tuning(planned=planned, burn_in=BURN_IN)


class Sample(NamedTuple):
    """One arm in one measure: its people, and the values that stand for them in tests."""

    people: Moments
    units: Moments


class Pair(NamedTuple):
    """Two arms in one measure, and the difference with its cluster-robust error, where there are clusters.

    ``binary``: all values of people are 0 or 1, and people are the units; their variance is then p(1-p), as in
    `fitly analyze`.
    """

    treatment: Sample
    control: Sample
    robust: ClusterTest | Missing | None
    binary: bool = False


def paired(treatment: Arm, control: Arm, measure: Measure, unit: CountedUnit, behind: str = "") -> Pair:
    """Read two arms' sums of one measure.

    Parameters
    ----------
    treatment, control : Arm
        What was counted.
    measure, behind : Measure, str
        As in `Arm.of`.
    unit : CountedUnit
        Who was randomized.
    """
    sums = [arm.of(measure, behind) for arm in (treatment, control)]
    one, other = (Moments.read(each) for each in sums)
    if unit is CountedUnit.GROUP:
        groups = [clustered(arm.by_group(measure, behind)) for arm in (treatment, control)]
        units = [_standing_for(each) for each in groups]
        return Pair(Sample(one, units[0]), Sample(other, units[1]), _robust(groups[0], groups[1]))
    if unit is CountedUnit.LEARNER_EPOCH and not behind:
        learners = [clustered(arm.by_learner(measure)) for arm in (treatment, control)]
        robust = _robust(learners[0], learners[1], across(treatment, control, measure))
        stretch = 1.0 if isinstance(robust, Missing) else _stretch(one, other, robust.se)
        return Pair(Sample(one, _stretched(one, stretch)), Sample(other, _stretched(other, stretch)), robust)
    return Pair(Sample(one, one), Sample(other, other), None, all(each.is_binary for each in sums))


def _robust(one: Clustered | Missing, other: Clustered | Missing, across: float = 0.0) -> ClusterTest | Missing:
    if isinstance(one, Missing) or isinstance(other, Missing):
        return Missing.TOO_FEW
    return clustered_difference(one, other, LEVEL, across=across)


def _standing_for(groups: Clustered | Missing) -> Moments:
    """Give a sample of as many values as there are groups, whose mean has the groups' mean and robust error.

    The robust variance of the mean is squares/n² times G/(G-1); that of a sample of G values is its variance by G.
    """
    if isinstance(groups, Missing):
        return Moments()
    return Moments(groups.clusters, groups.mean, groups.squares / groups.n**2 * groups.clusters**2)


def _stretch(one: Moments, other: Moments, se: float) -> float:
    """Give by how much clusters change the variance of a difference."""
    plain = welch(one, other, LEVEL)
    return 1.0 if isinstance(plain, Missing) else (se / plain.se) ** 2


def _stretched(sample: Moments, by: float) -> Moments:
    return Moments(sample.n, sample.mean, sample.squares * by)


def compared(
    setting: Setting, treatment: tuple[str, Arm], control: tuple[str, Arm], measure: Measure, role: Role,
    margin: float | None = None,
) -> Comparison:  # fmt: skip
    """Compare two arms in one measure; not yet held together with other tests.

    Parameters
    ----------
    setting : Setting
        Unit, allocation, planned size.
    treatment, control : tuple of str and Arm
        ``variant_id``, and what was counted.
    measure, role : Measure, Role
        What is compared, and what for.
    margin : float or None
        Of a guardrail.
    """
    pair = paired(treatment[1], control[1], measure, setting.unit)
    one, other = pair.treatment.people, pair.control.people
    between = one.mean - other.mean if one.n and other.n else Missing.TOO_FEW
    relative, d = lift(pair.treatment.units, pair.control.units, LEVEL, binary=pair.binary), cohens_d(one, other)
    tuning = setting.tuning(pair)
    naive = _tested(setting, lambda: welch(one, other, LEVEL))
    look = _tested(setting, lambda: looked(pair.treatment.units, pair.control.units, tuning, binary=pair.binary))
    less = _tested(setting, lambda: _less_noise(setting, treatment[1], control[1], measure))
    robust = None if pair.robust is None else _tested(setting, lambda: _or_missing(pair.robust))
    of_lift = relative if isinstance(relative, Missing) else _tested(setting, lambda: relative.interval)
    return Comparison(
        measure=measure,
        role=role,
        allocation=setting.allocation,
        treatment=treatment[0],
        control=control[0],
        unit=setting.unit,
        n_treatment=one.n,
        n_control=other.n,
        difference=value(between),
        difference_reason=why(between),
        lift=None if isinstance(relative, Missing) else relative.lift,
        lift_reason=why(relative),
        lift_ci=value(of_lift),
        lift_ci_reason=why(of_lift),
        d=value(d),
        d_reason=why(d),
        fixed=None if isinstance(naive, Missing) else _fixed(naive),
        fixed_reason=why(naive),
        always_valid=None if isinstance(look, Missing) else _always_valid(look, tuning),
        always_valid_reason=why(look),
        adjusted=None,
        cuped=value(less),
        cuped_reason=why(less),
        robust=None
        if isinstance(robust, Missing | None)
        else _told(robust, setting, treatment[1], control[1], measure),
        robust_reason=why(robust),
        guardrail=None if margin is None else _margin(between, look, margin),
    )


Found = TypeVar("Found")


def value(found: Found | Missing) -> Found | None:
    """Give a figure, None where it is missing."""
    return None if isinstance(found, Missing) else found


def why(found: object) -> str | None:
    """Give the reason why a figure is missing, None where it is there."""
    return found.value if isinstance(found, Missing) else None


def _tested(setting: Setting, test: Callable[[], Found | Missing]) -> Found | Missing:
    """Make a test where chance alone put people into the arms."""
    return test() if setting.is_tested else Missing.NOT_RANDOMIZED


def _or_missing(robust: ClusterTest | Missing | None) -> ClusterTest | Missing:
    return Missing.TOO_FEW if robust is None else robust


def _fixed(found: Welch) -> Fixed:
    return Fixed(se=found.se, df=found.df, t=found.t, p_value=found.p_value, ci=found.interval)


def _always_valid(found: Sequential, tuning: Tuning) -> AlwaysValid:
    return AlwaysValid(p_value=found.p_value, ci=found.interval, planned=tuning.planned, burn_in=tuning.burn_in)


def _told(found: ClusterTest, setting: Setting, treatment: Arm, control: Arm, measure: Measure) -> Robust:
    is_grouped = setting.unit is CountedUnit.GROUP
    groups = [arm.by_group(measure).clusters if is_grouped else None for arm in (treatment, control)]
    return Robust(
        clusters=CountedUnit.GROUP if is_grouped else CountedUnit.LEARNER,
        groups_treatment=groups[0],
        groups_control=groups[1],
        se=found.se,
        p_value=found.t_p_value,
        ci=found.t_interval,
        normal_p_value=found.p_value,
        normal_ci=found.interval,
    )


def _less_noise(setting: Setting, treatment: Arm, control: Arm, measure: Measure) -> LessNoise | Missing:
    """Take out what the mean before explains; who has none is taken as they are, so the analysis set stays whole."""
    if setting.unit is not CountedUnit.LEARNER:
        return Missing.CLUSTERED
    everybody = setting.everybody.get(measure, NO_PAIRS)
    theta = slope(everybody)
    if isinstance(theta, Missing):
        return theta
    pairs = [arm.before(measure) for arm in (treatment, control)]
    rest = [arm.of(measure).without(pair.sums_y) for arm, pair in zip((treatment, control), pairs, strict=True)]
    sides = [
        adjusted(JointMoments.read(pair), theta, everybody.mean_x) + Moments.read(left)
        for pair, left in zip(pairs, rest, strict=True)
    ]
    test = welch(sides[0], sides[1], LEVEL)
    if isinstance(test, Missing):
        return test
    return LessNoise(
        theta=theta,
        covered=sum(pair.n for pair in pairs),
        uncovered=sum(left.n for left in rest),
        difference=test.difference,
        se=test.se,
        p_value=test.p_value,
        ci=test.interval,
    )


def _margin(between: float | Missing, look: Sequential | Missing, margin: float) -> Margin:
    """Hold a guardrail against its margin."""
    if isinstance(look, Missing) or isinstance(between, Missing):
        return Margin(margin=margin, kept=False, crossed=False, lower=None, lower_reason=why(look) or why(between))
    lower, upper = look.interval
    return Margin(
        margin=margin, kept=lower > -margin, crossed=upper < 0 and between <= -margin, lower=lower, lower_reason=None
    )

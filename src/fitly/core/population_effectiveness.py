"""Does personalizing help, over all learners? Per context and measure, with the learner as unit.

Knows the sums that rows contribute (``population``), and which may be compared. Must never know who merged them.

Each learner counts once, with the mean of their decisions whose windows closed. What may be compared, and how:

- HOLDOUT: learners who were offered personalization (all their decisions, applied, control and fallback alike) against
  those held out. The learner was randomized: Welch's t. It answers what offering it does.
- CONTROL: each learner's applied decisions against their own control decisions. The decision was randomized, within
  learners: the paired t. Two unpaired means would compare all who have one with those, keener ones, who have the other.
- BOTH: applied decisions against the pooled baseline of control and holdout. Who is applied to was chosen by
  confidence: the difference describes, so there is neither p nor interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from fitly.core.names import named
from fitly.core.numbers import Millis, to_datetime
from fitly.core.partials import Kind, Merged
from fitly.core.population import MEASURES, PAIRED
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.own_baseline import MEASURING, Measuring
from fitly.core.statistics.paired import shift
from fitly.core.statistics.population_baseline import informs
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import Interval, difference, difference_interval, difference_p, improvement, percent_of
from fitly.core.vocabulary import Context, Unit


class PopulationBaseline(StrEnum):
    """What personalized learners are compared with."""

    CONTROL = "CONTROL"
    HOLDOUT = "HOLDOUT"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class PopulationRecord:
    """One comparison. A figure without a value is None, and its sibling ``<name>_reason`` says why.

    ``unit`` is what was randomized: ``none`` where the comparison only describes. Learners of either side are those
    who have the measure; of CONTROL, those who have it in both kinds of decisions.
    """

    id: str
    context: str
    measure: str
    baseline_kind: str
    unit: str
    learners_personalized: int
    learners_baseline: int
    is_statistically_significant: bool
    is_provisional: bool
    calculated_at: datetime
    difference: float | None
    difference_reason: str | None
    difference_interval: dict[str, float] | None
    difference_interval_reason: str | None
    p_value: float | None
    p_value_reason: str | None
    improvement: float | None
    improvement_reason: str | None


def population_records(merged: Merged) -> list[PopulationRecord]:
    """Project merged sums to the comparisons of their context; nothing for sums of another kind.

    They are provisional: the sums are as of the newest word of each partition, not as of a day that all have passed.
    """
    if merged.kind is not Kind.PRIORS:
        return []
    return population_effectiveness(Context(merged.name), merged.sums, merged.clock, is_provisional=True)


class Compared(NamedTuple):
    """What one comparison says; each figure or the reason why there is none."""

    unit: Unit
    personalized: int
    baseline: int
    difference: float | Missing
    interval: Interval | Missing
    p_value: float | Missing
    improvement: float | Missing


def population_effectiveness(
    context: Context,
    sums: Mapping[str, int],
    at: Millis,
    *,
    is_provisional: bool = False,
    measuring: Measuring = MEASURING,
) -> list[PopulationRecord]:
    """Compare personalized learners with every baseline, in every measure.

    Parameters
    ----------
    context : Context
        Where.
    sums : mapping
        Merged over all partitions, named as in ``population``: ``GROUP.measure_n``, ``_sum`` (10^-6) and ``_squares``
        (10^-12) over learners' means; what is 0 may be missing.
    at : Millis
        The event clock they are as of.
    is_provisional : bool
        False for the close of a UTC day that all partitions have passed.
    measuring : Measuring
        Levels, and the learners from which figures are told: fewer could be recognized.

    Returns
    -------
    list of PopulationRecord
        By measure and baseline, all of them always: what is missing has its reason.
    """
    return [
        PopulationRecord(
            named("population", context, measure, kind),
            context.value,
            measure,
            kind.value,
            found.unit.value,
            found.personalized,
            found.baseline,
            not isinstance(found.p_value, Missing) and found.p_value < measuring.alpha,
            is_provisional,
            to_datetime(at),
            *_told(found.difference),
            *_told_interval(found.interval),
            *_told(found.p_value),
            *_told(found.improvement),
        )
        for measure in MEASURES
        for kind, found in _compared(sums, measure, measuring)
    ]


def _compared(
    sums: Mapping[str, int], measure: str, measuring: Measuring
) -> Iterator[tuple[PopulationBaseline, Compared]]:
    applied, control, holdout, offered, paired = (
        Sums(*(sums.get(f"{group}.{measure}_{part}", 0) for part in ("n", "sum", "squares")))
        for group in ("APPLIED", "CONTROL", "HOLDOUT", "OFFERED", PAIRED)
    )
    yield PopulationBaseline.CONTROL, _within(paired, control, measuring)
    yield PopulationBaseline.HOLDOUT, _between(offered, holdout, measuring)
    yield PopulationBaseline.BOTH, _described(applied, control.merged(holdout), measuring)


def _within(paired: Sums, control: Sums, measuring: Measuring) -> Compared:
    """Compare learners with themselves."""
    found = shift(paired, measuring.level) if informs(paired.n, measuring) else Missing.TOO_FEW
    if isinstance(found, Missing):
        return Compared(Unit.DECISION, paired.n, paired.n, *(found,) * 4)
    percent = percent_of(found.mean, control, measuring.level)
    return Compared(Unit.DECISION, paired.n, paired.n, found.mean, found.interval, found.p_value, percent)


def _between(offered: Sums, holdout: Sums, measuring: Measuring) -> Compared:
    """Compare learners who were offered personalization with others who were held out."""
    if not (informs(offered.n, measuring) and informs(holdout.n, measuring)):
        return Compared(Unit.LEARNER, offered.n, holdout.n, *(Missing.TOO_FEW,) * 4)
    return Compared(
        Unit.LEARNER,
        offered.n,
        holdout.n,
        difference(offered, holdout),
        difference_interval(offered, holdout, measuring.level),
        difference_p(offered, holdout),
        improvement(offered, holdout, measuring.level),
    )


def _described(applied: Sums, baseline: Sums, measuring: Measuring) -> Compared:
    """Describe learners who were applied to beside all baseline there is."""
    if not (informs(applied.n, measuring) and informs(baseline.n, measuring)):
        return Compared(Unit.NONE, applied.n, baseline.n, *(Missing.TOO_FEW,) * 4)
    untested = (Missing.NOT_RANDOMIZED,) * 2
    percent = improvement(applied, baseline, measuring.level)
    return Compared(Unit.NONE, applied.n, baseline.n, difference(applied, baseline), *untested, percent)


def _told(figure: float | Missing) -> tuple[float | None, str | None]:
    return (None, figure.value) if isinstance(figure, Missing) else (figure, None)


def _told_interval(figure: Interval | Missing) -> tuple[dict[str, float] | None, str | None]:
    if isinstance(figure, Missing):
        return None, figure.value
    return {"lower": figure.lower, "upper": figure.upper}, None

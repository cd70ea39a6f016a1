"""Record 3, effectiveness: per learner x context x variant and pooled, rolling and cumulative.

Knows which buckets make which window and how figures become columns. Must never know how a figure is computed
(``statistics``) or stored, and never the wall clock: the rolling window ends on the day of the row's ``updated_at``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import add
from typing import Any, Final, NamedTuple

from fitly.core.learner import BUCKETS, Bucket, ContextRow
from fitly.core.names import ConfigId, config_id, named
from fitly.core.numbers import EPOCH, Day, Millis, day_of, to_datetime
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.own_baseline import MEASURING, UNKNOWN, Figures, Measuring, Sample, own_figures
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import Interval
from fitly.core.tally import CUMULATIVE, arm_entry
from fitly.core.vocabulary import ARM_VARIANTS, ArmCode


class WindowKind(StrEnum):
    """Over which time an effectiveness record looks."""

    ROLLING = "ROLLING"
    CUMULATIVE = "CUMULATIVE"


class BaselineKind(StrEnum):
    """What personalized decisions are compared with."""

    OWN = "OWN"
    POPULATION = "POPULATION"


class Direction(StrEnum):
    """Which way the composite outcome moved under personalization."""

    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class EffectivenessRecord:
    """Record 3. A figure without a value is None, and its sibling ``<name>_reason`` says why."""

    id: str
    config_id: str | None
    user_id: str
    context: str
    window_kind: str
    start_date: date
    end_date: date
    baseline_kind: str | None
    sample_size_applied: int
    sample_size_baseline: int
    is_statistically_significant: bool
    direction: str | None
    calculated_at: datetime
    retention_improvement: float | None
    retention_improvement_reason: str | None
    performance_improvement: float | None
    performance_improvement_reason: str | None
    completion_rate_change: float | None
    completion_rate_change_reason: str | None
    engagement_change: float | None
    engagement_change_reason: str | None
    retention_difference: float | None
    retention_difference_reason: str | None
    performance_difference: float | None
    performance_difference_reason: str | None
    completion_rate_difference: float | None
    completion_rate_difference_reason: str | None
    engagement_difference: float | None
    engagement_difference_reason: str | None
    correlation: float | None
    correlation_reason: str | None
    p_value: float | None
    p_value_reason: str | None
    confidence_interval: dict[str, float] | None
    confidence_interval_reason: str | None
    difference_interval: dict[str, float] | None
    difference_interval_reason: str | None
    composite_score: float | None
    composite_score_reason: str | None


class _Window(NamedTuple):
    """One window of one row; ``start`` is None where it begins with each arm's activation."""

    kind: WindowKind
    start: Day | None
    end: Day


def effectiveness_records(row: ContextRow, measuring: Measuring = MEASURING) -> list[EffectivenessRecord]:
    """Project a context's row to record 3.

    Parameters
    ----------
    row : ContextRow
        One learner in one context.
    measuring : Measuring
        Window, minima and levels.

    Returns
    -------
    list of EffectivenessRecord
        Per window, one for each variant and one (``config_id`` None) that pools them, wherever a personalized
        decision was measured. The baseline is the learner's own CONTROL decisions of the same window.
    """
    buckets = list(BUCKETS.all(row.buckets))
    if not buckets:
        return []
    today = day_of(row.updated_at)
    first = Day(today - measuring.rolling_days + 1)
    rolling = [bucket for bucket in buckets if bucket.day >= first]
    cumulative = [bucket for bucket in buckets if bucket.day == CUMULATIVE]
    return [
        *_records(row, rolling, _Window(WindowKind.ROLLING, first, today), measuring),
        *_records(row, cumulative, _Window(WindowKind.CUMULATIVE, None, today), measuring),
    ]


def newest_scores(records: Sequence[EffectivenessRecord]) -> dict[str | None, float | None]:
    """Give each config's latest composite score: the rolling one, or where that is missing the cumulative one."""
    scores: dict[str | None, float | None] = {}
    for record in records:
        if scores.get(record.config_id) is None:
            scores[record.config_id] = record.composite_score
    return scores


def _records(
    row: ContextRow, buckets: list[Bucket], window: _Window, measuring: Measuring
) -> Iterator[EffectivenessRecord]:
    """Give the records of one window: a variant's for each, then the pooled one."""
    samples = _samples(buckets)
    control = samples.get(ArmCode.CONTROL, Sample())
    applied = {code: samples[code] for code in ARM_VARIANTS if code in samples and samples[code].composite.n}
    if not applied:
        return
    since = {code: day_of(Millis(max(arm_entry(row.arms, code).first, row.learning_since))) for code in applied}
    for code, sample in applied.items():
        start = window.start or since[code]
        identifier = config_id(row.user_id, row.context, ARM_VARIANTS[code])
        yield _record(row, window._replace(start=start), identifier, sample, control, measuring)
    whole = reduce(Sample.merged, applied.values())
    start = window.start or min(since.values())
    yield _record(row, window._replace(start=start), None, whole, control, measuring)


def _samples(buckets: list[Bucket]) -> dict[int, Sample]:
    """Add up buckets by arm. A bucket is day, arm and five triples of count, sum and sum of squares."""
    totals: dict[int, tuple[int, ...]] = {}
    for bucket in buckets:
        arm, part = bucket.arm, bucket[2:]
        totals[arm] = tuple(map(add, totals[arm], part)) if arm in totals else part
    return {arm: Sample(*map(Sums._make, zip(*[iter(whole)] * 3, strict=True))) for arm, whole in totals.items()}


def _record(
    row: ContextRow, window: _Window, config: ConfigId | None, applied: Sample, control: Sample, measuring: Measuring
) -> EffectivenessRecord:
    figures = own_figures(applied, control, measuring)
    return EffectivenessRecord(
        named("effectiveness", row.user_id, row.context.value, config or "*", window.kind.value),
        config,
        row.user_id,
        row.context.value,
        window.kind.value,
        _date(window.end if window.start is None else window.start),
        _date(window.end),
        None if figures is UNKNOWN else BaselineKind.OWN.value,
        applied.composite.n,
        control.composite.n,
        figures.significant,
        _direction(figures.r),
        to_datetime(row.updated_at),
        *(_UNKNOWN_COLUMNS if figures is UNKNOWN else _columns(figures)),
    )


def _date(day: Day) -> date:
    return _FIRST_DAY + timedelta(days=day)


def _direction(r: float | Missing) -> str | None:
    if isinstance(r, Missing):
        return None
    return (Direction.POSITIVE if r > 0 else Direction.NEGATIVE if r < 0 else Direction.NONE).value


def _columns(figures: Figures) -> Iterator[Any]:
    """Give each figure and its reason, in the order of the record's columns."""
    for figure in (
        *figures.improvements,
        *figures.differences,
        figures.r,
        figures.p_value,
        figures.interval,
        figures.difference_interval,
        figures.composite_score,
    ):
        if isinstance(figure, Missing):
            yield from (None, figure.value)
        elif isinstance(figure, Interval):
            yield from ({"lower": figure.lower, "upper": figure.upper}, None)
        else:
            yield from (figure, None)


_FIRST_DAY: Final = EPOCH.date()
_UNKNOWN_COLUMNS: Final = tuple(_columns(UNKNOWN))
"""Most rows are of learners without enough control decisions."""

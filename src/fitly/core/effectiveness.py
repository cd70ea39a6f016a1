"""Record 3, effectiveness: per learner x context x variant and pooled, rolling and cumulative.

Knows which buckets make which window and how figures become columns. Must never know how a figure is computed
(``statistics``) or stored, and never the wall clock: the rolling window ends on the day of the row's ``updated_at``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from fitly.core.assessments import BaselineKind, Direction, EffectivenessRecord, WindowKind
from fitly.core.entries import ARMS, BASELINE
from fitly.core.learner import ContextRow
from fitly.core.names import ConfigId, config_id, named
from fitly.core.numbers import EPOCH, Day, Millis, day_of, to_datetime
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.own_baseline import MEASURING, UNKNOWN, Figures, Measuring, Sample, own_figures, suffices
from fitly.core.statistics.population_baseline import described_figures, informs
from fitly.core.statistics.welch import Interval
from fitly.core.vocabulary import ARM_VARIANTS, ArmCode
from fitly.core.windowed import NOBODY, Totals, windows


class _Window(NamedTuple):
    """One window of one row: its days, and what it is recorded as."""

    row: ContextRow
    kind: str
    context: str
    start: Day | None
    """None where it begins with each arm's activation."""
    end: Day
    now: datetime
    measuring: Measuring
    others: Sample | None
    """Means of the learners of the population's baseline; None where that is not known."""


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
        decision was measured. The baseline is the learner's own CONTROL decisions of the same window; where those are
        too few, the population's as it was frozen in the row, against which the learner is described and not tested.
    """
    if not row.buckets and not row.decisions:
        return []
    today = day_of(row.updated_at)
    first = Day(today - measuring.rolling_days + 1)
    context, now = row.context.value, to_datetime(row.updated_at)
    others = _others(row.baseline, measuring)
    rolling, cumulative = windows(row, first, measuring, described=others is not None)
    window = _Window(row, WindowKind.ROLLING.value, context, first, today, now, measuring, others)
    return [
        *_records(rolling, window),
        *_records(cumulative, window._replace(kind=WindowKind.CUMULATIVE.value, start=None)),
    ]


def newest_scores(records: Sequence[EffectivenessRecord]) -> dict[str | None, float | None]:
    """Give each config's latest composite score: the rolling one, or where that is missing the cumulative one."""
    scores: dict[str | None, float | None] = {}
    for record in records:
        if scores.get(record.config_id) is None:
            scores[record.config_id] = record.composite_score
    return scores


def _others(baseline: bytes, measuring: Measuring) -> Sample | None:
    """Read the population's baseline; None where too few learners inform it."""
    if not baseline:
        return None
    others = Totals.of(BASELINE.at(baseline, 0)).sample()
    return others if informs(others.composite.n, measuring) else None


def _records(totals: dict[int, Totals], window: _Window) -> Iterator[EffectivenessRecord]:
    """Give the records of one window: a variant's for each, then the pooled one."""
    applied = {code: totals[code] for code in ARM_VARIANTS if code in totals and totals[code].decisions}
    if not applied:
        return
    row = window.row
    control = totals.get(ArmCode.CONTROL, NOBODY)
    arms = {arm.arm: arm for arm in ARMS.all(row.arms)}
    activated = {code: day_of(Millis(max(arms[code].first, row.learning_since))) for code in applied}
    for code, part in applied.items():
        identifier = config_identifier(row.user_id, row.context, ARM_VARIANTS[code])
        yield _record(window, activated[code], identifier, part, control)
    decisions = sum(part.decisions for part in applied.values())
    whole = tuple(map(sum, zip(*[part.whole for part in applied.values()], strict=True)))
    yield _record(window, min(activated.values()), None, Totals(decisions, whole), control)


def _record(
    window: _Window, activated: Day, config: ConfigId | None, applied: Totals, control: Totals
) -> EffectivenessRecord:
    row = window.row
    kind, baseline, figures = _figures(window, applied, control)
    return EffectivenessRecord(
        named("effectiveness", row.user_id, window.context, config or "*", window.kind),
        config,
        row.user_id,
        window.context,
        window.kind,
        _date(activated if window.start is None else window.start),
        _date(window.end),
        kind,
        applied.decisions,
        baseline,
        figures.significant,
        _direction(figures.r),
        window.now,
        *(UNKNOWN_COLUMNS if kind is None else _columns(figures)),
    )


def _figures(window: _Window, applied: Totals, control: Totals) -> tuple[str | None, int, Figures]:
    """Give what the decisions are compared with, how many that are, and the figures."""
    measuring, others = window.measuring, window.others
    if suffices(applied.decisions, control.decisions, measuring):
        figures = own_figures(applied.sample(), control.sample(), measuring)
        return BaselineKind.OWN.value, control.decisions, figures
    if others is None:
        return None, control.decisions, UNKNOWN
    return BaselineKind.POPULATION.value, others.composite.n, described_figures(applied.sample(), others, measuring)


@lru_cache(maxsize=512)
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
UNKNOWN_COLUMNS: Final = tuple(_columns(UNKNOWN))
"""What stands in the last columns of every record without a baseline; most are."""
config_identifier: Final = lru_cache(maxsize=1024)(config_id)
"""A row's records name the same four configs again and again."""

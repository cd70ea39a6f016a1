"""Reports as tables hold them: the history of looks, and what record 4 shows of the newest.

Knows how each column follows from a report. Must never know a database. Field names are the columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from fitly.core.experiments.records import experiment_id
from fitly.core.experiments.report import Report
from fitly.core.plain import Json


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """One look at an experiment; look 0 is the view in between, each of which replaces the one before."""

    experiment_id: str
    look: int
    closed_at: datetime
    is_provisional: bool
    report: Json
    calculated_at: datetime


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """What record 4 shows of reports: participants and means of the newest, p and winner of the newest look."""

    id: str
    current_participants: int
    variant_metrics: Json
    winning_variant: str | None
    statistical_significance: float | None
    significance_kind: str | None


def result_record(report: Report, document: Json) -> ResultRecord:
    """Project a report; ``document`` is what was published."""
    return ResultRecord(
        experiment_id=experiment_id(report.experiment_name),
        look=report.look,
        closed_at=report.closed_at,
        is_provisional=report.is_provisional,
        report=document,
        calculated_at=report.closed_at,
    )


def found_record(reports: Iterable[Report]) -> FoundRecord | None:
    """Project the reports of one experiment; None where there is none.

    Parameters
    ----------
    reports : iterable of Report
        The newest look, the view in between, or both.
    """
    newest = sorted(reports, key=attrgetter("closed_at", "look"))
    if not newest:
        return None
    now = newest[-1]
    looks = [each for each in newest if not each.is_provisional]
    verdict = looks[-1].verdict if looks else None
    kind = None if verdict is None else verdict.significance_kind
    return FoundRecord(
        id=experiment_id(now.experiment_name),
        current_participants=now.participants,
        variant_metrics={
            arm.variant_id: {
                measure.value: {"n": mean.n, "mean": mean.mean, "sd": mean.sd} for measure, mean in arm.measures.items()
            }
            for arm in now.arms
        },
        winning_variant=None if verdict is None else verdict.winner,
        statistical_significance=None if verdict is None else verdict.significance,
        significance_kind=None if kind is None else kind.value,
    )

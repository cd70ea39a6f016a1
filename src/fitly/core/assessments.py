"""What is said of effectiveness: record 3, and the announcement that it was looked at anew.

Knows the words and the columns. Must never know how a figure comes about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from fitly.core.names import ConfigId, DecisionId, UserId
from fitly.core.numbers import Millis
from fitly.core.vocabulary import Context


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


class Flip(NamedTuple):
    """One record whose flag or direction is another than was last announced.

    Attributes
    ----------
    config_id : ConfigId or None
        None for the record that pools all variants.
    window_kind : WindowKind
        Which of its two windows.
    was_significant, is_significant : bool
        The flag before and now.
    was_direction, is_direction : Direction or None
        The direction before and now; None where there was or is no test.
    """

    config_id: ConfigId | None
    window_kind: WindowKind
    was_significant: bool
    was_direction: Direction | None
    is_significant: bool
    is_direction: Direction | None


class Assessed(NamedTuple):
    """A learner's effectiveness in a context was looked at anew.

    Attributes
    ----------
    id : str
        Made from the learner, the context and the place in the log.
    closed : tuple of DecisionId
        Measured decisions whose reward windows closed, and with that brought this.
    applied, control : int
        The learner's own decisions measured since activation or reset: what a test needs enough of.
    flips : tuple of Flip
        What changed since it was last announced, by config and window.
    records : tuple of EffectivenessRecord
        The records that carry a test, complete; none before there are enough decisions.
    at : Millis
        The clock.
    """

    id: str
    user_id: UserId
    context: Context
    closed: tuple[DecisionId, ...]
    applied: int
    control: int
    flips: tuple[Flip, ...]
    records: tuple[EffectivenessRecord, ...]
    at: Millis

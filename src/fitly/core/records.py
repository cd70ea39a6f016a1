"""The records people read (product.md, section 2), projected from rows and from what goes out.

Knows how each column follows from a row. Must never know a database, and never the wall clock: two projections of
the same bytes are equal, which is how `verify` can hold Postgres to the changelog. Where a record needs a *now*
(the rolling window, ``calculated_at``), it is the row's own ``updated_at``: a learner who stays away keeps the
window of their last event.

Field names are the columns. Times are aware datetimes, identifiers canonical text, what is JSON in the table is
plain lists and dicts. Effectiveness has a file of its own, and so have outcomes and decisions (`filings`), which
are projected from what was sent; all are to be had from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, NamedTuple

from fitly.core.assessments import EffectivenessRecord
from fitly.core.decisions import Selected
from fitly.core.effectiveness import config_identifier, effectiveness_records, newest_scores
from fitly.core.entries import ARMS, ArmEntry
from fitly.core.events import ControlEvent, PolicyRevised
from fitly.core.filings import (
    DecisionRecord,
    OutcomeRecord,
    amended,
    decision_record,
    outcome_record,
    renders_later,
    settled,
)
from fitly.core.learner import ContextRow, LearnerRow
from fitly.core.names import named
from fitly.core.numbers import ONE, Millis, to_datetime
from fitly.core.plain import Json, as_json, plain, rendered
from fitly.core.rules import Policy
from fitly.core.system import Ledger
from fitly.core.vocabulary import ARM_VARIANTS, Variant

__all__ = [
    "ConfigRecord",
    "DecisionRecord",
    "EffectivenessRecord",
    "Json",
    "LedgerRecord",
    "OutcomeRecord",
    "PolicyRecord",
    "PreferencesRecord",
    "amended",
    "config_records",
    "decision_record",
    "effectiveness_records",
    "ledger_records",
    "outcome_record",
    "policy_record",
    "preferences_id",
    "preferences_record",
    "renders_later",
    "settled",
]

_INITIAL_CONFIDENCE: Final = Policy().initial_confidence
"""The column's default; a revised policy shows in the next decision, not in configs that do not stand."""


@dataclass(frozen=True, slots=True)
class PreferencesRecord:
    """Record 1: what a learner allows."""

    id: str
    user_id: str
    level: str
    auto_adapt_enabled: bool
    mission_enabled: bool
    content_enabled: bool
    assessment_enabled: bool
    session_enabled: bool
    disabled_features: list[str]
    created_at: datetime
    updated_at: datetime
    last_reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """Record 2: one arm ever selected for a learner in a context."""

    id: str
    user_id: str
    preferences_id: str
    context: str
    strategy_variant: str
    parameters: Json
    effectiveness_score: float | None
    confidence_score: float
    times_selected: int
    times_rewarded: int
    total_reward: float
    avg_reward: float | None
    is_active: bool
    activated_at: datetime | None
    deactivated_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One bin of one partition; ``detail`` is empty where the bin is not told apart."""

    partition: int
    bin: str
    detail: str
    records: int


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """One revision of the policy, as the control log issued it."""

    revision: int
    control_number: int
    policy: Json
    note: str
    issued_at: datetime


def preferences_id(user_id: str) -> str:
    """Identify the preferences record of a learner."""
    return named("preferences", plain(user_id))


def preferences_record(row: LearnerRow) -> PreferencesRecord:
    """Project a learner's row to record 1."""
    preferences = row.preferences
    return PreferencesRecord(
        id=preferences_id(row.user_id),
        user_id=plain(row.user_id),
        level=preferences.level.value,
        auto_adapt_enabled=preferences.auto_adapt_enabled,
        mission_enabled=preferences.mission_enabled,
        content_enabled=preferences.content_enabled,
        assessment_enabled=preferences.assessment_enabled,
        session_enabled=preferences.session_enabled,
        disabled_features=[feature.value for feature in preferences.disabled_features],
        created_at=to_datetime(row.created_at),
        updated_at=to_datetime(row.updated_at),
        last_reset_at=_moment(row.last_reset_at or 0),
    )


def config_records(row: ContextRow, effectiveness: list[EffectivenessRecord]) -> list[ConfigRecord]:
    """Project a context's row to record 2, one per variant ever selected.

    Parameters
    ----------
    row : ContextRow
        One learner in one context.
    effectiveness : list of EffectivenessRecord
        Its `effectiveness_records`, of which each config shows the newest composite score.
    """
    arms = [arm for arm in ARMS.all(row.arms) if arm.arm in ARM_VARIANTS and arm.selected]
    if not arms:
        return []
    standing = None if row.standing is None else row.standing.open()
    facts = _Facts(
        row,
        user_id=plain(row.user_id),
        preferences=preferences_id(row.user_id),
        scores=newest_scores(effectiveness),
        standing=standing,
        greedy=_greedy(standing),
    )
    return [_config(arm, facts) for arm in arms]


class _Facts(NamedTuple):
    """What the configs of one row have in common."""

    row: ContextRow
    user_id: str
    preferences: str
    scores: Mapping[str | None, float | None]
    standing: Selected | None
    greedy: Mapping[Variant, float]


def _config(arm: ArmEntry, facts: _Facts) -> ConfigRecord:
    row, standing = facts.row, facts.standing
    variant = ARM_VARIANTS[arm.arm]
    identifier = config_identifier(row.user_id, row.context, variant)
    stands = standing is not None and standing.strategy_variant is variant
    return ConfigRecord(
        identifier,
        facts.user_id,
        facts.preferences,
        row.context.value,
        variant.value,
        rendered(standing) if standing is not None and stands else None,
        facts.scores.get(identifier),
        facts.greedy.get(variant, _INITIAL_CONFIDENCE),
        arm.selected,
        arm.n,
        arm.raw / ONE,
        arm.raw / (arm.n * ONE) if arm.n else None,
        bool(arm.active),
        _moment(arm.activated),
        _moment(arm.deactivated),
        to_datetime(Millis(arm.first)),
        to_datetime(Millis(arm.updated)),
    )


def _greedy(standing: Selected | None) -> dict[Variant, float]:
    """Give the decision's confidence to the arm it was about: the one expected to do best."""
    if standing is None or not standing.arms:
        return {}
    most = max(view.expected for view in standing.arms.values())
    return {arm: standing.confidence for arm, view in standing.arms.items() if view.expected == most}


def ledger_records(partition: int, ledger: Ledger) -> list[LedgerRecord]:
    """Project a partition's ledger, a record per bin and detail, sorted."""
    parted = [(*name.partition("/")[::2], count) for name, count in ledger.bins.items()]
    return [LedgerRecord(partition, bin_, detail, count) for bin_, detail, count in sorted(parted)]


def policy_record(event: ControlEvent) -> PolicyRecord | None:
    """Project a control event; None where it revises no policy."""
    data = event.data
    if not isinstance(data, PolicyRevised):
        return None
    policy = as_json(asdict(data.policy))
    return PolicyRecord(data.revision, event.number, policy, plain(data.note), to_datetime(event.issued_at))


def _moment(value: int) -> datetime | None:
    return to_datetime(Millis(value)) if value else None

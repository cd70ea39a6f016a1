"""The records of learners: preferences, configs, effectiveness, outcomes (product.md, section 2: 1, 2, 3 and 5).

Knows every column, default, index and reference. Must never know how a value comes about.

A reference is enforced where both rows come from the same changelog record (effectiveness to its config) and is only
said in the comment where they come by different topics or partitions, in any order: see
docs/decisions/references-across-topics.md.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Date, Double, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import ForeignKeyConstraint

from fitly.core.assessments import BaselineKind, Direction, WindowKind
from fitly.core.rules import Policy
from fitly.core.vocabulary import Bin, Context, Level, OutcomeType, Variant
from fitly.store.schema.columns import (
    COUNT,
    IDENTIFIER,
    JSON,
    MOMENT,
    SCORE,
    SHARE,
    column,
    config,
    figure,
    metric,
    table,
    user,
    version,
    word,
)

PREFERENCES: Final = table(
    "personalization_preferences",
    column("id", IDENTIFIER, "uuid5 of the learner", primary_key=True),
    user(),
    word("level", Level, "How much personalization the learner allows", default="'MEDIUM'"),
    column("auto_adapt_enabled", Boolean, "False keeps the arm that stands", default="true"),
    column("mission_enabled", Boolean, "Whether missions may be personalized", default="true"),
    column("content_enabled", Boolean, "Whether content may be personalized", default="true"),
    column("assessment_enabled", Boolean, "Whether assessments may be personalized", default="true"),
    column("session_enabled", Boolean, "Whether sessions may be personalized", default="true"),
    column(
        "disabled_features",
        ARRAY(Text),
        "Features that keep their default, such as session.break_timing",
        default="'{}'",
    ),
    column("created_at", MOMENT, "When the learner was first seen, by the log's clock"),
    column("updated_at", MOMENT, "When the learner's row last changed, by the log's clock"),
    column("last_reset_at", MOMENT, "When the learner last started again; null for never", nullable=True),
    version(),
    UniqueConstraint("user_id"),
    comment="What each learner allows; one row per learner, projected from the learners changelog",
)

CONFIGS: Final = table(
    "personalization_configs",
    column("id", IDENTIFIER, "uuid5 of learner, context and variant", primary_key=True),
    user(),
    column(
        "preferences_id",
        IDENTIFIER,
        "References personalization_preferences.id; not enforced: it comes by another topic",
    ),
    word("context", Context, "Where it acts"),
    word("strategy_variant", Variant, "The arm"),
    column(
        "parameters",
        JSON,
        "Feature to {value, because} while this arm stands; null otherwise: strategy_decisions keeps what was sent",
        nullable=True,
    ),
    column(
        "effectiveness_score",
        Double,
        "Latest composite score: the rolling one, or where that is missing the cumulative one",
        nullable=True,
        check=SCORE,
    ),
    column(
        "confidence_score",
        Double,
        "Probability that the arm helps this learner, as of the newest decision, where that was about this arm",
        default=str(Policy().initial_confidence),
        check=SHARE,
    ),
    column("times_selected", BigInteger, "Decisions with apply: true", default="0", check=COUNT),
    column("times_rewarded", BigInteger, "Decisions with a reward", default="0", check=COUNT),
    column("total_reward", Double, "Sum of their rewards", default="0"),
    column("avg_reward", Double, "total_reward / times_rewarded; null before the first reward", nullable=True),
    column("is_active", Boolean, "Whether it is the arm of the newest applied decision", default="false"),
    column("activated_at", MOMENT, "When it last became active", nullable=True),
    column("deactivated_at", MOMENT, "When it last ceased to be active", nullable=True),
    column("created_at", MOMENT, "When the arm was first selected here"),
    column("updated_at", MOMENT, "When the arm's book-keeping last changed"),
    version(),
    Index(None, "user_id", "context"),
    Index(None, "context"),
    Index(None, "strategy_variant"),
    Index(None, "is_active"),
    Index(
        "personalization_configs_one_active_idx", "user_id", "context", unique=True, postgresql_where=text("is_active")
    ),
    comment="One row per learner, context and variant ever selected; at most one active per learner and context",
)

EFFECTIVENESS: Final = table(
    "personalization_effectiveness",
    column("id", IDENTIFIER, "uuid5 of learner, context, config and window", primary_key=True),
    config("References personalization_configs.id; null for the row that pools all variants of the context"),
    user(),
    word("context", Context, "Where it was measured"),
    word("window_kind", WindowKind, "ROLLING (the last 14 event days up to calculated_at) or CUMULATIVE"),
    column(
        "start_date", Date, "First UTC day of the window; for CUMULATIVE the day of activation or of the last reset"
    ),
    column("end_date", Date, "Last UTC day of the window"),
    *figure("retention_improvement", "Percent of baseline"),
    *figure("performance_improvement", "Percent of baseline"),
    *figure("completion_rate_change", "Percent of baseline"),
    *figure("engagement_change", "Percent of baseline"),
    *figure("retention_difference", "Mean applied minus mean baseline"),
    *figure("performance_difference", "Mean applied minus mean baseline"),
    *figure("completion_rate_difference", "Mean applied minus mean baseline"),
    *figure("engagement_difference", "Mean applied minus mean baseline"),
    column("sample_size_applied", BigInteger, "Personalized decisions measured in the window", check=COUNT),
    column(
        "sample_size_baseline",
        BigInteger,
        "Baseline decisions measured in the window; of the POPULATION: learners",
        check=COUNT,
    ),
    *figure("correlation", "Pearson of applied (0/1) and composite outcome"),
    *figure("p_value", "Two-sided p of there being no correlation", check=SHARE),
    *figure("confidence_interval", "Fisher interval of the correlation: {lower, upper}", JSON),
    *figure("difference_interval", "Welch interval of the difference of composite outcomes: {lower, upper}", JSON),
    *figure("composite_score", "Chance in percent that a personalized outcome beats an ordinary one", check=SCORE),
    column(
        "is_statistically_significant",
        Boolean,
        "Whether p_value is below 0.05; false where there is no test",
        default="false",
    ),
    word("direction", Direction, "Which way the composite outcome moved; null where there is no test", nullable=True),
    word(
        "baseline_kind",
        BaselineKind,
        "OWN control decisions or the POPULATION; null where neither is known",
        nullable=True,
    ),
    column("calculated_at", MOMENT, "The log's clock at the learner's last change here, which is this row's now"),
    version(),
    ForeignKeyConstraint(["config_id"], ["personalization_configs.id"], ondelete="CASCADE"),
    Index(None, "user_id", "context"),
    Index(None, "config_id"),
    Index(None, "start_date", "end_date"),
    comment="Whether personalizing helps: per learner, context and variant, and pooled; rolling and cumulative",
)

OUTCOMES: Final = table(
    "personalization_outcomes",
    column("id", IDENTIFIER, "Event key: uuid5 of the event's source and id", primary_key=True),
    user(),
    config("References personalization_configs.id, set whenever attributable; not enforced: it comes by another topic"),
    column("decision_id", IDENTIFIER, "The decision it belongs to; null for none", nullable=True),
    word("outcome_type", OutcomeType, "What the learner finished"),
    word("context", Context, "Where"),
    column("timestamp", MOMENT, "Event time"),
    metric("retention_score", "Retention, 0-1"),
    metric("performance_score", "Performance, 0-1"),
    metric("completion_rate", "Completion, 0-1"),
    metric("engagement_score", "Engagement, 0-1"),
    column("session_duration", Double, "Minutes", nullable=True, check=COUNT),
    column("content_type", Text, "Kind of content, in the producer's words", nullable=True),
    column("difficulty_level", Integer, "1 to 5", nullable=True, check="{0} >= 1 AND {0} <= 5"),
    column(
        "personalization_applied",
        Boolean,
        "Whether the learner saw the personalized form; null for unknown",
        nullable=True,
    ),
    word("strategy_variant", Variant, "The arm of its decision; null for none", nullable=True),
    word("disposition", Bin, "The ledger bin the event landed in"),
    column("corrected_by", IDENTIFIER, "Event key of the newest correction; null for none", nullable=True),
    version(),
    Index(None, "user_id"),
    Index(None, "outcome_type"),
    Index(None, "timestamp"),
    Index(None, "config_id"),
    comment="One row per outcome event of any bin but INVALID, projected from the topic outcomes",
)

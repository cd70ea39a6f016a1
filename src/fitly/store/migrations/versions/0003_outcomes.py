"""Outcomes and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "personalization_outcomes",
        sa.Column(
            "id", sa.Uuid(as_uuid=False), nullable=False, comment="Event key: uuid5 of the event's source and id"
        ),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The learner, as upstream services name them"),
        sa.Column(
            "config_id",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment=(
                "References personalization_configs.id, set whenever attributable; not enforced: it "
                "comes by another topic"
            ),
        ),
        sa.Column(
            "decision_id", sa.Uuid(as_uuid=False), nullable=True, comment="The decision it belongs to; null for none"
        ),
        sa.Column("outcome_type", sa.Text(), nullable=False, comment="What the learner finished"),
        sa.Column("context", sa.Text(), nullable=False, comment="Where"),
        sa.Column("timestamp", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="Event time"),
        sa.Column("retention_score", sa.Double(), nullable=True, comment="Retention, 0-1"),
        sa.Column("performance_score", sa.Double(), nullable=True, comment="Performance, 0-1"),
        sa.Column("completion_rate", sa.Double(), nullable=True, comment="Completion, 0-1"),
        sa.Column("engagement_score", sa.Double(), nullable=True, comment="Engagement, 0-1"),
        sa.Column("session_duration", sa.Double(), nullable=True, comment="Minutes"),
        sa.Column("content_type", sa.Text(), nullable=True, comment="Kind of content, in the producer's words"),
        sa.Column("difficulty_level", sa.Integer(), nullable=True, comment="1 to 5"),
        sa.Column(
            "personalization_applied",
            sa.Boolean(),
            nullable=True,
            comment="Whether the learner saw the personalized form; null for unknown",
        ),
        sa.Column("strategy_variant", sa.Text(), nullable=True, comment="The arm of its decision; null for none"),
        sa.Column("disposition", sa.Text(), nullable=False, comment="The ledger bin the event landed in"),
        sa.Column(
            "corrected_by",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment="Event key of the newest correction; null for none",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')",
            name=op.f("personalization_outcomes_context_check"),
        ),
        sa.CheckConstraint(
            "disposition IN ('APPLIED', 'DUPLICATE', 'LATE', 'FUTURE', 'ORPHAN', 'OPTED_OUT', "
            "'ERASED', 'INVALID', 'MISROUTED', 'SYSTEM')",
            name=op.f("personalization_outcomes_disposition_check"),
        ),
        sa.CheckConstraint(
            "outcome_type IN ('MISSION_COMPLETED', 'CONTENT_ENGAGED', 'ASSESSMENT_COMPLETED', 'SESSION_COMPLETED')",
            name=op.f("personalization_outcomes_outcome_type_check"),
        ),
        sa.CheckConstraint(
            "strategy_variant IN ('PATTERN_HEAVY', 'PREDICTION_HEAVY', 'BALANCED', 'CONSERVATIVE')",
            name=op.f("personalization_outcomes_strategy_variant_check"),
        ),
        sa.CheckConstraint(
            "completion_rate >= 0 AND completion_rate <= 1", name=op.f("personalization_outcomes_completion_rate_check")
        ),
        sa.CheckConstraint(
            "difficulty_level >= 1 AND difficulty_level <= 5",
            name=op.f("personalization_outcomes_difficulty_level_check"),
        ),
        sa.CheckConstraint(
            "engagement_score >= 0 AND engagement_score <= 1",
            name=op.f("personalization_outcomes_engagement_score_check"),
        ),
        sa.CheckConstraint(
            "performance_score >= 0 AND performance_score <= 1",
            name=op.f("personalization_outcomes_performance_score_check"),
        ),
        sa.CheckConstraint(
            "retention_score >= 0 AND retention_score <= 1", name=op.f("personalization_outcomes_retention_score_check")
        ),
        sa.CheckConstraint("session_duration >= 0", name=op.f("personalization_outcomes_session_duration_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("personalization_outcomes_pkey")),
        comment="One row per outcome event of any bin but INVALID, projected from the topic outcomes",
    )
    op.create_index(
        op.f("personalization_outcomes_config_id_idx"), "personalization_outcomes", ["config_id"], unique=False
    )
    op.create_index(
        op.f("personalization_outcomes_outcome_type_idx"), "personalization_outcomes", ["outcome_type"], unique=False
    )
    op.create_index(
        op.f("personalization_outcomes_timestamp_idx"), "personalization_outcomes", ["timestamp"], unique=False
    )
    op.create_index(op.f("personalization_outcomes_user_id_idx"), "personalization_outcomes", ["user_id"], unique=False)
    op.create_table(
        "strategy_decisions",
        sa.Column("decision_id", sa.Uuid(as_uuid=False), nullable=False, comment="uuid5 of cause, learner and context"),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The learner, as upstream services name them"),
        sa.Column("context", sa.Text(), nullable=False, comment="Where it holds"),
        sa.Column("mode", sa.Text(), nullable=False, comment="Why it came out as it did"),
        sa.Column("apply", sa.Boolean(), nullable=False, comment="Whether to personalize"),
        sa.Column("strategy_variant", sa.Text(), nullable=True, comment="The arm; null where apply is false"),
        sa.Column("parameters", postgresql.JSONB(), nullable=False, comment="Feature to {value, because}"),
        sa.Column(
            "propensities",
            postgresql.JSONB(),
            nullable=False,
            comment="Probability of each eligible arm and of NONE, given the learner-level assignment",
        ),
        sa.Column("unit", sa.Text(), nullable=False, comment="What was randomized"),
        sa.Column(
            "assignment_probability", sa.Double(), nullable=False, comment="Probability of the learner-level assignment"
        ),
        sa.Column("epsilon", sa.Double(), nullable=False, comment="Exploration share in force"),
        sa.Column("confidence", sa.Double(), nullable=False, comment="Probability that the greedy arm helps"),
        sa.Column(
            "threshold", sa.Double(), nullable=True, comment="Confidence the level asks for; null where nothing may act"
        ),
        sa.Column(
            "config_id",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment=(
                "References personalization_configs.id; null where apply is false; not enforced: it "
                "comes by another topic"
            ),
        ),
        sa.Column(
            "policy_revision",
            sa.Integer(),
            nullable=False,
            comment="References policy_revisions.revision (0: the code's defaults); not enforced",
        ),
        sa.Column(
            "experiment", sa.Text(), nullable=True, comment="Name of the experiment it belongs to; null for none"
        ),
        sa.Column(
            "cause_event_id", sa.Uuid(as_uuid=False), nullable=False, comment="Event key of the event it answers"
        ),
        sa.Column("cause_partition", sa.Integer(), nullable=False, comment="Partition of that event"),
        sa.Column("cause_offset", sa.BigInteger(), nullable=False, comment="Offset of that event"),
        sa.Column(
            "decided_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When, by the log's clock"
        ),
        sa.Column(
            "valid_until",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="Until when to keep to it in silence",
        ),
        sa.Column(
            "supersedes", sa.Uuid(as_uuid=False), nullable=True, comment="decision_id of the one before; null for none"
        ),
        sa.Column(
            "arms",
            postgresql.JSONB(),
            nullable=False,
            comment="Variant to {n, mean, expected}: what was known of each arm",
        ),
        sa.Column("draws", postgresql.JSONB(), nullable=False, comment="The uniform draws made, by purpose"),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')", name=op.f("strategy_decisions_context_check")
        ),
        sa.CheckConstraint(
            "mode IN ('OPTED_OUT', 'HOLDOUT', 'PINNED', 'EXPERIMENT', 'FALLBACK', 'PROBE', "
            "'CONTROL', 'EXPLORE', 'EXPLOIT')",
            name=op.f("strategy_decisions_mode_check"),
        ),
        sa.CheckConstraint(
            "strategy_variant IN ('PATTERN_HEAVY', 'PREDICTION_HEAVY', 'BALANCED', 'CONSERVATIVE')",
            name=op.f("strategy_decisions_strategy_variant_check"),
        ),
        sa.CheckConstraint("unit IN ('decision', 'learner', 'none')", name=op.f("strategy_decisions_unit_check")),
        sa.CheckConstraint(
            "assignment_probability >= 0 AND assignment_probability <= 1",
            name=op.f("strategy_decisions_assignment_probability_check"),
        ),
        sa.CheckConstraint("confidence >= 0 AND confidence <= 1", name=op.f("strategy_decisions_confidence_check")),
        sa.CheckConstraint("epsilon >= 0 AND epsilon <= 1", name=op.f("strategy_decisions_epsilon_check")),
        sa.CheckConstraint("policy_revision >= 0", name=op.f("strategy_decisions_policy_revision_check")),
        sa.CheckConstraint("threshold >= 0 AND threshold <= 1", name=op.f("strategy_decisions_threshold_check")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("strategy_decisions_pkey")),
        comment="Every decision, once, as it was sent to strategy-selected",
    )
    op.create_index(op.f("strategy_decisions_decided_at_idx"), "strategy_decisions", ["decided_at"], unique=False)
    op.create_index(
        op.f("strategy_decisions_user_id_context_idx"), "strategy_decisions", ["user_id", "context"], unique=False
    )


def downgrade() -> None:
    op.drop_table("strategy_decisions")
    op.drop_table("personalization_outcomes")

"""Effectiveness."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "personalization_effectiveness",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="uuid5 of learner, context, config and window"),
        sa.Column(
            "config_id",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment="References personalization_configs.id; null for the row that pools all variants of the context",
        ),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The learner, as upstream services name them"),
        sa.Column("context", sa.Text(), nullable=False, comment="Where it was measured"),
        sa.Column(
            "window_kind",
            sa.Text(),
            nullable=False,
            comment="ROLLING (the last 14 event days up to calculated_at) or CUMULATIVE",
        ),
        sa.Column(
            "start_date",
            sa.Date(),
            nullable=False,
            comment="First UTC day of the window; for CUMULATIVE the day of activation or of the last reset",
        ),
        sa.Column("end_date", sa.Date(), nullable=False, comment="Last UTC day of the window"),
        sa.Column("retention_improvement", sa.Double(), nullable=True, comment="Percent of baseline"),
        sa.Column(
            "retention_improvement_reason",
            sa.Text(),
            nullable=True,
            comment="Why retention_improvement is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("performance_improvement", sa.Double(), nullable=True, comment="Percent of baseline"),
        sa.Column(
            "performance_improvement_reason",
            sa.Text(),
            nullable=True,
            comment="Why performance_improvement is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("completion_rate_change", sa.Double(), nullable=True, comment="Percent of baseline"),
        sa.Column(
            "completion_rate_change_reason",
            sa.Text(),
            nullable=True,
            comment="Why completion_rate_change is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("engagement_change", sa.Double(), nullable=True, comment="Percent of baseline"),
        sa.Column(
            "engagement_change_reason",
            sa.Text(),
            nullable=True,
            comment="Why engagement_change is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("retention_difference", sa.Double(), nullable=True, comment="Mean applied minus mean baseline"),
        sa.Column(
            "retention_difference_reason",
            sa.Text(),
            nullable=True,
            comment="Why retention_difference is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("performance_difference", sa.Double(), nullable=True, comment="Mean applied minus mean baseline"),
        sa.Column(
            "performance_difference_reason",
            sa.Text(),
            nullable=True,
            comment="Why performance_difference is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("completion_rate_difference", sa.Double(), nullable=True, comment="Mean applied minus mean baseline"),
        sa.Column(
            "completion_rate_difference_reason",
            sa.Text(),
            nullable=True,
            comment="Why completion_rate_difference is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("engagement_difference", sa.Double(), nullable=True, comment="Mean applied minus mean baseline"),
        sa.Column(
            "engagement_difference_reason",
            sa.Text(),
            nullable=True,
            comment="Why engagement_difference is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "sample_size_applied",
            sa.BigInteger(),
            nullable=False,
            comment="Personalized decisions measured in the window",
        ),
        sa.Column(
            "sample_size_baseline", sa.BigInteger(), nullable=False, comment="Baseline decisions measured in the window"
        ),
        sa.Column("correlation", sa.Double(), nullable=True, comment="Pearson of applied (0/1) and composite outcome"),
        sa.Column(
            "correlation_reason",
            sa.Text(),
            nullable=True,
            comment="Why correlation is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("p_value", sa.Double(), nullable=True, comment="Two-sided p of there being no correlation"),
        sa.Column(
            "p_value_reason",
            sa.Text(),
            nullable=True,
            comment="Why p_value is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "confidence_interval",
            postgresql.JSONB(),
            nullable=True,
            comment="Fisher interval of the correlation: {lower, upper}",
        ),
        sa.Column(
            "confidence_interval_reason",
            sa.Text(),
            nullable=True,
            comment="Why confidence_interval is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "difference_interval",
            postgresql.JSONB(),
            nullable=True,
            comment="Welch interval of the difference of composite outcomes: {lower, upper}",
        ),
        sa.Column(
            "difference_interval_reason",
            sa.Text(),
            nullable=True,
            comment="Why difference_interval is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "composite_score",
            sa.Double(),
            nullable=True,
            comment="Chance in percent that a personalized outcome beats an ordinary one",
        ),
        sa.Column(
            "composite_score_reason",
            sa.Text(),
            nullable=True,
            comment="Why composite_score is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "is_statistically_significant",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether p_value is below 0.05; false where there is no test",
        ),
        sa.Column(
            "direction",
            sa.Text(),
            nullable=True,
            comment="Which way the composite outcome moved; null where there is no test",
        ),
        sa.Column(
            "baseline_kind",
            sa.Text(),
            nullable=True,
            comment="OWN control decisions or the POPULATION; null where neither is known",
        ),
        sa.Column(
            "calculated_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="The log's clock at the learner's last change here, which is this row's now",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "baseline_kind IN ('OWN', 'POPULATION')", name=op.f("personalization_effectiveness_baseline_kind_check")
        ),
        sa.CheckConstraint(
            "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')",
            name=op.f("personalization_effectiveness_context_check"),
        ),
        sa.CheckConstraint(
            "direction IN ('POSITIVE', 'NEGATIVE', 'NONE')", name=op.f("personalization_effectiveness_direction_check")
        ),
        sa.CheckConstraint(
            "window_kind IN ('ROLLING', 'CUMULATIVE')", name=op.f("personalization_effectiveness_window_kind_check")
        ),
        sa.CheckConstraint(
            "composite_score >= 0 AND composite_score <= 100",
            name=op.f("personalization_effectiveness_composite_score_check"),
        ),
        sa.CheckConstraint("p_value >= 0 AND p_value <= 1", name=op.f("personalization_effectiveness_p_value_check")),
        sa.CheckConstraint(
            "sample_size_applied >= 0", name=op.f("personalization_effectiveness_sample_size_applied_check")
        ),
        sa.CheckConstraint(
            "sample_size_baseline >= 0", name=op.f("personalization_effectiveness_sample_size_baseline_check")
        ),
        sa.ForeignKeyConstraint(
            ["config_id"],
            ["personalization_configs.id"],
            name=op.f("personalization_effectiveness_config_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("personalization_effectiveness_pkey")),
        comment="Whether personalizing helps: per learner, context and variant, and pooled; rolling and cumulative",
    )
    op.create_index(
        op.f("personalization_effectiveness_config_id_idx"),
        "personalization_effectiveness",
        ["config_id"],
        unique=False,
    )
    op.create_index(
        op.f("personalization_effectiveness_start_date_end_date_idx"),
        "personalization_effectiveness",
        ["start_date", "end_date"],
        unique=False,
    )
    op.create_index(
        op.f("personalization_effectiveness_user_id_context_idx"),
        "personalization_effectiveness",
        ["user_id", "context"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("personalization_effectiveness")

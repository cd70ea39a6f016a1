"""Preferences and configs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "personalization_preferences",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="uuid5 of the learner"),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The learner, as upstream services name them"),
        sa.Column(
            "level",
            sa.Text(),
            server_default=sa.text("'MEDIUM'"),
            nullable=False,
            comment="How much personalization the learner allows",
        ),
        sa.Column(
            "auto_adapt_enabled",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="False keeps the arm that stands",
        ),
        sa.Column(
            "mission_enabled",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Whether missions may be personalized",
        ),
        sa.Column(
            "content_enabled",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Whether content may be personalized",
        ),
        sa.Column(
            "assessment_enabled",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Whether assessments may be personalized",
        ),
        sa.Column(
            "session_enabled",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Whether sessions may be personalized",
        ),
        sa.Column(
            "disabled_features",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Features that keep their default, such as session.break_timing",
        ),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When the learner was first seen, by the log's clock",
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When the learner's row last changed, by the log's clock",
        ),
        sa.Column(
            "last_reset_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When the learner last started again; null for never",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "level IN ('NONE', 'LOW', 'MEDIUM', 'HIGH')", name=op.f("personalization_preferences_level_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("personalization_preferences_pkey")),
        sa.UniqueConstraint("user_id", name=op.f("personalization_preferences_user_id_key")),
        comment="What each learner allows; one row per learner, projected from the learners changelog",
    )
    op.create_table(
        "personalization_configs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="uuid5 of learner, context and variant"),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The learner, as upstream services name them"),
        sa.Column(
            "preferences_id",
            sa.Uuid(as_uuid=False),
            nullable=False,
            comment="References personalization_preferences.id; not enforced: it comes by another topic",
        ),
        sa.Column("context", sa.Text(), nullable=False, comment="Where it acts"),
        sa.Column("strategy_variant", sa.Text(), nullable=False, comment="The arm"),
        sa.Column(
            "parameters",
            postgresql.JSONB(),
            nullable=True,
            comment=(
                "Feature to {value, because} while this arm stands; null otherwise: strategy_decisions "
                "keeps what was sent"
            ),
        ),
        sa.Column(
            "effectiveness_score",
            sa.Double(),
            nullable=True,
            comment="Latest composite score: the rolling one, or where that is missing the cumulative one",
        ),
        sa.Column(
            "confidence_score",
            sa.Double(),
            server_default=sa.text("0.7"),
            nullable=False,
            comment=(
                "Probability that the arm helps this learner, as of the newest decision, where that was about this arm"
            ),
        ),
        sa.Column(
            "times_selected",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Decisions with apply: true",
        ),
        sa.Column(
            "times_rewarded",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Decisions with a reward",
        ),
        sa.Column(
            "total_reward", sa.Double(), server_default=sa.text("0"), nullable=False, comment="Sum of their rewards"
        ),
        sa.Column(
            "avg_reward",
            sa.Double(),
            nullable=True,
            comment="total_reward / times_rewarded; null before the first reward",
        ),
        sa.Column(
            "is_active",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether it is the arm of the newest applied decision",
        ),
        sa.Column(
            "activated_at", postgresql.TIMESTAMP(timezone=True), nullable=True, comment="When it last became active"
        ),
        sa.Column(
            "deactivated_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When it last ceased to be active",
        ),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When the arm was first selected here",
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When the arm's book-keeping last changed",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')",
            name=op.f("personalization_configs_context_check"),
        ),
        sa.CheckConstraint(
            "strategy_variant IN ('PATTERN_HEAVY', 'PREDICTION_HEAVY', 'BALANCED', 'CONSERVATIVE')",
            name=op.f("personalization_configs_strategy_variant_check"),
        ),
        sa.CheckConstraint(
            "confidence_score >= 0 AND confidence_score <= 1",
            name=op.f("personalization_configs_confidence_score_check"),
        ),
        sa.CheckConstraint(
            "effectiveness_score >= 0 AND effectiveness_score <= 100",
            name=op.f("personalization_configs_effectiveness_score_check"),
        ),
        sa.CheckConstraint("times_rewarded >= 0", name=op.f("personalization_configs_times_rewarded_check")),
        sa.CheckConstraint("times_selected >= 0", name=op.f("personalization_configs_times_selected_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("personalization_configs_pkey")),
        comment="One row per learner, context and variant ever selected; at most one active per learner and context",
    )
    op.create_index(op.f("personalization_configs_context_idx"), "personalization_configs", ["context"], unique=False)
    op.create_index(
        op.f("personalization_configs_is_active_idx"), "personalization_configs", ["is_active"], unique=False
    )
    op.create_index(
        "personalization_configs_one_active_idx",
        "personalization_configs",
        ["user_id", "context"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index(
        op.f("personalization_configs_strategy_variant_idx"),
        "personalization_configs",
        ["strategy_variant"],
        unique=False,
    )
    op.create_index(
        op.f("personalization_configs_user_id_context_idx"),
        "personalization_configs",
        ["user_id", "context"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("personalization_configs")
    op.drop_table("personalization_preferences")

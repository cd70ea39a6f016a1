"""Experiments, assignments, results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "personalization_experiments",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="uuid5 of the name"),
        sa.Column("experiment_name", sa.Text(), nullable=False, comment="The name it is known by"),
        sa.Column(
            "experiment_type",
            sa.Text(),
            nullable=False,
            comment="AB_TEST (2 variants), MULTIVARIATE (3-8) or MULTI_ARMED_BANDIT",
        ),
        sa.Column("context", sa.Text(), nullable=True, comment="Where it acts; null for everywhere"),
        sa.Column("variants", postgresql.JSONB(), nullable=False, comment="[{variant_id, name, config, weight}]"),
        sa.Column(
            "status",
            sa.Text(),
            server_default=sa.text("'DRAFT'"),
            nullable=False,
            comment="Where it stands in its life",
        ),
        sa.Column(
            "start_date",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When it became active; null before",
        ),
        sa.Column(
            "end_date", postgresql.TIMESTAMP(timezone=True), nullable=True, comment="When it ended, or is planned to"
        ),
        sa.Column(
            "min_participants",
            sa.Integer(),
            server_default=sa.text("20"),
            nullable=False,
            comment="Learners in every arm before a verdict",
        ),
        sa.Column(
            "min_duration_days",
            sa.Integer(),
            server_default=sa.text("14"),
            nullable=False,
            comment="Days before a verdict",
        ),
        sa.Column(
            "current_participants",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Learners enrolled",
        ),
        sa.Column(
            "variant_metrics",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="{variant_id: {metric: {n, mean, sd}}}",
        ),
        sa.Column("winning_variant", sa.Text(), nullable=True, comment="variant_id of the winner; null for none"),
        sa.Column(
            "statistical_significance",
            sa.Double(),
            nullable=True,
            comment="p of the primary metric; null until both minima are met",
        ),
        sa.Column("significance_kind", sa.Text(), nullable=True, comment="Which p: SEQUENTIAL (always valid) or FIXED"),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Number of the definition in force",
        ),
        sa.Column("primary_metric", sa.Text(), nullable=True, comment="Plan: the metric that decides"),
        sa.Column(
            "guardrails",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="Plan: metrics that must not get worse, each with its margin",
        ),
        sa.Column(
            "margins",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Plan: non-inferiority margin per metric",
        ),
        sa.Column("planned_n", sa.BigInteger(), nullable=True, comment="Plan: learners expected at the end"),
        sa.Column("plan_hash", sa.Text(), nullable=True, comment="Hash of the plan as it stood at the start"),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When it was defined"),
        sa.Column(
            "completed_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When it was completed or cancelled",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')",
            name=op.f("personalization_experiments_context_check"),
        ),
        sa.CheckConstraint(
            "experiment_type IN ('AB_TEST', 'MULTIVARIATE', 'MULTI_ARMED_BANDIT')",
            name=op.f("personalization_experiments_experiment_type_check"),
        ),
        sa.CheckConstraint(
            "significance_kind IN ('SEQUENTIAL', 'FIXED')",
            name=op.f("personalization_experiments_significance_kind_check"),
        ),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'ACTIVE', 'PAUSED', 'COMPLETED', 'CANCELLED')",
            name=op.f("personalization_experiments_status_check"),
        ),
        sa.CheckConstraint(
            "current_participants >= 0", name=op.f("personalization_experiments_current_participants_check")
        ),
        sa.CheckConstraint("min_duration_days >= 0", name=op.f("personalization_experiments_min_duration_days_check")),
        sa.CheckConstraint("min_participants >= 0", name=op.f("personalization_experiments_min_participants_check")),
        sa.CheckConstraint("planned_n >= 0", name=op.f("personalization_experiments_planned_n_check")),
        sa.CheckConstraint("revision >= 0", name=op.f("personalization_experiments_revision_check")),
        sa.CheckConstraint(
            "statistical_significance >= 0 AND statistical_significance <= 1",
            name=op.f("personalization_experiments_statistical_significance_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("personalization_experiments_pkey")),
        sa.UniqueConstraint("experiment_name", name=op.f("personalization_experiments_experiment_name_key")),
        comment="Experiments: what is compared, where each stands and what it found",
    )
    op.create_index(
        op.f("personalization_experiments_context_idx"), "personalization_experiments", ["context"], unique=False
    )
    op.create_index(
        op.f("personalization_experiments_start_date_end_date_idx"),
        "personalization_experiments",
        ["start_date", "end_date"],
        unique=False,
    )
    op.create_index(
        op.f("personalization_experiments_status_idx"), "personalization_experiments", ["status"], unique=False
    )
    op.create_table(
        "experiment_assignments",
        sa.Column(
            "experiment_id",
            sa.Uuid(as_uuid=False),
            nullable=False,
            comment="References personalization_experiments.id; not enforced: it comes by another topic",
        ),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The learner, as upstream services name them"),
        sa.Column(
            "preferences_id",
            sa.Uuid(as_uuid=False),
            nullable=False,
            comment="References personalization_preferences.id; not enforced: it comes by another topic",
        ),
        sa.Column("assigned_variant", sa.Text(), nullable=True, comment="variant_id; null for who was not enrolled"),
        sa.Column(
            "enrolment_probability", sa.Double(), nullable=True, comment="Probability of that variant at enrolment"
        ),
        sa.Column(
            "enrolled_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When; null for who was not enrolled",
        ),
        sa.Column(
            "measured_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When the measurement days were complete",
        ),
        sa.Column("not_enrolled_reason", sa.Text(), nullable=True, comment="Code of the reason for not being enrolled"),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "(assigned_variant IS NULL) <> (not_enrolled_reason IS NULL)",
            name=op.f("experiment_assignments_enrolled_or_reason_check"),
        ),
        sa.CheckConstraint(
            "enrolment_probability >= 0 AND enrolment_probability <= 1",
            name=op.f("experiment_assignments_enrolment_probability_check"),
        ),
        sa.PrimaryKeyConstraint("experiment_id", "user_id", name=op.f("experiment_assignments_pkey")),
        comment="Who is in which variant since when, or why not",
    )
    op.create_index(op.f("experiment_assignments_user_id_idx"), "experiment_assignments", ["user_id"], unique=False)
    op.create_table(
        "experiment_results",
        sa.Column(
            "experiment_id",
            sa.Uuid(as_uuid=False),
            nullable=False,
            comment="References personalization_experiments.id; not enforced: it comes by another topic",
        ),
        sa.Column("look", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the look, from 1"),
        sa.Column(
            "closed_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="UTC day close of the event clock the look was taken at",
        ),
        sa.Column("is_provisional", sa.Boolean(), nullable=False, comment="True for a look between day closes"),
        sa.Column("report", postgresql.JSONB(), nullable=False, comment="The report as it was published"),
        sa.Column(
            "calculated_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="The log's clock when it was calculated",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.PrimaryKeyConstraint("experiment_id", "look", name=op.f("experiment_results_pkey")),
        comment="History of the looks at each experiment",
    )
    op.create_index(op.f("experiment_results_closed_at_idx"), "experiment_results", ["closed_at"], unique=False)


def downgrade() -> None:
    op.drop_table("experiment_results")
    op.drop_table("experiment_assignments")
    op.drop_table("personalization_experiments")

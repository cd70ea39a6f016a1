"""Assignments as the rows have them, by the experiment's number; which variant of an experiment made a decision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "experiment_assignments"
REFERENCE = "References personalization_experiments.id; not enforced: it comes by another topic"
NAMED = "References personalization_experiments.id; null until the control log has told it"
VARIANT = "variant_id; null for who was not enrolled"
VARIANT_NAMED = "variant_id; null for who was not enrolled, and until the control log has told it"


def upgrade() -> None:
    op.add_column(
        "strategy_decisions",
        sa.Column("experiment_variant", sa.Text(), nullable=True, comment="variant_id; null outside experiments"),
    )
    op.add_column(
        "strategy_decisions",
        sa.Column(
            "enrolment",
            postgresql.JSONB(),
            nullable=True,
            comment="How the learner came to the variant; null outside experiments",
        ),
    )
    # Nothing wrote the table before.
    op.drop_constraint(op.f("experiment_assignments_enrolled_or_reason_check"), TABLE, type_="check")
    op.drop_constraint(op.f("experiment_assignments_pkey"), TABLE, type_="primary")
    op.alter_column(TABLE, "experiment_id", nullable=True, comment=NAMED, existing_comment=REFERENCE)
    op.alter_column(TABLE, "assigned_variant", comment=VARIANT_NAMED, existing_comment=VARIANT)
    op.add_column(
        TABLE,
        sa.Column(
            "experiment_number", sa.BigInteger(), nullable=False, comment="Place among all experiments ever defined"
        ),
    )
    op.add_column(TABLE, sa.Column("context", sa.Text(), nullable=False, comment="Where the experiment acts"))
    op.add_column(
        TABLE,
        sa.Column(
            "variant_place",
            sa.Integer(),
            nullable=True,
            comment="Place of the variant in the plan, from 0; null for who was not enrolled",
        ),
    )
    op.create_primary_key(op.f("experiment_assignments_pkey"), TABLE, ["user_id", "experiment_number"])
    op.create_index(op.f("experiment_assignments_experiment_id_idx"), TABLE, ["experiment_id"], unique=False)
    op.create_check_constraint(
        op.f("experiment_assignments_context_check"),
        TABLE,
        "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')",
    )
    op.create_check_constraint(op.f("experiment_assignments_variant_place_check"), TABLE, "variant_place >= 0")
    op.create_check_constraint(
        op.f("experiment_assignments_enrolled_or_reason_check"),
        TABLE,
        "(variant_place IS NULL) <> (not_enrolled_reason IS NULL)",
    )


def downgrade() -> None:
    op.execute("DELETE FROM experiment_assignments")
    op.drop_constraint(op.f("experiment_assignments_enrolled_or_reason_check"), TABLE, type_="check")
    op.drop_constraint(op.f("experiment_assignments_pkey"), TABLE, type_="primary")
    op.drop_index(op.f("experiment_assignments_experiment_id_idx"), TABLE)
    for name in ("variant_place", "context", "experiment_number"):
        op.drop_column(TABLE, name)
    op.alter_column(TABLE, "assigned_variant", comment=VARIANT, existing_comment=VARIANT_NAMED)
    op.alter_column(TABLE, "experiment_id", nullable=False, comment=REFERENCE, existing_comment=NAMED)
    op.create_primary_key(op.f("experiment_assignments_pkey"), TABLE, ["experiment_id", "user_id"])
    op.create_check_constraint(
        op.f("experiment_assignments_enrolled_or_reason_check"),
        TABLE,
        "(assigned_variant IS NULL) <> (not_enrolled_reason IS NULL)",
    )
    op.drop_column("strategy_decisions", "enrolment")
    op.drop_column("strategy_decisions", "experiment_variant")

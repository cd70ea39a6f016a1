"""New weights of bandits, with what they follow from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "experiment_reweightings"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column(
            "experiment_id",
            sa.Uuid(as_uuid=False),
            nullable=False,
            comment="References personalization_experiments.id; not enforced",
        ),
        sa.Column(
            "epoch",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the epoch the weights begin, from 1",
        ),
        sa.Column(
            "control_number", sa.BigInteger(), nullable=False, comment="Number of the control event that set them"
        ),
        sa.Column("weights", postgresql.JSONB(), nullable=False, comment="{variant_id: weight}; they add to 1"),
        sa.Column(
            "posteriors",
            postgresql.JSONB(),
            nullable=False,
            comment="{variant_id: {mean, sd}}: what the weights follow from",
        ),
        sa.Column(
            "seed",
            sa.Text(),
            nullable=False,
            comment="What their calculation was seeded with; empty where nothing was drawn",
        ),
        sa.Column("look", sa.Integer(), nullable=False, comment="Number of the look they follow from"),
        sa.Column(
            "issued_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When the control event was issued, by the wall clock",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint("control_number >= 0", name=op.f("experiment_reweightings_control_number_check")),
        sa.CheckConstraint("look >= 0", name=op.f("experiment_reweightings_look_check")),
        sa.PrimaryKeyConstraint("experiment_id", "epoch", name=op.f("experiment_reweightings_pkey")),
        comment="Weights of bandits over their epochs, as the control log tells them",
    )
    # The control log is kept for ever: the sink reads it once more, for the weights it had passed.
    op.execute("DELETE FROM sink_positions WHERE topic = 'control'")


def downgrade() -> None:
    op.drop_table(TABLE)

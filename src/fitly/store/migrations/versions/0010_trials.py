"""What the control log has set of an experiment, whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "personalization_experiments",
        sa.Column(
            "trial",
            postgresql.JSONB(),
            nullable=True,
            comment="All that the control log has set: plan, weights, what follows the end",
        ),
    )


def downgrade() -> None:
    op.drop_column("personalization_experiments", "trial")

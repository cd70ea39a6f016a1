"""What a decision's mode follows from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ARMS_BEFORE = "Variant to {n, mean, expected}: what was known of each arm"
ARMS = "Variant to {n, mean, expected, effect, sd}: what was known of each arm"


def upgrade() -> None:
    op.add_column(
        "strategy_decisions",
        sa.Column(
            "grounds",
            postgresql.JSONB(),
            nullable=True,
            comment="What the mode follows from; null in records of before it was told",
        ),
    )
    op.alter_column("strategy_decisions", "arms", comment=ARMS, existing_comment=ARMS_BEFORE)


def downgrade() -> None:
    op.alter_column("strategy_decisions", "arms", comment=ARMS_BEFORE, existing_comment=ARMS)
    op.drop_column("strategy_decisions", "grounds")

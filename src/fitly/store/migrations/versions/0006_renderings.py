"""When a decision's parameters were last rendered anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "strategy_decisions",
        sa.Column(
            "rendered_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When its parameters were last rendered anew; null while they are those it was made with",
        ),
    )
    op.create_table_comment(
        "strategy_decisions",
        "Every decision, once, as it was last sent to strategy-selected",
        existing_comment="Every decision, once, as it was sent to strategy-selected",
    )


def downgrade() -> None:
    op.create_table_comment(
        "strategy_decisions",
        "Every decision, once, as it was sent to strategy-selected",
        existing_comment="Every decision, once, as it was last sent to strategy-selected",
    )
    op.drop_column("strategy_decisions", "rendered_at")

"""The audit log knows the event by which something was done, so that it is told once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "audit_log",
        sa.Column(
            "event_id",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment="The event by which it was done; null for what came by no event",
        ),
    )
    op.create_unique_constraint(op.f("audit_log_event_id_key"), "audit_log", ["event_id"])


def downgrade() -> None:
    op.drop_constraint(op.f("audit_log_event_id_key"), "audit_log")
    op.drop_column("audit_log", "event_id")

"""Policy revisions, ledger, audit log, positions of the sink."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_revisions",
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the revision"),
        sa.Column(
            "control_number",
            sa.Integer(),
            nullable=False,
            comment="Number of the control event that put it in force",
        ),
        sa.Column("policy", postgresql.JSONB(), nullable=False, comment="The policy, complete"),
        sa.Column("note", sa.Text(), nullable=False, comment="Why, in the words of whoever revised it"),
        sa.Column("issued_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When it was issued"),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.PrimaryKeyConstraint("revision", name=op.f("policy_revisions_pkey")),
        comment="Every policy revision, as the control log tells it",
    )
    op.create_table(
        "ledger",
        sa.Column(
            "partition", sa.Integer(), autoincrement=False, nullable=False, comment="Partition of learner-events"
        ),
        sa.Column("bin", sa.Text(), nullable=False, comment="Where records went"),
        sa.Column(
            "detail",
            sa.Text(),
            nullable=False,
            comment="What kind they were (event type, reason); empty where not told apart",
        ),
        sa.Column(
            "records",
            sa.BigInteger(),
            nullable=False,
            comment="How many; a partition's sum is the number of records read",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "bin IN ('APPLIED', 'DUPLICATE', 'LATE', 'FUTURE', 'ORPHAN', 'OPTED_OUT', 'ERASED', "
            "'INVALID', 'MISROUTED', 'SYSTEM')",
            name=op.f("ledger_bin_check"),
        ),
        sa.CheckConstraint("records >= 0", name=op.f("ledger_records_check")),
        sa.PrimaryKeyConstraint("partition", "bin", "detail", name=op.f("ledger_pkey")),
        comment="Where every record of every partition went",
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="In order of arrival"),
        sa.Column(
            "occurred_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When, by the wall clock",
        ),
        sa.Column("actor", sa.Text(), nullable=False, comment="Who: operator, service or learner"),
        sa.Column("action", sa.Text(), nullable=False, comment="What was done, such as policy.revised or page.read"),
        sa.Column("user_id", sa.Text(), nullable=True, comment="The learner it was about; null for none"),
        sa.Column(
            "detail",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What else belongs to it",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_log_pkey")),
        comment="Writes, and reads of personal pages",
    )
    op.create_index(op.f("audit_log_occurred_at_idx"), "audit_log", ["occurred_at"], unique=False)
    op.create_index(op.f("audit_log_user_id_idx"), "audit_log", ["user_id"], unique=False)
    op.create_table(
        "sink_positions",
        sa.Column("topic", sa.Text(), nullable=False, comment="Topic, without the installation's prefix"),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False, comment="Its partition"),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=False,
            comment="Next offset to apply; moves in the same transaction as the rows",
        ),
        sa.Column("owner", sa.Uuid(as_uuid=False), nullable=False, comment="The writer that moved it last"),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When, by the wall clock",
        ),
        sa.CheckConstraint("position >= 0", name=op.f("sink_positions_position_check")),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("sink_positions_pkey")),
        comment="How far the sink has come; a writer that does not find its own position here has been fenced",
    )


def downgrade() -> None:
    op.drop_table("sink_positions")
    op.drop_table("audit_log")
    op.drop_table("ledger")
    op.drop_table("policy_revisions")

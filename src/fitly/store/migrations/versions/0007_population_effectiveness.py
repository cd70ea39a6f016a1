"""What personalizing does over all learners."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BASELINE_SIZE = "Baseline decisions measured in the window; of the POPULATION: learners"
BASELINE_SIZE_BEFORE = "Baseline decisions measured in the window"


def upgrade() -> None:
    op.alter_column(
        "personalization_effectiveness",
        "sample_size_baseline",
        existing_type=sa.BigInteger(),
        existing_nullable=False,
        comment=BASELINE_SIZE,
        existing_comment=BASELINE_SIZE_BEFORE,
    )
    op.create_table(
        "population_effectiveness",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="uuid5 of context, measure and baseline"),
        sa.Column("context", sa.Text(), nullable=False, comment="Where it was measured"),
        sa.Column("measure", sa.Text(), nullable=False, comment="The composite outcome, or one metric"),
        sa.Column(
            "baseline_kind",
            sa.Text(),
            nullable=False,
            comment="CONTROL: each learner's applied decisions against their own control decisions; HOLDOUT: learners "
            "who were offered personalization, with all their decisions, against those held out; BOTH: applied "
            "decisions against the two baselines pooled, which describes and tests nothing",
        ),
        sa.Column("unit", sa.Text(), nullable=False, comment="What was randomized: decision, learner, or none"),
        sa.Column(
            "learners_personalized",
            sa.BigInteger(),
            nullable=False,
            comment="Learners on the personalized side, each counted once",
        ),
        sa.Column(
            "learners_baseline",
            sa.BigInteger(),
            nullable=False,
            comment="Learners of the baseline; of CONTROL the same learners",
        ),
        sa.Column(
            "is_statistically_significant",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether p_value is below 0.05; of 40 tests chance alone gives 2",
        ),
        sa.Column(
            "is_provisional",
            sa.Boolean(),
            nullable=False,
            comment="False as of the close of a UTC day that every partition has passed",
        ),
        sa.Column(
            "calculated_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="The event clock it is as of"
        ),
        sa.Column(
            "difference",
            sa.Double(),
            nullable=True,
            comment="Mean personalized minus mean baseline, of one mean per learner",
        ),
        sa.Column(
            "difference_reason",
            sa.Text(),
            nullable=True,
            comment="Why difference is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "difference_interval",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="Its interval (Welch; of CONTROL paired): {lower, upper}",
        ),
        sa.Column(
            "difference_interval_reason",
            sa.Text(),
            nullable=True,
            comment="Why difference_interval is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "p_value",
            sa.Double(),
            nullable=True,
            comment="Two-sided p of there being no difference (Welch; of CONTROL paired)",
        ),
        sa.Column(
            "p_value_reason",
            sa.Text(),
            nullable=True,
            comment="Why p_value is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column("improvement", sa.Double(), nullable=True, comment="The difference in percent of the baseline"),
        sa.Column(
            "improvement_reason",
            sa.Text(),
            nullable=True,
            comment="Why improvement is null: a word of fitly.core.statistics.missing",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of the record this row was projected from; an older one never replaces it",
        ),
        sa.CheckConstraint(
            "baseline_kind IN ('CONTROL', 'HOLDOUT', 'BOTH')", name=op.f("population_effectiveness_baseline_kind_check")
        ),
        sa.CheckConstraint(
            "context IN ('MISSION', 'CONTENT', 'ASSESSMENT', 'SESSION')",
            name=op.f("population_effectiveness_context_check"),
        ),
        sa.CheckConstraint(
            "measure IN ('composite', 'retention', 'performance', 'completion', 'engagement')",
            name=op.f("population_effectiveness_measure_check"),
        ),
        sa.CheckConstraint("unit IN ('decision', 'learner', 'none')", name=op.f("population_effectiveness_unit_check")),
        sa.CheckConstraint("learners_baseline >= 0", name=op.f("population_effectiveness_learners_baseline_check")),
        sa.CheckConstraint(
            "learners_personalized >= 0", name=op.f("population_effectiveness_learners_personalized_check")
        ),
        sa.CheckConstraint("p_value >= 0 AND p_value <= 1", name=op.f("population_effectiveness_p_value_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("population_effectiveness_pkey")),
        comment="Whether personalizing helps over all learners, each counted once: per context, measure and baseline",
    )
    op.create_index(op.f("population_effectiveness_context_idx"), "population_effectiveness", ["context"], unique=False)


def downgrade() -> None:
    op.drop_table("population_effectiveness")
    op.alter_column(
        "personalization_effectiveness",
        "sample_size_baseline",
        existing_type=sa.BigInteger(),
        existing_nullable=False,
        comment=BASELINE_SIZE_BEFORE,
        existing_comment=BASELINE_SIZE,
    )

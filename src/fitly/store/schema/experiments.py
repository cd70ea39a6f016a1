"""The records of experiments: definition, assignments, results (product.md, section 2: 4).

Knows every column, default, index and reference. Must never know how an experiment is run.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Double, Index, Integer, Text, UniqueConstraint

from fitly.core.vocabulary import Context
from fitly.store.schema.columns import COUNT, IDENTIFIER, JSON, MOMENT, SHARE, column, table, version, word

EXPERIMENT_TYPES: Final = ("AB_TEST", "MULTIVARIATE", "MULTI_ARMED_BANDIT")
STATUSES: Final = ("DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "CANCELLED")
SIGNIFICANCE_KINDS: Final = ("SEQUENTIAL", "FIXED")
_REFERENCE: Final = "References personalization_experiments.id; not enforced: it comes by another topic"

EXPERIMENTS: Final = table(
    "personalization_experiments",
    column("id", IDENTIFIER, "uuid5 of the name", primary_key=True),
    column("experiment_name", Text, "The name it is known by"),
    word("experiment_type", EXPERIMENT_TYPES, "AB_TEST (2 variants), MULTIVARIATE (3-8) or MULTI_ARMED_BANDIT"),
    word("context", Context, "Where it acts; null for everywhere", nullable=True),
    column("variants", JSON, "[{variant_id, name, config, weight}]"),
    word("status", STATUSES, "Where it stands in its life", default="'DRAFT'"),
    column("start_date", MOMENT, "When it became active; null before", nullable=True),
    column("end_date", MOMENT, "When it ended, or is planned to", nullable=True),
    column("min_participants", Integer, "Learners in every arm before a verdict", default="20", check=COUNT),
    column("min_duration_days", Integer, "Days before a verdict", default="14", check=COUNT),
    column("current_participants", BigInteger, "Learners enrolled", default="0", check=COUNT),
    column("variant_metrics", JSON, "{variant_id: {metric: {n, mean, sd}}}", default="'{}'"),
    column("winning_variant", Text, "variant_id of the winner; null for none", nullable=True),
    column(
        "statistical_significance",
        Double,
        "p of the primary metric; null until both minima are met",
        nullable=True,
        check=SHARE,
    ),
    word("significance_kind", SIGNIFICANCE_KINDS, "Which p: SEQUENTIAL (always valid) or FIXED", nullable=True),
    column("revision", Integer, "Number of the definition in force", default="1", check=COUNT),
    column("primary_metric", Text, "Plan: the metric that decides", nullable=True),
    column("guardrails", JSON, "Plan: metrics that must not get worse, each with its margin", default="'[]'"),
    column("margins", JSON, "Plan: non-inferiority margin per metric", default="'{}'"),
    column("planned_n", BigInteger, "Plan: learners expected at the end", nullable=True, check=COUNT),
    column("plan_hash", Text, "Hash of the plan as it stood at the start", nullable=True),
    column("created_at", MOMENT, "When it was defined"),
    column("completed_at", MOMENT, "When it was completed or cancelled", nullable=True),
    column("trial", JSON, "All that the control log has set: plan, weights, what follows the end", nullable=True),
    version(),
    UniqueConstraint("experiment_name"),
    Index(None, "status"),
    Index(None, "context"),
    Index(None, "start_date", "end_date"),
    comment="Experiments: what is compared, where each stands and what it found",
)

ASSIGNMENTS: Final = table(
    "experiment_assignments",
    column(
        "experiment_id",
        IDENTIFIER,
        "References personalization_experiments.id; null until the control log has told it",
        nullable=True,
    ),
    column("user_id", Text, "The learner, as upstream services name them", primary_key=True),
    column(
        "preferences_id",
        IDENTIFIER,
        "References personalization_preferences.id; not enforced: it comes by another topic",
    ),
    column(
        "assigned_variant",
        Text,
        "variant_id; null for who was not enrolled, and until the control log has told it",
        nullable=True,
    ),
    column("enrolment_probability", Double, "Probability of that variant at enrolment", nullable=True, check=SHARE),
    column("enrolled_at", MOMENT, "When; null for who was not enrolled", nullable=True),
    column("measured_at", MOMENT, "When the measurement days were complete", nullable=True),
    column("not_enrolled_reason", Text, "Code of the reason for not being enrolled", nullable=True),
    version(),
    column(
        "experiment_number",
        BigInteger,
        "Place among all experiments ever defined",
        primary_key=True,
        autoincrement=False,
    ),
    word("context", Context, "Where the experiment acts"),
    column(
        "variant_place",
        Integer,
        "Place of the variant in the plan, from 0; null for who was not enrolled",
        nullable=True,
        check=COUNT,
    ),
    CheckConstraint("(variant_place IS NULL) <> (not_enrolled_reason IS NULL)", name="enrolled_or_reason"),
    Index(None, "user_id"),
    Index(None, "experiment_id"),
    comment="Who is in which variant since when, or why not",
)

REWEIGHTINGS: Final = table(
    "experiment_reweightings",
    column("experiment_id", IDENTIFIER, "References personalization_experiments.id; not enforced", primary_key=True),
    column("epoch", Integer, "Number of the epoch the weights begin, from 1", primary_key=True, autoincrement=False),
    column("control_number", BigInteger, "Number of the control event that set them", check=COUNT),
    column("weights", JSON, "{variant_id: weight}; they add to 1"),
    column("posteriors", JSON, "{variant_id: {mean, sd}}: what the weights follow from"),
    column("seed", Text, "What their calculation was seeded with; empty where nothing was drawn"),
    column("look", Integer, "Number of the look they follow from", check=COUNT),
    column("issued_at", MOMENT, "When the control event was issued, by the wall clock"),
    version(),
    comment="Weights of bandits over their epochs, as the control log tells them",
)

RESULTS: Final = table(
    "experiment_results",
    column("experiment_id", IDENTIFIER, _REFERENCE, primary_key=True),
    column("look", Integer, "Number of the look, from 1", primary_key=True, autoincrement=False),
    column("closed_at", MOMENT, "UTC day close of the event clock the look was taken at"),
    column("is_provisional", Boolean, "True for a look between day closes"),
    column("report", JSON, "The report as it was published"),
    column("calculated_at", MOMENT, "The log's clock when it was calculated"),
    version(),
    Index(None, "closed_at"),
    comment="History of the looks at each experiment",
)

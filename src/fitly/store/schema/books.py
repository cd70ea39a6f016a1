"""What is kept beside the five records: decisions, ledger, policies, audit, and how far the sink has come.

Knows every column, default and index. Must never know who writes them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Double, Identity, Index, Integer, Text, UniqueConstraint

from fitly.core.vocabulary import Bin, Context, Mode, Unit, Variant
from fitly.store.schema.columns import (
    COUNT,
    IDENTIFIER,
    JSON,
    MOMENT,
    SHARE,
    column,
    config,
    table,
    user,
    version,
    word,
)

DECISIONS: Final = table(
    "strategy_decisions",
    column("decision_id", IDENTIFIER, "uuid5 of cause, learner and context", primary_key=True),
    user(),
    word("context", Context, "Where it holds"),
    word("mode", Mode, "Why it came out as it did"),
    column("apply", Boolean, "Whether to personalize"),
    word("strategy_variant", Variant, "The arm; null where apply is false", nullable=True),
    column("parameters", JSON, "Feature to {value, because}"),
    column("propensities", JSON, "Probability of each eligible arm and of NONE, given the learner-level assignment"),
    word("unit", Unit, "What was randomized"),
    column("assignment_probability", Double, "Probability of the learner-level assignment", check=SHARE),
    column("epsilon", Double, "Exploration share in force", check=SHARE),
    column("confidence", Double, "Probability that the greedy arm helps", check=SHARE),
    column(
        "threshold", Double, "Confidence the level asks for; null where nothing may act", nullable=True, check=SHARE
    ),
    config("References personalization_configs.id; null where apply is false; not enforced: it comes by another topic"),
    column(
        "policy_revision",
        Integer,
        "References policy_revisions.revision (0: the code's defaults); not enforced",
        check=COUNT,
    ),
    column("experiment", Text, "Name of the experiment it belongs to; null for none", nullable=True),
    column("cause_event_id", IDENTIFIER, "Event key of the event it answers"),
    column("cause_partition", Integer, "Partition of that event"),
    column("cause_offset", BigInteger, "Offset of that event"),
    column("decided_at", MOMENT, "When, by the log's clock"),
    column("valid_until", MOMENT, "Until when to keep to it in silence"),
    column("supersedes", IDENTIFIER, "decision_id of the one before; null for none", nullable=True),
    column("arms", JSON, "Variant to {n, mean, expected, effect, sd}: what was known of each arm"),
    column("draws", JSON, "The uniform draws made, by purpose"),
    column(
        "rendered_at",
        MOMENT,
        "When its parameters were last rendered anew; null while they are those it was made with",
        nullable=True,
    ),
    column("grounds", JSON, "What the mode follows from; null in records of before it was told", nullable=True),
    column("experiment_variant", Text, "variant_id; null outside experiments", nullable=True),
    column("enrolment", JSON, "How the learner came to the variant; null outside experiments", nullable=True),
    version(),
    Index(None, "user_id", "context"),
    Index(None, "decided_at"),
    comment="Every decision, once, as it was last sent to strategy-selected",
)

POLICY_REVISIONS: Final = table(
    "policy_revisions",
    column("revision", Integer, "Number of the revision", primary_key=True, autoincrement=False),
    column("control_number", Integer, "Number of the control event that put it in force"),
    column("policy", JSON, "The policy, complete"),
    column("note", Text, "Why, in the words of whoever revised it"),
    column("issued_at", MOMENT, "When it was issued"),
    version(),
    comment="Every policy revision, as the control log tells it",
)

LEDGER: Final = table(
    "ledger",
    column("partition", Integer, "Partition of learner-events", primary_key=True, autoincrement=False),
    column(
        "bin", Text, "Where records went", primary_key=True, check=f"{{0}} IN ({', '.join(repr(b.value) for b in Bin)})"
    ),
    column("detail", Text, "What kind they were (event type, reason); empty where not told apart", primary_key=True),
    column("records", BigInteger, "How many; a partition's sum is the number of records read", check=COUNT),
    version(),
    comment="Where every record of every partition went",
)

AUDIT_LOG: Final = table(
    "audit_log",
    column("id", BigInteger, "In order of arrival", Identity(always=True), primary_key=True),
    column("occurred_at", MOMENT, "When, by the wall clock", default="now()"),
    column("actor", Text, "Who: operator, service or learner"),
    column("action", Text, "What was done, such as policy.revised or page.read"),
    column("user_id", Text, "The learner it was about; null for none", nullable=True),
    column("detail", JSON, "What else belongs to it", default="'{}'"),
    column("event_id", IDENTIFIER, "The event by which it was done; null for what came by no event", nullable=True),
    UniqueConstraint("event_id"),
    Index(None, "occurred_at"),
    Index(None, "user_id"),
    comment="Writes, and reads of personal pages",
)

SINK_POSITIONS: Final = table(
    "sink_positions",
    column("topic", Text, "Topic, without the installation's prefix", primary_key=True),
    column("partition", Integer, "Its partition", primary_key=True, autoincrement=False),
    column("position", BigInteger, "Next offset to apply; moves in the same transaction as the rows", check=COUNT),
    column("owner", IDENTIFIER, "The writer that moved it last"),
    column("updated_at", MOMENT, "When, by the wall clock", default="now()"),
    comment="How far the sink has come; a writer that does not find its own position here has been fenced",
)

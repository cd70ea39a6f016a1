"""The tables of product.md, section 2; what the migrations must add up to, and what the docs are made from."""

from fitly.store.schema.books import AUDIT_LOG, DECISIONS, LEDGER, POLICY_REVISIONS, SINK_POSITIONS
from fitly.store.schema.columns import METADATA
from fitly.store.schema.experiments import ASSIGNMENTS, EXPERIMENTS, RESULTS, REWEIGHTINGS
from fitly.store.schema.learners import CONFIGS, EFFECTIVENESS, OUTCOMES, PREFERENCES
from fitly.store.schema.population import POPULATION

__all__ = [
    "ASSIGNMENTS",
    "AUDIT_LOG",
    "CONFIGS",
    "DECISIONS",
    "EFFECTIVENESS",
    "EXPERIMENTS",
    "LEDGER",
    "METADATA",
    "OUTCOMES",
    "POLICY_REVISIONS",
    "POPULATION",
    "PREFERENCES",
    "RESULTS",
    "REWEIGHTINGS",
    "SINK_POSITIONS",
]

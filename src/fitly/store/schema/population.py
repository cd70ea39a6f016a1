"""What personalizing does over all learners.

Knows every column, default and index. Must never know how a figure comes about.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Index

from fitly.core.population import MEASURES
from fitly.core.population_effectiveness import PopulationBaseline
from fitly.core.vocabulary import Context, Unit
from fitly.store.schema.columns import COUNT, IDENTIFIER, JSON, MOMENT, SHARE, column, figure, table, version, word

POPULATION: Final = table(
    "population_effectiveness",
    column("id", IDENTIFIER, "uuid5 of context, measure and baseline", primary_key=True),
    word("context", Context, "Where it was measured"),
    word("measure", MEASURES, "The composite outcome, or one metric"),
    word(
        "baseline_kind",
        PopulationBaseline,
        "CONTROL: each learner's applied decisions against their own control decisions; HOLDOUT: learners who were "
        "offered personalization, with all their decisions, against those held out; BOTH: applied decisions against "
        "the two baselines pooled, which describes and tests nothing",
    ),
    word("unit", Unit, "What was randomized: decision, learner, or none"),
    column("learners_personalized", BigInteger, "Learners on the personalized side, each counted once", check=COUNT),
    column("learners_baseline", BigInteger, "Learners of the baseline; of CONTROL the same learners", check=COUNT),
    column(
        "is_statistically_significant",
        Boolean,
        "Whether p_value is below 0.05; of 40 tests chance alone gives 2",
        default="false",
    ),
    column("is_provisional", Boolean, "False as of the close of a UTC day that every partition has passed"),
    column("calculated_at", MOMENT, "The event clock it is as of"),
    *figure("difference", "Mean personalized minus mean baseline, of one mean per learner"),
    *figure("difference_interval", "Its interval (Welch; of CONTROL paired): {lower, upper}", JSON),
    *figure("p_value", "Two-sided p of there being no difference (Welch; of CONTROL paired)", check=SHARE),
    *figure("improvement", "The difference in percent of the baseline"),
    version(),
    Index(None, "context"),
    comment="Whether personalizing helps over all learners, each counted once: per context, measure and baseline",
)

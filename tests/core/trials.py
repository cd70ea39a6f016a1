"""Experiments for tests: plans with what a test is about, and what moves them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tests.core.partition import Partition, Told

from fitly.core.events import (
    CONTROL_EVENTS,
    ExperimentCancelled,
    ExperimentCompleted,
    ExperimentDefined,
    ExperimentPaused,
    ExperimentPayload,
    ExperimentResumed,
    ExperimentStarted,
)
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.plan import Bandit, ExperimentType, ExperimentVariant, Plan, Treatment
from fitly.core.experiments.trial import Trial
from fitly.core.vocabulary import Context, Variant

NAME: Final = "any"
NOTHING: Final = Treatment(apply=False)
PLAN: Final = Plan(
    experiment_name=NAME,
    experiment_type=ExperimentType.AB_TEST,
    context=Context.ASSESSMENT,
    variants=(
        ExperimentVariant(variant_id="none", config=NOTHING, weight=0.5),
        ExperimentVariant(variant_id="balanced", config=Treatment(strategy_variant=Variant.BALANCED), weight=0.5),
    ),
)
"""Does it help at all? Half of the learners get nothing, half the balanced strategy."""
BANDIT: Final = replace(PLAN, experiment_type=ExperimentType.MULTI_ARMED_BANDIT, bandit=Bandit())
KINDS: Final = {payload: kind for kind, payload in CONTROL_EVENTS.items()}
ABOUT: Final[dict[str, Any]] = {"experiment_name": NAME}


def started(plan: Plan = PLAN) -> ExperimentStarted:
    """The start of an experiment as it is planned."""
    return ExperimentStarted(experiment_name=plan.experiment_name, plan_hash=plan_hash(plan))


PAUSED: Final = ExperimentPaused(**ABOUT)
STOPPED: Final = ExperimentPaused(**ABOUT, stop_applying=True)
RESUMED: Final = ExperimentResumed(**ABOUT)
RELEASED: Final = ExperimentCompleted(**ABOUT)
CANCELLED: Final = ExperimentCancelled(**ABOUT)


def move(partition: Partition, said: ExperimentPayload) -> Told:
    """Let a partition read an event of an experiment."""
    return partition.control(KINDS[type(said)], said)


def begin(partition: Partition, plan: Plan = PLAN) -> Trial:
    """Define an experiment and start it."""
    for said in (ExperimentDefined(plan=plan), started(plan)):
        assert move(partition, said).bin == "SYSTEM"
    return partition.shard.trials[plan.experiment_name]

"""When a control event calls what stands back, and what of it an experiment lets go."""

from __future__ import annotations

import pytest
from tests.core.partition import START, SURE, Partition, replace
from tests.core.test_lifecycle import KEPT, ROLLED_OUT, after
from tests.core.trials import CANCELLED, NAME, PAUSED, PLAN, RELEASED, RESUMED, STOPPED, started

from fitly.core.entries import DECISIONS
from fitly.core.events import ExperimentDefined, ExperimentPayload
from fitly.core.experiments.trial import Trials
from fitly.core.inforce import InForce, put_in_force
from fitly.core.learner import ContextRow, Sealed
from fitly.core.numbers import Millis
from fitly.core.rules import Policy, Rules
from fitly.core.standing import is_overruled
from fitly.core.vocabulary import MODE_CODES, Context, Mode
from fitly.core.withdrawing import calls_for_it

DRAFT = after(ExperimentDefined(plan=PLAN))
RUNNING = after(started(), trials=DRAFT)


def force(trials: Trials, policy: Policy = SURE) -> InForce:
    return put_in_force(Rules(policy=policy), trials)


@pytest.mark.parametrize(
    ("before", "said", "calls"),
    [
        (DRAFT, started(), False),
        (DRAFT, CANCELLED, False),
        (RUNNING, PAUSED, False),
        (RUNNING, STOPPED, True),
        (RUNNING, CANCELLED, True),
        (RUNNING, RELEASED, True),
        (RUNNING, KEPT, False),
        (RUNNING, ROLLED_OUT, True),
        (RUNNING, ExperimentDefined(plan=replace(PLAN, traffic_share=0.5)), False),
        (after(STOPPED, trials=RUNNING), RESUMED, False),
        (after(STOPPED, trials=RUNNING), CANCELLED, False),
        (after(KEPT, trials=RUNNING), RELEASED, True),
        (after(ROLLED_OUT, trials=RUNNING), RELEASED, True),
    ],
)
def test_a_move_that_lets_learners_go_calls_back_what_stands(
    before: Trials, said: ExperimentPayload, calls: bool  # noqa: FBT001
) -> None:  # fmt: skip
    assert calls_for_it(force(before), force(after(said, trials=before))) is calls


def test_one_experiments_end_calls_back_beside_others_that_go_on() -> None:
    other = replace(PLAN, experiment_name="other")
    both = after(ExperimentDefined(plan=other), started(other), trials=RUNNING)
    assert calls_for_it(force(both), force(after(CANCELLED, trials=both)))
    assert not calls_for_it(force(both), force(after(PAUSED, trials=both)))


def assigned(name: str | None = NAME, since: int = START) -> tuple[Partition, ContextRow]:
    """A row in which an experiment's decision stands, made at a moment."""
    partition = Partition()
    partition.request()
    row = partition.row()
    assert row.standing is not None
    selected = row.standing.open()._replace(mode=Mode.EXPERIMENT, experiment=name, confidence=0.0)
    entry = DECISIONS.at(row.decisions, -1)._replace(mode=MODE_CODES[Mode.EXPERIMENT], since=since)
    return partition, row._replace(decisions=DECISIONS.join([entry]), standing=Sealed.of(selected))


@pytest.mark.parametrize(
    ("trials", "lets_go"),
    [
        (RUNNING, False),
        (after(PAUSED, trials=RUNNING), False),
        (after(STOPPED, trials=RUNNING), True),
        (after(KEPT, trials=RUNNING), False),
        (after(RELEASED, trials=RUNNING), True),
        (after(CANCELLED, trials=RUNNING), True),
        ({}, True),
    ],
)
def test_what_an_experiment_decided_stands_while_it_decides(trials: Trials, lets_go: bool) -> None:  # noqa: FBT001
    partition, row = assigned()
    assert is_overruled(row, partition.learner(), force(trials)) is lets_go


def test_what_was_decided_before_a_roll_out_goes_and_what_it_decides_stands() -> None:
    trials = after(ROLLED_OUT, trials=RUNNING)
    ended = trials[NAME].ended_at
    assert ended is not None
    for since, lets_go in ((ended - 1, True), (ended, False)):
        partition, row = assigned(since=since)
        assert is_overruled(row, partition.learner(), force(trials)) is lets_go


def test_a_higher_threshold_withdraws_nothing_from_an_experiment() -> None:
    partition, row = assigned()
    strict = replace(SURE, thresholds=replace(SURE.thresholds, medium=0.99))
    assert not is_overruled(row, partition.learner(), force(RUNNING, strict))
    _, nameless = assigned(name=None)
    assert is_overruled(nameless, partition.learner(), force(RUNNING))
    assert is_overruled(row._replace(standing=None), partition.learner(), force(RUNNING))


def test_experiments_in_force_are_told_by_context_in_the_order_of_their_numbers() -> None:
    second = replace(PLAN, experiment_name="second")
    elsewhere = replace(PLAN, experiment_name="elsewhere", context=Context.MISSION)
    draft = replace(PLAN, experiment_name="draft")
    trials = RUNNING
    for plan in (second, elsewhere):
        trials = after(ExperimentDefined(plan=plan), started(plan), trials=trials)
    trials = after(ExperimentDefined(plan=draft), STOPPED, trials=trials)
    acting = force(trials).acting
    assert {context: [trial.plan.experiment_name for trial in found] for context, found in acting.items()} == {
        Context.ASSESSMENT: ["second"],
        Context.MISSION: ["elsewhere"],
    }
    resumed = after(RESUMED, trials=trials)
    found = force(resumed).acting[Context.ASSESSMENT]
    assert [trial.plan.experiment_name for trial in found] == [NAME, "second"]
    assert Millis(0) < (found[0].started_at or 0)

"""Whatever is said of experiments: illegal moves change nothing, numbers are dense, and a start freezes the plan."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import Partition, replace
from tests.core.trials import BANDIT, KINDS, PLAN, move

from fitly.core.errors import Refused
from fitly.core.events import (
    ExperimentCancelled,
    ExperimentCompleted,
    ExperimentDefined,
    ExperimentJudged,
    ExperimentPaused,
    ExperimentPayload,
    ExperimentResumed,
    ExperimentReweighted,
    ExperimentStarted,
)
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.lifecycle import MOVES, moved, name_of
from fitly.core.experiments.records import experiment_record
from fitly.core.experiments.trial import Afterwards, Status, Trial, Trials
from fitly.core.numbers import CERTAIN, Millis
from fitly.wire.events import encode_control, parse_control
from fitly.wire.rows import decode_trial, encode_trial
from fitly.wire.trials import trial_of

NAMES: Final = some.sampled_from(["a", "b", "c"])
PLANS: Final = some.builds(
    lambda plan, name, share, n: replace(plan, experiment_name=name, traffic_share=share, planned_n=n),
    some.sampled_from([PLAN, BANDIT]),
    NAMES,
    some.sampled_from([0.1, 1.0]),
    some.sampled_from([40, 4_000]),
)
VARIANTS: Final = some.sampled_from(["none", "balanced", "other"])
MOVES_OF: Final = some.one_of(
    some.builds(ExperimentDefined, plan=PLANS),
    some.builds(lambda plan: ExperimentStarted(experiment_name=plan.experiment_name, plan_hash=plan_hash(plan)), PLANS),
    some.builds(ExperimentPaused, experiment_name=NAMES, stop_applying=some.booleans()),
    some.builds(ExperimentResumed, experiment_name=NAMES),
    some.builds(
        lambda name, then, winner: ExperimentCompleted(
            experiment_name=name, afterwards=then, winner=winner if then is Afterwards.ROLL_OUT else None
        ),
        NAMES,
        some.sampled_from(Afterwards),
        VARIANTS,
    ),
    some.builds(ExperimentCancelled, experiment_name=NAMES),
    some.builds(
        lambda name, epoch, share: ExperimentReweighted(
            experiment_name=name, epoch=epoch, weights={"none": share, "balanced": 1 - share}
        ),
        NAMES,
        some.integers(1, 3),
        some.floats(0, 1),
    ),
    some.builds(ExperimentJudged, experiment_name=NAMES, look=some.integers(1, 9), winner=some.none() | VARIANTS),
)
STARTED: Final = {Status.ACTIVE, Status.PAUSED, Status.COMPLETED}


def likely() -> some.SearchStrategy[list[ExperimentPayload]]:
    """Lives that get somewhere: each begins with a definition and its start, or does not."""

    def life(plan: object, rest: list[ExperimentPayload]) -> list[ExperimentPayload]:
        assert isinstance(plan, type(PLAN))
        begun = ExperimentStarted(experiment_name=plan.experiment_name, plan_hash=plan_hash(plan))
        return [ExperimentDefined(plan=plan), begun, *rest]

    return some.builds(life, PLANS, some.lists(MOVES_OF, max_size=12)) | some.lists(MOVES_OF, max_size=6)


def tried(trials: Trials, said: ExperimentPayload, now: int) -> tuple[Trials, Refused | None]:
    """Experiments after an event, or as they were, and why."""
    try:
        return moved(trials, said, Millis(now)), None
    except Refused as refused:
        return trials, refused


@given(likely())
def test_an_illegal_move_changes_nothing_and_a_legal_one_its_own_experiment(lives: list[ExperimentPayload]) -> None:
    trials: Trials = {}
    for second, said in enumerate(lives):
        before, name = dict(trials), name_of(said)
        after, refused = tried(trials, said, second)
        assert trials == before
        if refused is not None:
            assert repr(name) in refused.detail
            continue
        was, now = before.get(name), after[name]
        assert MOVES[None if was is None else was.status, type(said)] is now.status
        assert before | {name: now} == after
        assert [trial.number for trial in after.values()] == [*range(1, len(after) + 1)]
        if was is not None and was.status is not Status.DRAFT:
            assert replace(now.plan, traffic_share=was.plan.traffic_share) == was.plan
            assert now.plan_hash == was.plan_hash
        if now.status in STARTED:
            assert now.epoch is not None
            assert sum(now.epoch.weights) == CERTAIN
            assert now.epoch.since <= second
        trials = after


@given(likely())
def test_a_partition_agrees_with_the_sequencer_on_every_move_and_is_the_same_after_a_restart(
    lives: list[ExperimentPayload],
) -> None:
    partition, trials = Partition(), dict[str, Trial]()
    for said in lives:
        told = move(partition, said)
        after, refused = tried(trials, said, partition.now)
        trials = dict(after)
        assert told.bin == ("SYSTEM" if refused is None else "INVALID")
        if refused is not None:
            headers = dict(told.outputs[0].headers)
            assert (told.reason, headers["detail"]) == (refused.reason, refused.detail.encode())
    assert partition.shard.trials == trials
    assert partition.shard.rules.control_number == 2 + len(lives)
    restored = type(partition.shard)(0, partition.shard.control_key)
    for change in partition.shard.state():
        restored.load(*change)
    restored.opened()
    assert list(restored.trials.items()) == list(partition.shard.trials.items())
    assert restored.force == partition.shard.force
    assert list(restored.state()) == list(partition.shard.state())


@given(likely())
def test_what_is_written_of_an_experiment_is_read_as_it_was(lives: list[ExperimentPayload]) -> None:
    trials: Trials = {}
    for number, said in enumerate(lives, start=1):
        assert parse_control(encode_control(number, KINDS[type(said)], said, Millis(0))).data == said
        trials, _ = tried(trials, said, number)
    for trial in trials.values():
        assert decode_trial(encode_trial(trial)) == trial
        record = experiment_record(trial)
        assert trial_of(json.loads(json.dumps(record.trial))) == trial
        assert (record.status, record.completed_at is None) == (trial.status.value, trial.ended_at is None)

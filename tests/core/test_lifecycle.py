"""The life of an experiment: what each event sets, and why it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.partition import replace
from tests.core.trials import (
    ABOUT,
    BANDIT,
    CANCELLED,
    PAUSED,
    PLAN,
    RELEASED,
    RESUMED,
    STOPPED,
    started,
)

from fitly.core.errors import Refused
from fitly.core.events import (
    ControlEvent,
    ControlPayload,
    ExperimentCompleted,
    ExperimentDefined,
    ExperimentJudged,
    ExperimentPayload,
    ExperimentReweighted,
    PolicyRevised,
)
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.lifecycle import ILLEGAL, MOVES, known, lived, moved
from fitly.core.experiments.plan import Plan
from fitly.core.experiments.trial import Afterwards, Status, Trial, Trials
from fitly.core.names import EventKey
from fitly.core.numbers import CERTAIN, Millis, Nano
from fitly.core.rules import Policy

DEFINED = ExperimentDefined(plan=PLAN)
KEPT = ExperimentCompleted(**ABOUT, afterwards=Afterwards.KEEP)
ROLLED_OUT = ExperimentCompleted(**ABOUT, afterwards=Afterwards.ROLL_OUT, winner="balanced", hold_back=0.2)


def after(*events: ExperimentPayload, trials: Trials | None = None) -> Trials:
    """Experiments after events, the first at second 1."""
    trials = trials or {}
    for second, said in enumerate(events, start=1):
        trials = moved(trials, said, Millis(second * 1_000))
    return trials


def of(*events: ExperimentPayload, plan: Plan = PLAN) -> Trial:
    return after(ExperimentDefined(plan=plan), *events)[plan.experiment_name]


def reweighted(epoch: int = 1, **weights: Any) -> ExperimentReweighted:  # noqa: ANN401
    return ExperimentReweighted(**ABOUT, epoch=epoch, weights=weights or {"none": 0.25, "balanced": 0.75})


def test_every_event_of_experiments_moves_something_from_somewhere() -> None:
    assert {event for _, event in MOVES} == set(ExperimentPayload.__args__)


def test_a_definition_is_a_draft_and_numbers_are_in_the_order_of_definition() -> None:
    other = replace(PLAN, experiment_name="other")
    trials = after(DEFINED, ExperimentDefined(plan=other), DEFINED)
    assert [(trial.number, trial.revision, trial.status) for trial in trials.values()] == [
        (1, 2, Status.DRAFT),
        (2, 1, Status.DRAFT),
    ]


def test_a_draft_may_become_any_other_plan() -> None:
    plan = replace(PLAN, planned_n=400, hypothesis="less")
    assert of(ExperimentDefined(plan=plan)).plan == plan


def test_the_start_keeps_the_plans_hash_the_moment_and_the_first_weights() -> None:
    trial = of(started())
    assert (trial.status, trial.started_at, trial.plan_hash) == (Status.ACTIVE, 2_000, plan_hash(PLAN))
    assert trial.epoch is not None
    assert (trial.epoch.number, trial.epoch.since, trial.epoch.weights) == (0, 2_000, (CERTAIN // 2, CERTAIN // 2))
    assert trial.enrols
    assert trial.applies


def test_a_start_of_a_plan_that_was_revised_meanwhile_is_refused() -> None:
    with pytest.raises(Refused, match="defined anew in the meantime"):
        of(ExperimentDefined(plan=replace(PLAN, planned_n=40)), started())


def test_after_the_start_only_the_share_of_traffic_may_change() -> None:
    ramped = replace(PLAN, traffic_share=0.5)
    trial = of(started(), ExperimentDefined(plan=ramped))
    assert (trial.plan, trial.revision, trial.plan_hash) == (ramped, 2, plan_hash(PLAN))
    for events in ([started()], [started(), PAUSED]):
        with pytest.raises(Refused, match="this changes hypothesis, planned_n; define another"):
            of(*events, ExperimentDefined(plan=replace(ramped, hypothesis="more", planned_n=10)))


def test_a_pause_stops_enrolment_and_may_stop_what_is_applied_as_well() -> None:
    paused, stopped = of(started(), PAUSED), of(started(), STOPPED)
    assert (paused.enrols, paused.applies) == (False, True)
    assert (stopped.enrols, stopped.applies) == (False, False)
    assert of(started(), PAUSED, STOPPED) == stopped
    resumed = of(started(), STOPPED, RESUMED)
    assert (resumed.status, resumed.enrols, resumed.applies) == (Status.ACTIVE, True, True)


def test_it_is_remembered_since_when_and_how_long_it_was_paused() -> None:
    paused = of(started(), PAUSED, STOPPED)
    assert (paused.paused_since, paused.paused_for) == (3_000, 0), "since the first of the two"
    resumed = of(started(), PAUSED, STOPPED, RESUMED)
    assert (resumed.paused_since, resumed.paused_for) == (None, 2_000)
    again = of(started(), PAUSED, RESUMED, PAUSED, RESUMED)
    assert (again.paused_since, again.paused_for) == (None, 2_000)
    for end in (CANCELLED, KEPT):
        ended = of(started(), PAUSED, RESUMED, PAUSED, end)
        assert (ended.paused_since, ended.paused_for, ended.ended_at) == (None, 2_000, 6_000)
    former = replace(paused, paused_since=None)
    (known_before,) = moved({"any": former}, RESUMED, Millis(9_000)).values()
    assert (known_before.status, known_before.paused_for) == (Status.ACTIVE, 0), "paused before a release kept it"


@pytest.mark.parametrize("events", [(PAUSED, PAUSED), (STOPPED, PAUSED), (STOPPED, STOPPED)])
def test_a_pause_that_adds_nothing_is_refused(events: tuple[ExperimentPayload, ...]) -> None:
    with pytest.raises(Refused, match="is PAUSED already"):
        of(started(), *events)


def test_what_follows_completion_is_said_with_it() -> None:
    released, kept, rolled = (of(started(), ended) for ended in (RELEASED, KEPT, ROLLED_OUT))
    assert [(one.status, one.ended_at, one.enrols, one.applies) for one in (released, kept, rolled)] == [
        (Status.COMPLETED, 3_000, False, False),
        (Status.COMPLETED, 3_000, False, True),
        (Status.COMPLETED, 3_000, True, True),
    ]
    assert (rolled.winner, rolled.hold_back, rolled.rolls_out) == ("balanced", Nano(200_000_000), True)
    assert (kept.winner, kept.hold_back, kept.rolls_out) == (None, 0, False)
    assert of(started(), STOPPED, KEPT).applies


@pytest.mark.parametrize("first", [KEPT, ROLLED_OUT])
def test_what_goes_on_after_the_end_can_be_ended_by_a_release(first: ExperimentPayload) -> None:
    trial = of(started(), first, RELEASED)
    assert (trial.ended_at, trial.enrols, trial.applies, trial.winner, trial.hold_back) == (
        3_000,
        False,
        False,
        None,
        0,
    )


@pytest.mark.parametrize(("first", "second"), [(RELEASED, RELEASED), (RELEASED, KEPT), (KEPT, ROLLED_OUT)])
def test_nothing_else_follows_an_end(first: ExperimentPayload, second: ExperimentPayload) -> None:
    with pytest.raises(Refused, match=r"is COMPLETED \((RELEASE|KEEP)\): a KEEP or ROLL_OUT can be ended by RELEASE"):
        of(started(), first, second)


def test_a_winner_is_one_of_the_variants() -> None:
    for said in (replace(ROLLED_OUT, winner="x"), ExperimentJudged(**ABOUT, look=1, winner="x")):
        with pytest.raises(Refused, match="has no variant 'x': its variants are none, balanced"):
            of(started(), said)


def test_a_cancelled_experiment_is_over_and_decides_for_nobody() -> None:
    trial = of(started(), CANCELLED)
    assert (trial.status, trial.ended_at, trial.enrols, trial.applies) == (Status.CANCELLED, 3_000, False, False)
    assert of(CANCELLED).started_at is None


def test_a_verdict_moves_nothing() -> None:
    before = after(DEFINED, started())
    judged = ExperimentJudged(**ABOUT, look=3, winner="balanced", unmet=())
    assert after(judged, trials=before) == before


def test_a_bandit_goes_from_epoch_to_epoch() -> None:
    trial = of(started(BANDIT), reweighted(), reweighted(2, none=0.1, balanced=0.9), plan=BANDIT)
    assert trial.epoch is not None
    assert (trial.epoch.number, trial.epoch.since) == (2, 4_000)
    assert trial.epoch.weights == (Nano(100_000_000), Nano(900_000_000))


@pytest.mark.parametrize(
    ("plan", "said", "why"),
    [
        (PLAN, reweighted(), "is an AB_TEST: its weights stand"),
        (BANDIT, reweighted(2), "is in epoch 0: the next is 1, not 2"),
        (BANDIT, reweighted(none=0.5, other=0.5), "needs a weight for each of none, balanced, adding to 1"),
        (BANDIT, reweighted(none=0.5, balanced=0.4), "adding to 1"),
    ],
)
def test_weights_that_do_not_follow_are_refused(plan: Plan, said: ExperimentPayload, why: str) -> None:
    with pytest.raises(Refused, match=why):
        of(started(plan), said, plan=plan)


def test_a_refusal_names_the_status_and_what_is_possible() -> None:
    with pytest.raises(Refused) as caught:
        of(RESUMED)
    assert caught.value.reason == ILLEGAL
    assert caught.value.detail == (
        "experiment 'any' is DRAFT and cannot be resumed; possible is: define, start, cancel"
    )
    with pytest.raises(Refused, match="is CANCELLED and cannot be defined again; it is over, and its name is used"):
        of(CANCELLED, DEFINED)
    with pytest.raises(Refused, match="there is no experiment 'any': define it first"):
        after(PAUSED)


def test_the_control_log_tells_where_experiments_stand_at_the_moments_of_issue() -> None:
    said: list[ControlPayload] = [PolicyRevised(revision=1, policy=Policy()), DEFINED, RESUMED, started(), PAUSED]
    history = [
        ControlEvent(number, EventKey(str(number)), "kind", data, Millis(number * 10))
        for number, data in enumerate(said, start=1)
    ]
    trials = lived(history)
    trial = known(trials, "any")
    assert [*trials] == ["any"]
    assert (trial.status, trial.defined_at, trial.started_at) == (Status.PAUSED, 20, 40)
    with pytest.raises(Refused, match="there is no experiment 'other'"):
        known(trials, "other")


def test_a_fingerprint_is_of_what_a_plan_says_and_not_of_what_it_could_say() -> None:
    spelt_out = replace(PLAN, control=None, layer=None, hypothesis="")
    assert plan_hash(spelt_out) == plan_hash(PLAN)
    same_numbers = replace(BANDIT, variants=PLAN.variants)
    assert plan_hash(same_numbers) == plan_hash(BANDIT) != plan_hash(PLAN)

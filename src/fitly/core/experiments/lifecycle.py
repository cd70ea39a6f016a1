"""The life of an experiment: which event moves it where, and what else the event sets.

Knows the states as a literal table. Must never know a learner, nor who sends what. The sequencer asks before it writes,
and every partition asks again when it reads: the same function answers both, and an illegal move changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any, Final, TypeAlias, TypeGuard

from fitly.core.errors import Refused
from fitly.core.events import (
    ControlEvent,
    ControlPayload,
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
from fitly.core.experiments.plan import Plan
from fitly.core.experiments.trial import Afterwards, Epoch, Status, Trial, Trials
from fitly.core.numbers import CERTAIN, Millis, Nano, nano

ILLEGAL: Final = "ILLEGAL_MOVE"
"""Reason code of everything that is refused here."""
NEAR: Final = 1e-6
"""How far weights may add to something else than 1: written by hand, a third is 0.333333."""

MOVES: Final[dict[tuple[Status | None, type[ExperimentPayload]], Status]] = {
    (None, ExperimentDefined): Status.DRAFT,
    (Status.DRAFT, ExperimentDefined): Status.DRAFT,
    (Status.DRAFT, ExperimentStarted): Status.ACTIVE,
    (Status.DRAFT, ExperimentCancelled): Status.CANCELLED,
    (Status.ACTIVE, ExperimentDefined): Status.ACTIVE,
    (Status.ACTIVE, ExperimentPaused): Status.PAUSED,
    (Status.ACTIVE, ExperimentCompleted): Status.COMPLETED,
    (Status.ACTIVE, ExperimentCancelled): Status.CANCELLED,
    (Status.ACTIVE, ExperimentReweighted): Status.ACTIVE,
    (Status.ACTIVE, ExperimentJudged): Status.ACTIVE,
    (Status.PAUSED, ExperimentDefined): Status.PAUSED,
    (Status.PAUSED, ExperimentPaused): Status.PAUSED,
    (Status.PAUSED, ExperimentResumed): Status.ACTIVE,
    (Status.PAUSED, ExperimentCompleted): Status.COMPLETED,
    (Status.PAUSED, ExperimentCancelled): Status.CANCELLED,
    (Status.PAUSED, ExperimentReweighted): Status.PAUSED,
    (Status.PAUSED, ExperimentJudged): Status.PAUSED,
    (Status.COMPLETED, ExperimentCompleted): Status.COMPLETED,
    (Status.COMPLETED, ExperimentJudged): Status.COMPLETED,
}
"""Status and event -> status; what is not here is illegal. None: no experiment has the name."""

VERBS: Final[dict[type[ExperimentPayload], tuple[str, str]]] = {
    ExperimentDefined: ("define", "defined again"),
    ExperimentStarted: ("start", "started"),
    ExperimentPaused: ("pause", "paused"),
    ExperimentResumed: ("resume", "resumed"),
    ExperimentCompleted: ("complete", "completed"),
    ExperimentCancelled: ("cancel", "cancelled"),
    ExperimentReweighted: ("reweight", "reweighted"),
    ExperimentJudged: ("judge", "judged"),
}
"""What each event does, and what is then said of the experiment."""


def name_of(said: ExperimentPayload) -> str:
    """Give the experiment that an event is about."""
    return said.plan.experiment_name if isinstance(said, ExperimentDefined) else said.experiment_name


def moved(trials: Trials, said: ExperimentPayload, now: Millis) -> dict[str, Trial]:
    """Give the experiments after an event.

    Parameters
    ----------
    trials : mapping
        As they stand, in the order of their numbers; not changed.
    said : ExperimentPayload
        What the event says.
    now : Millis
        The clock.

    Raises
    ------
    Refused
        The event is not allowed now: what stands in the way, and what is possible.

    Examples
    --------
    >>> moved({}, ExperimentResumed(experiment_name="any"), Millis(0))
    Traceback (most recent call last):
    ...
    fitly.core.errors.Refused: ILLEGAL_MOVE: there is no experiment 'any': define it first, or look at the list
    """
    name = name_of(said)
    trial = trials.get(name)
    status = MOVES.get((None if trial is None else trial.status, type(said)))
    if status is None:
        raise _illegal(name, trial, said)
    if trial is None:
        assert isinstance(said, ExperimentDefined)  # noqa: S101 - nothing else moves what is not there
        return {**trials, name: Trial(plan=said.plan, number=len(trials) + 1, defined_at=now)}
    return {**trials, name: replace(CHANGES[type(said)](trial, said, now), status=status)}


def lived(history: Iterable[ControlEvent]) -> dict[str, Trial]:
    """Give the experiments after all control events so far, in the order of their numbers; moments are those of issue.

    What is illegal changes nothing, as in every partition.

    >>> lived([])
    {}
    """
    trials: dict[str, Trial] = {}
    for event in history:
        if concerns(event.data):
            trials = heard(trials, event.data, event.issued_at)
    return trials


def heard(trials: dict[str, Trial], said: ExperimentPayload, now: Millis) -> dict[str, Trial]:
    """Give the experiments after an event, or the very same where it is illegal."""
    try:
        return moved(trials, said, now)
    except Refused:
        return trials


def concerns(data: ControlPayload) -> TypeGuard[ExperimentPayload]:
    """Tell whether a control event is about an experiment."""
    return type(data) in CHANGES


def known(trials: Trials, name: str) -> Trial:
    """Give an experiment by its name.

    Raises
    ------
    Refused
        There is none.
    """
    trial = trials.get(name)
    if trial is None:
        raise _unknown(name)
    return trial


def possible(status: Status | None) -> list[str]:
    """Give what can be done in a status, in the order of the table.

    >>> possible(Status.DRAFT), possible(Status.CANCELLED)
    (['define', 'start', 'cancel'], [])
    """
    return [VERBS[event][0] for before, event in MOVES if before is status]


def shares(weights: tuple[float, ...]) -> tuple[Nano, ...]:
    """Give weights in 10^-9, adding to 10^9: what rounding leaves goes to the first.

    >>> shares((0.333333, 0.333333, 0.333333))
    (333334000, 333333000, 333333000)
    """
    rounded = [nano(weight) for weight in weights]
    return (Nano(CERTAIN - sum(rounded[1:])), *rounded[1:])


def _illegal(name: str, trial: Trial | None, said: ExperimentPayload) -> Refused:
    if trial is None:
        return _unknown(name)
    able = ", ".join(possible(trial.status))
    advice = f"possible is: {able}" if able else "it is over, and its name is used for ever; define another"
    return _refused(trial, f"is {trial.status.value} and cannot be {VERBS[type(said)][1]}; {advice}")


def _unknown(name: str) -> Refused:
    return Refused(ILLEGAL, f"there is no experiment {name!r}: define it first, or look at the list")


def _refused(trial: Trial, why: str) -> Refused:
    return Refused(ILLEGAL, f"experiment {trial.plan.experiment_name!r} {why}")


def _defined(trial: Trial, said: ExperimentDefined, _now: Millis) -> Trial:
    """Take a new revision; once it has started, one that differs in the traffic share only."""
    if trial.status is not Status.DRAFT:
        differing = _differing(trial.plan, said.plan)
        if differing:
            why = f"has started: its traffic_share may change and nothing else, and this changes {', '.join(differing)}"
            raise _refused(trial, f"{why}; define another experiment for that")
    return replace(trial, plan=said.plan, revision=trial.revision + 1)


def _differing(before: Plan, after: Plan) -> list[str]:
    names = [field.name for field in fields(Plan) if field.name != "traffic_share"]
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def _started(trial: Trial, said: ExperimentStarted, now: Millis) -> Trial:
    if said.plan_hash != plan_hash(trial.plan):
        raise _refused(trial, "was defined anew in the meantime: look at its plan, then start it")
    epoch = Epoch(number=0, since=now, weights=shares(tuple(variant.weight for variant in trial.plan.variants)))
    return replace(trial, plan_hash=said.plan_hash, started_at=now, epoch=epoch)


def _paused(trial: Trial, said: ExperimentPaused, now: Millis) -> Trial:
    if trial.status is Status.PAUSED and (trial.stops_applying or not said.stop_applying):
        raise _refused(trial, "is PAUSED already; it can be paused with stop_applying as well where it is not yet")
    since = now if trial.status is Status.ACTIVE else trial.paused_since
    return replace(trial, stops_applying=said.stop_applying, paused_since=since)


def _resumed(trial: Trial, _said: ExperimentResumed, now: Millis) -> Trial:
    return replace(_unpaused(trial, now), stops_applying=False)


def _unpaused(trial: Trial, now: Millis) -> Trial:
    """End a pause, if there is one, and remember how long it took."""
    if trial.paused_since is None:
        return trial
    return replace(trial, paused_since=None, paused_for=Millis(trial.paused_for + now - trial.paused_since))


def _completed(trial: Trial, said: ExperimentCompleted, now: Millis) -> Trial:
    """End it; or end what went on after its end."""
    if trial.status is Status.COMPLETED and (
        said.afterwards is not Afterwards.RELEASE or trial.afterwards is Afterwards.RELEASE
    ):
        stands = (trial.afterwards or Afterwards.RELEASE).value
        raise _refused(trial, f"is COMPLETED ({stands}): a KEEP or ROLL_OUT can be ended by RELEASE, and nothing else")
    _demand_variant(trial, said.winner)
    return replace(
        _unpaused(trial, now),
        afterwards=said.afterwards,
        winner=said.winner,
        hold_back=nano(said.hold_back) if said.afterwards is Afterwards.ROLL_OUT else Nano(0),
        ended_at=now if trial.ended_at is None else trial.ended_at,
        stops_applying=False,
    )


def _cancelled(trial: Trial, _said: ExperimentCancelled, now: Millis) -> Trial:
    return replace(_unpaused(trial, now), ended_at=now)


def _reweighted(trial: Trial, said: ExperimentReweighted, now: Millis) -> Trial:
    """Begin the next epoch of a bandit."""
    names = [variant.variant_id for variant in trial.plan.variants]
    epoch = 0 if trial.epoch is None else trial.epoch.number
    if trial.plan.bandit is None:
        raise _refused(trial, f"is an {trial.plan.experiment_type.value}: its weights stand as they were planned")
    if said.epoch != epoch + 1:
        raise _refused(trial, f"is in epoch {epoch}: the next is {epoch + 1}, not {said.epoch}")
    if set(said.weights) != set(names) or abs(sum(said.weights.values()) - 1) > NEAR:
        raise _refused(trial, f"needs a weight for each of {', '.join(names)}, adding to 1")
    weights = shares(tuple(said.weights[name] for name in names))
    return replace(trial, epoch=Epoch(number=said.epoch, since=now, weights=weights), past=trial.epochs)


def _judged(trial: Trial, said: ExperimentJudged, _now: Millis) -> Trial:
    """Leave everything as it is: a verdict ends nothing by itself."""
    _demand_variant(trial, said.winner)
    return trial


def _demand_variant(trial: Trial, name: str | None) -> None:
    names = [variant.variant_id for variant in trial.plan.variants]
    if name is not None and name not in names:
        raise _refused(trial, f"has no variant {name!r}: its variants are {', '.join(names)}")


Change: TypeAlias = Callable[[Trial, Any, Millis], Trial]
CHANGES: Final[dict[type[ExperimentPayload], Change]] = {
    ExperimentDefined: _defined,
    ExperimentStarted: _started,
    ExperimentPaused: _paused,
    ExperimentResumed: _resumed,
    ExperimentCompleted: _completed,
    ExperimentCancelled: _cancelled,
    ExperimentReweighted: _reweighted,
    ExperimentJudged: _judged,
}

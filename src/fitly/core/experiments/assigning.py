"""Who joins an experiment, and in which variant: a hash of the experiment and of whom is drawn for, and nothing else.

Knows plans, attributes and the draws. Must never know a row: that an assignment is kept, and which of several
experiments a learner is in, is `enrolling`. The same learner is asked again at every decision until they join: so a
draw must never change, and a larger share of traffic must keep everybody who was in the smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from fitly.core.attributes import GIVEN, group_of, in_force, is_test
from fitly.core.experiments.enrolment import Enrolment, How, Reason, State
from fitly.core.experiments.plan import Plan, RandomizationUnit, Segments
from fitly.core.experiments.trial import Trial
from fitly.core.insights import Insights
from fitly.core.learner import LearnerRow
from fitly.core.names import UserId, uniform
from fitly.core.numbers import CERTAIN, DAY, Millis, Nano
from fitly.core.vocabulary import InsightKind, Level

AFTERWARDS: Final = 2**32 - 1
"""The epoch of whoever joined a roll-out or was held back from it: no bandit has so many."""
NO_CLUSTER: Final = bytes(8)


class Interval(NamedTuple):
    """A draw, and the part of [0, 1) (in 10^-9) whose draws lead to the variant."""

    purpose: str
    draw: float
    low: Nano
    high: Nano


def assigned(trial: Trial, learner: LearnerRow, birth: bytes, now: Millis) -> Enrolment:
    """Give what an experiment that enrols says of a learner whom it does not know yet.

    Parameters
    ----------
    trial : Trial
        It enrols: `Trial.enrols`.
    learner : LearnerRow
        Preferences, insights and attributes.
    birth : bytes
        Birth id of the input topic: keys every draw.
    now : Millis
        The clock.

    Returns
    -------
    Enrolment
        Open, or with the reason why not. An attribute goes before every draw, and never before what the learner allows.
    """
    plan = trial.plan
    barred = _barred(plan.segments, learner, now)
    if barred:
        return _not(trial, barred, now)
    unit = unit_of(plan, learner, now)
    given = given_in(plan, learner, now)
    if given is not None and (not trial.rolls_out or is_test(learner.attributes)):
        return _given(trial, learner, unit, given, birth, now)
    if unit is None:
        return _not(trial, Reason.NO_GROUP, now)
    if not trial.rolls_out and uniform(birth, "", unit, "", f"traffic|{plan.experiment_name}") >= plan.traffic_share:
        return _not(trial, Reason.NOT_IN_TRAFFIC, now)
    if _until(trial, now) <= now:
        return _not(trial, Reason.BETWEEN_EPOCHS, now)
    return drawn(trial, learner, birth, unit, now)


def drawn(trial: Trial, learner: LearnerRow, birth: bytes, unit: UserId, now: Millis) -> Enrolment:
    """Draw a variant for whoever joins: by the weights of the epoch in force, or by a roll-out's hold-back."""
    plan = trial.plan
    how = How.FORCED if is_test(learner.attributes) else How.DRAWN
    weights, is_uniform = _weights(trial, birth, unit)
    purpose = purpose_of(trial)
    place = placed(weights, uniform(birth, "", unit, "", purpose))
    if trial.rolls_out:
        how = how if how is How.FORCED else (How.HELD_BACK, How.ROLLED_OUT)[place]
        probability, place = weights[place], _rolled(trial)[place]
    else:
        probability = weights[place]
    cluster = NO_CLUSTER if plan.unit is RandomizationUnit.LEARNER else cluster_of(birth, unit)
    return _open(trial, place, how, probability, cluster, now, is_uniform=is_uniform)


def _weights(trial: Trial, birth: bytes, unit: UserId) -> tuple[tuple[Nano, ...], bool]:
    """Give what is drawn by, and whether the learner is in a bandit's uniform slice; of a roll-out held back or not."""
    if trial.rolls_out:
        return (trial.hold_back, Nano(CERTAIN - trial.hold_back)), False
    bandit, purpose = trial.plan.bandit, f"slice|{trial.plan.experiment_name}"
    if bandit is not None and uniform(birth, "", unit, "", purpose) < bandit.uniform_share:
        return alike(len(trial.plan.variants)), True
    assert trial.epoch is not None  # noqa: S101 - it has started
    return trial.epoch.weights, False


def alike(many: int) -> tuple[Nano, ...]:
    """Give every variant the same; what rounding leaves goes to the first.

    >>> alike(3)
    (333333334, 333333333, 333333333)
    """
    each = Nano(CERTAIN // many)
    return (Nano(CERTAIN - each * (many - 1)), *((each,) * (many - 1)))


def purpose_of(trial: Trial) -> str:
    """Name the draw of a variant: a bandit draws anew in each epoch, all others once for ever."""
    name = trial.plan.experiment_name
    if trial.rolls_out:
        return f"holdback|{name}"
    if trial.plan.bandit is None:
        return f"assign|{name}"
    assert trial.epoch is not None  # noqa: S101 - it has started
    return f"assign|{name}|{trial.epoch.number}"


def placed(weights: tuple[Nano, ...], draw: float) -> int:
    """Give the place of the weight that a draw from [0, 1) falls into.

    >>> placed((Nano(250_000_000), Nano(750_000_000)), 0.25), placed((Nano(0), Nano(1_000_000_000)), 0.0)
    (1, 1)
    """
    left = int(draw * CERTAIN)
    for place, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return place
    return len(weights) - 1


def interval(trial: Trial, enrolment: Enrolment, user_id: UserId, birth: bytes) -> Interval | None:
    """Give the draw that led a learner to their variant, and where it had to fall; None where there was none to tell.

    That is: an attribute gave the variant, a group drew it, or the weights have moved on since.
    """
    if enrolment.how in _UNDRAWN or enrolment.cluster != NO_CLUSTER:
        return None
    rolled = enrolment.epoch == AFTERWARDS
    if not rolled and (trial.epoch is None or trial.epoch.number != enrolment.epoch or trial.rolls_out):
        return None
    weights = _weights(trial, birth, user_id)[0]
    place = int(enrolment.how == How.ROLLED_OUT) if rolled else enrolment.variant
    low = sum(weights[:place])
    purpose = purpose_of(trial)
    return Interval(purpose, uniform(birth, "", user_id, "", purpose), Nano(low), Nano(low + weights[place]))


_UNDRAWN: Final = (How.GIVEN, How.FORCED)


def _rolled(trial: Trial) -> tuple[int, int]:
    """Give the places of the control, which is held back with, and of the winner."""
    return place_of(trial.plan, trial.plan.controls), place_of(trial.plan, trial.winner or trial.plan.controls)


def place_of(plan: Plan, variant_id: str) -> int:
    """Give a variant's place in the plan; -1 for one that it does not have."""
    return next((place for place, each in enumerate(plan.variants) if each.variant_id == variant_id), -1)


def given_in(plan: Plan, learner: LearnerRow, now: Millis) -> str | None:
    """Give the variant that an attribute gives the learner; None where none does."""
    return in_force(learner.attributes, now).get(GIVEN + plan.experiment_name) if learner.attributes else None


def unit_of(plan: Plan, learner: LearnerRow, now: Millis) -> UserId | None:
    """Give whom is drawn for: the learner, or their group of the plan's kind; None for who has none.

    A group's unit has a bar, which no learner's id has.
    """
    if plan.group_kind is None:
        return learner.user_id
    group = group_of(learner.attributes, plan.group_kind, now)
    return None if group is None else UserId(f"{plan.group_kind}|{group}")


def cluster_of(birth: bytes, unit: UserId) -> bytes:
    """Give the fingerprint by which a group is told from others: it names nobody."""
    return hashlib.blake2b(unit.encode(), digest_size=8, key=birth).digest()


def admits(segments: Segments, level: Level) -> bool:
    """Tell whether a learner of a level may be decided for: also of who is enrolled, since a level is a wish."""
    return level in segments.levels


def _barred(segments: Segments, learner: LearnerRow, now: Millis) -> Reason:
    """Give why a learner may not be asked at all; ENROLLED for nothing."""
    if not admits(segments, learner.preferences.level):
        return Reason.LEVEL
    if segments.attributes and not _has(segments.attributes, in_force(learner.attributes, now)):
        return Reason.SEGMENT
    if any(not _is_known(learner.insights, kind, now) for kind in segments.insights):
        return Reason.SEGMENT
    return Reason.ENROLLED


def _has(wanted: Mapping[str, tuple[str, ...]], attributes: Mapping[str, str]) -> bool:
    return all(attributes.get(name) in values for name, values in wanted.items())


def _is_known(insights: Insights, kind: InsightKind, now: Millis) -> bool:
    held = insights[_PLACES[kind]]
    return held is not None and held.observed_at <= now < held.lapses_at


_PLACES: Final = {kind: place for place, kind in enumerate(InsightKind)}


def _given(
    trial: Trial, learner: LearnerRow, unit: UserId | None, variant_id: str, birth: bytes, now: Millis
) -> Enrolment:
    """Enrol by an attribute: randomized elsewhere, by the weights of the plan as far as is known; or a test."""
    place = place_of(trial.plan, variant_id)
    if place < 0:
        return _not(trial, Reason.UNKNOWN_VARIANT, now)
    is_group = trial.plan.unit is RandomizationUnit.GROUP
    if is_group and unit is None:
        return _not(trial, Reason.NO_GROUP, now)
    cluster = cluster_of(birth, unit) if is_group and unit is not None else NO_CLUSTER
    if is_test(learner.attributes):
        return _open(trial, place, How.FORCED, CERTAIN, cluster, now)
    assert trial.epoch is not None  # noqa: S101 - it has started
    return _open(trial, place, How.GIVEN, trial.epoch.weights[place], cluster, now)


def _open(
    trial: Trial, place: int, how: How, probability: Nano, cluster: bytes, now: Millis, *, is_uniform: bool = False
) -> Enrolment:
    assert trial.epoch is not None  # noqa: S101 - it has started
    return Enrolment(
        trial=trial.number,
        epoch=AFTERWARDS if trial.rolls_out else trial.epoch.number,
        variant=place,
        how=how,
        state=State.OPEN,
        uniform=int(is_uniform),
        probability=probability,
        since=now,
        until=_until(trial, now),
        cluster=cluster,
    )


def _until(trial: Trial, now: Millis) -> Millis:
    """Give when the days of whoever joins now are complete: of a bandit at the end of its epoch, for all together."""
    ends = trial.epoch_ends
    return Millis(now + trial.plan.measurement_days * DAY) if ends is None or trial.rolls_out else ends


def _not(trial: Trial, reason: Reason, now: Millis) -> Enrolment:
    return Enrolment(trial=trial.number, reason=reason, since=now)

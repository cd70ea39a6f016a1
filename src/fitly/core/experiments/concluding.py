"""What the last looks at experiments give to say, after all that was said before: verdicts, and a bandit's new weights.

Knows looks and control events. Must never know when it is asked: the answer follows from the two alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fitly.core.events import ControlEvent, ControlPayload, ExperimentJudged, ExperimentReweighted
from fitly.core.experiments.counted import arms
from fitly.core.experiments.lifecycle import MOVES, lived
from fitly.core.experiments.reweighting import Block, reweighted
from fitly.core.experiments.sums import ASSIGNED, UNIFORM, sample
from fitly.core.experiments.trial import Status, Trial
from fitly.core.numbers import CERTAIN
from fitly.core.partials import Kind, Look
from fitly.core.statistics.moments import Moments

_DIGITS: Final = 12
"""Of a posterior, as in reports: the last digits of a float may differ between machines."""


def conclusions(looks: Mapping[tuple[Kind, str], Look], history: Sequence[ControlEvent]) -> list[ControlPayload]:
    """Give what is to be said of the experiments that were looked at, in the order of their names.

    Parameters
    ----------
    looks : mapping
        Kind and name -> the last look; of other kinds than experiments nothing is said.
    history : sequence of ControlEvent
        Everything said so far, in order.

    Examples
    --------
    >>> conclusions({}, [])
    []
    """
    trials = lived(history)
    found: list[ControlPayload] = []
    for kind, name in sorted(looks):
        look = looks[kind, name]
        if kind is Kind.EXPERIMENTS and name in trials and look.about is not None:
            found += _judged(look.about, look, trials[name], history)
            found += _reweighted(look.about, look, trials[name])
    return found


def _judged(about: Trial, look: Look, now: Trial, history: Sequence[ControlEvent]) -> Iterator[ExperimentJudged]:
    """Say the verdicts that were not said yet, each where it is another than the last that was said."""
    name = about.plan.experiment_name
    if (now.status, ExperimentJudged) not in MOVES:
        return
    said = [each.data for each in history if isinstance(each.data, ExperimentJudged)]
    last = next((each for each in reversed(said) if each.experiment_name == name), None)
    for look_, winner, unmet in look.stated:
        if last is None or (last.look < look_ and (last.winner, last.unmet) != (winner, unmet)):
            last = ExperimentJudged(experiment_name=name, look=look_, winner=winner, unmet=unmet)
            yield last


def _reweighted(about: Trial, look: Look, now: Trial) -> Iterator[ExperimentReweighted]:
    """Say a bandit's next weights, at the look at the close that ends the epoch in force.

    The partition whose epoch began last decides when it is over: see `looks.newest_about`.
    """
    bandit, epoch, ends = about.plan.bandit, about.epoch, about.epoch_ends
    if bandit is None or epoch is None or ends is None or now.status is not Status.ACTIVE:
        return
    is_current = now.epoch is not None and now.epoch.number == epoch.number
    if not is_current or look.clock < ends:
        return
    variants = [variant.variant_id for variant in about.plan.variants]
    found = reweighted(bandit, list(_blocks(about, look)), len(variants))
    yield ExperimentReweighted(
        experiment_name=about.plan.experiment_name,
        epoch=epoch.number + 1,
        weights={name: weight / CERTAIN for name, weight in zip(variants, found.weights, strict=True)},
        means={name: _rounded(each.mean) for name, each in zip(variants, found.posteriors, strict=True)},
        sds={name: _rounded(each.sd) for name, each in zip(variants, found.posteriors, strict=True)},
        look=look.number,
    )


def _blocks(about: Trial, look: Look) -> Iterator[Block]:
    """Give what was measured in each epoch: learners of both slices inform alike.

    All units of the epoch that has ended are complete at its close, and nothing moves them any more; but rows fall due
    in slices, so many still stand among the open ones. They count with the rest of their epoch.
    """
    counted = arms(look.sums, len(about.plan.variants), (ASSIGNED, UNIFORM))
    measure = about.plan.primary_metric
    for epoch in about.epochs:
        measured = {arm.place: arm.in_epoch(epoch.number, measure) for arm in counted}
        if epoch is about.epoch:
            waiting = {arm.place: sample(arm.still_open, measure.value) for arm in counted}
            measured = {place: sums.merged(waiting[place]) for place, sums in measured.items()}
        block = {place: Moments.read(sums) for place, sums in measured.items() if sums.n}
        if block:
            yield block


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")

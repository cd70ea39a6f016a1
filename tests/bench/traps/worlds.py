"""Experiments as sums: what learners whose truth is known would have added up to, without living their days.

Knows how outcomes are drawn and how `fitly.core.experiments.sums` names what they add up to. Must never know what is
made of it. That a row's enrolments add up to these sums is proved elsewhere, learner by learner; here many thousand
experiments are wanted, so each is a few cumulated arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fitly.core.experiments.plan import Bandit, ExperimentType, ExperimentVariant, Plan, Treatment
from fitly.core.experiments.trial import Epoch, Status, Trial
from fitly.core.numbers import CERTAIN, DAY, Millis, Nano
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums
from fitly.core.vocabulary import Context, Variant

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

MEAN, SD = 0.5, 0.12
"""Of a learner's frozen mean: narrow enough that nothing is cut off at 0 and 1."""
START: Final = Millis(19_675 * DAY)


class Looks(NamedTuple):
    """Exact sums of many experiments at each of their looks: arrays (experiment, look, arm)."""

    n: Ints
    total: Ints
    squares: Ints

    def sums(self, experiment: int, look: int, arm: int) -> Sums:
        """Give one arm's sums at one look."""
        return Sums(*(int(each[experiment, look, arm]) for each in self))

    def moments(self, experiment: int, look: int) -> tuple[Moments, Moments]:
        """Give treatment and control at one look."""
        return Moments.read(self.sums(experiment, look, 1)), Moments.read(self.sums(experiment, look, 0))


def micros(values: Floats) -> Ints:
    """Keep values between 0 and 1, in millionths."""
    return np.rint(np.clip(values, 0, 1) * 1e6).astype(np.int64)


def drawn(rng: np.random.Generator, experiments: int, learners: int, *, effect: float = 0.0) -> tuple[Ints, Ints]:
    """Draw arms (0 or 1) and frozen means (10^-6) of learners in the order in which their days are complete."""
    arm = rng.integers(0, 2, (experiments, learners))
    return arm, micros(rng.normal(MEAN, SD, (experiments, learners)) + effect * arm)


def looked_at(arm: Ints, values: Ints, looks: int) -> Looks:
    """Add values up in their order and look so many times, evenly."""
    at = np.linspace(0, values.shape[1], looks + 1).astype(int)[1:] - 1
    parts = []
    for side in (0, 1):
        mine = arm == side
        parts.append([np.cumsum(np.where(mine, each, 0), axis=1)[:, at] for each in (1, values, values * values)])
    return Looks(*(np.stack([parts[0][place], parts[1][place]], axis=2) for place in range(3)))


def plan(planned_n: int, days: int, *, bandit: Bandit | None = None, **fields: Any) -> Plan:  # noqa: ANN401 - of the plan
    """Make a plan of two arms that are looked at every day."""
    kind = ExperimentType.AB_TEST if bandit is None else ExperimentType.MULTI_ARMED_BANDIT
    variants = (
        ExperimentVariant(variant_id="control", config=Treatment(apply=False), weight=0.5),
        ExperimentVariant(variant_id="treatment", config=Treatment(strategy_variant=Variant.BALANCED), weight=0.5),
    )
    return Plan(
        experiment_name="trap",
        experiment_type=kind,
        context=Context.MISSION,
        variants=variants,
        planned_n=planned_n,
        planned_days=days,
        bandit=bandit,
        **fields,
    )


def trial(of: Plan, weights: Sequence[Sequence[int]] = ()) -> Trial:
    """Make a trial that has started; ``weights`` (10^-9) of its epochs, or the plan's."""
    known = weights or [[round(CERTAIN * variant.weight) for variant in of.variants]]
    epochs = [Epoch(number=at, since=START, weights=tuple(map(Nano, each))) for at, each in enumerate(known)]
    return Trial(plan=of, number=1, status=Status.ACTIVE, started_at=START, epoch=epochs[-1], past=tuple(epochs[:-1]))


def moment(days: float) -> Millis:
    """Give the moment so many days after the start."""
    return Millis(START + round(days * DAY))


def named(arms: Sequence[Sums], counts: Mapping[str, Sequence[int]] | None = None) -> dict[str, int]:
    """Name the sums of arms whose learners all have one decision, one outcome and only the composite.

    ``counts`` are others by their names, one for each arm: they replace what follows from the sums.
    """
    sums: dict[str, int] = {}
    for place, (n, total, squares) in enumerate(arms):
        at = f"{place}.a"
        for name in ("enrolled", "measured", "with_outcome", "decisions", "joined", "dd", "jj", "dj", "0.enrolled"):
            sums[f"{at}.{name}"] = n
        for behind in ("", ".filled"):
            sums |= dict(zip([f"{at}.composite{behind}.{part}" for part in ("n", "sum", "squares")],
                             (n, total, squares), strict=True))  # fmt: skip
        sums |= {f"{at}.{name}": values[place] for name, values in (counts or {}).items()}
    return sums

"""A trial's values by metric and arm, and the sums that figures come from.

Knows which values belong together. Must never know what is concluded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from fitly.cli.analysis.trial import Trial, Unit
from fitly.core.statistics.clusters import Clustered
from fitly.core.statistics.joint import JointMoments
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.proportions import Successes

Value = tuple[int, float]
"""When a unit's mean was complete, and that mean."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric in one arm.

    Attributes
    ----------
    units : int
        Of the arm, with or without a value.
    values : list of (at, value)
        In the order of becoming complete.
    moments : Moments
        Of the values.
    """

    units: int
    values: list[Value]
    moments: Moments

    @property
    def successes(self) -> Successes:
        """How many values are 1, where all are 0 or 1."""
        return Successes(self.moments.n, round(sum(value for _, value in self.values)))

    @property
    def with_missing_as_zero(self) -> float:
        """The mean, were every missing value 0. Needs ``units >= 1``."""
        return self.moments.mean * self.moments.n / self.units


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric in all arms."""

    metric: str
    which: int
    binary: bool
    arms: dict[str, Sample]


def measured(trial: Trial) -> list[Measured]:
    """Collect the values of every metric; one is binary where every unit's value is 0 or 1."""
    by_arm: dict[str, list[Unit]] = {arm: [] for arm in trial.arms}
    for unit in trial.units:
        by_arm[unit.arm].append(unit)
    found = []
    for which, metric in enumerate(trial.columns.metrics):
        arms = {arm: _sample(units, which) for arm, units in by_arm.items()}
        binary = all(value in {0.0, 1.0} for sample in arms.values() for _, value in sample.values)
        found.append(Measured(metric, which, binary and any(sample.values for sample in arms.values()), arms))
    return found


def _sample(units: list[Unit], which: int) -> Sample:
    values = [(unit.at, value) for unit in units if (value := unit.value(which)) is not None]
    return Sample(len(units), values, Moments.of([value for _, value in values]))


def pairs(trial: Trial, which: int) -> dict[str, JointMoments]:
    """Give, per arm, the moments of (covariate, metric) of the units that have both."""
    covariate = len(trial.columns.metrics)
    found: dict[str, tuple[list[float], list[float]]] = {arm: ([], []) for arm in trial.arms}
    for unit in trial.units:
        x, y = unit.value(covariate), unit.value(which)
        if x is not None and y is not None:
            xs, ys = found[unit.arm]
            xs.append(x)
            ys.append(y)
    return {arm: JointMoments.of(xs, ys) for arm, (xs, ys) in found.items()}


@dataclass(frozen=True, slots=True)
class Groups:
    """One metric in one arm, by cluster: the sum of deviations from the arm's mean in each."""

    clustered: Clustered
    deviations: dict[str, float]


def groups(trial: Trial, which: int) -> dict[str, Groups]:
    """Give, per arm, the clusters of the units that have one and a value."""
    values: dict[str, dict[str, list[float]]] = {arm: defaultdict(list) for arm in trial.arms}
    for unit in trial.units:
        value = unit.value(which)
        if unit.cluster is not None and value is not None:
            values[unit.arm][unit.cluster].append(value)
    return {arm: _groups(by_cluster.items()) for arm, by_cluster in values.items()}


def _groups(by_cluster: Iterable[tuple[str, list[float]]]) -> Groups:
    found = {cluster: Moments.of(values) for cluster, values in by_cluster}
    whole = sum(found.values(), Moments())
    deviations = {cluster: one.n * (one.mean - whole.mean) for cluster, one in found.items()}
    squares = sum(deviation * deviation for deviation in deviations.values())
    return Groups(Clustered(len(found), whole.n, whole.mean, squares), deviations)


def clusters_of(trial: Trial) -> dict[str, int]:
    """Count the clusters that stand in each arm."""
    found: dict[str, set[str]] = {arm: set() for arm in trial.arms}
    for unit in trial.units:
        if unit.cluster is not None:
            found[unit.arm].add(unit.cluster)
    return {arm: len(clusters) for arm, clusters in found.items()}

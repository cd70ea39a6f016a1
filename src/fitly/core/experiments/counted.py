"""What the sums of an experiment say of one arm.

Knows how `sums` names them, and which slices belong together. Must never know what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from fitly.core.experiments.plan import Measure
from fitly.core.experiments.sums import ASSIGNED, ROLLED_OUT, sample
from fitly.core.statistics.clusters import Clustered, ClusterSums
from fitly.core.statistics.joint import JointSums
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums

Named: TypeAlias = dict[str, int]

OPEN: Final = "open"
CLUSTER: Final = "cluster"


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm in some slices together.

    Attributes
    ----------
    place : int
        Among the plan's variants.
    sums : dict
        Name behind variant and slice -> value.
    still_open : dict
        The same of units that are not measured yet.
    groups : dict
        Fingerprint of a group -> its sums in this variant.
    """

    place: int
    sums: Named = field(default_factory=dict)
    still_open: Named = field(default_factory=dict)
    groups: dict[str, Named] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Give one count; what is not there is 0."""
        return self.sums.get(name, 0)

    def drawn(self, epoch: int) -> int:
        """Give how many units of an epoch we drew: an attribute assigned the rest."""
        return self.count(f"{epoch}.enrolled") - self.count(f"{epoch}.given")

    def drawn_groups(self) -> int:
        """Give how many groups we drew: those with a unit that no attribute assigned."""
        return sum(sums.get("enrolled", 0) > sums.get("given", 0) for sums in self.groups.values())

    def of(self, measure: Measure, behind: str = "") -> Sums:
        """Give units' frozen means of a measure; ``behind`` is ``.filled`` or ``.exposed`` for these."""
        return sample(self.sums, f"{measure}{behind}")

    def in_epoch(self, epoch: int, measure: Measure) -> Sums:
        """Give units' frozen means of one epoch."""
        return sample(self.sums, f"{epoch}.{measure}")

    def before(self, measure: Measure) -> JointSums:
        """Give pairs of units: x the mean reward before the enrolment, y the measure."""
        return JointSums(*(self.count(f"{measure}.before.{part}") for part in ("n", "x", "y", "xx", "yy", "xy")))

    def shares(self, part: str, whole: str = "decisions") -> JointSums:
        """Give pairs of units: x their decisions, y how many of them joined, or were applied."""
        y, x = part[0], whole[0]
        return JointSums(
            self.count("measured"), self.count(whole), self.count(part),
            self.count(x * 2), self.count(y * 2), self.count(x + y),
        )  # fmt: skip

    def by_group(self, measure: Measure, behind: str = "") -> ClusterSums:
        """Give groups' counts and totals of a measure."""
        name = f"{measure}{behind}"
        pairs = ((sums.get(f"{name}.n", 0), sums.get(f"{name}.sum", 0)) for sums in self.groups.values())
        return ClusterSums.of(pair for pair in pairs if pair[0])

    def of_groups(self, part: str, whole: str) -> JointSums:
        """Give pairs of groups: x how many of its units, y how many of these."""
        return JointSums.of((sums.get(whole, 0), sums.get(part, 0)) for sums in self.groups.values())

    def by_learner(self, measure: Measure) -> ClusterSums:
        """Give learners' counts and totals of a measure over a bandit's epochs."""
        n, total, _ = self.of(measure)
        learners, *products = (self.count(f"{measure}.{part}") for part in ("learners", "nn", "ns", "ss"))
        return ClusterSums(learners, n, total, *products)


def arms(sums: Mapping[str, int], variants: int, slices: Iterable[str]) -> list[Arm]:
    """Read merged sums, arm by arm.

    Parameters
    ----------
    sums : mapping
        Of one experiment, named as in `sums`.
    variants : int
        How many the plan has.
    slices : iterable of str
        Which are taken together.

    Examples
    --------
    >>> two = arms({"0.a.enrolled": 3, "0.u.enrolled": 1, "open.1.a.with_outcome": 2, "forced": 9}, 2, "au")
    >>> two[0].count("enrolled"), two[1].still_open
    (4, {'with_outcome': 2})
    """
    wanted = set(slices)
    found = [Arm(place) for place in range(variants)]
    for name, value in sums.items():
        first, _, rest = name.partition(".")
        if first == CLUSTER:
            group, place, behind = rest.split(".", 2)
            slice_, _, after = behind.partition(".")
            slice_, behind = (ROLLED_OUT, after) if slice_ == ROLLED_OUT else (ASSIGNED, behind)
            if slice_ in wanted:
                found[int(place)].groups.setdefault(group, {})[behind] = value
            continue
        if is_open := first == OPEN:
            first, _, rest = rest.partition(".")
        if first.isdecimal():
            slice_, _, behind = rest.partition(".")
            if slice_ in wanted:
                arm = found[int(first)]
                told = arm.still_open if is_open else arm.sums
                told[behind] = told.get(behind, 0) + value
    return found


def across(one: Arm, other: Arm, measure: Measure) -> float:
    """Give the sum over learners of the product of their summed deviations in two arms of a bandit.

    Of Σ (s - n m)(t - k l) with a learner's counts n, k and totals s, t in the arms of means m, l.
    """
    low, high = (one, other) if one.place < other.place else (other, one)
    nn, nt, sk, st = (low.count(f"{high.place}.{measure}.{part}") for part in ("nn", "ns", "sn", "ss"))
    first, second = Moments.read(low.of(measure)).mean, Moments.read(high.of(measure)).mean
    return st / 10**12 - (first * nt + second * sk) / 10**6 + first * second * nn


def clustered(sums: ClusterSums) -> Clustered | Missing:
    """Read groups, where there are any."""
    return Clustered.read(sums) if sums.n else Missing.TOO_FEW

"""What a row's decisions add up to, by arm, over the rolling window and since activation.

Knows buckets and remembered decisions. Must never know which figure is made of the sums.
"""

from __future__ import annotations

from operator import add
from typing import Final, NamedTuple

from fitly.core.entries import BUCKETS, DECISIONS, Bucket, DecisionEntry
from fitly.core.learner import ContextRow
from fitly.core.lessons import DENIED, teaches
from fitly.core.numbers import DAY, Day
from fitly.core.statistics.own_baseline import Measuring, Sample, suffices
from fitly.core.statistics.sums import Sums
from fitly.core.tally import CUMULATIVE, contribution
from fitly.core.vocabulary import ARM_VARIANTS, ArmCode


class Totals(NamedTuple):
    """One arm, or several, over a window: how many decisions, and five triples of count, sum and sum of squares.

    ``whole`` is empty where the row has too few decisions for any figure: then only their number is told.
    """

    decisions: int
    whole: tuple[int, ...]

    @classmethod
    def of(cls, sums: tuple[int, ...]) -> Totals:
        """Take fifteen sums as they are."""
        return cls(sums[0], sums)

    def sample(self) -> Sample:
        """Read them as a sample."""
        return Sample(*map(Sums._make, zip(*[iter(self.whole)] * 3, strict=True)))


def windows(
    row: ContextRow, first: Day, measuring: Measuring, *, described: bool
) -> tuple[dict[int, Totals], dict[int, Totals]]:
    """Add up, by arm, the days from the first of the rolling window on, and everything.

    Most learners never have enough control decisions for a test, so the decisions are counted before they are read;
    where the population's baseline is known, they are read in any case.
    """
    entries = [entry for entry in DECISIONS.all(row.decisions) if entry.measured and teaches(entry)]
    buckets = list(BUCKETS.all(row.buckets))
    since = first * DAY
    recent = [entry for entry in entries if entry.since >= since]
    late = [bucket for bucket in buckets if bucket.day >= first]
    ever = [bucket for bucket in buckets if bucket.day == CUMULATIVE]
    whole = _counts(entries, ever)
    applied = sum(whole.get(code, 0) for code in ARM_VARIANTS)
    if described or suffices(applied, whole.get(ArmCode.CONTROL, 0), measuring):
        return _totals(recent, late), _totals(entries, ever)
    return _only(_counts(recent, late)), _only(whole)


def own_counts(row: ContextRow) -> tuple[int, int]:
    """Count the decisions measured since activation or reset: personalized ones, and control.

    Reads four fields of each decision and nothing else: it is asked whenever a window closes.
    """
    counted = [0, 0, 0]
    for day, arm, n in _EVER(row.buckets):
        if day == CUMULATIVE:
            counted[_SIDE[arm]] += n
    for arm, apply, shown, measured in _MEASURED(row.decisions):
        if measured and not (apply and shown in DENIED):
            counted[_SIDE[arm]] += 1
    applied, control, _ = counted
    return applied, control


_SIDE: Final = bytes([0 if code in ARM_VARIANTS else 1 if code == ArmCode.CONTROL else 2 for code in range(256)])
"""By the code of an arm: on which side of a comparison it stands, 2 for neither."""


_EVER: Final = BUCKETS.columns(*map(Bucket._fields.index, ("day", "arm", "n"))).iter_unpack
_MEASURED: Final = DECISIONS.columns(
    *map(DecisionEntry._fields.index, ("arm", "apply", "shown", "measured"))
).iter_unpack


def _only(counts: dict[int, int]) -> dict[int, Totals]:
    return {arm: Totals(count, ()) for arm, count in counts.items()}


def _counts(entries: list[DecisionEntry], buckets: list[Bucket]) -> dict[int, int]:
    """Count measured decisions by arm."""
    found: dict[int, int] = {}
    for bucket in buckets:
        found[bucket.arm] = found.get(bucket.arm, 0) + bucket.n
    for entry in entries:
        found[entry.arm] = found.get(entry.arm, 0) + 1
    return found


def _totals(entries: list[DecisionEntry], buckets: list[Bucket]) -> dict[int, Totals]:
    """Add measured decisions up by arm."""
    sums: dict[int, tuple[int, ...]] = {}
    for bucket in buckets:
        _add(sums, bucket.arm, bucket[2:])
    for entry in entries:
        _add(sums, entry.arm, contribution(entry))
    return {arm: Totals.of(whole) for arm, whole in sums.items()}


def _add(sums: dict[int, tuple[int, ...]], arm: int, part: tuple[int, ...]) -> None:
    sums[arm] = tuple(map(add, sums[arm], part)) if arm in sums else part


NOBODY: Final = Totals(0, (0,) * 15)
"""The totals of an arm without decisions."""

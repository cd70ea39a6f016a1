"""What a learner's closed decisions say of each arm, kept so that every word of it can be taken back.

Knows when a decision speaks, and how much it weighs. Must never know what the population makes of it (``population``).
A decision speaks from the closing of its window on, of the arm or baseline it teaches; a decision that was randomized
itself speaks with the inverse of its propensity, clipped, and one not to apply speaks beside every arm that might have
been drawn in its place.

Clipping takes something away from a rare arm: of a decision in which it had the probability p it is worth min(1, 20 p)
of one. A decision not to apply, of probability q, is worth as much beside it: it weighs min(1, 20 p) / q. So both sides
of every comparison stand for the same decisions, however often an arm was drawn, and the levels of these cancel.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from operator import add, sub
from typing import Any, Final

from fitly.core.entries import EVIDENCE, NO_OVERLAP, OVERLAP, DecisionEntry, Evidence
from fitly.core.lessons import lesson, teaches
from fitly.core.numbers import CERTAIN, ONE, mean
from fitly.core.vocabulary import ARM_VARIANTS, ArmCode

HEAVIEST: Final = 20 * ONE
"""The weight of a decision that was less likely than one in twenty: a rare one must not speak for all (clipping)."""
HEAVIEST_BESIDE: Final = 10_000 * ONE
"""The same of one not to apply, beside an arm: reached below a chance of one in ten thousand, where the sums of a row
would not fit 64 bits."""
_NOT_APPLIED: Final = (ArmCode.CONTROL, ArmCode.FALLBACK)


def weight(propensity: int) -> int:
    """Give a decision's weight (10^-6): the inverse of its propensity (10^-9), at most `HEAVIEST`.

    >>> weight(100_000_000), weight(22_500_000)
    (10000000, 20000000)
    """
    return min(ONE * CERTAIN // propensity, HEAVIEST)


def overlaps(propensities: Mapping[str, int]) -> bytes:
    """Pack how much of a decision each arm is worth, given its propensity (10^-9), as `OVERLAP` does.

    >>> OVERLAP.unpack(overlaps({"PATTERN_HEAVY": 22_500_000, "BALANCED": 855_000_000}))
    (4500, 0, 10000, 0)
    """
    return _packed(*[propensities.get(arm, 0) for arm in _ARMS])


@lru_cache(maxsize=1024)
def _packed(*propensities: int) -> bytes:
    """Pack four shares: under one policy the same few propensities come again and again."""
    return OVERLAP.pack(*map(_worth, propensities))


def _worth(propensity: int) -> int:
    return min(propensity * HEAVIEST // _PER_SHARE, _SHARES) or int(propensity > 0)


_SHARES: Final = 10_000
_PER_SHARE: Final = ONE * CERTAIN // _SHARES
_ARMS: Final = tuple(variant.value for variant in ARM_VARIANTS.values())


def weigh(evidence: bytes, old: DecisionEntry, new: DecisionEntry) -> bytes:
    """Take out what a decision said and put in what it says now.

    Parameters
    ----------
    evidence : bytes
        `EVIDENCE` of the row.
    old, new : DecisionEntry
        The decision before and after; one whose window is open says nothing.
    """
    before = _NOTHING_SAID if old.is_open else _said(old)
    after = _NOTHING_SAID if new.is_open else _said(new)
    if not before:  # as nearly always: its window closes
        for arm, said in after.items():
            evidence = _add(evidence, arm, said)
    elif before != after:
        for arm in after | before:
            change = tuple(map(sub, after.get(arm, _EMPTY), before.get(arm, _EMPTY)))
            if change != _EMPTY or arm not in before:
                evidence = _add(evidence, arm, change)
    return evidence


def _said(entry: DecisionEntry) -> dict[int, tuple[int, ...]]:
    """Give what a closed decision says of each arm, in the order of `Evidence` after ``arm``; its own comes first."""
    if not teaches(entry):
        return _NOTHING_SAID
    counted, _, centred = lesson(entry)
    measured = entry.measured
    if not (counted or measured):
        return _NOTHING_SAID
    drawn = counted and entry.overlap != NO_OVERLAP
    heavy = weight(entry.propensity) if drawn else 0
    told = _measured(entry) if measured else _UNMEASURED
    own = (1, centred, centred * centred, heavy, _squared(heavy), heavy * centred) if drawn else _NOT_DRAWN
    said = {entry.arm: (*told, *own, *_NOT_BESIDE)}
    if drawn and entry.arm in _NOT_APPLIED:
        for code, share in zip(ARM_VARIANTS, OVERLAP.unpack(entry.overlap), strict=True):
            if share:
                heavy = min(share * _PER_SHARE // entry.propensity, HEAVIEST_BESIDE)
                beside = (1, centred, heavy, _squared(heavy), heavy * centred)
                said[code] = (*_UNMEASURED, *_NOT_DRAWN, *beside)
    return said


def _squared(weight: int) -> int:
    """Square a weight, in 10^-6."""
    return mean(weight * weight, ONE)


def _measured(entry: DecisionEntry) -> tuple[int, ...]:
    """Give one decision as `Evidence.n` to ``s_engagement`` count it; of one outcome, or none, the sum is the mean."""
    sums: tuple[Any, ...] = entry[_SUMS:]
    measured, composite, nr, sr, np, sp, nc, sc, ne, se = sums
    return (
        1,
        composite if measured == 1 else mean(composite, measured),
        int(nr > 0),
        mean(sr, nr) if nr > 1 else sr,
        int(np > 0),
        mean(sp, np) if np > 1 else sp,
        int(nc > 0),
        mean(sc, nc) if nc > 1 else sc,
        int(ne > 0),
        mean(se, ne) if ne > 1 else se,
    )


_SUMS: Final = DecisionEntry._fields.index("measured")
_NOTHING_SAID: Final[dict[int, tuple[int, ...]]] = {}
_UNMEASURED: Final = (0,) * 10
_NOT_DRAWN: Final = (0,) * 6
_NOT_BESIDE: Final = (0,) * 5


def _add(evidence: bytes, arm: int, change: tuple[int, ...]) -> bytes:
    place = EVIDENCE.find_byte(evidence, arm)
    if place < 0:
        return evidence + EVIDENCE.pack(arm, *change)
    start = place * EVIDENCE.width
    packed = EVIDENCE.pack(arm, *map(add, _SAID(evidence, start), change))
    return evidence[:start] + packed + evidence[start + EVIDENCE.width :]


_SAID: Final = EVIDENCE.columns(*range(1, len(Evidence._fields))).unpack_from
_EMPTY: Final = (0,) * (len(Evidence._fields) - 1)

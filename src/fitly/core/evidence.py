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
from operator import add, sub
from typing import Final

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
    return OVERLAP.pack(*[_worth(propensities.get(arm, 0)) for arm in _ARMS])


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
    before = {} if old.is_open else _said(old)
    after = {} if new.is_open else _said(new)
    if before != after:
        for arm in after | before:
            change = tuple(map(sub, after.get(arm, _EMPTY), before.get(arm, _EMPTY)))
            if change != _EMPTY or arm not in before:
                evidence = _add(evidence, arm, change)
    return evidence


def _said(entry: DecisionEntry) -> dict[int, tuple[int, ...]]:
    """Give what a closed decision says of each arm, in the order of `Evidence` after ``arm``; its own comes first."""
    counted, _, centred = lesson(entry)
    measured = entry.measured if teaches(entry) else 0
    if not (counted or measured):
        return {}
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
    """Give one decision as `Evidence.n` to ``s_engagement`` count it."""
    return (
        1,
        mean(entry.composite, entry.measured),
        *_one(entry.n_retention, entry.s_retention),
        *_one(entry.n_performance, entry.s_performance),
        *_one(entry.n_completion, entry.s_completion),
        *_one(entry.n_engagement, entry.s_engagement),
    )


def _one(count: int, total: int) -> tuple[int, int]:
    return (1, mean(total, count)) if count else (0, 0)


_UNMEASURED: Final = (0,) * 10
_NOT_DRAWN: Final = (0,) * 6
_NOT_BESIDE: Final = (0,) * 5


def _add(evidence: bytes, arm: int, change: tuple[int, ...]) -> bytes:
    place = EVIDENCE.find_byte(evidence, arm)
    before: tuple[int, ...] = _EMPTY if place < 0 else EVIDENCE.at(evidence, place)[1:]
    return EVIDENCE.put(evidence, place, EVIDENCE.pack(arm, *map(add, before, change)))


_EMPTY: Final = (0,) * (len(Evidence._fields) - 1)

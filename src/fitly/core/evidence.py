"""What a learner's closed decisions say of each arm, kept so that every word of it can be taken back.

Knows when a decision speaks, and how much it weighs. Must never know what the population makes of it (``population``).
A decision speaks from the closing of its window on, of the arm or baseline it teaches; a decision that was randomized
itself speaks with the inverse of its propensity, clipped, and one not to apply speaks beside every arm that might have
been drawn in its place.
"""

from __future__ import annotations

from typing import Final

from fitly.core.entries import EVIDENCE, DecisionEntry, Evidence
from fitly.core.lessons import lesson, teaches
from fitly.core.numbers import CERTAIN, ONE, mean
from fitly.core.vocabulary import ARM_VARIANTS, ArmCode

HEAVIEST: Final = 20 * ONE
"""The weight of a decision that was less likely than one in twenty: a rare one must not speak for all (clipping)."""
_NOT_APPLIED: Final = (ArmCode.CONTROL, ArmCode.FALLBACK)


def weight(propensity: int) -> int:
    """Give a decision's weight (10^-6): the inverse of its propensity (10^-9), at most `HEAVIEST`.

    >>> weight(100_000_000), weight(22_500_000)
    (10000000, 20000000)
    """
    return min(ONE * CERTAIN // propensity, HEAVIEST)


def weigh(evidence: bytes, old: DecisionEntry, new: DecisionEntry) -> bytes:
    """Take out what a decision said and put in what it says now.

    Parameters
    ----------
    evidence : bytes
        `EVIDENCE` of the row.
    old, new : DecisionEntry
        The decision before and after; one whose window is open says nothing.
    """
    if not old.is_open:
        evidence = _said(evidence, old, -1)
    return evidence if new.is_open else _said(evidence, new, 1)


def _said(evidence: bytes, entry: DecisionEntry, sign: int) -> bytes:
    """Add what a closed decision says, or take it out."""
    counted, _, centred = lesson(entry)
    measured = entry.measured if teaches(entry) else 0
    if not (counted or measured):
        return evidence
    drawn = counted and entry.chance
    heavy = weight(entry.propensity) if drawn else 0
    told = _measured(entry) if measured else _UNMEASURED
    own = (*told, 1, centred, centred * centred, heavy, heavy * centred) if drawn else (*told, 0, 0, 0, 0, 0)
    evidence = _add(evidence, entry.arm, (*own, 0, 0, 0, 0), sign)
    if drawn and entry.arm in _NOT_APPLIED:
        beside = (*_UNMEASURED, 0, 0, 0, 0, 0, 1, centred, heavy, heavy * centred)
        for code in ARM_VARIANTS:
            if entry.chance >> code & 1:
                evidence = _add(evidence, code, beside, sign)
    return evidence


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


def _add(evidence: bytes, arm: int, said: tuple[int, ...], sign: int) -> bytes:
    place = EVIDENCE.find_byte(evidence, arm)
    before: tuple[int, ...] = _EMPTY if place < 0 else EVIDENCE.at(evidence, place)[1:]
    after = [value + sign * part for value, part in zip(before, said, strict=True)]
    return EVIDENCE.put(evidence, place, EVIDENCE.pack(arm, *after))


_EMPTY: Final = (0,) * (len(Evidence._fields) - 1)

"""What one decision teaches its arm.

Knows a decision's entry. Must never know the sums that lessons are added to.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from fitly.core.entries import DecisionEntry, Shown
from fitly.core.numbers import mean
from fitly.core.vocabulary import ArmCode

Lesson: TypeAlias = tuple[int, int, int]
"""What one decision teaches its arm: 1 or 0 rewards, the reward, the centred reward."""
NO_LESSON: Final = (0, 0, 0)
_NOTHING: Final = ArmCode.NOTHING
DENIED: Final = (Shown.OUTCOME_SAYS_NO, Shown.CONSUMER_SAYS_NO)


def teaches(entry: DecisionEntry) -> bool:
    """Tell whether a decision may teach: randomized or applied, and not denied by whoever saw the screen."""
    return entry.arm != _NOTHING and not (entry.apply and entry.shown in DENIED)


def lesson(entry: DecisionEntry) -> Lesson:
    """Give what a decision teaches its arm: the mean over its outcomes, or its default reward."""
    count = entry.outcomes
    if not (count or entry.defaulted) or not teaches(entry):
        return NO_LESSON
    if count > 1:
        return 1, mean(entry.reward, count), mean(entry.centred, count)
    return 1, entry.reward, entry.centred

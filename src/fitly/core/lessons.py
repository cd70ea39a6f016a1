"""What one decision teaches its arm.

Knows a decision's entry. Must never know the sums that lessons are added to.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from fitly.core.entries import NO_DEFAULT, DecisionEntry, Shown
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


def unjoined(entry: DecisionEntry) -> DecisionEntry:
    """Give a decision whose window is over and to which nothing came, or nothing that was not taken back.

    A default may stand for it, as the policy in force at the decision said.
    """
    if entry.default == NO_DEFAULT or entry.arm == _NOTHING:
        return entry._replace(is_open=0)
    return entry._replace(is_open=0, defaulted=1, reward=entry.default, centred=entry.default_centred)


def lesson(entry: DecisionEntry) -> Lesson:
    """Give what a decision teaches its arm: the mean over its outcomes, or its default reward."""
    count = entry.outcomes
    if not (count or entry.defaulted) or not teaches(entry):
        return NO_LESSON
    if count > 1:
        return 1, mean(entry.reward, count), mean(entry.centred, count)
    return 1, entry.reward, entry.centred

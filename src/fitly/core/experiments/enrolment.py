"""What a context's row keeps of the experiments that a learner met there: in which variant, and what was measured.

Knows the packed record. Must never know how a variant is drawn or what is made of the sums. It stands in the row of the
context and not with the learner: an experiment acts in one context, and what is measured changes with every outcome.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from fitly.core.packed import Layout


class Reason(IntEnum):
    """Why a learner is not enrolled; 0 for who is. The newest reason stands. Codes are append-only."""

    ENROLLED = 0
    NOT_IN_TRAFFIC = 1
    LEVEL = 2
    SEGMENT = 3
    NO_GROUP = 4
    OTHER_EXPERIMENT = 5
    HOLDOUT = 6
    OPTED_OUT = 7
    PINNED = 8
    UNKNOWN_VARIANT = 9
    """An attribute gives a variant that the experiment does not have."""
    FULL = 10
    """The row holds `MOST_ENROLMENTS` records of experiments that go on."""
    BETWEEN_EPOCHS = 11
    """A bandit's epoch is over, and the next has not begun: its days would not be complete."""


class How(IntEnum):
    """How a learner came to the variant."""

    DRAWN = 0
    GIVEN = 1
    """By an attribute: randomized elsewhere."""
    FORCED = 2
    """A test learner: left out of every sum."""
    ROLLED_OUT = 3
    HELD_BACK = 4


class State(IntEnum):
    """Where the measuring of a learner stands."""

    NOT_ENROLLED = 0
    OPEN = 1
    MEASURED = 2
    """The measurement days are complete: nothing moves any more."""
    OPTED_OUT = 3
    """Opted out before they were, and they are by now: what was measured until then stands, and counts."""
    ENDED = 4
    """Another enrolment in the same experiment began before they were (a roll-out, an early epoch), or there were none
    (who joined when an epoch was over): enrolled, and never measured."""
    LEFT = 5
    """Opted out, and the measurement days run on: nothing moves any more, and it counts when they are complete."""


class Enrolment(NamedTuple):
    """One learner in one experiment; in a bandit, in one epoch of it.

    Attributes
    ----------
    trial : int
        `Trial.number`.
    epoch : int
        Number of the weights drawn with, from 0.
    reason : int
        `Reason`; where it is not ENROLLED, only ``trial`` and ``since`` say anything.
    variant : int
        Place among the plan's variants, from 0.
    how, state : int
        `How`, `State`.
    uniform : int
        1 in a bandit's uniform slice.
    probability : int
        Of the variant at enrolment (10^-9).
    since, until : int
        Enrolment, and when its measurement days are complete.
    cluster : bytes
        Fingerprint (8 bytes) of the group drawn for; zeros where the unit is the learner.
    before_n, before_sum : int
        The learner's outcomes in the context before the enrolment, and the sum of their rewards (10^-6).
    decisions, joined, applied : int
        Decisions since the enrolment, those with an outcome, and those that were applied.
    n, composite : int
        Outcomes within the measurement days, and the sum of their rewards (10^-6).
    n_retention ... s_engagement : int
        Per metric: how many outcomes had it, and their sum.
    """

    trial: int
    epoch: int = 0
    reason: int = 0
    variant: int = 0
    how: int = 0
    state: int = 0
    uniform: int = 0
    probability: int = 0
    since: int = 0
    until: int = 0
    cluster: bytes = bytes(8)
    before_n: int = 0
    before_sum: int = 0
    decisions: int = 0
    joined: int = 0
    applied: int = 0
    n: int = 0
    composite: int = 0
    n_retention: int = 0
    s_retention: int = 0
    n_performance: int = 0
    s_performance: int = 0
    n_completion: int = 0
    s_completion: int = 0
    n_engagement: int = 0
    s_engagement: int = 0


ENROLMENTS: Final = Layout(Enrolment, "IIBBBBBIqq8sIqIIIIqIqIqIqIq")
MOST_ENROLMENTS: Final = 64
"""Per row. Records of experiments that have ended make room first; where all go on, nobody new is enrolled (`FULL`):
a record that went would leave the sums, which are those of the rows."""

"""What is remembered of one learner: the learner's row, and a row per context.

Knows the shape of the rows. Must never know how they are decided upon (``step``) or stored (``wire.rows``).
The two kinds are split by how often they change: preferences seldom, a context's row with every outcome.
Rows and entries are NamedTuples, not dataclasses: a changed copy costs a fifth, and an outcome makes several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Generic, NamedTuple, TypeVar

from fitly.core.decisions import Selected
from fitly.core.names import UserId
from fitly.core.numbers import Millis
from fitly.core.packed import Layout
from fitly.core.vocabulary import Context, Feature, Level

NEVER: Final = Millis(2**63 - 1)
"""The due time of a row that waits for nothing."""

ROW_VERSION: Final = 1

Value = TypeVar("Value")


class Sealed(Generic[Value]):
    """A value that stays bytes until someone asks for it.

    Most outcomes touch a row without looking at the full text of its standing decision; so it travels
    through the fold as the bytes it was stored in.
    """

    __slots__ = ("_open", "_value", "raw")

    def __init__(
        self, raw: bytes | None, value: Value | None = None, open_: Callable[[bytes], Value] | None = None
    ) -> None:
        self.raw = raw
        self._value = value
        self._open = open_

    @classmethod
    def of(cls, value: Value) -> Sealed[Value]:
        """Seal a value that has no bytes yet."""
        return cls(None, value)

    def open(self) -> Value:
        """Give the value, decoding it at the first call."""
        if self._value is None:
            assert self._open is not None  # noqa: S101 - a Sealed has a value or bytes with their opener
            assert self.raw is not None  # noqa: S101
            self._value = self._open(self.raw)
        return self._value


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a learner allows; record 1 without its ids."""

    level: Level = Level.MEDIUM
    auto_adapt_enabled: bool = True
    mission_enabled: bool = True
    content_enabled: bool = True
    assessment_enabled: bool = True
    session_enabled: bool = True
    disabled_features: tuple[Feature, ...] = ()


class Seen(NamedTuple):
    """One remembered event: fingerprint of its key and its event day."""

    fingerprint: bytes
    day: int


SEEN: Final = Layout(Seen, "16sH")


class LearnerRow(NamedTuple):
    """What changes seldom: preferences, and the events seen that belong to no context.

    Attributes
    ----------
    seen : bytes
        `SEEN` records in order of arrival, at most 512.
    seen_floor : int
        Events of this day or before are refused as LATE: the ring had to forget them.
    """

    user_id: UserId
    preferences: Preferences
    created_at: Millis
    updated_at: Millis
    last_reset_at: Millis | None = None
    seen: bytes = b""
    seen_floor: int = -1


class Shown(IntEnum):
    """What is known of the learner's screen, and from whom; a consumer's word outranks an outcome's."""

    UNKNOWN = 0
    OUTCOME_SAYS_YES = 1
    OUTCOME_SAYS_NO = 2
    CONSUMER_SAYS_YES = 3
    CONSUMER_SAYS_NO = 4


class DecisionEntry(NamedTuple):
    """One decision of the last weeks: its interval, what was drawn, and the sums of its outcomes.

    Attributes
    ----------
    id : bytes
        Packed decision id.
    since, until : int
        Moments between which it stood; ``until`` is its expiry while it stands.
    closes : int
        When its reward becomes final.
    mode, variant : int
        Codes of the vocabulary; ``variant`` is `ArmCode.NOTHING` where nothing was applied.
    arm : int
        The arm or baseline its reward teaches; `ArmCode.NOTHING` where it teaches nothing.
    apply : int
        1 where the decision personalized.
    propensity, threshold : int
        Probability (10^-9) of what was drawn; confidence (10^-9) its level asked for.
    revision : int
        Policy revision in force.
    shown : int
        What is known of the learner's screen.
    is_open : int
        1 until the reward window closed.
    defaulted : int
        1 where the policy's default reward stands in for outcomes that never came.
    outcomes : int
        Number of outcomes that make the reward.
    reward, centred : int
        Their sums, in millionths.
    n_retention ... s_engagement : int
        Per metric: how many outcomes had it, and their sum.
    measured, composite : int
        All outcomes within the grace, also those after the window: how many, and the sum of their rewards.
    """

    id: bytes
    since: int
    until: int
    closes: int
    mode: int
    variant: int
    arm: int
    apply: int
    propensity: int
    threshold: int
    revision: int
    shown: int = 0
    is_open: int = 1
    defaulted: int = 0
    outcomes: int = 0
    reward: int = 0
    centred: int = 0
    measured: int = 0
    composite: int = 0
    n_retention: int = 0
    s_retention: int = 0
    n_performance: int = 0
    s_performance: int = 0
    n_completion: int = 0
    s_completion: int = 0
    n_engagement: int = 0
    s_engagement: int = 0


DECISIONS: Final = Layout(DecisionEntry, "16sqqqBBBBIIIBBBIqqIqIqIqIqIq")


class OutcomeEntry(NamedTuple):
    """One attributed outcome within the grace: what a correction must take out again.

    Metrics are -1 where absent. ``centre`` is the learner's mean the reward was centred on, frozen.
    ``counted`` is 1 where it made the decision's reward, 0 where it came after the window.
    """

    fingerprint: bytes
    day: int
    decision: bytes
    retention: int
    performance: int
    completion: int
    engagement: int
    reward: int
    centre: int
    counted: int


OUTCOMES: Final = Layout(OutcomeEntry, "16sH16siiiiiiB")


class ArmEntry(NamedTuple):
    """What one arm (or baseline) taught, and its config's book-keeping.

    Attributes
    ----------
    arm : int
        `ArmCode`.
    selected : int
        Decisions with it.
    n : int
        Decisions with a reward.
    raw, centred, centred2 : int
        Sum of their rewards, of their centred rewards, and of the squares of the latter (10^-12).
    first, activated, deactivated, updated : int
        Moments, 0 for never.
    active : int
        1 for the arm of the newest applied decision.
    """

    arm: int
    selected: int
    n: int
    raw: int
    centred: int
    centred2: int
    first: int
    activated: int
    deactivated: int
    updated: int
    active: int


ARMS: Final = Layout(ArmEntry, "BIIqqqqqqqB")


class Bucket(NamedTuple):
    """Sums of one UTC day and one arm or baseline: the unit is the decision (mean of its outcomes).

    At rest, a row's buckets hold the decisions it has let go of; `tally.day_sums` adds those it still
    remembers one by one. ``day`` 0 holds everything since activation or reset.
    Per metric: count, sum, sum of squares (10^-12).
    """

    day: int
    arm: int
    n: int
    composite: int
    composite2: int
    n_retention: int
    s_retention: int
    q_retention: int
    n_performance: int
    s_performance: int
    q_performance: int
    n_completion: int
    s_completion: int
    q_completion: int
    n_engagement: int
    s_engagement: int
    q_engagement: int


BUCKETS: Final = Layout(Bucket, "HBIqqIqqIqqIqqIqq")


class ContextRow(NamedTuple):
    """What changes with every outcome: one learner in one context.

    Attributes
    ----------
    arms, decisions, outcomes, buckets, seen : bytes
        Records of `ARMS`, `DECISIONS`, `OUTCOMES`, `BUCKETS`, `SEEN`.
    standing : Sealed or None
        The newest decision as it was sent, to be repeated unchanged.
    own_n, own_sum : int
        The learner's own attributed outcomes here and the sum of their rewards: what centring shrinks.
    seen_floor : int
        Events of this day or before are refused as LATE.
    closes_at : Millis
        When the next reward window closes; `NEVER` where none is open.
    overflowed : int
        Decisions closed early because more than 64 were open.
    unjoined : int
        Windows that closed without an outcome.
    learning_since : Millis
        When what was learned was last reset, 0 for never.
    updated_at : Millis
        The clock when the row last changed.
    """

    user_id: UserId
    context: Context
    arms: bytes = b""
    decisions: bytes = b""
    outcomes: bytes = b""
    buckets: bytes = b""
    seen: bytes = b""
    standing: Sealed[Selected] | None = None
    own_n: int = 0
    own_sum: int = 0
    seen_floor: int = -1
    closes_at: Millis = NEVER
    overflowed: int = 0
    unjoined: int = 0
    learning_since: Millis = Millis(0)
    updated_at: Millis = Millis(0)

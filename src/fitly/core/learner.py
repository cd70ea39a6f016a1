"""What is remembered of one learner: the learner's row, and a row per context.

Knows the shape of the rows. Must never know how they are decided upon (``step``) or stored (``wire.rows``), nor what
is packed inside them (``entries``). The two kinds are split by how often they change: preferences seldom, a context's
row with every outcome. Rows are NamedTuples, not dataclasses: a changed copy costs a fifth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from fitly.core.attributes import NO_ATTRIBUTES, Attributes
from fitly.core.decisions import Selected
from fitly.core.insights import NO_INSIGHTS, Insights
from fitly.core.names import EventKey, UserId
from fitly.core.numbers import Millis
from fitly.core.vocabulary import Context, Feature, Level

NEVER: Final = Millis(2**63 - 1)
"""The due time of a row that waits for nothing."""

ROW_VERSION: Final = 3

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


class Act(NamedTuple):
    """Something that staff or a guardian did in the learner's name: when, which event, of which type, who."""

    at: Millis
    key: EventKey
    kind: str
    by: str


class LearnerRow(NamedTuple):
    """What changes seldom: preferences, insights, and the events seen that belong to no context.

    Attributes
    ----------
    seen : bytes
        `SEEN` records in order of arrival, at most 512.
    seen_floor : int
        Events of this day or before are refused as LATE: the ring had to forget them.
    insights : Insights
        The newest observation of each kind; none is kept of a learner who has opted out.
    consented_at : Millis
        When, in event time, consent began this row anew after an erasure, 0 for none: what happened before belongs to
        the life that was erased.
    refused : bytes
        Offsets of the learner's refused records, 8 bytes each: their dead letters go with the learner.
    acts : tuple of Act
        The newest things that others did in the learner's name, at most 16: the audit trail is written from them.
    attributes : Attributes
        The newest word of each group and attribute; of a learner who has opted out only whether they are a test.
    """

    user_id: UserId
    preferences: Preferences
    created_at: Millis
    updated_at: Millis
    last_reset_at: Millis | None = None
    seen: bytes = b""
    seen_floor: int = -1
    insights: Insights = NO_INSIGHTS
    consented_at: Millis = Millis(0)
    refused: bytes = b""
    acts: tuple[Act, ...] = ()
    attributes: Attributes = NO_ATTRIBUTES


class Erased(NamedTuple):
    """What is left of an erased learner, under a keyed hash of the id: that nothing is heard of them, and since when.

    Attributes
    ----------
    at : Millis
        The clock at the erasure; only consent given afterwards ends it.
    seen : bytes
        `SEEN` records: the erasing event, a copy of which must not erase whoever has come back; and what the learner's
        ring held of that day and later, among which may be consent given before.
    act : Act or None
        Who asked for it, where somebody did in the learner's name.
    """

    at: Millis
    seen: bytes
    act: Act | None = None


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
        When the next reward window closes or an enrolment's days are complete; `NEVER` where none is open.
    overflowed : int
        Decisions closed early because more than 64 were open.
    unjoined : int
        Windows that closed without an outcome.
    learning_since : Millis
        When what was learned was last reset, 0 for never.
    updated_at : Millis
        The clock when the row last changed.
    evidence, typed, baseline : bytes
        `EVIDENCE` of closed decisions and `TYPED` of outcomes: what the row contributes to the population's sums
        (``population``); `BASELINE`, one record once the population's is known: what its effectiveness is held against.
    lapses_at : Millis
        When the next of the insights lapses that the standing parameters look at; `NEVER` where they look at none.
    shadows, shadow_sums : bytes
        Records of `shadows.SCORES` of decisions still here, and of `shadows.SUMMED` of those that are not.
    assessed : bytes
        Records of `VERDICTS`: what was last announced of the effectiveness records that carried a test.
    trials : bytes
        Records of `experiments.enrolment.ENROLMENTS`: the experiments that the learner met here.
    left_out : bool
        The learner is a test: nothing of the row is in any sum.
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
    evidence: bytes = b""
    typed: bytes = b""
    baseline: bytes = b""
    lapses_at: Millis = NEVER
    shadows: bytes = b""
    shadow_sums: bytes = b""
    assessed: bytes = b""
    trials: bytes = b""
    left_out: bool = False

    @property
    def due_at(self) -> Millis:
        """When the row next does something by itself."""
        return min(self.closes_at, self.lapses_at)

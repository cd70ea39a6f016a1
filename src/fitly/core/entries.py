"""What a row packs: seen events, decisions, outcomes, arms and day buckets, in records of fixed width.

Knows the fields of each record and how wide they are. Must never know what changes them. Entries are NamedTuples: a
changed copy costs a fifth of a dataclass's.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from fitly.core.packed import Layout


class Seen(NamedTuple):
    """One remembered event: fingerprint of its key and its event day."""

    fingerprint: bytes
    day: int


SEEN: Final = Layout(Seen, "16sH")


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
    overlap : bytes
        Of a decision that was randomized itself, per arm as `OVERLAP` packs it: how much of one decision it is worth
        beside that arm (``evidence``). `NO_OVERLAP` of any other.
    default, default_centred : int
        What stands for its reward should no outcome come, and the same centred on the learner's own mean (10^-6): the
        policy's default as it was when the decision was made. `NO_DEFAULT` and 0 where nothing does.
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
    overlap: bytes
    default: int
    default_centred: int
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


OVERLAP: Final = Struct("<4H")
"""Four shares, in 10^-4, of the arms in the order of their codes."""
NO_OVERLAP: Final = bytes(8)

DECISIONS: Final = Layout(DecisionEntry, "16sqqqBBBBIII8siiBBBIqqIqIqIqIqIq")
NO_DEFAULT: Final = -1


class OutcomeEntry(NamedTuple):
    """One attributed outcome within the grace: what a correction must take out again.

    Metrics are -1 where absent. ``centre`` is the learner's mean the reward was centred on, frozen.
    ``counted`` is 1 where it made the decision's reward, 0 where it came after the window; ``kind`` is the code of its
    outcome type.
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
    kind: int


OUTCOMES: Final = Layout(OutcomeEntry, "16sH16siiiiiiBB")


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

    At rest, a row's buckets hold the decisions it has let go of; whoever wants all adds those that it still
    remembers (`tally.contribution`). ``day`` 0 holds everything since activation or reset.
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


class Evidence(NamedTuple):
    """What this learner's decisions with closed windows say of one arm or baseline.

    The unit is the decision: its reward is the mean over its outcomes. ``n`` and the metrics count every decision that
    teaches the arm; ``drawn`` to ``wx`` those of them that were randomized themselves (unit ``decision``), weighted by
    the inverse of their propensity; ``n0`` to ``wx0`` the decisions not to apply in which this arm had a chance.

    Attributes
    ----------
    arm : int
        `ArmCode`.
    n, composite : int
        Decisions, and the sum of their mean composite outcomes (10^-6).
    n_retention ... s_engagement : int
        Per metric: decisions that have it, and the sum of their means (10^-6).
    drawn, x, x2 : int
        Randomized decisions, the sum of their centred rewards (10^-6) and of its squares (10^-12).
    w, w2, wx : int
        Sum of their weights and of its squares (10^-6), and of weight times centred reward (10^-12).
    n0, x0, w0, v0, wx0 : int
        Decisions not to apply: how many, sum of centred rewards, of weights, of their squares, of weight times reward.
    """

    arm: int
    n: int
    composite: int
    n_retention: int
    s_retention: int
    n_performance: int
    s_performance: int
    n_completion: int
    s_completion: int
    n_engagement: int
    s_engagement: int
    drawn: int
    x: int
    x2: int
    w: int
    w2: int
    wx: int
    n0: int
    x0: int
    w0: int
    v0: int
    wx0: int


EVIDENCE: Final = Layout(Evidence, "BIqIqIqIqIqIqqqqqIqqqq")


class Typed(NamedTuple):
    """Sums of the metrics of one outcome type: per metric, how many attributed outcomes had it, and their sum."""

    kind: int
    n_retention: int
    s_retention: int
    n_performance: int
    s_performance: int
    n_completion: int
    s_completion: int
    n_engagement: int
    s_engagement: int


TYPED: Final = Layout(Typed, "BIqIqIqIq")


class Baseline(NamedTuple):
    """The population's baseline of a context, as of a row's newest decision.

    Count, sum (10^-6) and sum of squares (10^-12) of learners' means, of the composite outcome and of each metric.
    """

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


BASELINE: Final = Layout(Baseline, "IqqIqqIqqIqqIqq")


class Verdict(NamedTuple):
    """What was last announced of one effectiveness record that carried a test.

    Attributes
    ----------
    arm : int
        The variant's `ArmCode`; `ArmCode.NOTHING` for the record that pools them.
    rolling : int
        1 for the rolling window, 0 for the cumulative one.
    significant : int
        1 where it was flagged.
    direction : int
        0 none, 1 positive, 2 negative, 3 where nothing varied.
    """

    arm: int
    rolling: int
    significant: int
    direction: int


VERDICTS: Final = Layout(Verdict, "BBBB")

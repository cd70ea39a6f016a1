"""Sums of arms and of days, kept exact by taking a decision's old contribution out and putting its new one in.

Knows what a decision contributes. Must never know why it changed: an outcome, a correction, a closed window
and a consumer's word all come here as "this entry became that entry".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from fitly.core.dedupe import ACCEPTANCE_DAYS
from fitly.core.learner import ARMS, BUCKETS, DECISIONS, ArmEntry, Bucket, ContextRow, DecisionEntry, Shown
from fitly.core.numbers import Day, Millis, day_of, mean
from fitly.core.vocabulary import ArmCode

CUMULATIVE: Final = Day(0)
"""The bucket that holds everything since activation or reset."""


class Contribution(NamedTuple):
    """What one decision adds: to its arm (n, raw, centred) and to its day (per measure: n and mean)."""

    n: int
    raw: int
    centred: int
    measured: int
    composite: int
    n_retention: int
    retention: int
    n_performance: int
    performance: int
    n_completion: int
    completion: int
    n_engagement: int
    engagement: int


NOTHING: Final = Contribution(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_DENIED: Final = (Shown.OUTCOME_SAYS_NO, Shown.CONSUMER_SAYS_NO)


def contribution(entry: DecisionEntry) -> Contribution:
    """Give what a decision teaches: means over its outcomes, or nothing where it may not teach."""
    if entry.arm == ArmCode.NOTHING or (entry.apply and entry.shown in _DENIED):
        return NOTHING
    n, raw, centred = 0, 0, 0
    if entry.outcomes:
        n, raw, centred = 1, mean(entry.reward, entry.outcomes), mean(entry.centred, entry.outcomes)
    elif entry.defaulted:
        n, raw, centred = 1, entry.reward, entry.centred
    if not entry.measured:
        return NOTHING._replace(n=n, raw=raw, centred=centred) if n else NOTHING
    return Contribution(
        n,
        raw,
        centred,
        1,
        mean(entry.composite, entry.measured),
        1 if entry.n_retention else 0,
        mean(entry.s_retention, entry.n_retention) if entry.n_retention else 0,
        1 if entry.n_performance else 0,
        mean(entry.s_performance, entry.n_performance) if entry.n_performance else 0,
        1 if entry.n_completion else 0,
        mean(entry.s_completion, entry.n_completion) if entry.n_completion else 0,
        1 if entry.n_engagement else 0,
        mean(entry.s_engagement, entry.n_engagement) if entry.n_engagement else 0,
    )


def put(row: ContextRow, index: int, old: DecisionEntry, new: DecisionEntry, now: Millis) -> ContextRow:
    """Replace a decision's entry and move its contribution along.

    Parameters
    ----------
    row : ContextRow
        The row that holds ``old`` at ``index``.
    index : int
        Position among the row's decisions, from 0.
    old, new : DecisionEntry
        Before and after.
    now : Millis
        The clock: days that have left the acceptance window are kept in the cumulative sums only.
    """
    decisions = DECISIONS.replace(row.decisions, index, new)
    before, after = contribution(old), contribution(new)
    if before == after:
        return replace(row, decisions=decisions, updated_at=now)
    arms = _move_arm(row.arms, new.arm, before, after, now)
    buckets = _move_bucket(row.buckets, CUMULATIVE, new.arm, before, after)
    day = day_of(Millis(new.since))
    if day >= day_of(now) - ACCEPTANCE_DAYS:
        buckets = _move_bucket(buckets, day, new.arm, before, after)
    return replace(row, decisions=decisions, arms=arms, buckets=buckets, updated_at=now)


def empty_arm(code: int) -> ArmEntry:
    """Give the entry of an arm that taught nothing yet."""
    return ArmEntry(code, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def arm_entry(arms: bytes, code: int) -> ArmEntry:
    """Give an arm's entry, empty where there is none.

    >>> arm_entry(b"", ArmCode.CONTROL).n
    0
    """
    index = ARMS.find(arms, bytes((code,)))
    return empty_arm(code) if index < 0 else ARMS.at(arms, index)


def put_arm(arms: bytes, entry: ArmEntry) -> bytes:
    """Replace or add an arm's entry."""
    index = ARMS.find(arms, bytes((entry.arm,)))
    return ARMS.append(arms, entry) if index < 0 else ARMS.replace(arms, index, entry)


def _move_arm(arms: bytes, code: int, before: Contribution, after: Contribution, now: Millis) -> bytes:
    entry = arm_entry(arms, code)
    return put_arm(
        arms,
        entry._replace(
            n=entry.n + after.n - before.n,
            raw=entry.raw + after.raw - before.raw,
            centred=entry.centred + after.centred - before.centred,
            centred2=entry.centred2 + after.centred**2 - before.centred**2,
            updated=now,
        ),
    )


def _move_bucket(buckets: bytes, day: Day, code: int, before: Contribution, after: Contribution) -> bytes:
    index = BUCKETS.find(buckets, day.to_bytes(2, "little") + bytes((code,)))
    b = BUCKETS.at(buckets, index) if index >= 0 else Bucket(day, code, *_ZEROS)
    moved = Bucket(
        day,
        code,
        b.n + after.measured - before.measured,
        b.composite + after.composite - before.composite,
        b.composite2 + after.composite**2 - before.composite**2,
        b.n_retention + after.n_retention - before.n_retention,
        b.s_retention + after.retention - before.retention,
        b.q_retention + after.retention**2 - before.retention**2,
        b.n_performance + after.n_performance - before.n_performance,
        b.s_performance + after.performance - before.performance,
        b.q_performance + after.performance**2 - before.performance**2,
        b.n_completion + after.n_completion - before.n_completion,
        b.s_completion + after.completion - before.completion,
        b.q_completion + after.completion**2 - before.completion**2,
        b.n_engagement + after.n_engagement - before.n_engagement,
        b.s_engagement + after.engagement - before.engagement,
        b.q_engagement + after.engagement**2 - before.engagement**2,
    )
    return BUCKETS.append(buckets, moved) if index < 0 else BUCKETS.replace(buckets, index, moved)


_ZEROS: Final = (0,) * (len(Bucket._fields) - 2)

"""Sums of arms and of days, kept exact by taking a decision's old contribution out and putting its new one in.

Knows what a decision contributes. Must never know why it changed: an outcome, a correction, a closed window
and a consumer's word all come here as "this entry became that entry".
"""

from __future__ import annotations

from operator import add
from typing import Final

from fitly.core.copies import changing
from fitly.core.dedupe import ACCEPTANCE_DAYS
from fitly.core.entries import ARMS, BUCKETS, DECISIONS, ArmEntry, Bucket, DecisionEntry
from fitly.core.evidence import weigh
from fitly.core.experiments.measuring import measured
from fitly.core.learner import ContextRow
from fitly.core.lessons import lesson, teaches
from fitly.core.numbers import Day, Millis, day_of, mean
from fitly.core.vocabulary import ArmCode

CUMULATIVE: Final = Day(0)
"""The bucket that holds everything since activation or reset."""


def put(row: ContextRow, index: int, old: DecisionEntry, new: DecisionEntry, now: Millis) -> ContextRow:
    """Replace a decision's entry and move what it teaches along.

    Parameters
    ----------
    row : ContextRow
        The row that holds ``old`` at ``index``.
    index : int
        Position among the row's decisions, from 0.
    old, new : DecisionEntry
        Before and after.
    now : Millis
        The clock.
    """
    decisions = DECISIONS.replace(row.decisions, index, new)
    arms, evidence = moved(row.arms, old, new, now), weigh(row.evidence, old, new)
    if row.trials:
        row = row._replace(trials=measured(row, old, new))
    return row._replace(decisions=decisions, arms=arms, evidence=evidence, updated_at=now)


def moved(arms: bytes, old: DecisionEntry, new: DecisionEntry, now: Millis) -> bytes:
    """Take out what a decision taught its arm and put in what it teaches now."""
    before, after = lesson(old), lesson(new)
    if before == after:
        return arms
    place = ARMS.find_byte(arms, new.arm)
    entry = empty_arm(new.arm) if place < 0 else ARMS.at(arms, place)
    # Positions in place of names (`_replace`): this runs at every outcome, and names would cost four times as much.
    code, selected, n, raw, centred, centred2, first, since, deactivated, _, active = entry
    n_before, raw_before, centred_before = before
    n_after, raw_after, centred_after = after
    n += n_after - n_before
    raw += raw_after - raw_before
    centred += centred_after - centred_before
    centred2 += centred_after**2 - centred_before**2
    changed = ARMS.pack(code, selected, n, raw, centred, centred2, first, since, deactivated, now, active)
    return ARMS.put(arms, place, changed)


def empty_arm(code: int) -> ArmEntry:
    """Give the entry of an arm that taught nothing yet."""
    return ArmEntry(code, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def activated(arms: bytes, code: int, now: Millis) -> bytes:
    """Make an arm the active one, selected once more."""
    arms = let_rest(arms, now, code)
    place = ARMS.find_byte(arms, code)
    entry = empty_arm(code) if place < 0 else ARMS.at(arms, place)
    _, selected, n, raw, centred, centred2, first, since, deactivated, _, active = entry
    since, first = since if active else now, first or now
    changed = ARMS.pack(code, selected + 1, n, raw, centred, centred2, first, since, deactivated, now, 1)
    return ARMS.put(arms, place, changed)


def let_rest(arms: bytes, now: Millis, but: int = ArmCode.NOTHING) -> bytes:
    """Leave no arm active, ``but`` perhaps one; never are two."""
    place = arms[_ACTIVE :: ARMS.width].find(1)
    if place < 0 or arms[place * ARMS.width] == but:
        return arms
    return ARMS.replace(arms, place, _RESTED(ARMS.at(arms, place), 0, now, now))


_RESTED: Final = changing(ArmEntry, "active", "deactivated", "updated")


_ACTIVE: Final = ARMS.start_of(ArmEntry._fields.index("active"))


def retire(buckets: bytes, entry: DecisionEntry, now: Millis) -> bytes:
    """Add a decision that the row lets go of to its buckets; days outside the acceptance window only cumulate.

    A decision that fell back is no part of any effectiveness, so none keeps it.
    """
    if not (teaches(entry) and entry.measured) or entry.arm == ArmCode.FALLBACK:
        return buckets
    days = [CUMULATIVE]
    if (day := day_of(Millis(entry.since))) >= day_of(now) - ACCEPTANCE_DAYS:
        days.append(day)
    for each in days:
        index = BUCKETS.find(buckets, each.to_bytes(2, "little") + bytes((entry.arm,)))
        if index < 0:
            buckets = BUCKETS.append(buckets, _with(None, each, entry))
        else:
            buckets = BUCKETS.replace(buckets, index, _with(BUCKETS.at(buckets, index), each, entry))
    return buckets


def _with(bucket: Bucket | None, day: Day, entry: DecisionEntry) -> Bucket:
    """Add one decision to a bucket."""
    sums = contribution(entry)
    return Bucket(day, entry.arm, *(sums if bucket is None else map(add, bucket[2:], sums)))


def contribution(entry: DecisionEntry) -> tuple[int, ...]:
    """Give what one decision adds: the triples of its mean composite outcome and of the mean of each metric it has."""
    return (
        *_triple(entry.measured, entry.composite),
        *_triple(entry.n_retention, entry.s_retention),
        *_triple(entry.n_performance, entry.s_performance),
        *_triple(entry.n_completion, entry.s_completion),
        *_triple(entry.n_engagement, entry.s_engagement),
    )


def _triple(count: int, total: int) -> tuple[int, int, int]:
    if not count:
        return 0, 0, 0
    value = total if count == 1 else mean(total, count)
    return 1, value, value * value

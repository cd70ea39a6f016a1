"""Corrections: an outcome's old contribution out, the new one in.

Knows remembered outcomes. Must never know how a correction travelled.
"""

from __future__ import annotations

from dataclasses import dataclass

from fitly.core.decisions import UNMEASURED, Measured
from fitly.core.dedupe import ACCEPTANCE_DAYS
from fitly.core.entries import DECISIONS, OUTCOMES, OutcomeEntry
from fitly.core.events import OutcomeCorrected
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow
from fitly.core.lessons import unjoined
from fitly.core.names import EventKey, event_key, fingerprint
from fitly.core.numbers import Micro, Millis, day_of
from fitly.core.outcomes import UNTYPED, kept, shift, typed
from fitly.core.rewards import measured, reward
from fitly.core.tally import put
from fitly.core.vocabulary import OUTCOME_TYPES, Bin, Context


@dataclass(frozen=True, slots=True)
class Amended:
    """A correction that was carried out."""

    row: ContextRow
    outcome: EventKey
    metrics: Measured
    reward: Micro | None


def withdraw_or_correct(row: ContextRow, data: OutcomeCorrected, force: InForce, now: Millis) -> Amended | Bin:
    """Carry out a correction.

    Returns
    -------
    Amended or Bin
        ORPHAN where the outcome is unknown here or was never attributed, LATE where it is older than the
        acceptance window and its decision's reward window is closed.
    """
    outcome = event_key(data.outcome_source, data.outcome_id)
    index = OUTCOMES.find(row.outcomes, fingerprint(outcome))
    if index < 0:
        return Bin.ORPHAN
    old = OUTCOMES.at(row.outcomes, index)
    where = DECISIONS.find(row.decisions, old.decision)
    if where < 0:
        return Bin.LATE
    before = DECISIONS.at(row.decisions, where)
    if not before.is_open and old.day < day_of(now) - ACCEPTANCE_DAYS:
        return Bin.LATE
    after = shift(before, old, -1)
    if data.withdrawn:
        if before.outcomes and not (after.outcomes or after.is_open):
            # As if it had never come: the window closed without an outcome after all.
            after, row = unjoined(after), row._replace(unjoined=row.unjoined + 1)
        remaining = OUTCOMES.remove(row.outcomes, index)
        row = row._replace(
            outcomes=remaining,
            own_n=row.own_n - 1,
            own_sum=row.own_sum - old.reward,
            typed=typed(row.typed, old, -1),
        )
        return Amended(put(row, where, before, after, now), outcome, UNMEASURED, None)
    metrics = measured(data)
    new = _remeasured(old, metrics, row.context, force)
    row = row._replace(
        outcomes=OUTCOMES.replace(row.outcomes, index, new),
        own_sum=row.own_sum + new.reward - old.reward,
        typed=typed(typed(row.typed, old, -1), new, 1),
    )
    return Amended(put(row, where, before, shift(after, new, 1), now), outcome, metrics, Micro(new.reward))


def _remeasured(old: OutcomeEntry, metrics: Measured, context: Context, force: InForce) -> OutcomeEntry:
    """Give the outcome its right metrics; what it was centred on stays frozen."""
    retention, performance, completion, engagement = kept(metrics)
    typical = force.unknown if old.kind == UNTYPED else force.typical[context, OUTCOME_TYPES[old.kind]]
    return old._replace(
        retention=retention,
        performance=performance,
        completion=completion,
        engagement=engagement,
        reward=reward(metrics, typical, force),
    )

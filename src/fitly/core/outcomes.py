"""What one outcome adds to its decision, and how it is remembered so that it can be taken out again.

Knows entries of decisions and of outcomes. Must never know how the decision was found.
"""

from __future__ import annotations

from dataclasses import replace

from fitly.core.attribution import Found
from fitly.core.decisions import Measured
from fitly.core.events import LearnerEvent
from fitly.core.learner import OUTCOMES, ContextRow, DecisionEntry, OutcomeEntry
from fitly.core.names import fingerprint
from fitly.core.numbers import Micro, Millis, day_of
from fitly.core.rewards import centre, reward
from fitly.core.rules import Rules
from fitly.core.tally import put
from fitly.core.windows import MOST_OUTCOMES

ABSENT = -1


def add_outcome(
    row: ContextRow,
    found: Found,
    old: DecisionEntry,
    event: LearnerEvent,
    metrics: Measured,
    rules: Rules,
    now: Millis,
) -> tuple[ContextRow, Micro]:
    """Add an outcome to its decision.

    While the reward window is open it makes the decision's reward; afterwards it counts for effectiveness only.

    Returns
    -------
    tuple of ContextRow and Micro
        The row, and the outcome's reward as it is frozen in the record.
    """
    worth = reward(metrics, rules.policy.reward_weights, rules.priors)
    entry = OutcomeEntry(
        fingerprint=fingerprint(event.key),
        day=day_of(event.time),
        decision=old.id,
        retention=ABSENT if metrics.retention is None else metrics.retention,
        performance=ABSENT if metrics.performance is None else metrics.performance,
        completion=ABSENT if metrics.completion is None else metrics.completion,
        engagement=ABSENT if metrics.engagement is None else metrics.engagement,
        reward=worth,
        centre=centre(row.own_sum, row.own_n, rules.priors),
        counted=old.is_open,
    )
    remembered = OUTCOMES.append(row.outcomes, entry)
    if OUTCOMES.count(remembered) > MOST_OUTCOMES:
        remembered = OUTCOMES.drop(remembered, 1)
    row = replace(row, outcomes=remembered, own_n=row.own_n + 1, own_sum=row.own_sum + worth)
    return put(row, found.place, old, shift(found.entry, entry, 1), now), worth


def shift(decision: DecisionEntry, outcome: OutcomeEntry, sign: int) -> DecisionEntry:
    """Add an outcome to a decision's sums (``sign`` 1) or take it out (-1)."""
    counted = sign * outcome.counted
    retention, performance = outcome.retention != ABSENT, outcome.performance != ABSENT
    completion, engagement = outcome.completion != ABSENT, outcome.engagement != ABSENT
    return decision._replace(
        outcomes=decision.outcomes + counted,
        reward=decision.reward + counted * outcome.reward,
        centred=decision.centred + counted * (outcome.reward - outcome.centre),
        measured=decision.measured + sign,
        composite=decision.composite + sign * outcome.reward,
        n_retention=decision.n_retention + sign * retention,
        s_retention=decision.s_retention + sign * retention * outcome.retention,
        n_performance=decision.n_performance + sign * performance,
        s_performance=decision.s_performance + sign * performance * outcome.performance,
        n_completion=decision.n_completion + sign * completion,
        s_completion=decision.s_completion + sign * completion * outcome.completion,
        n_engagement=decision.n_engagement + sign * engagement,
        s_engagement=decision.s_engagement + sign * engagement * outcome.engagement,
    )

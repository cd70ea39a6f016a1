"""What the passing of time does to a context's row: reward windows close, old entries are let go.

Knows the clock as an argument. Must never know which event made it pass.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fitly.core.dedupe import ACCEPTANCE_DAYS
from fitly.core.learner import BUCKETS, DECISIONS, NEVER, OUTCOMES, ContextRow, DecisionEntry
from fitly.core.numbers import DAY, Millis, day_of, micro, span
from fitly.core.rules import Rules, Windows
from fitly.core.tally import CUMULATIVE, put
from fitly.core.vocabulary import ArmCode, Context

KEPT_AFTER_END: Final = Millis(ACCEPTANCE_DAYS * DAY)
"""How long a decision's interval is remembered after it ended."""
MOST_DECISIONS: Final = 64
MOST_OUTCOMES: Final = 512


def window_of(windows: Windows, context: Context) -> Millis:
    """Give how long a context's reward windows stay open.

    >>> window_of(Windows(), Context.SESSION)
    86400000
    """
    days = {
        Context.MISSION: windows.mission,
        Context.CONTENT: windows.content,
        Context.ASSESSMENT: windows.assessment,
        Context.SESSION: windows.session,
    }
    return span(days[context])


def settle(row: ContextRow, rules: Rules, now: Millis) -> ContextRow:
    """Bring a row up to now: close the windows that are over.

    Every event that touches a row settles it first, and a tick settles the rows that are due; so what a
    window holds never depends on when a tick happened to come.
    """
    if row.closes_at > now:
        return row
    for index, entry in enumerate(DECISIONS.all(row.decisions)):
        if entry.is_open and entry.closes <= now:
            row = _close(row, index, entry, rules, now)
    return replace(row, closes_at=next_close(row.decisions))


def next_close(decisions: bytes) -> Millis:
    """Give the moment at which the next open window closes."""
    return Millis(min((entry.closes for entry in DECISIONS.all(decisions) if entry.is_open), default=NEVER))


def prune(row: ContextRow, rules: Rules, now: Millis) -> ContextRow:
    """Let go of what has left the acceptance window, so that no row grows without bound.

    More than 64 decisions: the oldest is closed (counted as unjoined if nothing came) and let go.
    """
    decisions = row.decisions
    while decisions and _is_over(first := DECISIONS.at(decisions, 0), now):
        decisions = DECISIONS.drop(decisions, 1)
    if decisions is not row.decisions:
        row = replace(row, decisions=decisions)
    while DECISIONS.count(row.decisions) >= MOST_DECISIONS:
        first = DECISIONS.at(row.decisions, 0)
        if first.is_open:
            row = _close(row, 0, first, rules, now)
            row = replace(row, overflowed=row.overflowed + 1)
        row = replace(row, decisions=DECISIONS.drop(row.decisions, 1))
    oldest = day_of(now) - ACCEPTANCE_DAYS
    buckets = row.buckets
    if any(CUMULATIVE < bucket.day < oldest for bucket in BUCKETS.all(buckets)):
        buckets = BUCKETS.join([b for b in BUCKETS.all(buckets) if b.day == CUMULATIVE or b.day >= oldest])
    outcomes = row.outcomes
    if outcomes and OUTCOMES.at(outcomes, 0).day < oldest:
        outcomes = OUTCOMES.join([entry for entry in OUTCOMES.all(outcomes) if entry.day >= oldest])
    return replace(row, buckets=buckets, outcomes=outcomes, closes_at=next_close(row.decisions))


def _is_over(entry: DecisionEntry, now: Millis) -> bool:
    return not entry.is_open and entry.until + KEPT_AFTER_END < now


def _close(row: ContextRow, index: int, entry: DecisionEntry, rules: Rules, now: Millis) -> ContextRow:
    closed = entry._replace(is_open=0)
    unjoined = not entry.outcomes
    default = rules.policy.default_reward
    if unjoined and default is not None and entry.arm != ArmCode.NOTHING:
        worth = micro(default)
        closed = closed._replace(defaulted=1, reward=worth, centred=worth - micro(rules.priors.metric_mean))
    row = put(row, index, entry, closed, now)
    return replace(row, unjoined=row.unjoined + 1) if unjoined else row

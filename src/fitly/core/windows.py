"""What the passing of time does to a context's row: reward windows close, old entries are let go.

Knows the clock as an argument. Must never know which event made it pass.
"""

from __future__ import annotations

from typing import Final

from fitly.core.dedupe import ACCEPTANCE_DAYS, drop_before
from fitly.core.inforce import InForce
from fitly.core.learner import BUCKETS, DECISIONS, NEVER, OUTCOMES, Bucket, ContextRow, DecisionEntry, OutcomeEntry
from fitly.core.numbers import DAY, Millis, day_of
from fitly.core.tally import CUMULATIVE, put, retire
from fitly.core.vocabulary import ArmCode

KEPT_AFTER_END: Final = Millis(ACCEPTANCE_DAYS * DAY)
"""How long a decision's interval is remembered after it ended."""
MOST_DECISIONS: Final = 64
MOST_OUTCOMES: Final = 512
_FULL: Final = MOST_DECISIONS * DECISIONS.width

_OUTCOME_DAY: Final = OUTCOMES.columns(OutcomeEntry._fields.index("day"))
_BUCKET_DAY: Final = BUCKETS.columns(Bucket._fields.index("day"))
_WINDOWS: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, ("closes", "is_open", "outcomes"))).iter_unpack
_IS_OPEN: Final = DECISIONS.start_of(DecisionEntry._fields.index("is_open"))
_FIRST: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, ("until", "is_open", "outcomes")))


def settle(row: ContextRow, force: InForce, now: Millis) -> ContextRow:
    """Bring a row up to now: close the windows that are over.

    Every event that touches a row settles it first, and a tick settles the rows that are due; so what a
    window holds never depends on when a tick happened to come.
    """
    if row.closes_at > now:
        return row
    upcoming = NEVER
    for index, (closes, is_open, outcomes) in enumerate(_WINDOWS(row.decisions)):
        if is_open and closes <= now:
            row = _close(row, index, outcomes, force, now)
        elif is_open and closes < upcoming:
            upcoming = closes
    return row._replace(closes_at=upcoming)


def next_close(decisions: bytes) -> Millis:
    """Give the moment at which the next open window closes."""
    return Millis(min((closes for closes, is_open, _ in _WINDOWS(decisions) if is_open), default=NEVER))


def prune(row: ContextRow, force: InForce, now: Millis) -> ContextRow:
    """Let go of what has left the acceptance window, so that no row grows without bound.

    More than 64 decisions: the oldest is closed (counted as unjoined if nothing came) and let go.
    """
    while row.decisions:
        until, is_open, outcomes = _FIRST.unpack_from(row.decisions)
        if is_open or until + KEPT_AFTER_END >= now:
            break
        row = _let_go(row, now)
    if len(row.decisions) >= _FULL:
        until, is_open, outcomes = _FIRST.unpack_from(row.decisions)
        if is_open:
            row = _close(row, 0, outcomes, force, now)
            row = row._replace(overflowed=row.overflowed + 1)
        row = _let_go(row, now)
        row = row._replace(closes_at=next_close(row.decisions))
    return _without_old_days(row, now)


def _without_old_days(row: ContextRow, now: Millis) -> ContextRow:
    oldest = day_of(now) - ACCEPTANCE_DAYS
    outcomes = drop_before(row.outcomes, OUTCOMES.width, _OUTCOME_DAY, oldest)
    if outcomes is not row.outcomes:
        row = row._replace(outcomes=outcomes)
    if row.buckets and any([CUMULATIVE < day < oldest for (day,) in _BUCKET_DAY.iter_unpack(row.buckets)]):
        kept = [bucket for bucket in BUCKETS.all(row.buckets) if bucket.day == CUMULATIVE or bucket.day >= oldest]
        row = row._replace(buckets=BUCKETS.join(kept))
    return row


def _let_go(row: ContextRow, now: Millis) -> ContextRow:
    """Drop the oldest decision; its sums stay."""
    first = DECISIONS.at(row.decisions, 0)
    return row._replace(decisions=DECISIONS.drop(row.decisions, 1), buckets=retire(row.buckets, first, now))


def _close(row: ContextRow, index: int, outcomes: int, force: InForce, now: Millis) -> ContextRow:
    """Close one window: its reward is final from here on; a default may stand for outcomes that never came."""
    if outcomes:
        start = index * DECISIONS.width + _IS_OPEN
        return row._replace(decisions=row.decisions[:start] + b"\0" + row.decisions[start + 1 :])
    entry = DECISIONS.at(row.decisions, index)
    closed = entry._replace(is_open=0)
    worth = force.default_reward
    if worth is not None and entry.arm != ArmCode.NOTHING:
        closed = closed._replace(defaulted=1, reward=worth, centred=worth - force.absent)
    return put(row, index, entry, closed, now)._replace(unjoined=row.unjoined + 1)

"""What the passing of time does to a context's row: reward windows close, enrolments end, old entries are let go.

Knows the clock as an argument. Must never know which event made it pass.
"""

from __future__ import annotations

from typing import Final

from fitly.core.copies import changing
from fitly.core.dedupe import ACCEPTANCE_DAYS, KEPT_AFTER_END, drop_before
from fitly.core.entries import BUCKETS, DECISIONS, OUTCOMES, Bucket, DecisionEntry, OutcomeEntry
from fitly.core.evidence import weigh
from fitly.core.experiments.measuring import next_end, settled, stopped
from fitly.core.learner import NEVER, ContextRow
from fitly.core.lessons import unjoined
from fitly.core.numbers import DAY, Millis, day_of
from fitly.core.shadows import let_go
from fitly.core.tally import CUMULATIVE, put, retire

MOST_DECISIONS: Final = 64
MOST_OUTCOMES: Final = 512
_FULL: Final = MOST_DECISIONS * DECISIONS.width

_OUTCOME_DAY: Final = OUTCOMES.columns(OutcomeEntry._fields.index("day"))
_BUCKET_DAY: Final = BUCKETS.columns(Bucket._fields.index("day"))
_WINDOWS: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, ("closes", "is_open", "outcomes"))).iter_unpack
_IS_OPEN: Final = DECISIONS.start_of(DecisionEntry._fields.index("is_open"))
_SINCE: Final = DECISIONS.columns(DecisionEntry._fields.index("since")).unpack_from
_FIRST: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, ("until", "is_open", "outcomes")))


def settle(row: ContextRow, now: Millis) -> ContextRow:
    """Bring a row up to now: close the windows that are over, and the enrolments that are complete.

    Every event that touches a row settles it first, and a tick settles the rows that are due; so what a
    window holds never depends on when a tick happened to come.
    """
    if row.closes_at > now:
        return row
    upcoming, over = NEVER, []
    first = row.decisions[_IS_OPEN :: DECISIONS.width].find(1)
    for index, (closes, is_open, outcomes) in enumerate(_WINDOWS(row.decisions[first * DECISIONS.width :]), first):
        if is_open and closes > now:
            upcoming = min(upcoming, closes)
        elif is_open and outcomes:
            over.append(index)
        elif is_open:
            row = _close_empty(row, index, now)
    if not row.trials:
        return _closed(row, over, upcoming)
    trials = settled(row.trials, now)
    return _closed(row, over, Millis(min(upcoming, next_end(trials))))._replace(trials=trials)


def shut(row: ContextRow, now: Millis) -> ContextRow:
    """Close every open window with what it has: the learner opted out, and nothing is learned from here on.

    No default stands in for what may not come any more, and nothing is counted as unjoined. Of enrolments nothing
    moves any more; when their days are complete the row still falls due.
    """
    open_ = [index for index, is_open in enumerate(row.decisions[_IS_OPEN :: DECISIONS.width]) if is_open]
    trials = row.trials and stopped(row.trials)
    if not open_ and trials == row.trials:
        return row
    return _closed(row, open_, next_end(trials))._replace(updated_at=now, trials=trials)


def next_close(decisions: bytes) -> Millis:
    """Give the moment at which the next open window closes."""
    return Millis(min((closes for closes, is_open, _ in _WINDOWS(decisions) if is_open), default=NEVER))


def prune(row: ContextRow, now: Millis) -> ContextRow:
    """Let go of what has left the acceptance window, so that no row grows without bound.

    More than 64 decisions: the oldest is closed (counted as unjoined if nothing came) and let go.
    """
    if len(row.decisions) >= _FULL:
        row = _make_room(row, now)
    decisions, buckets, start, gone = row.decisions, row.buckets, 0, list[DecisionEntry]()
    while start < len(decisions):
        until, is_open, _ = _FIRST.unpack_from(decisions, start)
        if is_open or until + KEPT_AFTER_END >= now:
            break
        gone.append(DECISIONS.at(decisions, start // DECISIONS.width))
        buckets = retire(buckets, gone[-1], now)
        start += DECISIONS.width
    oldest = day_of(now) - ACCEPTANCE_DAYS
    outcomes = _kept(row, oldest)
    buckets = _since(buckets, oldest) if buckets else buckets
    if not start and outcomes is row.outcomes and buckets is row.buckets:
        return row
    return let_go(row._replace(decisions=decisions[start:], outcomes=outcomes, buckets=buckets), gone)


def _kept(row: ContextRow, oldest: int) -> bytes:
    """Let go of the outcomes of days before ``oldest``, but not of those that a window still waits for others with."""
    first = row.decisions[_IS_OPEN :: DECISIONS.width].find(1)
    if first < 0 or _SINCE(row.decisions, first * DECISIONS.width)[0] >= oldest * DAY:
        return drop_before(row.outcomes, OUTCOMES.width, _OUTCOME_DAY, oldest)
    open_ = {entry.id for entry in DECISIONS.all(row.decisions) if entry.is_open}
    kept = [each for each in OUTCOMES.all(row.outcomes) if each.day >= oldest or each.decision in open_]
    return OUTCOMES.join(kept)


def _since(buckets: bytes, oldest: int) -> bytes:
    """Leave out the buckets of days before ``oldest``."""
    for (day,) in _BUCKET_DAY.iter_unpack(buckets):
        if CUMULATIVE < day < oldest:
            break
    else:
        return buckets
    return BUCKETS.join([each for each in BUCKETS.all(buckets) if each.day == CUMULATIVE or each.day >= oldest])


def _make_room(row: ContextRow, now: Millis) -> ContextRow:
    """Let go of the oldest of 64 decisions, whatever it still waits for."""
    _, is_open, outcomes = _FIRST.unpack_from(row.decisions)
    if is_open:
        row = row if outcomes else _close_empty(row, 0, now)
        row = _closed(row, [0], row.closes_at)._replace(overflowed=row.overflowed + 1)
    decisions, oldest = DECISIONS.drop(row.decisions, 1), DECISIONS.at(row.decisions, 0)
    buckets = retire(row.buckets, oldest, now)
    closes_at = Millis(min(next_close(decisions), next_end(row.trials)))
    return let_go(row._replace(decisions=decisions, buckets=buckets, closes_at=closes_at), [oldest])


def _closed(row: ContextRow, places: list[int], upcoming: Millis) -> ContextRow:
    """Close windows: their rewards are final from here on, and speak of their arms; ``upcoming`` closes next."""
    decisions, evidence = row.decisions, row.evidence
    for place in places:
        start = place * DECISIONS.width + _IS_OPEN
        entry = DECISIONS.at(decisions, place)
        decisions = decisions[:start] + b"\0" + decisions[start + 1 :]
        evidence = weigh(evidence, entry, DECISIONS.at(decisions, place))
    return _CLOSED(row, decisions, evidence, upcoming)


_CLOSED: Final = changing(ContextRow, "decisions", "evidence", "closes_at")


def _close_empty(row: ContextRow, index: int, now: Millis) -> ContextRow:
    """Close a window to which nothing came; a default may stand for it."""
    entry = DECISIONS.at(row.decisions, index)
    return put(row, index, entry, unjoined(entry), now)._replace(unjoined=row.unjoined + 1)

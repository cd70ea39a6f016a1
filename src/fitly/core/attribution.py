"""Which decision an outcome belongs to, and whether it was applied; never guessed.

Knows intervals and testimonies. Must never know rewards.
"""

from __future__ import annotations

from typing import NamedTuple

from fitly.core.dedupe import KEPT_AFTER_END
from fitly.core.entries import DECISIONS, DecisionEntry, Shown
from fitly.core.events import OutcomeRecorded
from fitly.core.names import packed_id
from fitly.core.numbers import Millis
from fitly.core.vocabulary import ARM_CODES

_YES = (Shown.OUTCOME_SAYS_YES, Shown.CONSUMER_SAYS_YES)
_NO = (Shown.OUTCOME_SAYS_NO, Shown.CONSUMER_SAYS_NO)
_CONSUMER = (Shown.CONSUMER_SAYS_YES, Shown.CONSUMER_SAYS_NO)


class Found(NamedTuple):
    """A decision among a row's decisions: where, as it is there, and with an outcome's testimony in it."""

    place: int
    before: DecisionEntry
    entry: DecisionEntry


_INTERVAL = DECISIONS.columns(*map(DecisionEntry._fields.index, ("since", "until"))).unpack_from


def by_id(decisions: bytes, identifier: str, now: Millis) -> Found | None:
    """Find a decision by its id, until 16 days after it ended."""
    try:
        index = DECISIONS.find(decisions, packed_id(identifier))
    except ValueError:
        return None
    return None if index < 0 else _found(decisions, index, now)


def standing_at(decisions: bytes, moment: Millis, now: Millis) -> Found | None:
    """Find the decision that stood at a moment; of several, the newest."""
    width = DECISIONS.width
    for start in range(len(decisions) - width, -1, -width):
        since, until = _INTERVAL(decisions, start)
        if since <= moment < until:
            return _found(decisions, start // width, now)
    return None


def _found(decisions: bytes, index: int, now: Millis) -> Found | None:
    """Give a decision, unless its time to be remembered is over: the row may hold it until the next is made."""
    entry = DECISIONS.at(decisions, index)
    return Found(index, entry, entry) if entry.until + KEPT_AFTER_END >= now else None


def applied(entry: DecisionEntry) -> bool:
    """Tell whether a decision was applied: a consumer's word, else an outcome's, else the decision's own."""
    return entry.shown in _YES or (bool(entry.apply) and entry.shown not in _NO)


def testimony(entry: DecisionEntry, flag: bool) -> DecisionEntry | None:  # noqa: FBT001 - the outcome's own flag
    """Add what an outcome says of the learner's screen; None where it contradicts what is known.

    A strategy cannot have been applied where the decision was not to. The consumer's word, once it came, stands
    above what any outcome says; so it does not matter which came first.
    """
    if flag and not entry.apply:
        return None
    if entry.shown in _CONSUMER:
        return entry
    if not entry.shown:
        return entry._replace(shown=Shown.OUTCOME_SAYS_YES if flag else Shown.OUTCOME_SAYS_NO)
    return entry if flag == (entry.shown in _YES) else None


def attribute(decisions: bytes, data: OutcomeRecorded, moment: Millis, now: Millis) -> Found | None:
    """Find the decision an outcome belongs to, with the outcome's testimony in it.

    Parameters
    ----------
    decisions : bytes
        `DECISIONS` of the row.
    data : OutcomeRecorded
        The outcome; what it leaves out it agrees with.
    moment : Millis
        Its event time, used where it names no decision.
    now : Millis
        The clock.

    Returns
    -------
    Found or None
        None where nothing stood or where testimonies contradict: an ORPHAN.
    """
    named = data.decision_id
    found = standing_at(decisions, moment, now) if named is None else by_id(decisions, named, now)
    if found is None:
        return None
    variant, flag, entry = data.strategy_variant, data.personalization_applied, found.entry
    if variant is not None and entry.variant != ARM_CODES[variant] and (entry.apply or flag is not False):
        return None
    if flag is None:
        return found
    heard = testimony(entry, flag)
    return None if heard is None else found._replace(entry=heard)

"""Which decision an outcome belongs to, and whether it was applied; never guessed.

Knows intervals and testimonies. Must never know rewards.
"""

from __future__ import annotations

from typing import NamedTuple

from fitly.core.events import OutcomeRecorded
from fitly.core.learner import DECISIONS, DecisionEntry, Shown
from fitly.core.names import packed_id
from fitly.core.numbers import Millis
from fitly.core.vocabulary import ARM_CODES

_YES = (Shown.OUTCOME_SAYS_YES, Shown.CONSUMER_SAYS_YES)
_NO = (Shown.OUTCOME_SAYS_NO, Shown.CONSUMER_SAYS_NO)


class Found(NamedTuple):
    """A decision among a row's decisions: where, as it is there, and with an outcome's testimony in it."""

    place: int
    before: DecisionEntry
    entry: DecisionEntry


_INTERVALS = DECISIONS.columns(DecisionEntry._fields.index("since"), DecisionEntry._fields.index("until"))


def by_id(decisions: bytes, identifier: str) -> Found | None:
    """Find a decision by its id."""
    try:
        index = DECISIONS.find(decisions, packed_id(identifier))
    except ValueError:
        return None
    return None if index < 0 else _found(decisions, index)


def standing_at(decisions: bytes, moment: Millis) -> Found | None:
    """Find the decision that stood at a moment; of several, the newest."""
    width = DECISIONS.width
    for start in range(len(decisions) - width, -1, -width):
        since, until = _INTERVALS.unpack_from(decisions, start)
        if since <= moment < until:
            return _found(decisions, start // width)
    return None


def _found(decisions: bytes, index: int) -> Found:
    entry = DECISIONS.at(decisions, index)
    return Found(index, entry, entry)


def applied(entry: DecisionEntry) -> bool:
    """Tell whether a decision was applied: a consumer's word, else an outcome's, else the decision's own."""
    return entry.shown in _YES or (bool(entry.apply) and entry.shown not in _NO)


def testimony(entry: DecisionEntry, flag: bool) -> DecisionEntry | None:  # noqa: FBT001 - the outcome's own flag
    """Add what an outcome says of the learner's screen; None where it contradicts what is known.

    A strategy cannot have been applied where the decision was not to.
    """
    if flag and not entry.apply:
        return None
    if entry.shown == Shown.UNKNOWN:
        return entry._replace(shown=Shown.OUTCOME_SAYS_YES if flag else Shown.OUTCOME_SAYS_NO)
    return entry if flag == (entry.shown in _YES) else None


def attribute(decisions: bytes, data: OutcomeRecorded, moment: Millis) -> Found | None:
    """Find the decision an outcome belongs to, with the outcome's testimony in it.

    Parameters
    ----------
    decisions : bytes
        `DECISIONS` of the row.
    data : OutcomeRecorded
        The outcome; what it leaves out it agrees with.
    moment : Millis
        Its event time, used where it names no decision.

    Returns
    -------
    Found or None
        None where nothing stood or where testimonies contradict: an ORPHAN.
    """
    named = data.decision_id
    found = standing_at(decisions, moment) if named is None else by_id(decisions, named)
    if found is None:
        return None
    variant, flag = data.strategy_variant, data.personalization_applied
    if variant is not None and found.entry.apply and found.entry.variant != ARM_CODES[variant]:
        return None
    if flag is None:
        return found
    entry = testimony(found.entry, flag)
    return None if entry is None else found._replace(entry=entry)

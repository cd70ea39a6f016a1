"""Which decision an outcome belongs to, and whether it was applied; never guessed.

Knows intervals and testimonies. Must never know rewards.
"""

from __future__ import annotations

from typing import NamedTuple

from fitly.core.events import OutcomeRecorded
from fitly.core.learner import DECISIONS, DecisionEntry, Shown
from fitly.core.names import packed_id
from fitly.core.numbers import Millis
from fitly.core.vocabulary import ARM_CODES, Variant

_YES = (Shown.OUTCOME_SAYS_YES, Shown.CONSUMER_SAYS_YES)
_NO = (Shown.OUTCOME_SAYS_NO, Shown.CONSUMER_SAYS_NO)


class Found(NamedTuple):
    """A decision among a row's decisions."""

    place: int
    entry: DecisionEntry


def by_id(decisions: bytes, identifier: str) -> Found | None:
    """Find a decision by its id."""
    try:
        index = DECISIONS.find(decisions, packed_id(identifier))
    except ValueError:
        return None
    return None if index < 0 else Found(index, DECISIONS.at(decisions, index))


def standing_at(decisions: bytes, moment: Millis) -> Found | None:
    """Find the decision that stood at a moment; of several, the newest."""
    for index in range(DECISIONS.count(decisions) - 1, -1, -1):
        entry = DECISIONS.at(decisions, index)
        if entry.since <= moment < entry.until:
            return Found(index, entry)
    return None


def applied(entry: DecisionEntry) -> bool:
    """Tell whether a decision was applied: a consumer's word, else an outcome's, else the decision's own."""
    return entry.shown in _YES or (bool(entry.apply) and entry.shown not in _NO)


def testimony(entry: DecisionEntry, flag: bool | None) -> DecisionEntry | None:
    """Add what an outcome says of the learner's screen; None where it contradicts what is known.

    Absent means agreeing. A strategy cannot have been applied where the decision was not to.
    """
    if flag is None:
        return entry
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
        The outcome.
    moment : Millis
        Its event time, used where it names no decision.

    Returns
    -------
    Found or None
        None where nothing stood or where testimonies contradict: an ORPHAN.
    """
    if data.decision_id is not None:
        found = by_id(decisions, data.decision_id)
    else:
        found = standing_at(decisions, moment)
    if found is None:
        return None
    entry = testimony(found.entry, data.personalization_applied)
    if entry is None or _names_another(entry, data.strategy_variant):
        return None
    return Found(found.place, entry)


def _names_another(entry: DecisionEntry, variant: Variant | None) -> bool:
    return variant is not None and bool(entry.apply) and entry.variant != ARM_CODES[variant]

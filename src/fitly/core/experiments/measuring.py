"""What is measured of an enrolled learner while the days of the enrolment run.

Knows records of enrolments and entries of decisions. Must never know which event came, nor what is made of the sums.

A decision belongs to every enrolment that was open when it was made. What comes to it counts as long as the enrolment
is open: when it arrives, not when it happened, for a correction has to know whether an outcome was counted, and a row
keeps of an outcome only its day. Everything here follows from "this entry became that entry", as elsewhere: so what a
correction takes out is what the outcome had put in. Afterwards nothing moves any more.
"""

from __future__ import annotations

from typing import Any, Final

from fitly.core.attribution import applied
from fitly.core.entries import DECISIONS, DecisionEntry
from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, State
from fitly.core.learner import NEVER, ContextRow
from fitly.core.numbers import Millis
from fitly.core.vocabulary import ArmCode

_OPEN: Final = int(State.OPEN)
_WAITS: Final = frozenset((int(State.OPEN), int(State.LEFT)))
"""The days run: what falls due is their end."""
_STATE: Final = ENROLMENTS.start_of(Enrolment._fields.index("state"))
_STANDS: Final = ENROLMENTS.columns(*map(Enrolment._fields.index, ("state", "since"))).iter_unpack
_ENDS: Final = ENROLMENTS.columns(*map(Enrolment._fields.index, ("state", "until"))).iter_unpack
_DAYS: Final = ENROLMENTS.columns(*map(Enrolment._fields.index, ("state", "since", "until"))).iter_unpack
_COUNTS: Final = Enrolment._fields.index("decisions")
_SUMS: Final = DecisionEntry._fields.index("measured")


def enrolled(row: ContextRow, enrolment: Enrolment) -> ContextRow:
    """Put an open enrolment into a row, before the first decision of it is made.

    Parameters
    ----------
    row : ContextRow
        Settled to the moment of the enrolment.
    enrolment : Enrolment
        Who was drawn what, until when; what is measured is filled in here. An enrolment in the same experiment that is
        not complete yet is cut off (a roll-out, an early epoch): what comes now is not of its variant.

    Returns
    -------
    ContextRow
        The row falls due when the enrolment ends.
    """
    before_n, before_sum, counts = row.own_n, row.own_sum, enrolment[_COUNTS:]
    for entry in DECISIONS.all(row.decisions):
        if entry.since >= enrolment.since:
            # Made in the same millisecond: it could not be told from those that follow, so it belongs to them.
            sums: tuple[Any, ...] = entry[_SUMS:]
            each = (1, int(entry.measured > 0), int(applied(entry)), *sums)
            counts = tuple([was + more for was, more in zip(counts, each, strict=True)])
            before_n, before_sum = before_n - entry.measured, before_sum - entry.composite
    known = enrolment._replace(state=_OPEN, before_n=before_n, before_sum=before_sum)
    packed = ENROLMENTS.pack(*known[:_COUNTS], *counts)
    trials = b"".join([_cut_off(each, enrolment.trial) for each in ENROLMENTS.all(row.trials)])
    return row._replace(trials=trials + packed, closes_at=Millis(min(row.closes_at, enrolment.until)))


def _cut_off(each: Enrolment, trial: int) -> bytes:
    is_over = each.trial == trial and each.state in _WAITS
    return ENROLMENTS.pack(*(each._replace(state=State.ENDED) if is_over else each))


def decided(trials: bytes, applies: bool) -> bytes:  # noqa: FBT001 - a decision's own flag
    """Count a decision that has just been made in every enrolment that is open."""
    for place, state in enumerate(trials[_STATE :: ENROLMENTS.width]):
        if state == _OPEN:
            entry = ENROLMENTS.at(trials, place)
            more = entry._replace(decisions=entry.decisions + 1, applied=entry.applied + int(applies))
            trials = ENROLMENTS.replace(trials, place, more)
    return trials


def measured(row: ContextRow, old: DecisionEntry, new: DecisionEntry) -> bytes:
    """Give a row's enrolments after one of its decisions became another: an outcome, a correction, a word on it.

    Parameters
    ----------
    row : ContextRow
        Settled, with enrolments.
    old, new : DecisionEntry
        Before and after.
    """
    trials = row.trials
    change: tuple[int, ...] = ()
    for place, (state, since) in enumerate(_STANDS(trials)):
        if state == _OPEN and since <= old.since:
            if not change:
                change = _change(row, old, new)
            entry = ENROLMENTS.at(trials, place)
            counts: tuple[Any, ...] = entry[_COUNTS:]
            moved = [was + more for was, more in zip(counts, change, strict=True)]
            trials = ENROLMENTS.put(trials, place, ENROLMENTS.pack(*entry[:_COUNTS], *moved))
    return trials


def _change(row: ContextRow, old: DecisionEntry, new: DecisionEntry) -> tuple[int, ...]:
    """Give what moves, in the order of `Enrolment.decisions` to ``s_engagement``.

    After a reset a decision does not know any longer whether anything came to it: whether it was joined stays as it
    was.
    """
    forgot = old.arm == ArmCode.NOTHING and old.since <= row.learning_since
    joined = 0 if forgot else int(new.measured > 0) - int(old.measured > 0)
    before: tuple[Any, ...] = old[_SUMS:]
    after: tuple[Any, ...] = new[_SUMS:]
    return (0, joined, int(applied(new)) - int(applied(old)), *[b - a for a, b in zip(before, after, strict=True)])


def settled(trials: bytes, now: Millis) -> bytes:
    """Close what is complete: nothing of it moves any more. Who joined when an epoch was over had no days at all."""
    for place, (state, since, until) in enumerate(_DAYS(trials)):
        if state in _WAITS and until <= now:
            complete = State.MEASURED if state == _OPEN else State.OPTED_OUT
            trials = _closed(trials, place, complete if since < until else State.ENDED)
    return trials


def stopped(trials: bytes) -> bytes:
    """Let nothing move any more: the learner opted out. What was measured until then stands.

    It counts when the days are complete, as everybody's does: were it sooner, those who leave would be counted before
    those who stay and were enrolled with them, and most of all in an arm that they leave early.
    """
    for place, state in enumerate(trials[_STATE :: ENROLMENTS.width]):
        if state == _OPEN:
            trials = _closed(trials, place, State.LEFT)
    return trials


def _closed(trials: bytes, place: int, state: State) -> bytes:
    at = place * ENROLMENTS.width + _STATE
    return trials[:at] + bytes((state,)) + trials[at + 1 :]


def next_end(trials: bytes) -> Millis:
    """Give the moment at which the days of the next enrolment are complete; `NEVER` where all are.

    >>> next_end(ENROLMENTS.pack(*Enrolment(1, state=State.OPEN, until=7))), next_end(b"") == NEVER
    (7, True)
    """
    return Millis(min((until for state, until in _ENDS(trials) if state in _WAITS), default=NEVER))

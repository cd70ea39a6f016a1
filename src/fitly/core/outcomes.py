"""What one outcome adds to its decision, and how it is remembered so that it can be taken out again.

Knows entries of decisions and of outcomes. Must never know how the decision was found.
"""

from __future__ import annotations

from typing import Any

from fitly.core.attribution import Found
from fitly.core.copies import changing
from fitly.core.decisions import Measured
from fitly.core.entries import DECISIONS, OUTCOMES, TYPED, DecisionEntry, OutcomeEntry, Seen, Typed
from fitly.core.evidence import weigh
from fitly.core.experiments.measuring import measured
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow
from fitly.core.numbers import Micro, Millis
from fitly.core.rewards import centre, reward
from fitly.core.tally import moved
from fitly.core.vocabulary import TYPE_CODES, OutcomeType
from fitly.core.windows import MOST_OUTCOMES

ABSENT = -1
UNTYPED = 255
"""The kind of an outcome whose type was not kept (rows of version 1): it is no part of any type's means."""


def add_outcome(
    row: ContextRow,
    found: Found,
    metrics: Measured,
    kind: OutcomeType,
    seen: Seen,
    force: InForce,
    now: Millis,
) -> tuple[ContextRow, Micro]:
    """Add an outcome to its decision.

    While the reward window is open it makes the decision's reward; afterwards it counts for effectiveness only.

    Parameters
    ----------
    row : ContextRow
        The row that holds the decision.
    found : Found
        The decision, with the outcome's testimony in it.
    metrics : Measured
        The outcome's metrics.
    kind : OutcomeType
        What was finished.
    seen : Seen
        Fingerprint by which a correction will find it, and its event day.
    force : InForce
        The rules in force.
    now : Millis
        The clock.

    Returns
    -------
    tuple of ContextRow and Micro
        The row, and the outcome's reward as it is frozen in the record.
    """
    context, decision = row.context, found.entry
    worth = reward(metrics, force.typical[context, kind], force)
    centred_on = centre(row.own_sum, row.own_n, force.centres[context], force)
    code = TYPE_CODES[kind]
    entry = OUTCOMES.make((*seen, decision.id, *kept(metrics), worth, centred_on, decision.is_open, code))
    remembered = OUTCOMES.append(row.outcomes, entry)
    if len(remembered) > _FULL:
        remembered = OUTCOMES.drop(remembered, 1)
    new = shift(decision, entry, 1)
    trials = row.trials
    if trials:
        trials = measured(row, found.before, new)
    changed = _TAUGHT(
        row,
        moved(row.arms, found.before, new, now),
        DECISIONS.replace(row.decisions, found.place, new),
        remembered,
        row.own_n + 1,
        row.own_sum + worth,
        now,
        row.evidence if new.is_open and found.before.is_open else weigh(row.evidence, found.before, new),
        typed(row.typed, entry, 1),
        trials,
    )
    return changed, worth


_TAUGHT = changing(
    ContextRow, "arms", "decisions", "outcomes", "own_n", "own_sum", "updated_at", "evidence", "typed", "trials"
)
_FULL = MOST_OUTCOMES * OUTCOMES.width


def typed(sums: bytes, outcome: OutcomeEntry, sign: int) -> bytes:
    """Add an outcome's metrics to the sums of its type (``sign`` 1) or take them out (-1)."""
    code = outcome.kind
    if code == UNTYPED:
        return sums
    place = TYPED.find_byte(sums, code)
    before: tuple[int, ...] = _NO_METRICS if place < 0 else _TYPE(sums, place * TYPED.width)
    return TYPED.put(sums, place, TYPED.pack(code, *_with_metrics(before, outcome, sign)))


_NO_METRICS = (0,) * 8
_TYPE = TYPED.columns(*range(1, len(Typed._fields))).unpack_from


def _with_metrics(sums: tuple[int, ...], outcome: OutcomeEntry, sign: int) -> tuple[int, ...]:
    """Add the metrics that an outcome has: count and sum of each, in the vocabulary's order."""
    nr, sr, np, sp, nc, sc, ne, se = sums
    _, _, _, retention, performance, completion, engagement, _, _, _, _ = outcome
    if retention >= 0:
        nr += sign
        sr += sign * retention
    if performance >= 0:
        np += sign
        sp += sign * performance
    if completion >= 0:
        nc += sign
        sc += sign * completion
    if engagement >= 0:
        ne += sign
        se += sign * engagement
    return nr, sr, np, sp, nc, sc, ne, se


def kept(metrics: Measured) -> tuple[int, int, int, int]:
    """Give the metrics as an entry keeps them: `ABSENT` for one that did not come."""
    retention, performance, completion, engagement = metrics
    return (
        ABSENT if retention is None else retention,
        ABSENT if performance is None else performance,
        ABSENT if completion is None else completion,
        ABSENT if engagement is None else engagement,
    )


def shift(decision: DecisionEntry, outcome: OutcomeEntry, sign: int) -> DecisionEntry:
    """Add an outcome to a decision's sums (``sign`` 1) or take it out (-1)."""
    drawn: tuple[Any, ...] = decision[:_SUMS]
    counts: tuple[Any, ...] = decision[_SUMS:_METRICS]
    metrics: tuple[Any, ...] = decision[_METRICS:]
    n, reward_, centred, measured, composite = counts
    worth, centred_on, counted = outcome.reward, outcome.centre, outcome.counted
    if counted:
        n += sign
        reward_ += sign * worth
        centred += sign * (worth - centred_on)
    sums = (n, reward_, centred, measured + sign, composite + sign * worth)
    return DECISIONS.make(drawn + sums + _with_metrics(metrics, outcome, sign))


_SUMS = DecisionEntry._fields.index("outcomes")
_METRICS = DecisionEntry._fields.index("n_retention")

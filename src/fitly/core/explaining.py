"""Why a decision came out as it did, from its own record alone; and whether the record agrees with itself.

Knows what must agree in a record. Must never know a log, a row or the rules of today: what the record does not carry is
said to be missing, never looked up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fitly.core.decisions import Selected
from fitly.core.names import config_id, decision_id
from fitly.core.numbers import CERTAIN, Nano
from fitly.core.policies import ALGORITHMS, NONE, with_none
from fitly.core.retracing import QUESTIONS, Answer, Fell, Reading, Step
from fitly.core.saying import short
from fitly.core.vocabulary import Mode, Unit, Variant


class Explanation(NamedTuple):
    """Why a decision came out as it did.

    Attributes
    ----------
    short : str
        The whole of it for a teacher, in a sentence or two.
    steps : tuple of Step
        The modes in their order, up to the one that fits.
    draws : tuple of Fell
        The draws that were looked at, in their order.
    greedy : Variant or None
        The arm that was expected to help most; None where no arm was looked at.
    mode, variant : Mode and Variant or None
        What follows from the record.
    contradictions : tuple of str
        Where the record says one thing and something else follows.
    unsaid : tuple of str
        What the record does not carry, so that it had to be believed.
    """

    short: str
    steps: tuple[Step, ...]
    draws: tuple[Fell, ...]
    greedy: Variant | None
    mode: Mode | None
    variant: Variant | None
    contradictions: tuple[str, ...]
    unsaid: tuple[str, ...]


def explain(selected: Selected) -> Explanation:
    """Go through the modes again with what the record carries, and hold what follows against what it says.

    Examples
    --------
    >>> from fitly.core.deciding import decide
    >>> from fitly.core.decisions import Cause
    >>> from fitly.core.inforce import put_in_force
    >>> from fitly.core.learner import ContextRow, LearnerRow, Preferences
    >>> from fitly.core.names import EventKey, UserId
    >>> from fitly.core.numbers import Millis
    >>> from fitly.core.rules import Rules
    >>> from fitly.core.vocabulary import Context, Level
    >>> ada = LearnerRow(UserId("ada"), Preferences(level=Level.NONE), Millis(0), Millis(0))
    >>> row, force = ContextRow(UserId("ada"), Context.MISSION), put_in_force(Rules())
    >>> explanation = explain(decide(row, ada, force, Millis(0), Cause(EventKey("k"), 0, 1))[1])
    >>> explanation.mode, explanation.steps[0].why
    (<Mode.OPTED_OUT: 'OPTED_OUT'>, 'the level is NONE')
    """
    reading = Reading(selected)
    answer = _first_that_fits(reading)
    if not reading.stuck:
        reading.hold("mode", selected.mode, answer.mode)
        reading.hold("strategy_variant", selected.strategy_variant, answer.variant)
    _hold_the_rest(reading)
    return Explanation(
        short(selected, reading.greedy),
        tuple(reading.steps),
        tuple(reading.fell),
        reading.greedy,
        answer.mode,
        answer.variant,
        tuple(reading.contradictions),
        tuple(reading.unsaid),
    )


def _first_that_fits(reading: Reading) -> Answer:
    *gates, last = QUESTIONS
    for modes, ask in gates:
        answer = ask(reading)
        reading.steps.append(Step(modes, answer.mode is not None, answer.why))
        if answer.mode is not None:
            return answer
    answer = last[1](reading)
    reading.steps.append(Step(last[0], answer.mode is not None, answer.why))
    return answer


def _hold_the_rest(reading: Reading) -> None:
    """Hold ids, unit, and what hangs on applying or not."""
    selected, odds = reading.selected, reading.selected.propensities
    variant, user, context = selected.strategy_variant, selected.user_id, selected.context
    certain = _certain(selected)
    if certain is not None:
        reading.hold_odds(certain)
    elif selected.own_mode in _APPLIED and reading.top:
        shares = ALGORITHMS[reading.ways.algorithm].odds(reading.known, reading.ways)
        applied = Nano(CERTAIN - odds.get(NONE, Nano(0)))
        reading.hold_odds(with_none(reading.arms, shares, applied, reading.top[0]))
    both = 0 < odds.get(NONE, 0) < CERTAIN
    by_learner = Unit.LEARNER if selected.mode in {Mode.HOLDOUT, Mode.EXPERIMENT} else Unit.NONE
    reading.hold("unit", selected.unit, Unit.DECISION if both else by_learner)
    reading.hold("apply", selected.apply, variant is not None)
    reading.hold("config_id", selected.config_id, None if variant is None else config_id(user, context, variant))
    reading.hold("decision_id", selected.decision_id, decision_id(selected.cause.event_id, user, context))


_APPLIED: Final = (Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT)


def _certain(selected: Selected) -> dict[str, Nano] | None:
    """Give the odds of modes in which nothing was drawn for the decision; None for the others."""
    if selected.mode in {Mode.OPTED_OUT, Mode.HOLDOUT}:
        return {NONE: CERTAIN}
    if selected.mode is Mode.PINNED or selected.own_mode is Mode.EXPERIMENT:
        return {selected.strategy_variant or NONE: CERTAIN}
    return None

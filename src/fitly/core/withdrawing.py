"""Withdrawal: what stands is taken back where a control event no longer allows it, or allows again what was withheld.

Knows which change of the rules calls for it, and what becomes of one row. Must never know in which order rows are
looked at, nor how many at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from fitly.core.deciding import decide
from fitly.core.decisions import Cause, Selected
from fitly.core.experiments.trial import Trial
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow, LearnerRow
from fitly.core.numbers import Millis
from fitly.core.standing import is_overruled, is_standing
from fitly.core.windows import settle


def calls_for_it(before: InForce, after: InForce) -> bool:
    """Tell whether a change may overrule what stands.

    Some context has other arms than before; or an experiment decides for nobody any more, or begins to roll out.

    >>> from fitly.core.inforce import put_in_force
    >>> from fitly.core.rules import Policy, Rules, Switches
    >>> on, off = put_in_force(Rules()), put_in_force(Rules(policy=Policy(switches=Switches(everything=True))))
    >>> calls_for_it(on, off), calls_for_it(off, on), calls_for_it(off, off)
    (True, True, False)
    """
    return before.eligible != after.eligible or any(
        trial.applies and _lets_go(trial, after.trials[name]) for name, trial in before.trials.items()
    )


def _lets_go(before: Trial, after: Trial) -> bool:
    return not after.applies or (after.rolls_out and not before.rolls_out)


def withdrawn(
    row: ContextRow,
    learner: LearnerRow,
    force: InForce,
    now: Millis,
    cause: Cause,
    elsewhere: Callable[[], bytes],
) -> tuple[ContextRow, Selected] | None:
    """Decide anew where the rules in force overrule what stands.

    Parameters
    ----------
    row : ContextRow
        As it is; not yet settled.
    learner : LearnerRow
        The learner's preferences.
    force : InForce
        The rules in force.
    now : Millis
        The clock.
    cause : Cause
        The control event, where its copy stands in this partition.
    elsewhere : callable
        Gives what `decide` asks for by this name; asked only where a decision is made.

    Returns
    -------
    tuple or None
        The row in which the new decision stands, and the decision; None where nothing stands, or what stands may go
        on. A learner whose decision has lapsed gets a new one when they ask for it.
    """
    if not is_standing(row, now) or not is_overruled(row, learner, force):
        return None
    return decide(settle(row, now), learner, force, now, cause, elsewhere())

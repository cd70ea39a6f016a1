"""A decision in a sentence or two, for somebody who knows the learner and not the machine.

Knows words and how figures are written in them. Must never know how a decision is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias

from fitly.core.decisions import Selected
from fitly.core.numbers import CERTAIN
from fitly.core.policies import NONE
from fitly.core.vocabulary import Level, Mode, Variant


def percent(share: float) -> str:
    """Write a share.

    >>> percent(0.07), percent(0.125), percent(1.0)
    ('7 %', '12.5 %', '100 %')
    """
    return f"{100 * share:.3g} %"


def signed(value: float) -> str:
    """Write an effect on the reward, which lies between 0 and 1.

    >>> signed(0.0412), signed(0.0)
    ('+0.041', '+0.000')
    """
    return f"{value:+.3f}"


def chance(effect: float, sd: float) -> float:
    """Give the probability that an effect is above 0, of a normal distribution; 0.5 where nothing is known.

    >>> round(chance(0.1, 0.1), 4), chance(0.0, 0.0)
    (0.8413, 0.5)
    """
    return 0.5 * math.erfc(-effect / (sd * math.sqrt(2))) if sd > 0 else 0.5


def short(selected: Selected, greedy: Variant | None) -> str:
    """Say what is done and why.

    Parameters
    ----------
    selected : Selected
        The decision.
    greedy : Variant or None
        The arm that was expected to help most.
    """
    return SENTENCES[selected.mode](selected, "the best arm" if greedy is None else greedy.label)


def _opted_out(selected: Selected, _greedy: str) -> str:
    grounds = selected.grounds
    why = "the learner or the policy does not allow it"
    if grounds is not None:
        off = f"the learner has switched {selected.context} off"
        why = "the learner's level is NONE" if grounds.level is Level.NONE else off
        if grounds.level is not Level.NONE and grounds.context_enabled:
            why = "the policy has switched it off"
    return f"Nothing is personalized: {why}."


def _holdout(selected: Selected, _greedy: str) -> str:
    share = percent(selected.assignment_probability / CERTAIN)
    return (
        f"Nothing is personalized: {selected.user_id} is among the {share} of learners, chosen by lot for good, who "
        "are never personalized, so that all others can be compared with them. It says nothing about the learner."
    )


def _pinned(selected: Selected, _greedy: str) -> str:
    stays = "not to personalize" if selected.strategy_variant is None else selected.strategy_variant.label
    return f"What stood goes on, since automatic adapting is off: {stays}."


def _experiment(selected: Selected, _greedy: str) -> str:
    given = "not to personalize" if selected.strategy_variant is None else selected.strategy_variant.label
    which = "" if selected.enrolled is None else f", variant {selected.enrolled.variant},"
    return f"The experiment {selected.experiment}{which} says: {given}."


def _fallback(selected: Selected, greedy: str) -> str:
    return f"Nothing is personalized for now: {_doubt(selected, greedy)}."


def _probe(selected: Selected, greedy: str) -> str:
    share = percent(1 - selected.propensities.get(NONE, 0) / CERTAIN)
    return f"{greedy} is tried for once, by lot ({share} of such decisions), to learn more: {_doubt(selected, greedy)}."


def _doubt(selected: Selected, greedy: str) -> str:
    level = "the learner's level" if selected.grounds is None else f"level {selected.grounds.level}"
    asked = "more" if selected.threshold is None else percent(selected.threshold)
    return (
        f"{greedy} promises most, but is only {percent(selected.confidence)} sure to help, and {level} asks for {asked}"
    )


def _control(selected: Selected, greedy: str) -> str:
    share = percent(selected.propensities.get(NONE, 0) / CERTAIN)
    return (
        f"Nothing is personalized this once: {share} of decisions are left alone by lot, to see how the learner does "
        f"without. {greedy} would have been the first choice; it says nothing about the learner."
    )


def _explore(selected: Selected, greedy: str) -> str:
    label = "" if selected.strategy_variant is None else selected.strategy_variant.label
    return (
        f"{label} is applied by lot: {percent(selected.epsilon)} of decisions try any strategy, so that none is judged "
        f"too early. {greedy} is the first choice at the moment."
    )


def _exploit(selected: Selected, greedy: str) -> str:
    known = "" if selected.grounds is None or selected.grounds.informed else ", as is assumed until more is known"
    sure = percent(selected.confidence)
    return f"{greedy} is applied: it promises most for this learner, and is {sure} sure to help{known}."


Sentence: TypeAlias = Callable[[Selected, str], str]
SENTENCES: Final[dict[Mode, Sentence]] = {
    Mode.OPTED_OUT: _opted_out,
    Mode.HOLDOUT: _holdout,
    Mode.PINNED: _pinned,
    Mode.EXPERIMENT: _experiment,
    Mode.FALLBACK: _fallback,
    Mode.PROBE: _probe,
    Mode.CONTROL: _control,
    Mode.EXPLORE: _explore,
    Mode.EXPLOIT: _exploit,
}

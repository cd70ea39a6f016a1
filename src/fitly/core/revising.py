"""What the last looks at merged sums give to say, after all that was said before.

Knows looks and control events. Must never know how a control event is written, nor when it is asked: the answer
follows from the two alone, so whoever asks again after saying it has nothing more to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitly.core.events import ControlEvent, ControlPayload, PriorsRevised
from fitly.core.experiments.concluding import conclusions
from fitly.core.partials import Kind, Look
from fitly.core.priors import estimated, worth_telling
from fitly.core.vocabulary import Context


def proposals(looks: Mapping[tuple[Kind, str], Look], history: Sequence[ControlEvent]) -> list[ControlPayload]:
    """Give all that is to be said: of the population, then of experiments.

    >>> proposals({}, [])
    []
    """
    return [*revisions(looks, history), *conclusions(looks, history)]


def revisions(looks: Mapping[tuple[Kind, str], Look], history: Sequence[ControlEvent]) -> list[ControlPayload]:
    """Give the priors that are worth telling, context by context.

    Parameters
    ----------
    looks : mapping
        Kind and name -> the last look.
    history : sequence of ControlEvent
        Everything said so far, in order.

    Examples
    --------
    >>> from fitly.core.numbers import Millis
    >>> looks = {(Kind.PRIORS, "MISSION"): Look(Millis(0), {"ALL.n": 20, "ALL.sum": 18_000_000})}
    >>> revisions(looks, [])[0].priors.mean
    0.7
    """
    told = {event.data.context: event.data.priors for event in history if isinstance(event.data, PriorsRevised)}
    found: list[ControlPayload] = []
    for context in Context:
        look = looks.get((Kind.PRIORS, context.value))
        if look is None:
            continue
        priors = estimated(look.sums)
        if worth_telling(told.get(context), priors):
            found.append(PriorsRevised(context=context, priors=priors))
    return found

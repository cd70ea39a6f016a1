"""What a control event sets: the rules and the experiments in force after it.

Knows which event sets what, and what must not come after what. Must never know how an event was written, nor what
follows for learners.
"""

from __future__ import annotations

from dataclasses import replace

from fitly.core.errors import Refused
from fitly.core.events import ControlEvent, LogOpened, PolicyRevised, PriorsRevised
from fitly.core.experiments.lifecycle import moved
from fitly.core.experiments.trial import Trials
from fitly.core.numbers import Millis
from fitly.core.rules import Rules
from fitly.core.vocabulary import Context


def ruled(rules: Rules, trials: Trials, event: ControlEvent, now: Millis) -> tuple[Rules, Trials]:
    """Give the rules and the experiments after a control event, whose number is the next.

    Parameters
    ----------
    rules : Rules
        In force before it.
    trials : mapping
        Experiments by name, in the order of their numbers.
    event : ControlEvent
        Signed, and numbered one more than the last.
    now : Millis
        The clock.

    Raises
    ------
    Refused
        It is not allowed: with the reason. It takes its number all the same, if the log was opened.

    Examples
    --------
    >>> from fitly.core.names import EventKey
    >>> from fitly.core.vocabulary import ClockMode
    >>> opening = LogOpened(birth_id="6f1c7d1e-9a0b-4f57-8d0c-5b1f0d3e7a21", clock_mode=ClockMode.LIVE, partitions=4)
    >>> event = ControlEvent(1, EventKey("k"), "fitly.log.opened.v1", opening, Millis(0))
    >>> rules, trials = ruled(Rules(), {}, event, Millis(0))
    >>> rules.control_number, rules.partitions, trials
    (1, 4, {})
    """
    data = event.data
    if isinstance(data, LogOpened):
        if rules.birth_id:
            reason, detail = "ALREADY_OPENED", "the log was opened by control event 1, once for ever"
            raise Refused(reason, detail)
        rules = replace(rules, birth_id=data.birth_id, clock_mode=data.clock_mode, partitions=data.partitions)
    elif not rules.birth_id:
        reason, detail = "BEFORE_OPENING", "the first control event must open the log"
        raise Refused(reason, detail)
    elif isinstance(data, PriorsRevised):
        contexts = {**rules.priors.contexts, data.context: data.priors}
        ordered = {context: contexts[context] for context in Context if context in contexts}
        rules = replace(rules, priors=replace(rules.priors, contexts=ordered))
    elif isinstance(data, PolicyRevised):
        rules = replace(rules, policy_revision=data.revision, policy=data.policy)
    else:
        trials = moved(trials, data, now)
    return replace(rules, control_number=event.number), trials

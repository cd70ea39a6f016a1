"""The rules in force, made ready for use: every number that a decision or an outcome needs, as integers.

Knows how rules turn into working figures. Must never know an event. Derived anew whenever a control event
changes the rules, never stored.
"""

from __future__ import annotations

from typing import NamedTuple

from fitly.core.events import CHANGED, ERASED, RESET
from fitly.core.numbers import CERTAIN, Micro, Millis, Nano, micro, nano, span
from fitly.core.rules import Rules, Sources
from fitly.core.vocabulary import Context, Level, Variant


class InForce(NamedTuple):
    """Working figures of the rules.

    Attributes
    ----------
    rules : Rules
        What they were made from.
    birth : bytes
        Keys every draw.
    dwell, valid : Millis
        How long a decision stands before an outcome may bring a new one; how long it stands at all.
    windows : dict
        How long a reward window stays open, by context.
    eligible : dict
        Arms that may act, by context, in the vocabulary's order.
    thresholds : dict
        Confidence from which a level lets a decision act, by level; None where nothing may.
    demands : dict
        The same as integers (10^-9); 0 where nothing may.
    weights : tuple of int
        Retention, performance, completion, engagement; and their sum (10^-9).
    absent : Micro
        Stands for a metric that did not come.
    own_weight : int
        Outcomes that weigh as much as the context's mean in a learner's centre.
    held_out, free : Nano
        Probability of being held out, and of not.
    default_reward : Micro or None
        Stands for outcomes that never came.
    senders : dict
        Sources that may send an event, by its type; a type that is not here may come from any.
    """

    rules: Rules
    birth: bytes
    dwell: Millis
    valid: Millis
    windows: dict[Context, Millis]
    eligible: dict[Context, tuple[Variant, ...]]
    thresholds: dict[Level, float | None]
    demands: dict[Level, Nano]
    weights: tuple[int, int, int, int, int]
    absent: Micro
    own_weight: int
    held_out: Nano
    free: Nano
    default_reward: Micro | None
    senders: dict[str, frozenset[str]]


def put_in_force(rules: Rules) -> InForce:
    """Make rules ready for use.

    >>> put_in_force(Rules()).weights
    (250000000, 250000000, 250000000, 250000000, 1000000000)
    """
    policy, priors = rules.policy, rules.priors
    off, windows = policy.switches, policy.windows
    arms = tuple(variant for variant in Variant if variant not in off.arms)
    of = policy.reward_weights
    weights = (nano(of.retention), nano(of.performance), nano(of.completion), nano(of.engagement))
    held_out = nano(policy.holdout_share)
    thresholds = {
        Level.NONE: None,
        Level.LOW: policy.thresholds.low,
        Level.MEDIUM: policy.thresholds.medium,
        Level.HIGH: policy.thresholds.high,
    }
    return InForce(
        rules=rules,
        birth=rules.birth_id.encode(),
        dwell=span(policy.dwell_days),
        valid=span(policy.valid_days),
        windows={
            Context.MISSION: span(windows.mission),
            Context.CONTENT: span(windows.content),
            Context.ASSESSMENT: span(windows.assessment),
            Context.SESSION: span(windows.session),
        },
        eligible={context: () if off.everything or context in off.contexts else arms for context in Context},
        thresholds=thresholds,
        demands={level: Nano(0) if threshold is None else nano(threshold) for level, threshold in thresholds.items()},
        weights=(*weights, sum(weights)),
        absent=micro(priors.metric_mean),
        own_weight=max(priors.own_weight, 1),
        held_out=held_out,
        free=Nano(CERTAIN - held_out),
        default_reward=None if policy.default_reward is None else micro(policy.default_reward),
        senders={kind: frozenset(names) for kind, names in _named_sources(policy.sources).items() if names},
    )


def _named_sources(sources: Sources) -> dict[str, tuple[str, ...]]:
    """Give who is named for each type; a reset is a change of preferences, and may forget what was learned."""
    return {ERASED: sources.erasure, CHANGED: sources.preferences, RESET: sources.preferences}

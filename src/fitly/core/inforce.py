"""The rules in force, made ready for use: every number that a decision or an outcome needs, as integers.

Knows how rules turn into working figures. Must never know an event. Derived anew whenever a control event
changes the rules, never stored.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from fitly.core.entries import BASELINE
from fitly.core.events import CHANGED, ERASED, RESET
from fitly.core.experiments.trial import Trial, Trials
from fitly.core.numbers import CERTAIN, Micro, Millis, Nano, micro, nano, span
from fitly.core.rules import Policy, Priors, Rules, Sources, Switches
from fitly.core.vocabulary import Context, Level, OutcomeType, Variant

FourMetrics: TypeAlias = tuple[Micro, Micro, Micro, Micro]


class Prior(NamedTuple):
    """What is believed of an arm's effect on a learner before anything is known of them.

    Attributes
    ----------
    mean, variance : float
        Of the effect.
    noise : float
        Variance of a decision's reward within a learner.
    informed : bool
        Whether enough learners stand behind it.
    """

    mean: float
    variance: float
    noise: float
    informed: bool


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
    typical : dict
        What stands for the four metrics when they do not come, by context and outcome type.
    unknown : tuple of Micro
        The same where nothing is known of the population.
    centres : dict
        Mean reward of an outcome, by context: what a learner's own mean is shrunk towards.
    beliefs : dict
        What is believed of each arm before a learner's own decisions, by context and arm.
    baselines : dict
        The population's packed `BASELINE`, by context; empty while it is not known.
    own_weight : int
        Outcomes that weigh as much as the context's mean in a learner's centre.
    held_out, free : Nano
        Probability of being held out, and of not.
    default_reward : Micro or None
        Stands for outcomes that never came.
    senders : dict
        Sources that may send an event, by its type; a type that is not here may come from any.
    trials : mapping
        Every experiment by its name, in the order of their numbers.
    acting : dict
        Those that enrol or decide for whoever is enrolled, by context, in the same order; contexts without any are
        left out.
    going_on : frozenset of int
        Numbers of those in which whoever is enrolled still is.
    rivals : dict
        By the number of an experiment with a named layer: numbers of those of the layer that go on in other contexts;
        left out where there are none.
    ways : dict
        By the name of an acting experiment that has policies of its own: for each variant what is in force under its
        policy, None for variants without one.
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
    typical: dict[tuple[Context, OutcomeType], FourMetrics]
    unknown: FourMetrics
    centres: dict[Context, Micro]
    beliefs: dict[Context, dict[Variant, Prior]]
    baselines: dict[Context, bytes]
    own_weight: int
    held_out: Nano
    free: Nano
    default_reward: Micro | None
    senders: dict[str, frozenset[str]]
    trials: Trials
    acting: dict[Context, tuple[Trial, ...]]
    going_on: frozenset[int]
    rivals: dict[int, frozenset[int]]
    ways: dict[str, tuple[InForce | None, ...]]


NO_TRIALS: Final[Trials] = MappingProxyType({})


def _typical(priors: Priors, context: Context, kind: OutcomeType) -> FourMetrics:
    known = priors.contexts.get(context)
    means = None if known is None else known.metrics.get(kind)
    if means is None:
        return (micro(priors.metric_mean),) * 4
    return micro(means.retention), micro(means.performance), micro(means.completion), micro(means.engagement)


def _centre(priors: Priors, context: Context) -> Micro:
    known = priors.contexts.get(context)
    return micro(priors.metric_mean if known is None else known.mean)


def _belief(priors: Priors, context: Context, variant: Variant) -> Prior:
    """Give the prior of one learner's effect: the population's, as uncertain as that is and as learners differ."""
    known = priors.contexts.get(context)
    noise = max((priors.reward_sd if known is None else known.reward_sd) ** 2, _LEAST_VARIANCE)
    arm = None if known is None else known.arms.get(variant)
    if arm is None:
        return Prior(0.0, priors.effect_sd**2, noise, informed=False)
    variance = max(arm.spread**2 + arm.se**2, _LEAST_VARIANCE)
    return Prior(arm.effect, variance, noise, arm.learners >= priors.enough)


_LEAST_VARIANCE: Final = 1e-12
"""Nothing is believed without a doubt: whoever is certain could learn nothing, and divides by 0."""


def _baseline(priors: Priors, context: Context) -> bytes:
    known = priors.contexts.get(context)
    if known is None or not known.baseline:
        return b""
    return BASELINE.pack(*(part for fares in known.baseline for part in (fares.n, fares.sum, fares.squares)))


def put_in_force(rules: Rules, trials: Trials = NO_TRIALS) -> InForce:
    """Make rules, and the experiments beside them, ready for use.

    >>> put_in_force(Rules()).weights
    (250000000, 250000000, 250000000, 250000000, 1000000000)
    """
    policy, priors = rules.policy, rules.priors
    off, windows = policy.switches, policy.windows
    # A fixed policy whose one arm is switched off has no other.
    arms = () if policy.fixed_arm in off.arms else tuple(variant for variant in Variant if variant not in off.arms)
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
        typical={(context, kind): _typical(priors, context, kind) for context in Context for kind in OutcomeType},
        unknown=(micro(priors.metric_mean),) * 4,
        centres={context: _centre(priors, context) for context in Context},
        beliefs={context: {variant: _belief(priors, context, variant) for variant in Variant} for context in Context},
        baselines={context: _baseline(priors, context) for context in Context},
        own_weight=max(priors.own_weight, 1),
        held_out=held_out,
        free=Nano(CERTAIN - held_out),
        default_reward=None if policy.default_reward is None else micro(policy.default_reward),
        senders={kind: frozenset(names) for kind, names in _named_sources(policy.sources).items() if names},
        trials=trials,
        acting=_acting(trials),
        going_on=frozenset(trial.number for trial in trials.values() if trial.goes_on),
        rivals=_rivals(trials),
        ways=_ways(rules, trials),
    )


def _rivals(trials: Trials) -> dict[int, frozenset[int]]:
    going_on = [trial for trial in trials.values() if trial.goes_on and trial.plan.layer is not None]
    found = {
        trial.number: frozenset(
            other.number
            for other in going_on
            if other.plan.layer == trial.plan.layer and other.plan.context is not trial.plan.context
        )
        for trial in going_on
    }
    return {number: rivals for number, rivals in found.items() if rivals}


def _ways(rules: Rules, trials: Trials) -> dict[str, tuple[InForce | None, ...]]:
    """Put the policies of variants in force, where an experiment acts; what is switched off is so in all of them."""
    found: dict[str, tuple[InForce | None, ...]] = {}
    for name, trial in trials.items():
        policies = [variant.config.policy for variant in trial.plan.variants]
        if any(policies) and (trial.enrols or trial.applies):
            own = [None if policy is None else put_in_force(_under(rules, policy)) for policy in policies]
            found[name] = tuple(own)
    return found


def _under(rules: Rules, policy: Policy) -> Rules:
    """Give the rules under another policy; the switches of both hold."""
    one, other = rules.policy.switches, policy.switches
    off = Switches(
        everything=one.everything or other.everything,
        contexts=tuple(context for context in Context if context in {*one.contexts, *other.contexts}),
        arms=tuple(variant for variant in Variant if variant in {*one.arms, *other.arms}),
    )
    return replace(rules, policy=replace(policy, switches=off))


def _acting(trials: Trials) -> dict[Context, tuple[Trial, ...]]:
    by_context: dict[Context, tuple[Trial, ...]] = {}
    for trial in trials.values():
        if trial.enrols or trial.applies:
            context = trial.plan.context
            by_context[context] = (*by_context.get(context, ()), trial)
    return by_context


def _named_sources(sources: Sources) -> dict[str, tuple[str, ...]]:
    """Give who is named for each type; a reset is a change of preferences, and may forget what was learned."""
    return {ERASED: sources.erasure, CHANGED: sources.preferences, RESET: sources.preferences}

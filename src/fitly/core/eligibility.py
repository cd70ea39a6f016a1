"""Whether a learner may be personalized in a context at all, and by which arms.

Knows preferences and switches. Must never know rewards.
"""

from __future__ import annotations

from fitly.core.learner import Preferences
from fitly.core.names import UserId, uniform
from fitly.core.rules import Policy, Rules
from fitly.core.vocabulary import Context, Level, Variant


def is_allowed(preferences: Preferences, context: Context) -> bool:
    """Tell whether the learner lets us act, and keep metrics, in a context.

    >>> is_allowed(Preferences(level=Level.NONE), Context.MISSION)
    False
    """
    if preferences.level is Level.NONE:
        return False
    switches = {
        Context.MISSION: preferences.mission_enabled,
        Context.CONTENT: preferences.content_enabled,
        Context.ASSESSMENT: preferences.assessment_enabled,
        Context.SESSION: preferences.session_enabled,
    }
    return switches[context]


def eligible_arms(policy: Policy, context: Context) -> tuple[Variant, ...]:
    """Give the arms the policy lets act in a context, in the vocabulary's order; none where it is switched off."""
    if policy.switches.everything or context in policy.switches.contexts:
        return ()
    return tuple(variant for variant in Variant if variant not in policy.switches.arms)


def is_held_out(rules: Rules, user_id: UserId) -> bool:
    """Tell whether a learner belongs to the stable share that is never personalized, in any context.

    The hash does not depend on the share: raising it keeps everybody who was held out before.
    """
    return uniform(rules.birth_id.encode(), "", user_id, "", "holdout") < rules.policy.holdout_share


def threshold(policy: Policy, level: Level) -> float | None:
    """Give the confidence from which a level lets a decision act; None where nothing may act."""
    levels = policy.thresholds
    return {Level.NONE: None, Level.LOW: levels.low, Level.MEDIUM: levels.medium, Level.HIGH: levels.high}[level]

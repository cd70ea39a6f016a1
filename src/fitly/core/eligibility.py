"""Whether a learner may be personalized in a context at all.

Knows preferences and the holdout. Must never know rewards.
"""

from __future__ import annotations

from fitly.core.inforce import InForce
from fitly.core.learner import Preferences
from fitly.core.names import UserId, uniform
from fitly.core.vocabulary import Context, Level


def is_allowed(preferences: Preferences, context: Context) -> bool:
    """Tell whether the learner lets us act, and keep metrics, in a context.

    >>> is_allowed(Preferences(level=Level.NONE), Context.MISSION)
    False
    """
    if preferences.level is Level.NONE:
        return False
    if context is Context.MISSION:
        return preferences.mission_enabled
    if context is Context.CONTENT:
        return preferences.content_enabled
    return preferences.assessment_enabled if context is Context.ASSESSMENT else preferences.session_enabled


def is_held_out(force: InForce, user_id: UserId) -> bool:
    """Tell whether a learner belongs to the stable share that is never personalized, in any context.

    The hash does not depend on the share: raising it keeps everybody who was held out before.
    """
    return uniform(force.birth, "", user_id, "", "holdout") < force.rules.policy.holdout_share

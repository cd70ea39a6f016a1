"""Whether a learner may be personalized in a context at all.

Knows preferences and the holdout. Must never know rewards.
"""

from __future__ import annotations

from functools import lru_cache

from fitly.core.inforce import InForce
from fitly.core.learner import Preferences
from fitly.core.names import UserId, uniform
from fitly.core.vocabulary import Context, Level


def is_allowed(preferences: Preferences, context: Context) -> bool:
    """Tell whether the learner lets us act, and keep metrics, in a context.

    >>> is_allowed(Preferences(level=Level.NONE), Context.MISSION)
    False
    """
    return preferences.level is not _NOTHING and is_switched_on(preferences, context)


def is_switched_on(preferences: Preferences, context: Context) -> bool:
    """Tell whether the learner has a context switched on, whatever the level.

    >>> is_switched_on(Preferences(mission_enabled=False), Context.MISSION)
    False
    """
    if context is _CONTENT:
        return preferences.content_enabled
    if context is _ASSESSMENT:
        return preferences.assessment_enabled
    return preferences.mission_enabled if context is _MISSION else preferences.session_enabled


# A member looked up in its enum costs as much as the whole of the test above, which every event makes twice.
_NOTHING, _MISSION, _CONTENT, _ASSESSMENT = Level.NONE, Context.MISSION, Context.CONTENT, Context.ASSESSMENT


def is_held_out(force: InForce, user_id: UserId) -> bool:
    """Tell whether a learner belongs to the stable share that is never personalized, in any context.

    The hash does not depend on the share: raising it keeps everybody who was held out before.
    """
    return place(force.birth, user_id) < force.rules.policy.holdout_share


@lru_cache(maxsize=1 << 16)
def place(birth: bytes, user_id: UserId) -> float:
    """Give where a learner stands between 0 and 1, for ever; asked at every decision."""
    return uniform(birth, "", user_id, "", "holdout")

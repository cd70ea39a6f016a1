"""Preferences: what a change or a reset makes of them, and what forgetting leaves of a context.

Knows the learner's rights over defaults. Must never know who asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fitly.core.entries import ARMS, DECISIONS
from fitly.core.events import PreferencesChanged
from fitly.core.experiments.measuring import next_end
from fitly.core.learner import ContextRow, Preferences
from fitly.core.numbers import Millis
from fitly.core.vocabulary import ArmCode, Feature, Level

_OPENNESS: Final = {Level.NONE: 0, Level.LOW: 1, Level.MEDIUM: 2, Level.HIGH: 3}


def changed(preferences: Preferences, data: PreferencesChanged) -> Preferences:
    """Put in what an event names; what it omits stays.

    >>> changed(Preferences(), PreferencesChanged(level=Level.LOW)).level
    <Level.LOW: 'LOW'>
    """
    new = preferences
    if data.level is not None:
        new = replace(new, level=data.level)
    if data.auto_adapt_enabled is not None:
        new = replace(new, auto_adapt_enabled=data.auto_adapt_enabled)
    if data.mission_enabled is not None:
        new = replace(new, mission_enabled=data.mission_enabled)
    if data.content_enabled is not None:
        new = replace(new, content_enabled=data.content_enabled)
    if data.assessment_enabled is not None:
        new = replace(new, assessment_enabled=data.assessment_enabled)
    if data.session_enabled is not None:
        new = replace(new, session_enabled=data.session_enabled)
    if data.disabled_features is not None:
        named = set(data.disabled_features)
        new = replace(new, disabled_features=tuple(feature for feature in Feature if feature in named))
    return new


def reset(preferences: Preferences, default_level: Level, *, consent: bool) -> Preferences:
    """Go back to the defaults, but never raise a level or switch something on without consent.

    >>> reset(Preferences(level=Level.NONE, mission_enabled=False), Level.MEDIUM, consent=False).level
    <Level.NONE: 'NONE'>
    """
    default = Preferences(level=default_level)
    if consent:
        return default
    lower = min(preferences.level, default_level, key=_OPENNESS.__getitem__)
    return replace(preferences, level=lower)


def forgotten(row: ContextRow, now: Millis) -> ContextRow:
    """Start learning again: arms, effectiveness and the learner's own mean are empty.

    The intervals stay, so that outcomes still find their decision, but decisions made before teach nothing. What an
    experiment has measured stays as well.
    """
    decisions = DECISIONS.join(
        [
            entry._replace(
                arm=ArmCode.NOTHING,
                is_open=0,
                defaulted=0,
                outcomes=0,
                reward=0,
                centred=0,
                measured=0,
                composite=0,
                n_retention=0,
                s_retention=0,
                n_performance=0,
                s_performance=0,
                n_completion=0,
                s_completion=0,
                n_engagement=0,
                s_engagement=0,
            )
            for entry in DECISIONS.all(row.decisions)
        ]
    )
    arms = ARMS.join([entry._replace(n=0, raw=0, centred=0, centred2=0, updated=now) for entry in ARMS.all(row.arms)])
    return row._replace(
        arms=arms,
        decisions=decisions,
        outcomes=b"",
        buckets=b"",
        own_n=0,
        own_sum=0,
        closes_at=next_end(row.trials),
        evidence=b"",
        typed=b"",
        learning_since=now,
        updated_at=now,
        shadows=b"",
        shadow_sums=b"",
    )

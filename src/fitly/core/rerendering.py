"""What stands is rendered anew: the same decision and the same arm, with the parameters that the insights make now.

Knows when that may be. Must never know rules of rendering, nor draw anything.
"""

from __future__ import annotations

from fitly.core.attributes import kept_of_the_opted_out
from fitly.core.decisions import Answer, Effect, Selected
from fitly.core.eligibility import is_allowed
from fitly.core.experiments.treating import fixed_by, under
from fitly.core.inforce import InForce
from fitly.core.insights import NO_INSIGHTS, InsightObserved, observed
from fitly.core.learner import NEVER, ContextRow, LearnerRow, Preferences, Sealed
from fitly.core.names import lapse_key
from fitly.core.numbers import HOUR, Millis
from fitly.core.parameters import render
from fitly.core.scene import Folded, Scene
from fitly.core.standing import is_overruled
from fitly.core.vocabulary import Bin, Context
from fitly.core.windows import settle


def is_open_to_insights(preferences: Preferences) -> bool:
    """Tell whether insights about a learner, and attributes, may be kept: there is a context in which to use them.

    >>> from fitly.core.vocabulary import Level
    >>> is_open_to_insights(Preferences(mission_enabled=False)), is_open_to_insights(Preferences(level=Level.NONE))
    (True, False)
    """
    return any(is_allowed(preferences, context) for context in Context)


def with_preferences(learner: LearnerRow, preferences: Preferences) -> LearnerRow:
    """Put in what a learner allows now; who opts out of everything is not known any longer either."""
    if is_open_to_insights(preferences):
        return learner._replace(preferences=preferences)
    attributes = kept_of_the_opted_out(learner.attributes)
    return learner._replace(preferences=preferences, insights=NO_INSIGHTS, attributes=attributes)


def insight_observed(scene: Scene, learner: LearnerRow, data: InsightObserved) -> Folded:
    """Keep the newest of a kind, and render anew what it changes.

    Parameters
    ----------
    scene : Scene
        The event and the rows before it.
    learner : LearnerRow
        The learner's row, with the event remembered in its ring.
    data : InsightObserved
        What was found out. Of a learner who has opted out it is counted and not kept.
    """
    if not is_open_to_insights(learner.preferences):
        return Folded(Bin.OPTED_OUT, learner=learner)
    if data.observed_at is not None and data.observed_at > scene.at.stamp + HOUR:
        return Folded(Bin.FUTURE, learner=learner)
    known = observed(learner.insights, data, scene.event.time, scene.event.key)
    if known is learner.insights:
        return Folded(Bin.APPLIED, learner=learner)
    learner = learner._replace(insights=known)
    rows: list[ContextRow] = []
    effects: list[Effect] = []
    for context in Context:
        before = scene.rows.context(learner.user_id, context)
        if before is None:
            continue
        row, selected = rendered_anew(settle(before, scene.at.now), learner, scene.force, scene.at.now)
        if selected is not None:
            effects.append(Answer(selected, answers=scene.event.key))
        if row is not before:
            rows.append(row)
    return Folded(Bin.APPLIED, learner=learner, contexts=tuple(rows), effects=tuple(effects))


def rendered_anew(
    row: ContextRow, learner: LearnerRow, force: InForce, now: Millis
) -> tuple[ContextRow, Selected | None]:
    """Render what stands by what is known now.

    Parameters
    ----------
    row : ContextRow
        The learner's context, settled to ``now``.
    learner : LearnerRow
        Preferences and insights.
    force : InForce
        The rules in force; what they no longer allow to stand is kept up to date and not said again.
    now : Millis
        The clock.

    Returns
    -------
    tuple of ContextRow and Selected or None
        The row, and the decision where its parameters are others than before and may be told.
    """
    selected = None if row.standing is None else row.standing.open()
    variant = None if selected is None else selected.strategy_variant
    if selected is None or variant is None or now >= selected.valid_until:
        return _waiting_until(row, NEVER), None
    preferences = learner.preferences
    threshold, fixed = under(selected, force).thresholds[preferences.level], fixed_by(selected, force)
    parameters, lapses = render(row.context, variant, preferences, threshold, learner.insights, now, fixed)
    row = _waiting_until(row, lapses)
    if parameters == selected.parameters:
        return row, None
    before = selected.decided_at if selected.rendered_at is None else selected.rendered_at
    selected = selected._replace(parameters=parameters, rendered_at=Millis(max(now, before + 1)))
    row = row._replace(standing=Sealed.of(selected), updated_at=now)
    return row, None if is_overruled(row, learner, force) else selected


def _waiting_until(row: ContextRow, lapses: Millis) -> ContextRow:
    return row if row.lapses_at == lapses else row._replace(lapses_at=lapses)


def up_to_date(row: ContextRow, learner: LearnerRow, force: InForce, now: Millis) -> tuple[ContextRow, Selected]:
    """Give the decision that stands in a row, by no insight that has lapsed: what a request is answered with."""
    if row.lapses_at <= now:
        row, _ = rendered_anew(row, learner, force, now)
    assert row.standing is not None  # noqa: S101 - a row with decisions has the newest of them
    return row, row.standing.open()


def lapsed(row: ContextRow, learner: LearnerRow, force: InForce, now: Millis) -> tuple[ContextRow, tuple[Effect, ...]]:
    """Render a row anew whose moment has come, and say so."""
    moment = row.lapses_at
    row, selected = rendered_anew(row, learner, force, now)
    if selected is None:
        return row, ()
    return row, (Answer(selected, answers=lapse_key(selected.decision_id, moment)),)

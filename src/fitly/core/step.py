"""The whole product, one record at a time: ``step(rows, event, force, moment)`` gives rows and effects.

Knows what each event leads to. Must never know where rows are kept, how a record was written or who sends
what comes out. A literal map from event type to function stands at the foot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fitly.core.amending import withdraw_or_correct
from fitly.core.assessing import looked_at, when_over, with_verdicts
from fitly.core.attributes import AttributesTold
from fitly.core.attribution import applied, attribute, by_id
from fitly.core.copies import changing
from fitly.core.deciding import decide
from fitly.core.decisions import UNMEASURED, Answer, Effect, Measured, OutcomeAmended, OutcomeFiled
from fitly.core.dedupe import ACCEPTANCE_DAYS, is_seen, remember
from fitly.core.describing import described
from fitly.core.eligibility import is_allowed
from fitly.core.entries import DecisionEntry, Seen, Shown
from fitly.core.erasing import MOST_ACTS, acted, consents, erase, returned
from fitly.core.events import (
    DecisionApplied,
    LearnerErased,
    LearnerEvent,
    OutcomeCorrected,
    OutcomeRecorded,
    PreferencesChanged,
    PreferencesReset,
    StrategyRequested,
)
from fitly.core.inforce import InForce
from fitly.core.insights import InsightObserved
from fitly.core.learner import ContextRow, LearnerRow, Preferences
from fitly.core.names import ConfigId, DecisionId, config_id, fingerprint, unpacked_id
from fitly.core.numbers import HOUR, Day, Micro, day_of
from fitly.core.outcomes import add_outcome
from fitly.core.rerendering import (
    insight_observed,
    lapsed,
    rendered_anew,
    up_to_date,
    with_preferences,
)
from fitly.core.resets import changed, forgotten, reset
from fitly.core.rewards import measured
from fitly.core.scene import Folded, Moment, Rows, Scene
from fitly.core.standing import is_overruled, is_stale
from fitly.core.tally import put
from fitly.core.vocabulary import ARM_VARIANTS, Bin, Context, Scope
from fitly.core.windows import settle, shut


def step(rows: Rows, event: LearnerEvent, force: InForce, at: Moment) -> Folded:
    """Fold one learner event.

    Parameters
    ----------
    rows : Rows
        The rows before it.
    event : LearnerEvent
        A valid event whose key belongs to this partition.
    force : InForce
        The rules in force.
    at : Moment
        Where and when.

    Returns
    -------
    Folded
        Nothing is changed in place; a row that is not in the result stays as it was.
    """
    learner = rows.learner(event.user_id)
    if learner is None:
        return _first(rows, event, force, at)
    if event.time < learner.consented_at:
        return Folded(Bin.ERASED)
    return _heard(Scene(rows, learner, event, force, at))


def _first(rows: Rows, event: LearnerEvent, force: InForce, at: Moment) -> Folded:
    """Fold an event of a learner who has no row: a new one, or one who was erased."""
    level, marker = force.rules.policy.default_level, rows.erased(event.user_id)
    if marker is None:
        learner = LearnerRow(event.user_id, Preferences(level=level), created_at=at.now, updated_at=at.now)
    elif consents(event, marker):
        learner = returned(event, marker, level, at.now)
    else:
        return Folded(Bin.ERASED)
    folded = _heard(Scene(rows, learner, event, force, at))
    if marker is not None:
        return folded._replace(returned=folded.learner is not None)
    if folded.learner is None and folded.contexts:
        return folded._replace(learner=learner)
    return folded


def fall_due(
    row: ContextRow, learner: LearnerRow | None, force: InForce, at: Moment
) -> tuple[ContextRow, tuple[Effect, ...]]:
    """Do what a row waited for: a tick came at or after that moment; ``learner`` is wanted where an insight lapses."""
    effects: tuple[Effect, ...] = ()
    if row.closes_at <= at.now:
        verdicts, effects = when_over(row, at)
        row = with_verdicts(settle(row, at.now), verdicts)
    if learner is not None:
        row, again = lapsed(row, learner, force, at.now)
        effects = (*effects, *again)
    return row, effects


def _heard(scene: Scene) -> Folded:
    """Fold an event that is of its time."""
    refusal = _refusal(scene.event, scene.at)
    if refusal is not None:
        return Folded(refusal, effects=_filed_unread(scene, refusal))
    return looked_at(scene.rows, HANDLERS[type(scene.event.data)](scene, scene.event.data), scene.at)


def _refusal(event: LearnerEvent, at: Moment) -> Bin | None:
    """Refuse what comes from the future or from before the acceptance window."""
    if event.time > at.stamp + HOUR:
        return Bin.FUTURE
    if day_of(event.time) < day_of(at.now) - ACCEPTANCE_DAYS:
        return Bin.LATE
    return None


def _seen_in_context(row: ContextRow, scene: Scene, mark: bytes, day: Day) -> tuple[Bin | None, ContextRow]:
    """Refuse what the context's ring has seen or forgotten; else remember it."""
    if is_seen(row.seen, mark):
        return Bin.DUPLICATE, row
    if day <= row.seen_floor:
        return Bin.LATE, row
    seen, floor = remember(row.seen, row.seen_floor, mark, day, day_of(scene.at.now))
    return None, _REMEMBERED(row, seen, floor)


_REMEMBERED: Final = changing(ContextRow, "seen", "seen_floor")


def _seen_by_learner(scene: Scene) -> tuple[Bin | None, LearnerRow]:
    """Refuse what the learner's ring has seen or forgotten; else remember it."""
    learner, mark, day = scene.learner, fingerprint(scene.event.key), day_of(scene.event.time)
    if is_seen(learner.seen, mark):
        return Bin.DUPLICATE, learner
    if day <= learner.seen_floor:
        return Bin.LATE, learner
    seen, floor = remember(learner.seen, learner.seen_floor, mark, day, day_of(scene.at.now))
    return None, learner._replace(seen=seen, seen_floor=floor, updated_at=scene.at.now)


def _outcome_recorded(scene: Scene, data: OutcomeRecorded) -> Folded:
    """Attribute an outcome, teach its arm and its day, and decide anew where the dwell is past."""
    mark, day = fingerprint(scene.event.key), day_of(scene.event.time)
    refusal, row = _seen_in_context(scene.context(data.context), scene, mark, day)
    if refusal is not None:
        return Folded(refusal, effects=_filed_unread(scene, refusal))
    if not is_allowed(scene.learner.preferences, data.context):
        return Folded(Bin.OPTED_OUT, contexts=(row,), effects=_filed_unread(scene, Bin.OPTED_OUT))
    metrics = measured(data)
    found = attribute(row.decisions, data, scene.event.time, scene.at.now)
    effects: tuple[Effect, ...]
    reopens = False
    if found is None:
        effects = (_filed(scene.event, data, Bin.ORPHAN, metrics),)
    else:
        reopens = not found.entry.is_open
        row, worth = add_outcome(row, found, metrics, data.outcome_type, Seen(mark, day), scene.force, scene.at.now)
        effects = (_filed(scene.event, data, Bin.APPLIED, metrics, found.entry, worth),)
    if is_stale(row, scene.learner, scene.force, scene.at.now):
        elsewhere = scene.elsewhere(row.context)
        row, selected = decide(row, scene.learner, scene.force, scene.at.now, scene.cause, elsewhere)
        effects = (*effects, Answer(selected))
    bin_ = Bin.ORPHAN if found is None else Bin.APPLIED
    return Folded(bin_, None, (row,), effects, reopens)


def _outcome_corrected(scene: Scene, data: OutcomeCorrected) -> Folded:
    """Take an outcome's old contribution out and put the new one in."""
    refusal, row = _seen_in_context(
        scene.context(data.context), scene, fingerprint(scene.event.key), day_of(scene.event.time)
    )
    if refusal is not None:
        return Folded(refusal)
    if not is_allowed(scene.learner.preferences, data.context):
        return Folded(Bin.OPTED_OUT, contexts=(row,))
    done = withdraw_or_correct(row, data, scene.force, scene.at.now)
    if isinstance(done, Bin):
        return Folded(done, contexts=(row,))
    amended = OutcomeAmended(
        id=done.outcome,
        user_id=scene.event.user_id,
        context=data.context,
        metrics=done.metrics,
        withdrawn=data.withdrawn,
        reward=done.reward,
        corrected_by=scene.event.key,
        at=scene.event.time,
    )
    return Folded(Bin.APPLIED, contexts=(done.row,), effects=(amended,), reopens=True)


def _strategy_requested(scene: Scene, data: StrategyRequested) -> Folded:
    """Answer with what stands, or decide."""
    refusal, row = _seen_in_context(
        scene.context(data.context), scene, fingerprint(scene.event.key), day_of(scene.event.time)
    )
    if refusal is not None:
        return Folded(refusal)
    if not is_stale(row, scene.learner, scene.force, scene.at.now):
        row, standing = up_to_date(row, scene.learner, scene.force, scene.at.now)
        return Folded(Bin.APPLIED, contexts=(row,), effects=(Answer(standing, answers=scene.event.key),))
    elsewhere = scene.elsewhere(row.context)
    row, selected = decide(row, scene.learner, scene.force, scene.at.now, scene.cause, elsewhere)
    return Folded(Bin.APPLIED, contexts=(row,), effects=(Answer(selected),))


def _decision_applied(scene: Scene, data: DecisionApplied) -> Folded:
    """Hear what really happened on the learner's screen; it outranks what outcomes said."""
    refusal, learner = _seen_by_learner(scene)
    if refusal is not None:
        return Folded(refusal)
    for context in Context:
        row = scene.context(context)
        found = by_id(row.decisions, data.decision_id, scene.at.now)
        if found is None:
            continue
        if not is_allowed(learner.preferences, context):
            return Folded(Bin.OPTED_OUT, learner=learner)
        if data.applied and not found.entry.apply:
            break
        shown = Shown.CONSUMER_SAYS_YES if data.applied else Shown.CONSUMER_SAYS_NO
        row = put(row, found.place, found.entry, found.entry._replace(shown=shown), scene.at.now)
        return Folded(Bin.APPLIED, learner=learner, contexts=(row,), reopens=True)
    return Folded(Bin.ORPHAN, learner=learner)


def _preferences_changed(scene: Scene, data: PreferencesChanged) -> Folded:
    """Change what was named; decide anew wherever that changes what is allowed."""
    refusal, learner = _seen_by_learner(scene)
    if refusal is not None:
        return Folded(refusal)
    acts = (learner.acts + acted(scene.event, data.acted_by, scene.at.now))[-MOST_ACTS:]
    learner = with_preferences(learner, changed(learner.preferences, data))._replace(acts=acts)
    return _with_overruled(scene, learner, forget=False)


def _preferences_reset(scene: Scene, data: PreferencesReset) -> Folded:
    """Start again with what was learned, with the preferences, or with both."""
    refusal, learner = _seen_by_learner(scene)
    if refusal is not None:
        return Folded(refusal)
    preferences = learner.preferences
    if data.scope is not Scope.LEARNED:
        preferences = reset(preferences, scene.force.rules.policy.default_level, consent=bool(data.consent))
    acts = (learner.acts + acted(scene.event, data.acted_by, scene.at.now))[-MOST_ACTS:]
    learner = with_preferences(learner, preferences)._replace(last_reset_at=scene.at.now, acts=acts)
    return _with_overruled(scene, learner, forget=data.scope is not Scope.PREFERENCES)


def _insight_observed(scene: Scene, data: InsightObserved) -> Folded:
    """Keep what another service found out, and render anew what it changes."""
    refusal, learner = _seen_by_learner(scene)
    return insight_observed(scene, learner, data) if refusal is None else Folded(refusal)


def _attributes_told(scene: Scene, data: AttributesTold) -> Folded:
    """Keep the newest word of each group and attribute."""
    refusal, learner = _seen_by_learner(scene)
    return described(scene, learner, data) if refusal is None else Folded(refusal)


def _learner_erased(scene: Scene, data: LearnerErased) -> Folded:
    """Forget the learner."""
    refusal, _learner = _seen_by_learner(scene)
    return erase(scene, data.acted_by) if refusal is None else Folded(refusal)


def _with_overruled(scene: Scene, learner: LearnerRow, *, forget: bool) -> Folded:
    """Go through the learner's contexts: forget what was learned, replace or render anew the decisions that stand.

    Where the learner does not let us act, nothing is learned from this offset on: what is awaited is closed.
    """
    rows: list[ContextRow] = []
    effects: list[Effect] = []
    for context in Context:
        before = scene.rows.context(learner.user_id, context)
        if before is None:
            continue
        row = settle(before, scene.at.now)
        if forget:
            row = forgotten(row, scene.at.now)
        if not is_allowed(learner.preferences, context):
            row = shut(row, scene.at.now)
        if is_overruled(row, learner, scene.force):
            elsewhere = scene.elsewhere(context, rows)
            row, selected = decide(row, learner, scene.force, scene.at.now, scene.cause, elsewhere)
            effects.append(Answer(selected))
        else:
            row, again = rendered_anew(row, learner, scene.force, scene.at.now)
            effects += [] if again is None else [Answer(again, answers=scene.event.key)]
        if row is not before:
            rows.append(row)
    return Folded(Bin.APPLIED, learner=learner, contexts=tuple(rows), effects=tuple(effects), reopens=True)


def _filed_unread(scene: Scene, disposition: Bin) -> tuple[Effect, ...]:
    """File an outcome of which no metric is kept, and of a learner who opted out nothing; other events are counted."""
    event = scene.event
    if not isinstance(event.data, OutcomeRecorded):
        return ()
    filed = _filed(event, event.data, disposition, UNMEASURED)
    if not is_allowed(scene.learner.preferences, event.data.context):
        filed = filed._replace(session_duration=None, content_type=None, difficulty_level=None)
    return (filed,)


def _filed(
    event: LearnerEvent,
    data: OutcomeRecorded,
    disposition: Bin,
    metrics: Measured,
    entry: DecisionEntry | None = None,
    worth: Micro | None = None,
) -> OutcomeFiled:
    config: ConfigId | None = None
    variant = data.strategy_variant
    was_applied = data.personalization_applied
    if entry is not None:
        variant = ARM_VARIANTS.get(entry.variant)
        config = None if variant is None else config_id(event.user_id, data.context, variant)
        was_applied = applied(entry)
    return OutcomeFiled(
        event.key,
        event.user_id,
        data.context,
        data.outcome_type,
        event.time,
        disposition,
        metrics,
        data.session_duration,
        data.content_type,
        data.difficulty_level,
        was_applied,
        variant,
        None if entry is None else DecisionId(unpacked_id(entry.id)),
        config,
        worth,
    )


HANDLERS: Final[dict[type, Callable[[Scene, Any], Folded]]] = {
    OutcomeRecorded: _outcome_recorded,
    OutcomeCorrected: _outcome_corrected,
    StrategyRequested: _strategy_requested,
    DecisionApplied: _decision_applied,
    PreferencesChanged: _preferences_changed,
    PreferencesReset: _preferences_reset,
    InsightObserved: _insight_observed,
    AttributesTold: _attributes_told,
    LearnerErased: _learner_erased,
}

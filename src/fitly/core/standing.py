"""What stands: whether it may go on, and how a decision takes its place.

Knows intervals, dwell and the reward window that a decision opens. Must never know how a decision was drawn.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fitly.core.copies import changing
from fitly.core.decisions import Selected
from fitly.core.eligibility import is_allowed
from fitly.core.entries import DECISIONS, NO_DEFAULT, NO_OVERLAP, DecisionEntry
from fitly.core.evidence import overlaps
from fitly.core.experiments.measuring import decided
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow, LearnerRow, Sealed
from fitly.core.names import PACKED_WIDTH, DecisionId, packed_id, unpacked_id
from fitly.core.numbers import Millis, nano
from fitly.core.policies import NONE
from fitly.core.rewards import centre
from fitly.core.tally import activated, let_rest
from fitly.core.vocabulary import ARM_CODES, ARM_VARIANTS, MODE_CODES, ArmCode, Level, Mode, Unit

_OPTED_OUT: Final = MODE_CODES[Mode.OPTED_OUT]
_PROBE: Final = MODE_CODES[Mode.PROBE]
_EXPERIMENT: Final = MODE_CODES[Mode.EXPERIMENT]
_NOTHING: Final = ArmCode.NOTHING
_TEACHES_BASELINE: Final = {
    Mode.CONTROL: ArmCode.CONTROL,
    Mode.HOLDOUT: ArmCode.HOLDOUT,
    Mode.PINNED: ArmCode.NOTHING,
    Mode.FALLBACK: ArmCode.FALLBACK,
}
"""The arm that a decision's reward teaches, where it is not the arm that was applied."""


class Standing(NamedTuple):
    """What the newest of a row's decisions says of whether it may go on standing."""

    since: int
    until: int
    mode: int
    variant: int
    apply: int
    threshold: int


_UNTIL: Final = DECISIONS.start_of(DecisionEntry._fields.index("until"))
_INTERVAL: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, ("since", "until"))).unpack_from
_STANDING: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, Standing._fields)).unpack_from


def is_stale(row: ContextRow, learner: LearnerRow, force: InForce, now: Millis) -> bool:
    """Tell whether an outcome or a request may bring a new decision: nothing stands, or its dwell is past."""
    decisions = row.decisions
    if not decisions:
        return True
    since, until = _INTERVAL(decisions, len(decisions) - DECISIONS.width)
    return now >= until or now - since >= force.dwell or _overrules(row, _last(decisions), learner, force)


def is_standing(row: ContextRow, now: Millis) -> bool:
    """Tell whether some decision still stands."""
    decisions = row.decisions
    return bool(decisions) and _INTERVAL(decisions, len(decisions) - DECISIONS.width)[1] > now


def is_overruled(row: ContextRow, learner: LearnerRow, force: InForce) -> bool:
    """Tell whether what stands is no longer allowed, or is withheld though it would be allowed again."""
    return bool(row.decisions) and _overrules(row, _last(row.decisions), learner, force)


def _last(decisions: bytes) -> Standing:
    return Standing(*_STANDING(decisions, len(decisions) - DECISIONS.width))


def _overrules(row: ContextRow, last: Standing, learner: LearnerRow, force: InForce) -> bool:
    preferences = learner.preferences
    arms = force.eligible[row.context]
    silenced = not (arms and is_allowed(preferences, row.context))
    if silenced != (last.mode == _OPTED_OUT) or (last.apply and ARM_VARIANTS[last.variant] not in arms):
        return True
    if last.mode == _EXPERIMENT:
        return _lets_go(row, last.since, preferences.level, force)
    level = force.thresholds[preferences.level]
    if not last.apply or level is None or last.mode == _PROBE or last.threshold >= force.demands[preferences.level]:
        return False
    return row.standing is not None and row.standing.open().confidence < level


def _lets_go(row: ContextRow, since: int, level: Level, force: InForce) -> bool:
    """Tell whether the experiment that decided does so no more for the level, or has begun to roll out since."""
    name = None if row.standing is None else row.standing.open().experiment
    trial = None if name is None else force.trials.get(name)
    if trial is None or not trial.applies or level not in trial.plan.segments.levels:
        return True
    return trial.rolls_out and trial.ended_at is not None and since < trial.ended_at


def newest(decisions: bytes) -> DecisionId | None:
    """Give the id of the newest decision; a record of `DECISIONS` begins with it."""
    start = len(decisions) - DECISIONS.width
    return DecisionId(unpacked_id(decisions[start : start + PACKED_WIDTH])) if decisions else None


def let_stand(row: ContextRow, selected: Selected, force: InForce, now: Millis, lapses_at: Millis) -> ContextRow:
    """Let a decision stand: end the former one, open its reward window, move the active config.

    ``lapses_at`` is when its parameters are to be rendered anew. Where the learner or the policy forbids, no reward is
    awaited: the window is closed from the beginning.
    """
    mode, variant, threshold = selected.own_mode, selected.strategy_variant, selected.threshold
    code = _NOTHING if variant is None else ARM_CODES[variant]
    overlap = overlaps(selected.propensities) if selected.unit is Unit.DECISION else NO_OVERLAP
    taught = _TEACHES_BASELINE.get(mode, code)
    if mode is Mode.FALLBACK and overlap is NO_OVERLAP:
        taught = _NOTHING  # nothing was drawn: it chose itself
    elif mode is Mode.EXPERIMENT and code is _NOTHING:
        taught = ArmCode.HOLDOUT  # drawn for the learner, as who is held out is
    closes = now + force.windows[row.context]
    entry = DECISIONS.pack(
        packed_id(selected.decision_id),
        now,
        selected.valid_until,
        closes,
        MODE_CODES[selected.mode],
        code,
        taught,
        selected.apply,
        selected.propensities[variant or NONE] or 1,  # what was drawn had a chance, also where that rounds to nothing
        0 if threshold is None else nano(threshold),
        selected.policy_revision,
        overlap,
        *_default(row, taught, force),
        *(_SILENT if mode is Mode.OPTED_OUT else _NEW),
    )
    arms = row.arms
    if code is not _NOTHING:
        arms = activated(arms, code, now)
    elif mode is Mode.OPTED_OUT:
        arms = let_rest(arms, now)
    return _STOOD(
        row,
        _ended(row.decisions, now) + entry,
        arms,
        Sealed.of(selected),
        row.closes_at if mode is Mode.OPTED_OUT else min(row.closes_at, closes),
        now,
        force.baselines[row.context],
        lapses_at,
        row.trials and decided(row.trials, selected.apply),
    )


_STOOD: Final = changing(
    ContextRow, "decisions", "arms", "standing", "closes_at", "updated_at", "baseline", "lapses_at", "trials"
)


def _default(row: ContextRow, taught: int, force: InForce) -> tuple[int, int]:
    """Give what stands for outcomes that never come: frozen here, so that a later policy changes no open window."""
    worth = force.default_reward
    if worth is None or taught == _NOTHING:
        return NO_DEFAULT, 0
    return worth, worth - centre(row.own_sum, row.own_n, force.centres[row.context], force)


_NEW: Final = tuple(DecisionEntry._field_defaults.values())
"""What is known of a decision that has just been made: everything from `DecisionEntry.shown` on."""
_SILENT: Final = tuple((DecisionEntry._field_defaults | {"is_open": 0}).values())
"""The same of one that waits for nothing."""


def _ended(decisions: bytes, now: Millis) -> bytes:
    """End the newest decision's interval, where it would reach beyond now."""
    if not decisions:
        return decisions
    start = len(decisions) - DECISIONS.width
    if _INTERVAL(decisions, start)[1] <= now:
        return decisions
    # Eight bytes put in place: to unpack and pack the 27 fields for one of them would cost five times as much.
    start += _UNTIL
    return decisions[:start] + now.to_bytes(8, "little") + decisions[start + 8 :]

"""One decision: whether and how to personalize, for this learner, in this context, from now on.

Knows the modes in their order and the probability of everything it draws. Must never know topics or JSON.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fitly.core.confidence import Belief, belief, confidence
from fitly.core.decisions import ArmView, Cause, Selected
from fitly.core.eligibility import is_allowed, is_held_out
from fitly.core.inforce import InForce
from fitly.core.learner import ARMS, DECISIONS, ContextRow, DecisionEntry, LearnerRow, Sealed
from fitly.core.names import PACKED_WIDTH, DecisionId, EventKey, config_id, decision_id, packed_id, uniform, unpacked_id
from fitly.core.numbers import CERTAIN, ONE, Millis, Nano, mean, nano
from fitly.core.parameters import render
from fitly.core.policies import ALGORITHMS, best, greedy, with_none
from fitly.core.tally import activated, empty_arm, let_rest
from fitly.core.vocabulary import ARM_CODES, ARM_VARIANTS, MODE_CODES, ArmCode, Level, Mode, Unit, Variant
from fitly.core.windows import prune

NONE: Final = "NONE"
"""The key of "do not apply" among a decision's propensities."""
_ABSTAIN: Final = {NONE: CERTAIN}
_PROBED: Final = (Level.MEDIUM, Level.HIGH)
_OPTED_OUT: Final = MODE_CODES[Mode.OPTED_OUT]
_PROBE: Final = MODE_CODES[Mode.PROBE]
_NOTHING: Final = ArmCode.NOTHING
_CONTROL: Final = ArmCode.CONTROL
_TEACHES_BASELINE: Final = {
    Mode.CONTROL: ArmCode.CONTROL,
    Mode.HOLDOUT: ArmCode.HOLDOUT,
    Mode.PINNED: ArmCode.NOTHING,
}
"""The arm that a decision's reward teaches, where it is not the arm that was applied."""


class Drawn(NamedTuple):
    """What came out of the draw, before it is written down."""

    mode: Mode
    variant: Variant | None
    propensities: dict[str, Nano]
    unit: Unit
    assignment: Nano
    confidence: float
    arms: dict[Variant, ArmView]


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


class Draws:
    """The uniform draws of one decision, each made when asked for and remembered by its purpose."""

    __slots__ = ("_birth", "_cause", "_row", "made")

    def __init__(self, force: InForce, cause: EventKey, row: ContextRow) -> None:
        self._birth = force.birth
        self._cause = cause
        self._row = row
        self.made: dict[str, float] = {}

    def __call__(self, purpose: str) -> float:
        """Draw from [0, 1) for a purpose; asking again gives the same."""
        drawn = self.made.get(purpose)
        if drawn is None:
            row = self._row
            drawn = self.made[purpose] = uniform(self._birth, self._cause, row.user_id, row.context, purpose)
        return drawn


def is_stale(row: ContextRow, learner: LearnerRow, force: InForce, now: Millis) -> bool:
    """Tell whether an outcome or a request may bring a new decision: nothing stands, or its dwell is past."""
    decisions = row.decisions
    if not decisions:
        return True
    since, until = _INTERVAL(decisions, len(decisions) - DECISIONS.width)
    return now >= until or now - since >= force.dwell or _overrules(row, _last(decisions), learner, force)


def is_overruled(row: ContextRow, learner: LearnerRow, force: InForce) -> bool:
    """Tell whether what stands is no longer allowed, or is withheld though it would be allowed again."""
    return bool(row.decisions) and _overrules(row, _last(row.decisions), learner, force)


def _last(decisions: bytes) -> Standing:
    return Standing._make(_STANDING(decisions, len(decisions) - DECISIONS.width))


def _overrules(row: ContextRow, last: Standing, learner: LearnerRow, force: InForce) -> bool:
    preferences = learner.preferences
    arms = force.eligible[row.context]
    silenced = not (arms and is_allowed(preferences, row.context))
    if silenced != (last.mode == _OPTED_OUT) or (last.apply and ARM_VARIANTS[last.variant] not in arms):
        return True
    level = force.thresholds[preferences.level]
    if not last.apply or level is None or last.mode == _PROBE or last.threshold >= force.demands[preferences.level]:
        return False
    return row.standing is not None and row.standing.open().confidence < level


def decide(
    row: ContextRow, learner: LearnerRow, force: InForce, now: Millis, cause: Cause
) -> tuple[ContextRow, Selected]:
    """Make a decision and let it stand.

    Parameters
    ----------
    row : ContextRow
        The learner's context, settled to ``now``.
    learner : LearnerRow
        The learner's preferences.
    force : InForce
        The rules in force.
    now : Millis
        The clock.
    cause : Cause
        The event that brings the decision; its id drives every draw.

    Returns
    -------
    tuple of ContextRow and Selected
        The row in which the decision stands, and the decision.
    """
    row = prune(row, force, now)
    draws = Draws(force, cause.event_id, row)
    drawn = _draw(row, learner, force, draws, now)
    user, context, variant = row.user_id, row.context, drawn.variant
    apply = variant is not None
    preferences, policy = learner.preferences, force.rules.policy
    # Positions in place of names, here and in `_stand`: at every decision, names would cost twice as much.
    selected = Selected(
        decision_id(cause.event_id, user, context),
        user,
        context,
        drawn.mode,
        apply,
        variant,
        render(context, preferences) if apply else {},
        drawn.propensities,
        drawn.unit,
        drawn.assignment,
        policy.epsilon,
        drawn.confidence,
        force.thresholds[preferences.level],
        None if variant is None else config_id(user, context, variant),
        force.rules.policy_revision,
        None,  # no experiment
        cause,
        now,
        Millis(now + force.valid),
        _newest(row.decisions),
        drawn.arms,
        draws.made,
    )
    return _stand(row, selected, force, now), selected


def _newest(decisions: bytes) -> DecisionId | None:
    """Give the id of the newest decision; a record of `DECISIONS` begins with it."""
    start = len(decisions) - DECISIONS.width
    return DecisionId(unpacked_id(decisions[start : start + PACKED_WIDTH])) if decisions else None


def _draw(row: ContextRow, learner: LearnerRow, force: InForce, draws: Draws, now: Millis) -> Drawn:
    """Go through the modes in their order; the first that fits."""
    preferences = learner.preferences
    arms = force.eligible[row.context]
    if not arms or not is_allowed(preferences, row.context):
        return Drawn(Mode.OPTED_OUT, None, _ABSTAIN, Unit.NONE, CERTAIN, 0.0, {})
    if is_held_out(force, row.user_id):
        return Drawn(Mode.HOLDOUT, None, _ABSTAIN, Unit.LEARNER, force.held_out, 0.0, {})
    if not preferences.auto_adapt_enabled and (pinned := _pinned(row, force, now)) is not None:
        return pinned
    return _personalize(row, learner, force, draws, arms)


def _pinned(row: ContextRow, force: InForce, now: Millis) -> Drawn | None:
    """Keep what stands, as it was; it teaches nothing. None where nothing stands that may go on."""
    if not row.decisions:
        return None
    last = DECISIONS.at(row.decisions, -1)
    if last.mode == _OPTED_OUT or now >= last.until:
        return None
    variant = ARM_VARIANTS[last.variant] if last.apply else None
    if variant is not None and variant not in force.eligible[row.context]:
        return None
    return Drawn(Mode.PINNED, variant, {variant or NONE: CERTAIN}, Unit.NONE, force.free, 0.0, {})


def _personalize(
    row: ContextRow, learner: LearnerRow, force: InForce, draws: Draws, arms: tuple[Variant, ...]
) -> Drawn:
    """Draw between not applying and the arms: the modes of a learner who may be personalized."""
    policy, level = force.rules.policy, learner.preferences.level
    beliefs, views = _look(row, force, arms)
    top = best({arm: view.expected for arm, view in views.items()})
    first = greedy(top, draws)
    sure = confidence(beliefs[first], policy, force.rules.priors)
    needed = force.thresholds[level]
    if needed is None or sure < needed:
        probed = policy.probe_share if level in _PROBED else 0.0
        odds = with_none(top, (1 / len(top),) * len(top), nano(probed), top[0])
        mode, variant = (Mode.PROBE, first) if draws("probe") < probed else (Mode.FALLBACK, None)
        return Drawn(mode, variant, odds, _unit(odds), force.free, sure, views)
    rule = ALGORITHMS[policy.algorithm]
    applied = Nano(CERTAIN - nano(policy.control_share))
    odds = with_none(arms, rule.odds(arms, top, policy.epsilon), applied, top[0])
    if draws("control") < policy.control_share:
        return Drawn(Mode.CONTROL, None, odds, _unit(odds), force.free, sure, views)
    choice = rule.choose(arms, top, policy.epsilon, draws)
    mode = Mode.EXPLORE if choice.explored else Mode.EXPLOIT
    return Drawn(mode, choice.variant, odds, _unit(odds), force.free, sure, views)


def _unit(odds: dict[str, Nano]) -> Unit:
    """Give what was randomized: the decision exactly where not applying and some arm both had a chance."""
    return Unit.DECISION if 0 < odds[NONE] < CERTAIN else Unit.NONE


def _look(
    row: ContextRow, force: InForce, arms: tuple[Variant, ...]
) -> tuple[dict[Variant, Belief], dict[Variant, ArmView]]:
    """Give what is believed of each arm, and what the record will show of it."""
    priors, shrunk = force.rules.priors, force.rules.policy.shrinkage
    control = _NO_CONTROL
    unknown = belief(None, control, priors)
    untaught = ArmView(0, None, unknown.mean if shrunk else priors.metric_mean)
    beliefs, views = dict.fromkeys(arms, unknown), dict.fromkeys(arms, untaught)
    entries = [entry for entry in ARMS.all(row.arms) if entry.n]
    for entry in entries:
        if entry.arm == _CONTROL:
            control = entry
    for entry in entries:
        arm = ARM_VARIANTS.get(entry.arm)
        if arm in beliefs:
            believed = beliefs[arm] = belief(entry, control, priors)
            expected = believed.mean if shrunk else entry.raw / entry.n / ONE
            views[arm] = ArmView(entry.n, mean(entry.raw, entry.n), expected)
    return beliefs, views


_NO_CONTROL: Final = empty_arm(ArmCode.CONTROL)


def _stand(row: ContextRow, selected: Selected, force: InForce, now: Millis) -> ContextRow:
    """Let a decision stand: end the former one, open its reward window, move the active config."""
    mode, variant, threshold = selected.mode, selected.strategy_variant, selected.threshold
    code = _NOTHING if variant is None else ARM_CODES[variant]
    closes = now + force.windows[row.context]
    entry = DECISIONS.pack(
        packed_id(selected.decision_id),
        now,
        selected.valid_until,
        closes,
        MODE_CODES[mode],
        code,
        _TEACHES_BASELINE.get(mode, code),
        selected.apply,
        selected.propensities[variant or NONE],
        0 if threshold is None else nano(threshold),
        selected.policy_revision,
        *_NEW,
    )
    arms = row.arms
    if code is not _NOTHING:
        arms = activated(arms, code, now)
    elif mode is Mode.OPTED_OUT:
        arms = let_rest(arms, now)
    return row._replace(
        decisions=_ended(row.decisions, now) + entry,
        arms=arms,
        standing=Sealed.of(selected),
        closes_at=Millis(min(row.closes_at, closes)),
        updated_at=now,
    )


_NEW: Final = tuple(DecisionEntry._field_defaults.values())
"""What is known of a decision that has just been made: everything from `DecisionEntry.shown` on."""


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

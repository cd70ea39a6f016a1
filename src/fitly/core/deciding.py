"""One decision: whether and how to personalize, for this learner, in this context, from now on.

Knows the modes in their order and the probability of everything it draws. Must never know topics or JSON.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fitly.core.confidence import Belief, belief, confidence
from fitly.core.decisions import ArmView, Cause, Grounds, Selected
from fitly.core.eligibility import is_allowed, is_held_out, is_switched_on, place
from fitly.core.entries import ARMS, DECISIONS, EVIDENCE
from fitly.core.experiments.enrolling import NOBODY, Met, barred_by, meet
from fitly.core.experiments.treating import Treated, treated
from fitly.core.experiments.trial import Trial
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow, LearnerRow
from fitly.core.names import EventKey, config_id, decision_id, uniform
from fitly.core.numbers import CERTAIN, ONE, Millis, Nano, mean, nano
from fitly.core.parameters import NOT_APPLIED, NOTHING_FIXED, render
from fitly.core.policies import ALGORITHMS, NONE, Known, greedy, leaders, with_none
from fitly.core.rules import Policy
from fitly.core.shadows import looked_on
from fitly.core.standing import let_stand, newest
from fitly.core.vocabulary import ARM_CODES, ARM_VARIANTS, MODE_CODES, Context, Level, Mode, Unit, Variant
from fitly.core.windows import prune

_ABSTAIN: Final = {NONE: CERTAIN}
_PROBED: Final = (Level.MEDIUM, Level.HIGH)
_OPTED_OUT: Final = MODE_CODES[Mode.OPTED_OUT]


class Drawn(NamedTuple):
    """What came out of the draw, before it is written down."""

    mode: Mode
    variant: Variant | None
    propensities: dict[str, Nano]
    unit: Unit
    assignment: Nano
    confidence: float
    arms: dict[Variant, ArmView]
    beliefs: dict[Variant, Belief] | None = None
    informed: bool = False
    own: Mode | None = None
    """What a variant's own policy came to."""


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


def decide(
    row: ContextRow, learner: LearnerRow, force: InForce, now: Millis, cause: Cause, elsewhere: bytes = b""
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
    elsewhere : bytes
        What the learner's rows of other contexts keep of experiments, where some layer reaches over contexts.

    Returns
    -------
    tuple of ContextRow and Selected
        The row in which the decision stands, and the decision.
    """
    row = prune(row, now)
    draws = Draws(force, cause.event_id, row)
    drawn = _gated(row, learner, force, draws, now)
    acting, treatment = force.acting.get(row.context), None
    if acting is not None:
        row, treatment = _treated(row, learner, force, acting, elsewhere, now, drawn)
    if treatment is not None:
        drawn = _by_variant(row, learner, draws, treatment)
    elif drawn is None:
        drawn = _personalize(row, learner, force, draws, force.eligible[row.context])
    user, context, variant = row.user_id, row.context, drawn.variant
    apply = variant is not None
    # Whatever was in force where the decision was drawn: a variant's own policy, if there is one.
    there, fixed = force, NOTHING_FIXED
    if treatment is not None:
        there, fixed = treatment.force or force, treatment.treatment.parameters
    preferences, policy = learner.preferences, there.rules.policy
    threshold = there.thresholds[preferences.level]
    parameters, lapses = (
        render(context, variant, preferences, threshold, learner.insights, now, fixed) if variant else NOT_APPLIED
    )
    watching = force.rules.policy
    watched = watching.shadows and drawn.unit is Unit.DECISION and draws("shadow") < watching.shadow_share
    # Positions in place of names, here and in `let_stand`: at every decision, names would cost twice as much.
    selected = Selected(
        decision_id(cause.event_id, user, context),
        user,
        context,
        drawn.mode,
        apply,
        variant,
        parameters,
        drawn.propensities,
        drawn.unit,
        drawn.assignment,
        policy.epsilon,
        drawn.confidence,
        threshold,
        None if variant is None else config_id(user, context, variant),
        force.rules.policy_revision,
        None if treatment is None else treatment.experiment,
        cause,
        now,
        Millis(now + force.valid),
        newest(row.decisions),
        drawn.arms,
        draws.made,
        None,  # not rendered anew
        _grounds(learner, force, policy, context, drawn),
        None if treatment is None else treatment.enrolled._replace(mode=drawn.own),
    )
    row = let_stand(row, selected, force, now, lapses)
    return looked_on(row, selected, drawn.beliefs or {}, force) if watched else row, selected


def _grounds(learner: LearnerRow, force: InForce, policy: Policy, context: Context, drawn: Drawn) -> Grounds:
    """Put down what the modes are asked of; ``policy`` is the one that drew."""
    preferences = learner.preferences
    return Grounds(
        preferences.level,
        is_switched_on(preferences, context),
        preferences.auto_adapt_enabled,
        bool(force.eligible[context]),
        policy.algorithm,
        policy.epsilon,
        policy.floor,
        policy.fixed_arm,
        drawn.informed,
    )


def _gated(row: ContextRow, learner: LearnerRow, force: InForce, draws: Draws, now: Millis) -> Drawn | None:
    """Go through the modes before experiments in their order; the first that fits, None where none does."""
    preferences = learner.preferences
    if not force.eligible[row.context] or not is_allowed(preferences, row.context):
        return Drawn(Mode.OPTED_OUT, None, _ABSTAIN, Unit.NONE, CERTAIN, 0.0, {})
    draws.made["holdout"] = place(force.birth, row.user_id)
    if is_held_out(force, row.user_id):
        return Drawn(Mode.HOLDOUT, None, _ABSTAIN, Unit.LEARNER, force.held_out, 0.0, {})
    return None if preferences.auto_adapt_enabled else _pinned(row, force, now)


def _treated(
    row: ContextRow,
    learner: LearnerRow,
    force: InForce,
    acting: tuple[Trial, ...],
    elsewhere: bytes,
    now: Millis,
    gated: Drawn | None,
) -> tuple[ContextRow, Treated | None]:
    """Let the learner meet the experiments of the context, and give what the one that decides does.

    Where the arm that a variant gives is switched off, the policy decides: nobody is left without for that.
    """
    gate = None if gated is None else gated.mode
    barred = barred_by(elsewhere, force.rivals) if elsewhere else NOBODY
    row, part = meet(row, learner, Met(acting, force.going_on, barred, force.birth), now, gate)
    if part is None:
        return row, None
    treatment = treated(part, row.user_id, force)
    arm = treatment.treatment.strategy_variant
    return row, treatment if arm is None or arm in force.eligible[row.context] else None


def _by_variant(row: ContextRow, learner: LearnerRow, draws: Draws, treatment: Treated) -> Drawn:
    """Do what a variant says: an arm, nothing, or what its own policy draws."""
    enrolled = treatment.enrolled
    if treatment.draw is not None:
        draws.made[enrolled.purpose] = treatment.draw
    own = treatment.force
    arms = () if own is None else own.eligible[row.context]
    if own is None or not arms:
        variant = treatment.treatment.strategy_variant
        odds = {variant or NONE: CERTAIN}
        return Drawn(Mode.EXPERIMENT, variant, odds, Unit.LEARNER, treatment.assignment, 0.0, {})
    drawn = _personalize(row, learner, own, draws, arms)
    unit = Unit.LEARNER if drawn.unit is Unit.NONE else drawn.unit
    return drawn._replace(mode=Mode.EXPERIMENT, own=drawn.mode, unit=unit, assignment=treatment.assignment)


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
    expected = {arm: view.expected for arm, view in views.items()}
    top = leaders(expected, policy)
    first = greedy(top, draws)
    prior = force.beliefs[row.context][first]
    sure = confidence(beliefs[first], prior, policy)
    needed = force.thresholds[level]
    if needed is None or sure < needed:
        probed = policy.probe_share if level in _PROBED else 0.0
        odds = with_none(top, (1 / len(top),) * len(top), nano(probed), top[0])
        mode, variant = (Mode.PROBE, first) if draws("probe") < probed else (Mode.FALLBACK, None)
        return Drawn(mode, variant, odds, _unit(odds), force.free, sure, views, beliefs, prior.informed)
    known = Known(arms, tuple(beliefs.values()), tuple(expected.values()), top)
    rule = ALGORITHMS[policy.algorithm]
    applied = Nano(CERTAIN - nano(policy.control_share))
    odds = with_none(arms, rule.odds(known, policy), applied, top[0])
    if draws("control") < policy.control_share:
        return Drawn(Mode.CONTROL, None, odds, _unit(odds), force.free, sure, views, beliefs, prior.informed)
    choice = rule.choose(known, policy, odds, draws)
    mode = Mode.EXPLORE if choice.explored else Mode.EXPLOIT
    return Drawn(mode, choice.variant, odds, _unit(odds), force.free, sure, views, beliefs, prior.informed)


def _unit(odds: dict[str, Nano]) -> Unit:
    """Give what was randomized: the decision exactly where not applying and some arm both had a chance."""
    return Unit.DECISION if 0 < odds[NONE] < CERTAIN else Unit.NONE


def _look(
    row: ContextRow, force: InForce, arms: tuple[Variant, ...]
) -> tuple[dict[Variant, Belief], dict[Variant, ArmView]]:
    """Give what is believed of each arm, and what the record will show of it."""
    priors, shrunk = force.beliefs[row.context], force.rules.policy.shrinkage
    taught = {entry.arm: entry for entry in ARMS.all(row.arms) if entry.n}
    said = {each.arm: each for each in EVIDENCE.all(row.evidence)}
    beliefs, views = {}, {}
    for arm in arms:
        code = ARM_CODES[arm]
        believed = beliefs[arm] = belief(said.get(code), priors[arm])
        entry = taught.get(code)
        if entry is None:
            expected = believed.mean if shrunk else force.rules.priors.metric_mean
            views[arm] = ArmView(0, None, expected, believed.sd, believed.mean)
        else:
            expected = believed.mean if shrunk else entry.raw / entry.n / ONE
            views[arm] = ArmView(entry.n, mean(entry.raw, entry.n), expected, believed.sd, believed.mean)
    return beliefs, views

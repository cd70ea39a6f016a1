"""One decision: whether and how to personalize, for this learner, in this context, from now on.

Knows the modes in their order and the probability of everything it draws. Must never know topics or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fitly.core.confidence import Belief, belief, confidence
from fitly.core.decisions import ArmView, Cause, Selected
from fitly.core.eligibility import eligible_arms, is_allowed, is_held_out, threshold
from fitly.core.learner import ARMS, DECISIONS, ContextRow, DecisionEntry, LearnerRow, Sealed, Shown
from fitly.core.names import DecisionId, EventKey, config_id, decision_id, packed_id, uniform, unpacked_id
from fitly.core.numbers import CERTAIN, ONE, Millis, Nano, mean, nano, span
from fitly.core.parameters import render
from fitly.core.policies import ALGORITHMS, Choice, best, pick, scaled, share
from fitly.core.rules import Rules
from fitly.core.tally import arm_entry, empty_arm, put_arm
from fitly.core.vocabulary import ARM_CODES, MODE_CODES, MODES, ArmCode, Level, Mode, Unit, Variant
from fitly.core.windows import next_close, prune, window_of

NONE: Final = "NONE"
"""The key of "do not apply" among a decision's propensities."""
_ABSTAIN: Final = {NONE: CERTAIN}
_PROBED: Final = (Level.MEDIUM, Level.HIGH)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came out of the draw, before it is written down."""

    mode: Mode
    variant: Variant | None
    propensities: dict[str, Nano]
    unit: Unit
    assignment: Nano
    confidence: float = 0.0
    arms: dict[Variant, ArmView] | None = None


class Draws:
    """The uniform draws of one decision, each made when asked for and remembered by its purpose."""

    __slots__ = ("_birth", "_cause", "_row", "made")

    def __init__(self, rules: Rules, cause: EventKey, row: ContextRow) -> None:
        self._birth = rules.birth_id.encode()
        self._cause = cause
        self._row = row
        self.made: dict[str, float] = {}

    def __call__(self, purpose: str) -> float:
        """Draw from [0, 1) for a purpose; asking again gives the same."""
        if purpose not in self.made:
            row = self._row
            self.made[purpose] = uniform(self._birth, self._cause, row.user_id, row.context.value, purpose)
        return self.made[purpose]


def is_stale(row: ContextRow, learner: LearnerRow, rules: Rules, now: Millis) -> bool:
    """Tell whether an outcome or a request may bring a new decision: nothing stands, or its dwell is past."""
    if not row.decisions:
        return True
    last = DECISIONS.at(row.decisions, -1)
    return now >= last.until or now - last.since >= span(rules.policy.dwell_days) or is_overruled(row, learner, rules)


def is_overruled(row: ContextRow, learner: LearnerRow, rules: Rules) -> bool:
    """Tell whether what stands is no longer allowed, or is withheld though it would be allowed again."""
    if not row.decisions:
        return False
    last = DECISIONS.at(row.decisions, -1)
    silenced = not is_allowed(learner.preferences, row.context) or not eligible_arms(rules.policy, row.context)
    if silenced != (MODES[last.mode] is Mode.OPTED_OUT):
        return True
    level = threshold(rules.policy, learner.preferences.level)
    if not last.apply or level is None or row.standing is None or MODES[last.mode] is Mode.PROBE:
        return False
    standing = row.standing.open()
    return standing.threshold is not None and level > standing.threshold and standing.confidence < level


def decide(
    row: ContextRow, learner: LearnerRow, rules: Rules, now: Millis, cause: Cause
) -> tuple[ContextRow, Selected]:
    """Make a decision and let it stand.

    Parameters
    ----------
    row : ContextRow
        The learner's context, settled to ``now``.
    learner : LearnerRow
        The learner's preferences.
    rules : Rules
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
    row = prune(row, rules, now)
    draws = Draws(rules, cause.event_id, row)
    drawn = _draw(row, learner, rules, draws)
    policy = rules.policy
    apply = drawn.variant is not None
    last = DECISIONS.at(row.decisions, -1) if row.decisions else None
    selected = Selected(
        decision_id=decision_id(cause.event_id, row.user_id, row.context),
        user_id=row.user_id,
        context=row.context,
        mode=drawn.mode,
        apply=apply,
        strategy_variant=drawn.variant,
        parameters=render(row.context, learner.preferences) if apply else {},
        propensities=drawn.propensities,
        unit=drawn.unit,
        assignment_probability=drawn.assignment,
        epsilon=policy.epsilon,
        confidence=drawn.confidence,
        threshold=threshold(policy, learner.preferences.level),
        config_id=config_id(row.user_id, row.context, drawn.variant) if drawn.variant is not None else None,
        policy_revision=rules.policy_revision,
        experiment=None,
        cause=cause,
        decided_at=now,
        valid_until=Millis(now + span(policy.valid_days)),
        supersedes=None if last is None else DecisionId(unpacked_id(last.id)),
        arms=drawn.arms or {},
        draws=draws.made,
    )
    return _stand(row, selected, rules, now), selected


def _draw(row: ContextRow, learner: LearnerRow, rules: Rules, draws: Draws) -> Drawn:
    """Go through the modes in their order; the first that fits."""
    policy, preferences = rules.policy, learner.preferences
    arms = eligible_arms(policy, row.context)
    if not is_allowed(preferences, row.context) or not arms:
        return Drawn(Mode.OPTED_OUT, None, dict(_ABSTAIN), Unit.NONE, CERTAIN)
    held_out = nano(policy.holdout_share)
    if is_held_out(rules, row.user_id):
        return Drawn(Mode.HOLDOUT, None, dict(_ABSTAIN), Unit.LEARNER, held_out)
    free = Nano(CERTAIN - held_out)
    if not preferences.auto_adapt_enabled and (pinned := _pinned(row, free)) is not None:
        return pinned
    return _personalize(row, learner, rules, draws, free)


def _pinned(row: ContextRow, assignment: Nano) -> Drawn | None:
    """Keep what stands, as it was; it teaches nothing."""
    if not row.decisions:
        return None
    last = DECISIONS.at(row.decisions, -1)
    if MODES[last.mode] is Mode.OPTED_OUT:
        return None
    variant = Variant[ArmCode(last.variant).name] if last.apply else None
    return Drawn(Mode.PINNED, variant, {variant.value if variant else NONE: CERTAIN}, Unit.NONE, assignment)


def _personalize(row: ContextRow, learner: LearnerRow, rules: Rules, draws: Draws, free: Nano) -> Drawn:
    """Draw between not applying and the arms: the modes of a learner who may be personalized."""
    policy = rules.policy
    beliefs = _beliefs(row, rules)
    expected = {arm: _expected(row, rules, arm, beliefs[arm]) for arm in eligible_arms(policy, row.context)}
    views = {arm: _view(row, arm, value) for arm, value in expected.items()}
    top = best(expected)
    greedy = pick(top, draws("tie"))
    sure = confidence(beliefs[greedy], policy, rules.priors)
    level = threshold(policy, learner.preferences.level)
    if level is None or sure < level:
        probed = policy.probe_share if learner.preferences.level in _PROBED else 0.0
        each = share(nano(probed), dict.fromkeys(top, 1 / len(top)), top[0])
        unit = Unit.DECISION if 0 < nano(probed) < CERTAIN else Unit.NONE
        is_probe = draws("probe") < probed
        mode, variant = (Mode.PROBE, greedy) if is_probe else (Mode.FALLBACK, None)
        return Drawn(mode, variant, _with_none(each), unit, free, sure, views)
    choice: Choice = ALGORITHMS[policy.algorithm](expected, policy, draws)
    odds = _with_none(scaled(choice.propensities, 1 - policy.control_share, top[0]))
    unit = Unit.DECISION if 0 < odds[NONE] < CERTAIN else Unit.NONE
    if draws("control") < policy.control_share:
        return Drawn(Mode.CONTROL, None, odds, unit, free, sure, views)
    mode = Mode.EXPLORE if choice.explored else Mode.EXPLOIT
    return Drawn(mode, choice.variant, odds, unit, free, sure, views)


def _with_none(arms: Mapping[Variant, Nano]) -> dict[str, Nano]:
    """Add what is left as the probability of not applying; the sum is exactly 10^9."""
    return {NONE: Nano(CERTAIN - sum(arms.values())), **{arm.value: part for arm, part in arms.items()}}


def _beliefs(row: ContextRow, rules: Rules) -> dict[Variant, Belief]:
    entries = {entry.arm: entry for entry in ARMS.all(row.arms)}
    control = entries.get(ArmCode.CONTROL, empty_arm(ArmCode.CONTROL))
    return {arm: belief(entries.get(code, empty_arm(code)), control, rules.priors) for arm, code in ARM_CODES.items()}


def _expected(row: ContextRow, rules: Rules, arm: Variant, believed: Belief) -> float:
    """Give what the greedy choice compares: expected effect, or the plain average without shrinkage."""
    if rules.policy.shrinkage:
        return believed.mean
    entry = arm_entry(row.arms, ARM_CODES[arm])
    return entry.raw / entry.n / ONE if entry.n else rules.priors.metric_mean


def _view(row: ContextRow, arm: Variant, expected: float) -> ArmView:
    entry = arm_entry(row.arms, ARM_CODES[arm])
    return ArmView(entry.n, mean(entry.raw, entry.n) if entry.n else None, expected)


_TEACHES: Final = {Mode.CONTROL: ArmCode.CONTROL, Mode.HOLDOUT: ArmCode.HOLDOUT}


def _stand(row: ContextRow, selected: Selected, rules: Rules, now: Millis) -> ContextRow:
    """Let a decision stand: end the former one, open its reward window, move the active config."""
    decisions = row.decisions
    if decisions:
        last = DECISIONS.at(decisions, -1)
        ended = last._replace(until=min(last.until, now))
        decisions = DECISIONS.replace(decisions, DECISIONS.count(decisions) - 1, ended)
    variant = selected.strategy_variant
    code = ArmCode.NOTHING if variant is None else ARM_CODES[variant]
    teaches = code if variant is not None and selected.mode is not Mode.PINNED else ArmCode.NOTHING
    entry = DecisionEntry(
        id=packed_id(selected.decision_id),
        since=now,
        until=selected.valid_until,
        closes=now + window_of(rules.policy.windows, row.context),
        mode=MODE_CODES[selected.mode],
        variant=code,
        arm=_TEACHES.get(selected.mode, teaches),
        apply=int(selected.apply),
        shown=Shown.UNKNOWN,
        is_open=1,
        defaulted=0,
        propensity=selected.propensities[NONE if variant is None else variant.value],
        revision=selected.policy_revision,
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
    decisions = DECISIONS.append(decisions, entry)
    return replace(
        row,
        decisions=decisions,
        arms=_activate(row.arms, code, selected.mode, now),
        standing=Sealed.of(selected),
        closes_at=next_close(decisions),
        updated_at=now,
    )


def _activate(arms: bytes, code: ArmCode, mode: Mode, now: Millis) -> bytes:
    """Make the arm of an applied decision the active one; an opt-out or a switch leaves none active."""
    if code is not ArmCode.NOTHING or mode is Mode.OPTED_OUT:
        for entry in list(ARMS.all(arms)):
            if entry.active and entry.arm != code:
                arms = put_arm(arms, entry._replace(active=0, deactivated=now, updated=now))
    if code is ArmCode.NOTHING:
        return arms
    entry = arm_entry(arms, code)
    return put_arm(
        arms,
        entry._replace(
            selected=entry.selected + 1,
            first=entry.first or now,
            activated=entry.activated if entry.active else now,
            active=1,
            updated=now,
        ),
    )

"""Shadow policies: what each would have done at a decision, and what came of it, per learner and context.

Knows how a decision is scored, and what one row contributes to the sums of everybody. Must never know estimates: those
are made from the sums (`statistics.offpolicy`).

A decision is scored where chance decided whether to apply (``unit: decision``). A shadow shares with the policy in
force who is held out, what is switched off, and the probability of ``NONE``; it differs in how it spreads the rest
over the eligible arms. Where only the leading arm is probed, a shadow would probe its own. One that is fixed on an arm
that is switched off would apply nothing. What was drawn gets the weight w = (the shadow's probability) / (the logged
one); the doubly robust term is the value that a model gives the shadow, plus w times what the model missed. The model
knows what was known before the decision: the learner's own shrunk mean, plus the believed effect of the arm. Whether a
strategy reached the screen does not matter here: what is asked is what deciding so is worth.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from fitly.core.confidence import Belief
from fitly.core.decisions import Selected
from fitly.core.entries import DECISIONS, DecisionEntry
from fitly.core.inforce import InForce
from fitly.core.learner import ContextRow
from fitly.core.names import packed_id
from fitly.core.numbers import CERTAIN, ONE, Micro, Nano, mean, micro
from fitly.core.packed import Layout
from fitly.core.policies import ALGORITHMS, NONE, Known, leaders, with_none
from fitly.core.rewards import centre
from fitly.core.rules import Shadow
from fitly.core.vocabulary import Context, Mode, Variant

MOST_WEIGHT: Final = 10**12
"""A weight (10^-6) counts for a million at most, so that the sums of a row fit 64 bits."""
LOGGED: Final = bytes(8)
"""Stands for the policies that acted: with weights of 1, what the others are held against."""
MOST_SHADOWS: Final = 9
"""Policies whose sums a row keeps: those that acted, the shadows in force, and some of those before."""
STEPS: Final = 8
"""Classes of weights per doubling: the largest weight of all is known to a twelfth."""


class Score(NamedTuple):
    """What one shadow would have done at one decision.

    Attributes
    ----------
    about : bytes
        First 8 bytes of the packed decision id.
    shadow : bytes
        `mark` of the shadow.
    target : int
        Probability (10^-9) it gives to what was drawn.
    outside : int
        Probability (10^-9) it gives to what could not be drawn.
    model, worth : int
        Expected reward (10^-6) of what was drawn, and of the shadow, as far as was known.
    """

    about: bytes
    shadow: bytes
    target: int
    outside: int
    model: int
    worth: int


SCORES: Final = Layout(Score, "8s8sIIii")


class Summed(NamedTuple):
    """A learner's scored decisions of one shadow, windows closed.

    Attributes
    ----------
    shadow : bytes
        `mark` of the shadow.
    n, w, r, d : int
        Decisions with a reward; their weights, weighted rewards and doubly robust terms (10^-6).
    idle, idle_w, idle_d : int
        Decisions to which nothing came, their weights, and their doubly robust terms with the reward 0.
    outside : int
        Probability (10^-9) given to what could not be drawn, over all of them.
    largest : int
        The largest weight (10^-6) of all of them.
    """

    shadow: bytes
    n: int = 0
    w: int = 0
    r: int = 0
    d: int = 0
    idle: int = 0
    idle_w: int = 0
    idle_d: int = 0
    outside: int = 0
    largest: int = 0


SUMMED: Final = Layout(Summed, "8sIqqqIqqqq")


@lru_cache(maxsize=64)
def mark(shadow: Shadow) -> bytes:
    """Name a shadow by all that it says: one that says something else under the same name is another.

    >>> mark(Shadow(name="a")) == mark(Shadow(name="a", epsilon=0.2))
    False
    """
    said = (shadow.name, shadow.algorithm, shadow.epsilon, shadow.shrinkage, shadow.floor, shadow.fixed_arm or "")
    return hashlib.blake2b("|".join(map(str, said)).encode(), digest_size=8).digest()


def sums_name(context: Context, shadow: Shadow | None) -> str:
    """Name a shadow's sums in a context; None for the policies that acted.

    >>> sums_name(Context.MISSION, Shadow(name="a"))[:8]
    'MISSION:'
    """
    return f"{context}:{(LOGGED if shadow is None else mark(shadow)).hex()}"


def looked_on(row: ContextRow, selected: Selected, beliefs: Mapping[Variant, Belief], force: InForce) -> ContextRow:
    """Let every shadow say what it would have done at a decision.

    Parameters
    ----------
    row : ContextRow
        In which the decision stands.
    selected : Selected
        The decision; chance decided whether to apply.
    beliefs : mapping
        What was believed of each eligible arm.
    force : InForce
        The rules in force.
    """
    about = packed_id(selected.decision_id)[:8]
    own = centre(row.own_sum, row.own_n, force.centres[row.context], force)
    models = {NONE: own} | {arm.value: Micro(own + micro(each.mean)) for arm, each in beliefs.items()}
    drawn, scores = selected.strategy_variant or NONE, row.shadows
    logged = selected.propensities
    scores = SCORES.append(scores, Score(about, LOGGED, logged[drawn], 0, models[drawn], _worth(logged, models)))
    for shadow in force.rules.policy.shadows:
        parts = targets(shadow, selected, beliefs, force)
        score = Score(
            about,
            mark(shadow),
            parts.get(drawn, 0),
            sum([part for arm, part in parts.items() if not logged.get(arm)]),
            models[drawn],
            _worth(parts, models),
        )
        scores = SCORES.append(scores, score)
    return row._replace(shadows=scores)


def _worth(parts: Mapping[str, Nano], models: Mapping[str, Micro]) -> Micro:
    """Give the reward that the model expects of a policy."""
    return mean(sum([part * models[arm] for arm, part in parts.items()]), CERTAIN)


def targets(
    shadow: Shadow, selected: Selected, beliefs: Mapping[Variant, Belief], force: InForce
) -> Mapping[str, Nano]:
    """Give the probabilities a shadow has for every arm and ``NONE`` at a decision; they add to 10^9."""
    if shadow.fixed_arm is not None and shadow.fixed_arm not in beliefs:
        return {NONE: CERTAIN}
    expected = _expected(shadow, selected, beliefs, force)
    top = leaders(expected, shadow)
    applied = Nano(CERTAIN - selected.propensities[NONE])
    if selected.mode is Mode.PROBE or selected.mode is Mode.FALLBACK:
        return with_none(top, (1 / len(top),) * len(top), applied, top[0])
    arms = tuple(beliefs)
    known = Known(arms, tuple(beliefs.values()), tuple(expected.values()), top)
    return with_none(arms, ALGORITHMS[shadow.algorithm].odds(known, shadow), applied, top[0])


def _expected(
    shadow: Shadow, selected: Selected, beliefs: Mapping[Variant, Belief], force: InForce
) -> dict[Variant, float]:
    """Give what the shadow's greed compares: effects, or plain averages."""
    if shadow.shrinkage == force.rules.policy.shrinkage:
        return {arm: selected.arms[arm].expected for arm in beliefs}
    if shadow.shrinkage:
        return {arm: each.mean for arm, each in beliefs.items()}
    means = {arm: selected.arms[arm].mean for arm in beliefs}
    return {arm: force.rules.priors.metric_mean if known is None else known / ONE for arm, known in means.items()}


def let_go(row: ContextRow, gone: list[DecisionEntry]) -> ContextRow:
    """Sum up what was scored of decisions that the row forgets; their windows are closed."""
    if not row.shadows or not gone:
        return row
    entries = {entry.id[:8]: entry for entry in gone}
    kept, summed = [], {each.shadow: each for each in SUMMED.all(row.shadow_sums)}
    for score in SCORES.all(row.shadows):
        if score.about in entries:
            _add(summed, score, entries[score.about])
        else:
            kept.append(score)
    return row._replace(shadows=SCORES.join(kept), shadow_sums=SUMMED.join(_kept(summed)))


def _kept(summed: dict[bytes, Summed]) -> list[Summed]:
    """Give the sums that a row keeps: what acted stays, of the shadows the oldest go."""
    acted = [summed[LOGGED]] if LOGGED in summed else []
    shadows = [each for each in summed.values() if each.shadow != LOGGED]
    return acted + shadows[1 - MOST_SHADOWS :]


def _add(summed: dict[bytes, Summed], score: Score, entry: DecisionEntry) -> None:
    """Add one scored decision to its shadow's sums."""
    weight = min(mean(score.target * ONE, entry.propensity), MOST_WEIGHT)
    shadow, n, w, r, d, idle, idle_w, idle_d, outside, largest = summed.get(score.shadow) or Summed(score.shadow)
    if entry.outcomes or entry.defaulted:
        reward = mean(entry.reward, entry.outcomes or 1)
        n += 1
        w += weight
        r += mean(weight * reward, ONE)
        d += score.worth + mean(weight * (reward - score.model), ONE)
    else:
        idle += 1
        idle_w += weight
        idle_d += score.worth - mean(weight * score.model, ONE)
    summed[shadow] = Summed(shadow, n, w, r, d, idle, idle_w, idle_d, outside + score.outside, max(largest, weight))


def scored(row: ContextRow) -> list[Summed]:
    """Sum up all scored decisions of a row whose windows are closed, by shadow."""
    summed = {each.shadow: each for each in SUMMED.all(row.shadow_sums)}
    if row.shadows:
        closed = {entry.id[:8]: entry for entry in DECISIONS.all(row.decisions) if not entry.is_open}
        for score in SCORES.all(row.shadows):
            if score.about in closed:
                _add(summed, score, closed[score.about])
    return list(summed.values())


def contribution(row: ContextRow) -> dict[str, dict[str, int]]:
    """Give what a learner adds to the sums of everybody, by the name of the sums: the learner is the cluster.

    Of each shadow: ``learners`` (1), the learner's totals ``n``, ``w``, ``r``, ``d`` and their products ``nn``, ``ww``,
    ``rr``, ``dd``, ``nw``, ``nr``, ``nd``, ``wr``; the same with ``0`` behind, where decisions to which nothing came
    count with the reward 0; ``outside``, and 1 in the class of the learner's largest weight.

    Parameters
    ----------
    row : ContextRow
        Any row.

    Returns
    -------
    dict
        Depends on the row alone; empty where no shadow looked on.
    """
    if not row.shadows and not row.shadow_sums:
        return {}
    return {f"{row.context}:{each.shadow.hex()}": _contributed(each) for each in scored(row)}


def differences(before: ContextRow | None, after: ContextRow | None) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Give which sums move, and how, when a row becomes another; None stands for no row.

    Asked at every change of every row: where nothing was scored, or nothing of it closed or was corrected, it costs
    little.
    """
    if _same(before, after):
        return
    old, new = ({} if row is None else contribution(row) for row in (before, after))
    for name in sorted(old.keys() | new.keys()):
        was, will_be = old.get(name, {}), new.get(name, {})
        sums = sorted(was.keys() | will_be.keys())
        moved = [(each, will_be.get(each, 0) - was.get(each, 0)) for each in sums]
        if moved := [(each, change) for each, change in moved if change]:
            yield name, moved


def _same(before: ContextRow | None, after: ContextRow | None) -> bool:
    """Tell whether a row certainly contributes as before: nothing was scored, or only open decisions changed."""
    old, new = _scores(before), _scores(after)
    if old != new:
        return False
    return not old or before is None or after is None or _closed(before) == _closed(after)


def _scores(row: ContextRow | None) -> bytes:
    return b"" if row is None else row.shadows + row.shadow_sums


def _closed(row: ContextRow) -> list[tuple[Any, ...]]:
    """Give of each closed decision which it is and what its score rests on.

    Which it is, because one that was never scored may be let go in the record in which another closes without a reward.
    """
    return [each for each in _RESTS_ON(row.decisions) if not each[1]]


_RESTS_ON: Final = DECISIONS.columns(
    *map(DecisionEntry._fields.index, ("id", "is_open", "defaulted", "outcomes", "reward"))
).iter_unpack


def _contributed(summed: Summed) -> dict[str, int]:
    _, n, w, r, d, idle, idle_w, idle_d, outside, largest = summed
    found = {"outside": outside, f"largest.{weight_class(largest)}": 1} | _products(
        n + idle, w + idle_w, r, d + idle_d, "0"
    )
    return found | _products(n, w, r, d, "") if n else found


def _products(n: int, w: int, r: int, d: int, behind: str) -> dict[str, int]:
    sums = {
        "learners": 1, "n": n, "w": w, "r": r, "d": d, "nn": n * n, "ww": w * w, "rr": r * r, "dd": d * d,
        "nw": n * w, "nr": n * r, "nd": n * d, "wr": w * r,
    }  # fmt: skip
    return {name + behind: value for name, value in sums.items()}


_CLASSES: Final = [0, *(round(ONE * 2 ** (step / STEPS)) for step in range(-10 * STEPS, 20 * STEPS + 1))]


def weight_class(weight: int) -> int:
    """Give the class of a weight (10^-6): 0 for none, then an eighth of a doubling each.

    >>> weight_class(0), weight_class(1_000_000), weight_bound(weight_class(2_900_000))
    (0, 81, 3.084422)
    """
    return min(bisect_left(_CLASSES, weight), len(_CLASSES) - 1)


def weight_bound(place: int) -> float:
    """Give the largest weight of a class."""
    return _CLASSES[place] / ONE

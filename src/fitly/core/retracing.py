"""The modes asked again, in their order, with the draws that a decision's record carries.

Knows what each mode asks of a record, and takes down what it finds. Must never know the rules of today, nor conclude.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from fitly.core.confidence import Belief
from fitly.core.decisions import Enrolled, Selected
from fitly.core.experiments.enrolment import How
from fitly.core.numbers import CERTAIN, Nano
from fitly.core.policies import ALGORITHMS, NONE, Known, Ways, epsilon_of, greedy, leaders, with_none
from fitly.core.saying import chance, percent, signed
from fitly.core.vocabulary import Algorithm, Level, Mode, Unit, Variant

EDGE: Final = 1e-9
"""Shares are told in 10^-9. A draw that near to a share's edge is taken to have fallen as the record says."""
NEAR: Final = 1e-9
"""How far a confidence may be from the one that follows: what two libraries' error functions may differ by."""


class Step(NamedTuple):
    """Modes that were asked about together, whether one of them fits, and why or why not."""

    modes: tuple[Mode, ...]
    fits: bool
    why: str


class Fell(NamedTuple):
    """A draw, the interval ``[low, high)`` it fell in, and what follows from that."""

    purpose: str
    draw: float
    low: float
    high: float
    so: str


class Before(NamedTuple):
    """How policies chose in records of before that was told."""

    algorithm: Algorithm
    epsilon: float
    floor: float
    fixed_arm: Variant | None


class Answer(NamedTuple):
    """What asking about some modes gave: none of them, or one with what it applies; and why."""

    mode: Mode | None
    variant: Variant | None
    why: str


class Reading:
    """A record while it is being gone through: what was found so far.

    Attributes
    ----------
    arms : tuple of Variant
        The eligible arms, in the vocabulary's order however the record was kept.
    ways : Ways
        How the policy chose.
    stuck : bool
        Whether a draw is missing that the record's own mode would have needed: nothing more follows.
    """

    def __init__(self, selected: Selected) -> None:
        self.selected = selected
        self.arms = tuple(variant for variant in Variant if variant in selected.arms)
        self.steps: list[Step] = []
        self.fell: list[Fell] = []
        self.ways: Ways = selected.grounds or Before(Algorithm.EPSILON_GREEDY, selected.epsilon, 0.0, None)
        self.greedy: Variant | None = None
        self.top: tuple[Variant, ...] = ()
        self.contradictions: list[str] = []
        self.unsaid: list[str] = []
        self.stuck = False

    @property
    def known(self) -> Known:
        """What the algorithm was given, when it chose."""
        views = [self.selected.arms[arm] for arm in self.arms]
        beliefs = [Belief(view.expected if view.effect is None else view.effect, view.sd or 0.0) for view in views]
        return Known(self.arms, tuple(beliefs), tuple([view.expected for view in views]), self.top)

    def hold(self, what: str, said: object, follows: object) -> None:
        """Take down a contradiction where what is said does not follow."""
        if said != follows:
            self.contradictions.append(f"{what} is {_told(said)} in the record, but {_told(follows)} follows from it")

    def hold_odds(self, follow: dict[str, Nano]) -> None:
        """Take down a contradiction where the propensities are not those that follow."""
        self.hold("propensities", _odds(self.selected.propensities), _odds(follow))

    def draw(self, purpose: str) -> float:
        """Give a draw of the record; a missing one is a contradiction, and 0 in its place."""
        drawn = self.selected.draws.get(purpose)
        if drawn is None:
            self.stuck = True
            self.contradictions.append(f"the draw {purpose!r} is not in the record, though its decision needs one")
            return 0.0
        return drawn

    def falls_below(self, purpose: str, share: float, *, said: bool, so: tuple[str, str]) -> bool:
        """Tell whether a draw fell below a share, and take down in which interval; `so` says what either means."""
        drawn = self.draw(purpose)
        below = said if abs(drawn - share) < EDGE else drawn < share
        low, high = (0.0, share) if below else (share, 1.0)
        self.fell.append(Fell(purpose, drawn, low, high, so[not below]))
        return below

    def among(self, purpose: str, arms: tuple[Variant, ...], chosen: Variant) -> None:
        """Take down in which of several equal intervals a draw fell."""
        place = arms.index(chosen)
        low, high = place / len(arms), (place + 1) / len(arms)
        self.fell.append(Fell(purpose, self.draw(purpose), low, high, f"{chosen}, number {place + 1} of {len(arms)}"))


def _odds(propensities: dict[str, Nano]) -> str:
    return ", ".join(f"{arm} {part / CERTAIN:.9g}" for arm, part in sorted(propensities.items()))


def _told(value: object) -> str:
    return "nothing" if value is None else str(value)


# -- the modes, in their order --------------------------------------------------------------------------------


def _opted_out(reading: Reading) -> Answer:
    selected, grounds = reading.selected, reading.selected.grounds
    if grounds is None:
        reading.unsaid.append("what the mode follows from (level, switches, holdout): written by an earlier release")
        fits = selected.mode is Mode.OPTED_OUT
        return Answer(Mode.OPTED_OUT if fits else None, None, "the record says so" if fits else "the record says not")
    why = ""
    if grounds.level is Level.NONE:
        why = "the level is NONE"
    elif not grounds.context_enabled:
        why = f"the learner has {selected.context} switched off"
    elif not grounds.arms_enabled:
        why = f"policy revision {selected.policy_revision} has {selected.context}, or everything in it, switched off"
    if why:
        return Answer(Mode.OPTED_OUT, None, why)
    return Answer(None, None, f"the level is {grounds.level}, and {selected.context} is on for learner and policy")


def _held_out(reading: Reading) -> Answer:
    selected = reading.selected
    said = selected.mode is Mode.HOLDOUT
    if selected.grounds is None:
        return Answer(Mode.HOLDOUT if said else None, None, "the record says so" if said else "the record says not")
    given = selected.assignment_probability
    if selected.mode is Mode.EXPERIMENT:
        return Answer(None, None, "the learner is in an experiment, and so not held out")
    share = (given if selected.unit is Unit.LEARNER else CERTAIN - given) / CERTAIN
    so, drawn = ("held out, in every context", "not held out"), reading.selected.draws.get("holdout", 0.0)
    if reading.falls_below("holdout", share, said=said, so=so):
        return Answer(Mode.HOLDOUT, None, f"the learner's own draw {drawn:.4f} is below the holdout's {share:g}")
    return Answer(None, None, f"the learner's own draw {drawn:.4f} is not below the holdout's {share:g}")


def _pinned(reading: Reading) -> Answer:
    selected, grounds = reading.selected, reading.selected.grounds
    adapts = selected.mode is not Mode.PINNED if grounds is None else grounds.auto_adapt
    if adapts:
        return Answer(None, None, "automatic adapting is on")
    if selected.arms or selected.experiment is not None:
        return Answer(None, None, "automatic adapting is off, but no decision stood that may go on")
    reading.hold("supersedes", bool(selected.supersedes), follows=True)
    stays = next((arm for arm in Variant if selected.propensities.get(arm) == CERTAIN), None)
    what = "not personalizing" if stays is None else stays.label
    return Answer(Mode.PINNED, stays, f"automatic adapting is off, and what stood stays: {what}")


def _experiment(reading: Reading) -> Answer:
    selected = reading.selected
    if selected.experiment is None:
        return Answer(None, None, "the learner is in no experiment here")
    enrolled = selected.enrolled
    how = "" if enrolled is None else _came(reading, enrolled)
    why = f"the learner is enrolled in {selected.experiment}{how}"
    if enrolled is not None and enrolled.mode is not None:
        return _own_policy(reading, f"{why}, whose own policy decides")
    given = next((arm for arm in Variant if selected.propensities.get(arm) == CERTAIN), None)
    return Answer(Mode.EXPERIMENT, given, why)


def _came(reading: Reading, enrolled: Enrolled) -> str:
    """Tell how a learner came to a variant, and take down where the learner's own draw fell."""
    if enrolled.purpose:
        drawn, low, high = reading.draw(enrolled.purpose), enrolled.low / CERTAIN, enrolled.high / CERTAIN
        reading.hold("the learner's own draw", low - EDGE <= drawn < high + EDGE, follows=True)
        reading.fell.append(Fell(enrolled.purpose, drawn, low, high, f"variant {enrolled.variant}, for good"))
    return f" with the variant {enrolled.variant} ({CAME[enrolled.how]})"


def _own_policy(reading: Reading, why: str) -> Answer:
    """Ask on as if the variant's own policy were the one in force; the mode stays that of the experiment."""
    answer = _unsure(reading)
    for ask in (_control, _chosen):
        if answer.mode is None:
            answer = ask(reading)
    if not reading.stuck:
        reading.hold("the mode of the variant's own policy", reading.selected.own_mode, answer.mode)
    return Answer(Mode.EXPERIMENT, answer.variant, f"{why}: {answer.why}")


def _unsure(reading: Reading) -> Answer:
    """Find the greedy arm, and ask whether its confidence reaches the threshold; else whether it is probed."""
    selected = reading.selected
    if not reading.arms:
        reading.stuck = True
        reading.contradictions.append(f"no arm is in the record, though {selected.mode} needs some")
        return Answer(selected.own_mode, selected.strategy_variant, "the record does not say which arms were looked at")
    first = _greedy(reading)
    _hold_confidence(reading, first)
    needed, sure = selected.threshold, selected.confidence
    told = f"confidence {sure:.4f} that {first.label} helps"
    asked = "" if selected.grounds is None else f" of level {selected.grounds.level}"
    if needed is not None and sure >= needed:
        return Answer(None, None, f"{told} reaches the threshold {needed:g}{asked}")
    share = Nano(CERTAIN - selected.propensities.get(NONE, Nano(0)))
    reading.hold_odds(with_none(reading.top, (1 / len(reading.top),) * len(reading.top), share, reading.top[0]))
    below = f"{told} is below the threshold {'-' if needed is None else f'{needed:g}'}{asked}"
    so = f"PROBE: {first.label} is tried all the same", "FALLBACK: not applied"
    if reading.falls_below("probe", share / CERTAIN, said=selected.own_mode is Mode.PROBE, so=so):
        return Answer(Mode.PROBE, first, f"{below}, and the draw is among the {percent(share / CERTAIN)} that try it")
    rest = f"the draw is not among the {percent(share / CERTAIN)} that try it" if share else "nothing is tried"
    return Answer(Mode.FALLBACK, None, f"{below}, and {rest}")


def _greedy(reading: Reading) -> Variant:
    views = reading.selected.arms
    reading.top = top = leaders({arm: views[arm].expected for arm in reading.arms}, reading.ways)
    reading.greedy = first = greedy(top, reading.draw)
    if len(top) > 1:
        reading.among("tie", top, first)
    return first


def _hold_confidence(reading: Reading, first: Variant) -> None:
    grounds, view = reading.selected.grounds, reading.selected.arms[first]
    if grounds is not None and grounds.informed and view.effect is not None and view.sd is not None:
        follows = chance(view.effect, view.sd)
        if not math.isclose(follows, reading.selected.confidence, abs_tol=NEAR):
            reading.hold("confidence", reading.selected.confidence, follows)


def _control(reading: Reading) -> Answer:
    share = reading.selected.propensities.get(NONE, Nano(0)) / CERTAIN
    said, drawn = reading.selected.own_mode is Mode.CONTROL, reading.selected.draws.get("control", 0.0)
    if reading.falls_below("control", share, said=said, so=("CONTROL: not applied", "applied")):
        return Answer(Mode.CONTROL, None, f"the draw {drawn:.4f} is below the {share:g} left alone by lot")
    return Answer(None, None, f"the draw {drawn:.4f} is not below the {share:g} left alone by lot")


def _chosen(reading: Reading) -> Answer:
    """Let the policy's algorithm choose again, with the record's draws."""
    rule, ways, odds = ALGORITHMS[reading.ways.algorithm], reading.ways, reading.selected.propensities
    if not set(reading.arms) <= odds.keys():
        reading.stuck = True
        reading.contradictions.append("propensities leave out an arm that was looked at")
        return Answer(
            reading.selected.own_mode, reading.selected.strategy_variant, "the chances are not all in the record"
        )
    choice = rule.choose(reading.known, ways, odds, reading.draw)
    mode = Mode.EXPLORE if choice.explored else Mode.EXPLOIT
    return Answer(mode, choice.variant, WORDS[ways.algorithm](reading, choice.variant, choice.explored))


def _epsilon_greedy(reading: Reading, variant: Variant, explored: bool) -> str:  # noqa: FBT001 - a table's entry
    epsilon = epsilon_of(reading.known, reading.ways)
    so = "EXPLORE: any arm, by another draw", "EXPLOIT: the arm expected to help most"
    reading.falls_below("explore", epsilon, said=explored, so=so)
    if explored:
        reading.among("arm", reading.arms, variant)
        return f"the draw is among the {percent(epsilon)} that explore, and another one took {variant.label}"
    most = reading.selected.arms[variant].expected
    return f"{variant.label} is expected to help most ({signed(most)}), and the draw is not among those that explore"


def _by_odds(reading: Reading, variant: Variant, explored: bool) -> str:  # noqa: FBT001 - a table's entry
    """Take down in which of the intervals of the arms' own chances the draw fell."""
    odds, arms = reading.selected.propensities, reading.arms
    whole = sum(odds[arm] for arm in arms) or 1
    before = sum(odds[arm] for arm in arms[: arms.index(variant)])
    low, high = before / whole, (before + odds[variant]) / whole
    mode = Mode.EXPLORE if explored else Mode.EXPLOIT
    reading.fell.append(Fell("arm", reading.draw("arm"), low, high, f"{mode}: {variant}"))
    how = PURSUITS[reading.ways.algorithm]
    return f"{how}: {variant.label} had {percent(high - low)} of what is applied, and the draw took it"


Question: TypeAlias = Callable[[Reading], Answer]
QUESTIONS: Final[tuple[tuple[tuple[Mode, ...], Question], ...]] = (
    ((Mode.OPTED_OUT,), _opted_out),
    ((Mode.HOLDOUT,), _held_out),
    ((Mode.PINNED,), _pinned),
    ((Mode.EXPERIMENT,), _experiment),
    ((Mode.FALLBACK, Mode.PROBE), _unsure),
    ((Mode.CONTROL,), _control),
    ((Mode.EXPLORE, Mode.EXPLOIT), _chosen),
)
CAME: Final = {
    How.DRAWN: "drawn for the learner, for good",
    How.GIVEN: "given by an attribute: randomized elsewhere",
    How.FORCED: "a test learner, in no sum",
    How.ROLLED_OUT: "the winner is rolled out",
    How.HELD_BACK: "held back from the roll-out, to confirm it",
}
"""What is said of how a learner came to a variant."""
PURSUITS: Final = {
    Algorithm.THOMPSON: "every arm is as likely as it is believed to be the best",
    Algorithm.FIXED: "the policy is fixed on an arm",
    Algorithm.UNIFORM: "every arm is as likely as the others",
}
"""What an algorithm that draws by its odds is after."""
WORDS: Final[dict[Algorithm, Callable[[Reading, Variant, bool], str]]] = {
    Algorithm.EPSILON_GREEDY: _epsilon_greedy,
    **dict.fromkeys(PURSUITS, _by_odds),
}
"""What each algorithm's choice is said to be, with its draws taken down."""

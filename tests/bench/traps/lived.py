"""Experiments whose learners live their days, event by event, through the product's own fold and second agent.

Knows learners whose truth is known and what they do. Must never know sums: those are the fold's. A few hundred
experiments at a time, where `worlds` draws many thousand as sums; what both show has to be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from statsmodels.stats.power import TTestIndPower
from tests.bench.figures import Figure
from tests.bench.traps.bandit import COVERED, bias
from tests.bench.traps.peeking import MOST_FALSE, NEAR, WELL_ABOVE, share
from tests.bench.traps.worlds import START, plan
from tests.core.partition import BIRTH, KEY, Record
from tests.core.trials import KINDS, started

from fitly.core.events import (
    ControlEvent,
    ControlPayload,
    ExperimentDefined,
    ExperimentJudged,
    ExperimentReweighted,
    LogOpened,
    PolicyRevised,
)
from fitly.core.experiments.concluding import conclusions
from fitly.core.experiments.plan import Bandit, Measure, Plan
from fitly.core.experiments.report import Report, report
from fitly.core.experiments.verdict import RULE
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, HOUR, Millis, to_datetime
from fitly.core.partials import Kind, Look
from fitly.core.rules import Policy
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import Interval, Welch, welch
from fitly.core.topics import PARTIALS, SELECTED
from fitly.core.vocabulary import ClockMode
from fitly.wire.events import encode_control, encode_event, encode_tick
from fitly.wire.outgoing import Outgoing
from fitly.wire.partials import home_of
from fitly.wire.population import Population
from fitly.wire.selected import decode_selected
from fitly.wire.shard import Shard
from fitly.wire.signing import SIGNATURE_HEADER, sign

LEARNERS: Final = 200
MEASURED: Final = 3
JOINING: Final = 10
"""Learners come evenly over so many days; the plan ends when the last have lived theirs."""
DAYS: Final = JOINING + MEASURED + 1
MEAN, ABILITY, NOISE = 0.5, 0.1, 0.1
EFFECT: Final = 0.04
EPOCHS, EPOCH_DAYS, REGULARS = 4, 3, 300
UNIFORM: Final = 0.2
RISE: Final = 0.02
"""By so much everybody gets better in an epoch."""
HOW: Final = f"through the fold: {LEARNERS} learners, {MEASURED} days each, a look every day"
WORD: Final = f"{Kind.EXPERIMENTS}|".encode()


class Lab:
    """A log of one partition in memory with one experiment, its fold, and the second agent that answers it.

    Attributes
    ----------
    now : Millis
        Where the log's clock stands.
    said : list of ControlPayload
        What the second agent concluded, in order.
    treated : dict of str to bool
        By learner, whether what stands is something that is applied.
    """

    def __init__(self, of: Plan) -> None:
        self.now = Millis(START + 8 * HOUR)
        self.said: list[ControlPayload] = []
        self.treated: dict[str, bool] = {}
        self._shard = Shard(0, KEY)
        self._shard.opened()
        self._table = Population(home_of(Kind.EXPERIMENTS, of.experiment_name, 1), KEY, BIRTH, "AS_OF", 1)
        self._table.opened()
        self._history: list[ControlEvent] = []
        self._controls = 0
        self._events = 0
        self._control("fitly.log.opened.v1", LogOpened(birth_id=BIRTH, clock_mode=ClockMode.AS_OF, partitions=1))
        self._control("fitly.policy.revised.v1", PolicyRevised(revision=1, policy=Policy(holdout_share=0)))
        for each in (ExperimentDefined(plan=of), started(of)):
            self._say(each)

    def ask(self, users: Iterable[str]) -> None:
        """Let applications ask what to do."""
        self._fold([self._event("strategy.requested", user, {"context": "MISSION"}) for user in users])

    def finish(self, scores: Iterable[tuple[str, float]]) -> None:
        """Let learners finish a mission each."""
        data = {"outcome_type": "MISSION_COMPLETED", "context": "MISSION"}
        self._fold(
            [self._event("outcome.recorded", user, data | {"performance_score": score}) for user, score in scores]
        )

    def sleep(self) -> Look | None:
        """Let the day end and the next begin; gives the newest look at the experiment."""
        self.now = Millis(self.now + DAY)
        self._tick()
        for said in conclusions(self._table.looks, self._history):
            self.said.append(said)
            self._say(said)
        return next(iter(self._table.looks.values()), None)

    def _tick(self) -> None:
        value = encode_tick(0, self.now)
        while True:
            self._fold([(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))])
            if not self._shard.overdue():
                return

    def _say(self, said: ControlPayload) -> None:
        number = self._control(KINDS[type(said)], said)
        self._history.append(ControlEvent(number, EventKey(f"c{number}"), KINDS[type(said)], said, self.now))

    def _control(self, kind: str, data: ControlPayload) -> int:
        self._controls += 1
        value = encode_control(self._controls, kind, data, self.now)
        self._fold([(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))])
        return self._controls

    def _event(self, kind: str, user: str, data: dict[str, object]) -> _Written:
        self._events += 1
        return (
            user.encode(),
            encode_event(f"fitly.{kind}.v1", "lms", f"e{self._events}", user, to_datetime(self.now), data),
            (),
        )

    def _fold(self, written: Sequence[_Written]) -> list[Outgoing]:
        first = self._shard.position.offset + 1
        batch = self._shard.fold([Record(first + at, self.now, *each) for at, each in enumerate(written)])
        self._shard.adopt(batch)
        for out in batch.outputs:
            if out.topic == SELECTED:
                stands = decode_selected(out.value or b"")
                self.treated[stands.user_id] = stands.strategy_variant is not None
        words = [out for out in batch.outputs if out.topic == PARTIALS and (out.key or b"").startswith(WORD)]
        for out in words:
            offset = self._table.position.offset + 1
            self._table.adopt(self._table.fold([Record(offset, self.now, out.key, out.value, out.headers)]))
        return batch.outputs


_Written = tuple[bytes | None, bytes, tuple[tuple[str, bytes | None], ...]]


class Trial(NamedTuple):
    """What was seen of a trial: p of every look, and the winners named."""

    always_valid: list[float]
    fixed: list[float]
    winners: set[str]


def nothing_helps(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """A/A, looked at every day and judged by the second agent."""
    trials = [_lived(rng, 0.0) for _ in range(experiments)]
    valid, naive = (np.array([min(each) for each in kind]) for kind in list(zip(*trials, strict=True))[:2])
    said = np.array([bool(each.winners) for each in trials])
    world = f"nothing helps; {HOW}"
    return [
        share("always-valid p ≤ .05 at any look", world, valid <= MOST_FALSE, "≤ 5 %", most=MOST_FALSE),
        share("naive p ≤ .05 at any look", world, naive <= MOST_FALSE, "> 10 %", least=WELL_ABOVE),
        share("a winner is said", world, said, "≤ 5 %", most=MOST_FALSE),
    ]


def something_helps(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """Power at the planned end, against statsmodels', and what the second agent says by then."""
    trials = [_lived(rng, EFFECT) for _ in range(experiments)]
    sd = float(np.sqrt(ABILITY**2 + NOISE**2 / MEASURED))
    foretold = float(TTestIndPower().power(EFFECT / sd, LEARNERS / 2, RULE.fixed_p))
    found = np.array([each.fixed[-1] for each in trials]) <= RULE.fixed_p
    said = np.array([each.winners == {"treatment"} for each in trials])
    world, bound = f"+{EFFECT:g} helps; {HOW}", f"{100 * foretold:.1f} ± 3 %"
    return [
        share("p ≤ .04 at the planned end", world, found, bound, least=foretold - NEAR, most=foretold + NEAR),
        share("the winner is said", world, said, ""),
    ]


def _lived(rng: np.random.Generator, effect: float) -> Trial:
    lab = Lab(plan(LEARNERS, DAYS, measurement_days=MEASURED, min_duration_days=7, primary_metric=Measure.PERFORMANCE))
    ability, run = rng.normal(MEAN, ABILITY, LEARNERS), int(rng.integers(1 << 60))
    users = [f"{run:x}-{number}" for number in range(LEARNERS)]
    joins = np.arange(LEARNERS) * JOINING // LEARNERS
    seen = Trial([], [], set())
    for day in range(DAYS + 1):
        lab.ask(users[at] for at in np.flatnonzero(joins == day))
        lab.now = Millis(lab.now + HOUR)
        here = np.flatnonzero((joins <= day) & (day < joins + MEASURED))
        scores = ability[here] + rng.normal(0, NOISE, len(here))
        done = zip([users[at] for at in here], scores, strict=True)
        lab.finish([(user, _score(value + effect * lab.treated[user])) for user, value in done])
        lab.now = Millis(lab.now - HOUR)
        _look(lab.sleep(), seen)
    seen.winners.update(each.winner for each in lab.said if isinstance(each, ExperimentJudged) and each.winner)
    return seen


def _score(value: float) -> float:
    return round(float(min(max(value, 0.0), 1.0)), 6)


def _look(look: Look | None, seen: Trial) -> None:
    primary = _report(look).comparisons[0]
    seen.always_valid.append(1.0 if primary.always_valid is None else primary.always_valid.p_value)
    seen.fixed.append(1.0 if primary.fixed is None else primary.fixed.p_value)


def _report(look: Look | None) -> Report:
    assert look is not None
    assert look.about is not None
    return report(look.about, look.sums, look=look.number, closed_at=look.clock, planned=look.planned)


def population_changes(rng: np.random.Generator, experiments: int) -> list[Figure]:
    """A bandit whose learners come back in every epoch, get better, and are sent where it seems best."""
    uniform, naive = np.zeros(experiments), np.zeros(experiments)
    biases = np.zeros((2, experiments))
    for experiment in range(experiments):
        of_slice, everybody = _weighed(rng)
        uniform[experiment], naive[experiment] = _holds(of_slice[1]), _holds(everybody.interval)
        biases[:, experiment] = of_slice[0] - EFFECT, everybody.difference - EFFECT
    world = (
        f"+{EFFECT:g} helps, all get better by {RISE:g} an epoch; through the fold: {REGULARS} learners, "
        f"{EPOCHS} epochs of {EPOCH_DAYS} days"
    )
    low, high = COVERED
    return [
        share("uniform slice: 95 % intervals hold the truth", world, uniform, "93 to 97 %", least=low, most=high),
        share("all learners, naively: 95 % intervals hold the truth", world, naive, ""),
        bias("uniform slice: bias of the effect", world, biases[0]),
        bias("all learners, naively: bias of the effect", world, biases[1]),
    ]


def _weighed(rng: np.random.Generator) -> tuple[tuple[float, Interval], Welch]:
    of = plan(
        REGULARS,
        EPOCHS * EPOCH_DAYS,
        bandit=Bandit(epoch_days=EPOCH_DAYS, uniform_share=UNIFORM),
        measurement_days=EPOCH_DAYS,
        primary_metric=Measure.PERFORMANCE,
    )
    lab, look = Lab(of), None
    ability, run = rng.normal(MEAN - EFFECT, ABILITY, REGULARS), int(rng.integers(1 << 60))
    users = [f"{run:x}-{number}" for number in range(REGULARS)]
    for epoch in range(EPOCHS):
        lab.ask(users)
        for _ in range(EPOCH_DAYS):
            lab.now = Millis(lab.now + HOUR)
            scores = ability + RISE * epoch + rng.normal(0, NOISE, REGULARS)
            done = zip(users, scores, strict=True)
            lab.finish([(user, _score(value + EFFECT * lab.treated[user])) for user, value in done])
            lab.now = Millis(lab.now - HOUR)
            look = lab.sleep()
    assert sum(isinstance(each, ExperimentReweighted) for each in lab.said) >= EPOCHS - 1
    primary = _report(look).comparisons[0]
    assert primary.robust is not None
    assert primary.difference is not None
    assert look is not None
    pooled = [_pooled(look.sums, side) for side in (0, 1)]
    naive = welch(pooled[1], pooled[0], 0.95)
    assert isinstance(naive, Welch)
    return (primary.difference, primary.robust.ci), naive


def _pooled(sums: dict[str, int], side: int) -> Moments:
    return Moments.read(
        Sums(
            *(
                sum(sums.get(f"{side}.{slice_}.performance.{part}", 0) for slice_ in "ua")
                for part in ("n", "sum", "squares")
            )
        )
    )


def _holds(interval: Interval) -> bool:
    return interval.lower <= EFFECT <= interval.upper

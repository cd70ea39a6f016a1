"""Simulated learners with simple effects that are known, so that what Fitly finds can be held against the truth.

Knows a population, its abilities and the effect of each strategy on it, and speaks in CloudEvents. Must never
know Kafka, nor how a decision came about: it is told what stands and reacts to it, as a learner would.

Everything is drawn from the seed, by name and not by turn: the same learner has the same ability and habits
in every run, however the events of others fall between.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, TypeAlias

from fitly.core.vocabulary import Context, OutcomeType, Variant

Event: TypeAlias = dict[str, Any]
"""One CloudEvent as the producer of it would write it: JSON-ready."""

EFFECTS: Final[dict[tuple[Context, Variant], float]] = {
    (Context.MISSION, Variant.PATTERN_HEAVY): 0.08,
    (Context.MISSION, Variant.PREDICTION_HEAVY): 0.03,
    (Context.MISSION, Variant.BALANCED): 0.05,
    (Context.MISSION, Variant.CONSERVATIVE): 0.01,
    (Context.CONTENT, Variant.PATTERN_HEAVY): 0.02,
    (Context.CONTENT, Variant.PREDICTION_HEAVY): 0.07,
    (Context.CONTENT, Variant.BALANCED): 0.05,
    (Context.CONTENT, Variant.CONSERVATIVE): 0.01,
    (Context.ASSESSMENT, Variant.PATTERN_HEAVY): -0.04,
    (Context.ASSESSMENT, Variant.PREDICTION_HEAVY): 0.06,
    (Context.ASSESSMENT, Variant.BALANCED): 0.02,
    (Context.ASSESSMENT, Variant.CONSERVATIVE): 0.01,
    (Context.SESSION, Variant.PATTERN_HEAVY): 0.0,
    (Context.SESSION, Variant.PREDICTION_HEAVY): 0.0,
    (Context.SESSION, Variant.BALANCED): 0.0,
    (Context.SESSION, Variant.CONSERVATIVE): 0.0,
}
"""The truth: what an applied strategy adds to each of a learner's metrics. In SESSION nothing helps, on purpose."""

TYPES: Final = {
    Context.MISSION: OutcomeType.MISSION_COMPLETED,
    Context.CONTENT: OutcomeType.CONTENT_ENGAGED,
    Context.ASSESSMENT: OutcomeType.ASSESSMENT_COMPLETED,
    Context.SESSION: OutcomeType.SESSION_COMPLETED,
}
METRICS: Final = {
    Context.MISSION: ("retention_score", "performance_score", "completion_rate"),
    Context.CONTENT: ("completion_rate", "engagement_score"),
    Context.ASSESSMENT: ("performance_score", "completion_rate"),
    Context.SESSION: ("completion_rate", "engagement_score"),
}
NOISE: Final = 0.12
"""Standard deviation of one metric of one outcome around what the learner is able to."""
START: Final = datetime(2025, 1, 6, tzinfo=UTC)
"""Where offline populations begin, a Monday; fixed so that a seed alone names a file's bytes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the learner's application shows at the moment: the newest decision it has heard of."""

    decision_id: str
    apply: bool
    variant: Variant | None


Oracle: TypeAlias = Callable[[str, Context], Standing | None]


@dataclass(frozen=True, slots=True)
class Learner:
    """One made-up person."""

    user_id: str
    ability: float
    diligence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Learners of one seed, and the events they cause.

    Parameters
    ----------
    size : int
        How many learners.
    seed : int
        Names abilities, habits and noise.
    run : str
        Part of the events' ids; two runs of one seed against one log need different ones.

    Examples
    --------
    >>> people = Population(size=2, seed=7, run="a")
    >>> people.learner(0) == Population(size=2, seed=7, run="b").learner(0)
    True
    >>> event = people.outcome(1, people.learner(0), Context.CONTENT, START, None)
    >>> event["type"], event["subject"], sorted(event["data"])[:2]
    ('fitly.outcome.recorded.v1', 'sim-7-00000', ['completion_rate', 'content_type'])
    """

    size: int
    seed: int
    run: str

    def learner(self, index: int) -> Learner:
        """Give the learner of an index from 0."""
        draw = self.draw("learner", index)
        ability = min(0.9, max(0.2, draw.gauss(0.6, 0.13)))
        return Learner(f"sim-{self.seed}-{index:05d}", ability, draw.uniform(0.3, 0.95))

    def request(self, number: int, learner: Learner, context: Context, at: datetime) -> Event:
        """Let the learner's application ask what to do."""
        return self._event("fitly.strategy.requested.v1", number, learner.user_id, at, {"context": context.value})

    def outcome(
        self, number: int, learner: Learner, context: Context, at: datetime, standing: Standing | None
    ) -> Event:
        """Let the learner finish something, as well as ability, the standing decision and luck allow."""
        draw = self.draw(number, learner.user_id, context.value)
        level = learner.ability
        if standing is not None and standing.apply and standing.variant is not None:
            level += EFFECTS[context, standing.variant]
        data: dict[str, Any] = {"outcome_type": TYPES[context].value, "context": context.value}
        for metric in METRICS[context]:
            data[metric] = round(min(1.0, max(0.0, draw.gauss(level, NOISE))), 4)
        data["session_duration"] = round(draw.uniform(5, 60), 1)
        data["content_type"] = draw.choice(("TEXT", "VIDEO", "INTERACTIVE", "AUDIO"))
        data["difficulty_level"] = draw.randint(1, 5)
        if standing is not None:
            data["decision_id"] = standing.decision_id
            data["personalization_applied"] = standing.apply
        return self._event("fitly.outcome.recorded.v1", number, learner.user_id, at, data)

    def _event(self, kind: str, number: int, user_id: str, at: datetime, data: dict[str, Any]) -> Event:
        return {
            "specversion": "1.0",
            "id": f"{self.run}-{number}",
            "source": f"fitly/simulator/{self.seed}",
            "type": kind,
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "subject": user_id,
            "datacontenttype": "application/json",
            "data": data,
        }

    def draw(self, *name: object) -> Random:
        """Give the random generator of a name: independent of every other name and of the order of asking."""
        text = "|".join(map(str, (self.seed, *name))).encode()
        return Random(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big"))  # noqa: S311 - not a secret


def nothing_stands(_user_id: str, _context: Context) -> Standing | None:
    """Be the oracle of a population nobody decides for."""
    return None


def offline(
    people: Population, *, days: int, start: datetime = START, standing: Oracle = nothing_stands
) -> Iterator[Event]:
    """Give the events of a population over some days, in order of time.

    A learner's first event in a context, and the first of each later day there, is a request; the outcomes follow.

    Parameters
    ----------
    people : Population
    days : int
        UTC days, from ``start`` on.
    start : datetime
        Midnight of the first day.
    standing : callable
        What stands for a learner in a context, asked when an outcome happens.

    Yields
    ------
    dict
        CloudEvents, ready for ``json.dumps``.
    """
    number = 0
    learners = [people.learner(index) for index in range(people.size)]
    for day in range(days):
        plan: list[tuple[float, int, Context, bool]] = []
        for index, learner in enumerate(learners):
            plan += _day_of_one(people, day, index, learner)
        for second, index, context, asks in sorted(plan):
            at = start + timedelta(days=day, milliseconds=math.floor(second * 1000))
            learner = learners[index]
            number += 1
            if asks:
                yield people.request(number, learner, context, at)
            else:
                yield people.outcome(number, learner, context, at, standing(learner.user_id, context))


def _day_of_one(people: Population, day: int, index: int, learner: Learner) -> list[tuple[float, int, Context, bool]]:
    """Plan one learner's day: (second of the day, learner, context, whether it is a request)."""
    draw = people.draw("day", day, index)
    if draw.random() > learner.diligence:
        return []
    plan: list[tuple[float, int, Context, bool]] = []
    clock = draw.uniform(6 * 3600, 20 * 3600)
    for context in draw.sample(list(Context), draw.randint(1, len(Context))):
        plan.append((clock, index, context, True))
        for _ in range(draw.randint(1, 3)):
            clock += draw.uniform(120, 1500)
            plan.append((clock, index, context, False))
        clock += 60
    return plan


def live(people: Population, *, standing: Oracle, now: Callable[[], datetime]) -> Iterator[Event]:
    """Give events without end, each of the moment it is taken: who takes them sets the pace.

    The first event of a learner in a context asks; outcomes come once something stands there.

    Parameters
    ----------
    people : Population
    standing : callable
        What stands for a learner in a context as far as is known now.
    now : callable
        The time of day, aware.

    Yields
    ------
    dict
        CloudEvents, ready for ``json.dumps``.
    """
    draw = people.draw("live", people.run)
    asked: set[tuple[int, Context]] = set()
    contexts = list(Context)
    number = 0
    while True:
        index, context = draw.randrange(people.size), draw.choice(contexts)
        learner = people.learner(index)
        stands = standing(learner.user_id, context)
        if stands is None and (index, context) in asked and draw.random() > 0.1:  # noqa: PLR2004 - ask again in the end
            continue
        number += 1
        if stands is None:
            asked.add((index, context))
            yield people.request(number, learner, context, now())
        else:
            yield people.outcome(number, learner, context, now(), stands)

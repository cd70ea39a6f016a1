"""Simulated learners whose true effects are known, so that what Fitly finds can be held against the truth.

Knows a world's people, what they achieve under each strategy, and speaks in CloudEvents. Must never know Kafka, nor
how a decision came about: it is told what stands and reacts to it, as a learner would.

Everything is drawn from the seed, by name and not by turn: the same learner has the same ability and habits in every
run, however the events of others fall between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from fitly.core.vocabulary import Context, Level, OutcomeType, Variant
from fitly.local.worlds import LEAST, MOST, WORLDS, Choice, World

Event: TypeAlias = dict[str, Any]
"""One CloudEvent as the producer of it would write it: JSON-ready."""

TYPES: Final = {
    Context.MISSION: OutcomeType.MISSION_COMPLETED,
    Context.CONTENT: OutcomeType.CONTENT_ENGAGED,
    Context.ASSESSMENT: OutcomeType.ASSESSMENT_COMPLETED,
    Context.SESSION: OutcomeType.SESSION_COMPLETED,
}
START: Final = datetime(2025, 1, 6, tzinfo=UTC)
"""Where populations begin that do not live now, a Monday; fixed so that a seed alone names a file's bytes."""
LEVELLEST: Final = 0.2
"""The least concentration of a reward's distribution: near 0 or 1 there is no room for the whole noise."""
JITTER: Final = 0.1
"""How far the metrics of one outcome lie apart at most; their mean is the reward."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the learner's application shows at the moment: the newest decision it has heard of."""

    decision_id: str
    apply: bool
    variant: Variant | None


Oracle: TypeAlias = Callable[[str, Context], Standing | None]


class Learner(NamedTuple):
    """One made-up person.

    Attributes
    ----------
    ability : float
        Expected reward on the first day, left alone.
    gain : float
        What is added to it each day.
    diligence : float
        Share of the days on which they study.
    hour : float
        When they begin, usually.
    level : Level
        How much they allow.
    effects : dict
        What each arm adds in each context, for them.
    """

    number: int
    user_id: str
    ability: float
    gain: float
    diligence: float
    hour: float
    level: Level
    effects: dict[tuple[Context, Variant], float]

    def expected(self, context: Context, choice: Choice, day: float = 0.0) -> float:
        """Give the expected metric of an outcome under a choice."""
        level = min(MOST, max(LEAST, self.ability + self.gain * day))
        if choice is not None:
            level += self.effects[context, choice]
        return min(0.97, max(0.03, level))

    def effect(self, context: Context, choice: Choice, day: float = 0.0) -> float:
        """Give what a choice truly adds for this learner; 0 for nothing."""
        return self.expected(context, choice, day) - self.expected(context, None, day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Learners of one seed in one world, and the events they cause.

    Parameters
    ----------
    size : int
        How many learners.
    seed : int
        Names abilities, habits and noise.
    run : str
        Part of the events' ids; two runs of one seed against one log need different ones.
    world : World
        What is true of them.

    Examples
    --------
    >>> people = Population(size=2, seed=7, run="a")
    >>> people.learner(0) == Population(size=2, seed=7, run="b").learner(0)
    True
    >>> event = people.outcome("1", people.learner(0), Context.CONTENT, START, None)
    >>> event["type"], event["subject"], sorted(event["data"])[:2]
    ('fitly.outcome.recorded.v1', 'sim-7-00000', ['completion_rate', 'content_type'])
    """

    size: int
    seed: int
    run: str
    world: World = field(default_factory=lambda: WORLDS["everyday"])

    def learner(self, index: int) -> Learner:
        """Give the learner of an index from 0."""
        world, draw = self.world, self.draw("learner", index)
        talent = draw.gauss(0.0, 1.0)
        shared = self.draw("class", index // world.class_size).gauss(0.0, world.class_sd) if world.class_size else 0.0
        ability = min(MOST, max(LEAST, world.ability_mean + world.ability_sd * talent + shared))
        diligence = draw.uniform(*world.diligence) + world.eager * talent
        gain = draw.gauss(world.drift, abs(world.drift)) / 100
        (kind,) = draw.choices(world.kinds, [kind.share for kind in world.kinds])
        (level,) = draw.choices(list(world.levels), list(world.levels.values()))
        effects = {
            (context, variant): kind.effects.get((context, variant), 0.0) + draw.gauss(0.0, world.spread)
            for context in Context
            for variant in Variant
        }
        hour = draw.uniform(8.0, 20.0)
        return Learner(index, self.user_id(index), ability, gain, min(1.0, max(0.05, diligence)), hour, level, effects)

    def groups(self, learner: Learner, at: datetime) -> Event:
        """Let the register tell which class and school a learner belongs to; eight classes make a school."""
        number = learner.number // self.world.class_size
        groups = {"class": f"class-{number:03d}", "school": f"school-{number // 8:02d}"}
        return self.event("fitly.learner.attributes.v1", f"g{learner.number}", learner.user_id, at, {"groups": groups})

    def user_id(self, index: int) -> str:
        """Give a learner's id."""
        return f"sim-{self.seed}-{index:05d}"

    def request(self, name: object, learner: Learner, context: Context, at: datetime) -> Event:
        """Let the learner's application ask what to do."""
        return self.event("fitly.strategy.requested.v1", name, learner.user_id, at, {"context": context.value})

    def outcome(
        self,
        name: object,
        learner: Learner,
        context: Context,
        at: datetime,
        standing: Standing | None,
        *,
        day: float = 0.0,
    ) -> Event:
        """Let the learner finish something, as well as ability, the standing decision and luck allow.

        Parameters
        ----------
        name : object
            What makes this outcome another one than others: part of its id, and of its luck.
        day : float
            How long the learner has studied so far.
        """
        world, draw = self.world, self.draw(name, learner.user_id, context.value)
        shown = standing.variant if standing is not None and standing.apply else None
        data: dict[str, Any] = {"outcome_type": TYPES[context].value, "context": context.value}
        data |= self.scores(draw, learner.expected(context, shown, day), context, shown)
        data["session_duration"] = round(draw.uniform(5, 60), 1)
        data["content_type"] = draw.choice(("TEXT", "VIDEO", "INTERACTIVE", "AUDIO"))
        data["difficulty_level"] = draw.randint(1, 5)
        if standing is not None and draw.random() < world.naming:
            data["decision_id"] = standing.decision_id
        return self.event("fitly.outcome.recorded.v1", name, learner.user_id, at, data)

    def scores(self, draw: Random, expected: float, context: Context, shown: Choice) -> dict[str, float]:
        """Draw the metrics of one outcome: their mean has the expected value and the world's noise, never cut off."""
        world = self.world
        concentration = max(LEVELLEST, expected * (1 - expected) / world.noise**2 - 1)
        worth = draw.betavariate(expected * concentration, (1 - expected) * concentration)
        names, apart = world.metrics[context], min(JITTER, worth, 1 - worth)
        shifts = [apart * draw.uniform(-1, 1) for _ in range(len(names) // 2)]
        each = [*(worth + shift for shift in shifts), *(worth - shift for shift in shifts), worth][: len(names)]
        chance = world.untidy.missing.get(shown, 0.0)
        came = [name for name in names if not chance or draw.random() >= chance] or [draw.choice(names)]
        return {name: round(score, 6) for name, score in zip(names, each, strict=True) if name in came}

    def event(self, kind: str, name: object, user_id: str, at: datetime, data: dict[str, Any]) -> Event:
        """Put what is said into its envelope."""
        return {
            "specversion": "1.0",
            "id": f"{self.run}-{name}",
            "source": self.source,
            "type": kind,
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "subject": user_id,
            "datacontenttype": "application/json",
            "data": data,
        }

    @property
    def source(self) -> str:
        """Who sends the events."""
        return f"fitly/simulator/{self.seed}"

    def draw(self, *name: object) -> Random:
        """Give the random generator of a name: independent of every other name and of the order of asking."""
        text = "|".join(map(str, (self.seed, *name))).encode()
        return Random(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big"))  # noqa: S311 - not a secret


def nothing_stands(_user_id: str, _context: Context) -> Standing | None:
    """Be the oracle of a population nobody decides for."""
    return None


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
    contexts = list(people.world.contexts)
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

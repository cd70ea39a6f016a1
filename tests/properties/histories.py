"""Histories: raw records of one partition, made from a seed, with everything in them that may come.

A longer history of the same seed begins with the shorter, so that Hypothesis shrinks to the first record that matters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, TypeAlias

from hypothesis import strategies as some
from tests.core.partition import BIRTH, HOURS, KEY, START, Record

from fitly.core.events import (
    CONTROL_EVENTS,
    ExperimentCancelled,
    ExperimentCompleted,
    ExperimentDefined,
    ExperimentPaused,
    ExperimentPayload,
    ExperimentResumed,
    ExperimentReweighted,
    ExperimentStarted,
    LogOpened,
    PolicyRevised,
)
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.plan import (
    Bandit,
    ExperimentType,
    ExperimentVariant,
    Plan,
    RandomizationUnit,
    Treatment,
)
from fitly.core.experiments.trial import Afterwards
from fitly.core.names import UserId, decision_id, event_key
from fitly.core.numbers import Millis, to_datetime
from fitly.core.rules import Policy, Shadow, Switches
from fitly.core.vocabulary import Algorithm, ClockMode, Context, Feature, Level, Scope, Variant
from fitly.wire.events import encode_control, encode_event, encode_tick
from fitly.wire.signing import SIGNATURE_HEADER, sign

USERS: Final = ("ada", "bob", "\u00e9l\u00e8ve", "eve")
POLICIES: Final = (
    Policy(holdout_share=0.2, control_share=0.25, epsilon=0.5),
    Policy(holdout_share=0.2, control_share=0.25, dwell_days=0),
    Policy(holdout_share=0.2, initial_confidence=0.5, probe_share=0.5, dwell_days=0.25),
    Policy(holdout_share=0, shrinkage=0, dwell_days=3, valid_days=2),
    Policy(
        holdout_share=0,
        algorithm=Algorithm.THOMPSON,
        floor=0.03,
        control_share=0.3,
        dwell_days=0,
        shadows=(Shadow(name="greedy"), Shadow(name="any", algorithm=Algorithm.UNIFORM)),
        shadow_share=0.8,
    ),
    Policy(
        algorithm=Algorithm.FIXED,
        fixed_arm=Variant.BALANCED,
        dwell_days=0.2,
        shadows=(Shadow(name="thompson", algorithm=Algorithm.THOMPSON),),
    ),
    Policy(switches=Switches(everything=True)),
    Policy(holdout_share=0.2, switches=Switches(contexts=(Context.SESSION,), arms=(Variant.BALANCED,))),
)
OUTCOME_TYPES: Final = {
    "MISSION": "MISSION_COMPLETED",
    "CONTENT": "CONTENT_ENGAGED",
    "ASSESSMENT": "ASSESSMENT_COMPLETED",
    "SESSION": "SESSION_COMPLETED",
}
WAITS: Final = (0.01, 1, 5, 20, 30, 80)
"""Hours that may pass at a time."""
CONTEXTS: Final = ("CONTENT", "CONTENT", "ASSESSMENT", "SESSION", "MISSION")
INSIGHTS: Final[dict[str, Callable[[Random], dict[str, Any]]]] = {
    "LEARNING_PROFILE": lambda random: {
        "preferred_study_times": random.sample(range(24), random.randrange(1, 4)),
        "learning_style_profile": {"visual": random.random(), "auditory": 0.5},
        "personalized_forgetting_curve": random.choice((1, 4, 30)),
    },
    "STRUGGLE_PREDICTION": lambda random: {"topic": "fractions", "probability": round(random.random(), 2)},
    "SESSION_ORCHESTRATION": lambda random: {"attention_cycle_minutes": random.randrange(5, 90)},
    "COGNITIVE_LOAD": lambda random: {"load": random.randrange(101), "load_tolerance": 60},
    "MISSION_ANALYTICS": lambda random: {"best_difficulty": random.randrange(1, 6), "completion_rate": random.random()},
}
"""What may be found out about a learner, by kind."""
KINDS: Final = {payload: kind for kind, payload in CONTROL_EVENTS.items()}
_TWO: Final = (
    ExperimentVariant(variant_id="none", config=Treatment(apply=False), weight=0.5),
    ExperimentVariant(
        variant_id="balanced",
        config=Treatment(
            strategy_variant=Variant.BALANCED, parameters={Feature.CONTENT_TOPIC_SELECTION: "SPACED_REVIEW"}
        ),
        weight=0.5,
    ),
)
_POLICIES: Final = (
    *_TWO[:1],
    ExperimentVariant(variant_id="uniform", config=Treatment(policy=Policy(algorithm=Algorithm.UNIFORM)), weight=0.25),
    ExperimentVariant(
        variant_id="doubtful", config=Treatment(policy=Policy(initial_confidence=0.1, probe_share=0.5)), weight=0.25
    ),
)
_KIND: Final = ExperimentType
PLANS: Final = (
    Plan(experiment_name="a", experiment_type=_KIND.AB_TEST, context=Context.CONTENT, variants=_TWO, layer="shared"),
    Plan(
        experiment_name="b",
        experiment_type=_KIND.MULTI_ARMED_BANDIT,
        context=Context.CONTENT,
        variants=_TWO,
        bandit=Bandit(epoch_days=2),
    ),
    Plan(
        experiment_name="c",
        experiment_type=_KIND.MULTIVARIATE,
        context=Context.SESSION,
        variants=(replace(_POLICIES[0], weight=0.5), *_POLICIES[1:]),
        layer="shared",
        measurement_days=2,
    ),
    Plan(
        experiment_name="d",
        experiment_type=_KIND.AB_TEST,
        context=Context.SESSION,
        variants=(_TWO[0], replace(_TWO[1], config=Treatment(strategy_variant=Variant.PATTERN_HEAVY))),
        unit=RandomizationUnit.GROUP,
        group_kind="class",
    ),
)
"""Experiments that may be run: two in each of two contexts, one layer over both."""
METRICS: Final = ("retention_score", "performance_score", "completion_rate", "engagement_score")

Data: TypeAlias = dict[str, Any]


@dataclass
class Author:
    """Writes a history; knows what it has written, and draws what comes next."""

    random: Random
    default_reward: float | None = None
    policies: tuple[Policy, ...] = POLICIES
    users: tuple[str, ...] = USERS
    contexts: tuple[str, ...] = CONTEXTS
    waits: tuple[float, ...] = WAITS
    now: int = START
    log: list[Record] = field(default_factory=list)
    controls: int = 0
    named: int = 0
    causes: list[tuple[str, str, str]] = field(default_factory=list)
    """User, context and event id of what may have brought a decision."""
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)

    def write(self, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = ()) -> None:
        self.log.append(Record(len(self.log), self.now, key, value, headers))

    def say(self, kind: str, user: str, data: Data, *, hours_ago: float = 0) -> str:
        self.named += 1
        event_id = f"e{self.named}"
        time = to_datetime(Millis(self.now - round(hours_ago * HOURS)))
        self.write(user.encode(), encode_event(f"fitly.{kind}.v1", "lms", event_id, user, time, data))
        return event_id

    def sign(self, value: bytes) -> None:
        self.write(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))

    # -- moves -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        opened = LogOpened(birth_id=BIRTH, clock_mode=ClockMode.AS_OF, partitions=1)
        self.controls = 1
        self.sign(encode_control(1, "fitly.log.opened.v1", opened, Millis(self.now)))
        self.revise()

    def revise(self) -> None:
        self.controls += 1
        default = self.random.choice((self.default_reward, self.default_reward, None, 0.7))
        policy = replace(self.random.choice(self.policies), default_reward=default)
        revised = PolicyRevised(revision=self.controls - 1, policy=policy)
        self.sign(encode_control(self.controls, "fitly.policy.revised.v1", revised, Millis(self.now)))

    def tick(self) -> None:
        self.sign(encode_tick(0, Millis(self.now)))

    def wait(self) -> None:
        self.now += round(self.random.choice(self.waits) * HOURS)

    def request(self) -> None:
        user, context = self.random.choice(self.users), self.random.choice(self.contexts)
        self.causes.append((user, context, self.say("strategy.requested", user, {"context": context})))

    def outcome(self) -> None:
        random = self.random
        user, context = random.choice(self.users), random.choice(self.contexts)
        data: Data = {"outcome_type": OUTCOME_TYPES[context], "context": context} | self._scores()
        hours_ago = random.choice((0, 0, 0, 0, 3, 26, 200, 500, -0.9, -2))
        if random.random() < 0.2:
            data["personalization_applied"] = random.random() < 0.7
        if random.random() < 0.1:
            data["strategy_variant"] = random.choice([*Variant]).value
        if random.random() < 0.3 and self.causes:
            user, cause_context, cause = random.choice(self.causes)
            data["decision_id"] = decision_id(event_key("lms", cause), UserId(user), Context(cause_context))
            if random.random() < 0.9:
                data |= {"outcome_type": OUTCOME_TYPES[cause_context], "context": cause_context}
                context = cause_context
        event_id = self.say("outcome.recorded", user, data, hours_ago=hours_ago)
        self.causes.append((user, context, event_id))
        self.outcomes.append((user, context, event_id))

    def correct(self) -> None:
        if self.outcomes:
            user, context, outcome = self.random.choice(self.outcomes)
            right = {"withdrawn": True} if self.random.random() < 0.3 else self._scores()
            data = {"context": context, "outcome_source": "lms", "outcome_id": outcome} | right
            self.say("outcome.corrected", user, data)

    def applied(self) -> None:
        if self.causes:
            user, context, cause = self.random.choice(self.causes)
            decision = decision_id(event_key("lms", cause), UserId(user), Context(context))
            self.say("decision.applied", user, {"decision_id": decision, "applied": self.random.random() < 0.6})

    def prefer(self) -> None:
        random = self.random
        some_of = {
            "level": random.choice([*Level]).value,
            "auto_adapt_enabled": random.random() < 0.7,
            "content_enabled": random.random() < 0.7,
            "session_enabled": random.random() < 0.7,
            "disabled_features": [feature.value for feature in Feature if random.random() < 0.2],
        }
        kept = {name: value for name, value in some_of.items() if random.random() < 0.4}
        self.say("preferences.changed", random.choice(self.users), kept)

    def observe(self) -> None:
        random = self.random
        kind = random.choice([*INSIGHTS])
        data: Data = {"kind": kind, "confidence": round(random.random(), 3), "payload": INSIGHTS[kind](random)}
        for name, hours in (("observed_at", (-3, -200, 0.5, 2)), ("valid_until", (-1, 0, 5, 30, 100, 2_000))):
            if random.random() < 0.4:
                data[name] = to_datetime(Millis(self.now + round(random.choice(hours) * HOURS))).isoformat()
        self.say("insight.observed", random.choice(self.users), data)

    def describe(self) -> None:
        random = self.random
        data: Data = {"attributes": {name: random.choice(("a", "b", None)) for name in random.sample(("x", "y"), 1)}}
        if random.random() < 0.5:
            data["groups"] = {"class": random.choice(("7a", "7b", None))}
        if random.random() < 0.3:
            data["attributes"]["test"] = random.choice(("true", "false", None))
        if random.random() < 0.3:
            data["valid_until"] = to_datetime(Millis(self.now + round(random.choice((-1, 5, 100)) * HOURS))).isoformat()
        hours_ago = random.choice((0, 0, 30, 500, -2))
        self.say("learner.attributes", random.choice(self.users), data, hours_ago=hours_ago)

    def reset(self) -> None:
        data = {"scope": self.random.choice([*Scope]).value, "consent": self.random.random() < 0.5}
        self.say("preferences.reset", self.random.choice(self.users), data)

    def erase(self) -> None:
        self.say("learner.erased", self.random.choice(self.users), {"reason": "asked for"})

    def come_back(self) -> None:
        data = {"consent": True, "level": self.random.choice([*Level]).value}
        self.say("preferences.changed", self.random.choice(self.users), data)

    def again(self) -> None:
        record = self.random.choice(self.log)
        self.write(*record[2:])

    def spoil(self) -> None:
        record = self.random.choice(self.log)
        value = bytearray(record.value or b"")
        for _ in range(self.random.randrange(1, 4)):
            value[self.random.randrange(len(value))] = self.random.randrange(256)
        self.write(record.key, bytes(value), record.headers)

    def _scores(self) -> Data:
        names = self.random.sample(METRICS, self.random.randrange(1, 5))
        return {name: round(self.random.random(), 7) for name in names}


@dataclass
class Experimenter(Author):
    """Writes control events of experiments as well, legal or not."""

    epochs: int = 0

    def open(self) -> None:
        """Begin with every experiment, as it is planned."""
        super().open()
        for plan in PLANS:
            self._order(ExperimentDefined(plan=plan))
            self._order(ExperimentStarted(experiment_name=plan.experiment_name, plan_hash=plan_hash(plan)))

    def experiment(self) -> None:
        """Say something of an experiment, be it legal or not."""
        random = self.random
        plan = random.choice(PLANS)
        about: dict[str, Any] = {"experiment_name": plan.experiment_name}
        names = [variant.variant_id for variant in plan.variants]
        weights = dict(zip(names, (0.25, 0.75, 0.0), strict=False))
        self._order(
            random.choices(
                (
                    ExperimentDefined(plan=replace(plan, traffic_share=random.choice((0.3, 1.0)))),
                    ExperimentPaused(**about, stop_applying=random.random() < 0.5),
                    ExperimentResumed(**about),
                    ExperimentReweighted(experiment_name="b", epoch=self.epochs + 1, weights=weights),
                    ExperimentCompleted(**about, afterwards=random.choice((Afterwards.KEEP, Afterwards.RELEASE))),
                    ExperimentCompleted(**about, afterwards=Afterwards.ROLL_OUT, winner=names[-1], hold_back=0.3),
                    ExperimentCancelled(**about),
                ),
                (6, 4, 8, 6, 1, 1, 1),
            )[0]
        )

    def _order(self, said: ExperimentPayload) -> None:
        self.epochs += isinstance(said, ExperimentReweighted)
        self.controls += 1
        self.sign(encode_control(self.controls, KINDS[type(said)], said, Millis(self.now)))

    def send(self) -> None:
        """Give a learner a variant, or make them one who is there to try things out."""
        plan = self.random.choice(PLANS)
        variant = self.random.choice([variant.variant_id for variant in plan.variants] + ["unknown"])
        data: Data = {"attributes": {f"experiment:{plan.experiment_name}": variant}}
        if self.random.random() < 0.3:
            data["attributes"]["test"] = self.random.choice(("true", None))
        self.say("learner.attributes", self.random.choice(self.users), data)


MOVES: Final[dict[Callable[[Author], None], int]] = {
    Author.outcome: 40,
    Author.request: 15,
    Author.wait: 14,
    Author.correct: 8,
    Author.applied: 6,
    Author.again: 5,
    Author.tick: 5,
    Author.observe: 7,
    Author.describe: 3,
    Author.prefer: 4,
    Author.spoil: 2,
    Author.reset: 2,
    Author.erase: 1,
    Author.come_back: 2,
    Author.revise: 1,
}


def history(seed: int, length: int, *, without: tuple[Callable[[Author], None], ...] = ()) -> list[Record]:
    """Write a history of so many records at least, of the same records for the same seed."""
    random = Random(seed)
    return _written(Author(random, random.choice((None, 0.3))), length, without)


def tried(seed: int, length: int) -> list[Record]:
    """Write a history in which experiments begin, stop, go on and end, on some of the learners."""
    random = Random(seed)
    author = Experimenter(random, random.choice((None, 0.3)), POLICIES[:6], contexts=("CONTENT", "SESSION"))
    seldom = (Author.revise, Author.erase)
    tries: dict[Callable[..., None], int] = {Experimenter.experiment: 3, Experimenter.send: 3, Author.prefer: 2}
    moves: dict[Callable[..., None], int] = {**MOVES, **tries}
    return _written(author, length, seldom if random.random() < 0.5 else (), moves)


def crowded(seed: int, length: int) -> list[Record]:
    """Write a history of one learner in one context with a decision at every outcome: memory overflows."""
    random = Random(seed)
    author = Author(random, random.choice((None, 0.3)), POLICIES[1:2], ("ada",), ("MISSION",), (0.1, 1.0, 9.0))
    return _written(author, length, (Author.prefer, Author.spoil, Author.reset, Author.erase, Author.come_back))


def _written(
    author: Author,
    length: int,
    without: tuple[Callable[..., None], ...],
    among: Mapping[Callable[..., None], int] = MOVES,
) -> list[Record]:
    author.open()
    moves = {move: weight for move, weight in among.items() if move not in without}
    while len(author.log) < length:
        (move,) = author.random.choices(list(moves), list(moves.values()))
        move(author)
    return author.log


def settled(log: list[Record]) -> Iterator[Record]:
    """Go on with ticks until every window that is over has closed."""
    author = Author(Random(0), now=max(record.timestamp for record in log))
    for n in range(4):
        author.tick()
        yield author.log[-1]._replace(offset=log[-1].offset + 1 + n)


def about(record: Record) -> str | None:
    """Give the learner a record is about; None for control records and ticks."""
    return None if record.key is None else record.key.decode(errors="replace")


def kind_of(record: Record) -> str:
    """Give the type of a valid record's event."""
    return str(json.loads(record.value or b"{}")["type"])


seeds = some.integers(0, 2**32)
lengths = some.integers(3, 220)

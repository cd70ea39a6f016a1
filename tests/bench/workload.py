"""What the learners of a bench send: events in order of time over all learners, the same for the same seed.

Knows events and foresees decisions. Must never know Kafka. When learners study, and why just so often, stands in
``habits``. Before a context is first used its strategy is requested. Three outcomes in ten name the decision they
came under, as of a platform of which one part remembers it; the others are attributed by their time. Two events in a
thousand are sent twice, as producers do that retry.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from tests.bench.habits import habit, sitting, studies

from fitly.core.names import DecisionId, UserId, decision_id, event_key, partition_of
from fitly.core.numbers import DAY, HOUR, Millis, to_datetime, to_millis
from fitly.core.vocabulary import Context
from fitly.wire.events import encode_event

PARTITIONS: Final = 4
BEGIN: Final = to_millis(datetime(2025, 9, 1, tzinfo=UTC))
"""A Monday."""
HOURS_A_DAY: Final = 24
NAMING: Final = 0.3
REPEATED: Final = 0.002
NOISE: Final = 0.15
"""Standard deviation of a metric around the learner's ability."""
KINDS: Final = {
    Context.MISSION: "MISSION_COMPLETED",
    Context.CONTENT: "CONTENT_ENGAGED",
    Context.ASSESSMENT: "ASSESSMENT_COMPLETED",
    Context.SESSION: "SESSION_COMPLETED",
}
METRICS: Final = {
    Context.MISSION: ("retention_score", "performance_score", "completion_rate"),
    Context.CONTENT: ("completion_rate", "engagement_score"),
    Context.ASSESSMENT: ("retention_score", "performance_score", "completion_rate"),
    Context.SESSION: ("completion_rate", "engagement_score"),
}
CONTENT_TYPES: Final = ("TEXT", "VIDEO", "INTERACTIVE", "AUDIO")
CONTEXTS: Final = tuple(Context)


class Shape(NamedTuple):
    """Size of a workload; `dwell_days` is the policy's, under which the learners' decisions are foreseen."""

    learners: int
    days: int
    seed: int
    dwell_days: float = 1.0


class Event(NamedTuple):
    """One record of the input log."""

    key: bytes
    value: bytes
    stamp: int


class Plan(NamedTuple):
    """Something that is going to be sent: a request at a piece's begin, or an outcome (of so many ms) at its end."""

    moment: int
    user: int
    context: Context
    lasted: int | None


def inhabitants(shape: Shape, partition: int) -> list[UserId]:
    """Give the learners who live in a partition."""
    everybody = (UserId(f"learner-{number:05}") for number in range(shape.learners))
    return [user for user in everybody if partition_of(user.encode(), PARTITIONS) == partition]


class Life:
    """The learners of one partition, hour by hour.

    Parameters
    ----------
    shape : Shape
        How many, for how long, drawn from which seed.
    partition : int
        Which part of them.
    """

    def __init__(self, shape: Shape, partition: int) -> None:
        self._users = inhabitants(shape, partition)
        self._draw = random.Random(f"{shape.seed}/{partition}")
        self._habits = [habit(self._draw) for _ in self._users]
        self._days = shape.days
        self._dwell = shape.dwell_days * DAY
        self._name = f"{partition}"
        self._used: set[tuple[int, Context]] = set()
        self._standing: dict[tuple[int, Context], tuple[int, DecisionId]] = {}
        self.requests = 0
        self.outcomes = 0
        self.repeats = 0

    def hours(self) -> Iterator[list[Event]]:
        """Give each hour's events, in order of time."""
        for day in range(self._days):
            hours: list[list[Event]] = [[] for _ in range(HOURS_A_DAY)]
            for plan in self._planned(day):
                event = self._request(plan) if plan.lasted is None else self._outcome(plan, plan.lasted)
                hour = hours[plan.moment % DAY // HOUR]
                hour.append(event)
                if self._draw.random() < REPEATED:
                    self.repeats += 1
                    hour.append(event)
            yield from hours

    def _planned(self, day: int) -> list[Plan]:
        midnight = BEGIN + day * DAY
        plans = []
        for user, who in enumerate(self._habits):
            if not studies(who, day, self._draw):
                continue
            for begin, end, context in sitting(who, self._draw):
                if (user, context) not in self._used:
                    self._used.add((user, context))
                    plans.append(Plan(midnight + begin, user, context, None))
                plans.append(Plan(midnight + end, user, context, end - begin))
        return sorted(plans, key=lambda plan: plan.moment)

    def _request(self, plan: Plan) -> Event:
        name = f"r-{self._name}-{self.requests}"
        self.requests += 1
        self._decided(plan, "app", name)
        return self._event(plan, "fitly.strategy.requested.v1", "app", name, {"context": plan.context})

    def _outcome(self, plan: Plan, lasted: int) -> Event:
        draw, context = self._draw, plan.context
        name = f"o-{self._name}-{self.outcomes}"
        self.outcomes += 1
        data: dict[str, object] = {"outcome_type": KINDS[context], "context": context}
        for metric in METRICS[context]:
            data[metric] = round(min(1.0, max(0.0, draw.gauss(self._habits[plan.user].ability, NOISE))), 3)
        data["session_duration"] = round(lasted / 60_000, 1)
        if context is not Context.SESSION:
            data["content_type"] = draw.choice(CONTENT_TYPES)
            data["difficulty_level"] = draw.randint(1, 5)
        since, standing = self._standing[plan.user, context]
        if draw.random() < NAMING:
            data["decision_id"] = standing
        if plan.moment - since >= self._dwell:
            self._decided(plan, "lms", name)
        return self._event(plan, "fitly.outcome.recorded.v1", "lms", name, data)

    def _decided(self, plan: Plan, source: str, name: str) -> None:
        """Foresee the decision an event will bring: its id follows from the event's."""
        standing = decision_id(event_key(source, name), self._users[plan.user], plan.context)
        self._standing[plan.user, plan.context] = plan.moment, standing

    def _event(self, plan: Plan, kind: str, source: str, name: str, data: dict[str, object]) -> Event:
        subject = self._users[plan.user]
        value = encode_event(kind, source, name, subject, to_datetime(Millis(plan.moment)), data)
        return Event(subject.encode(), value, plan.moment)

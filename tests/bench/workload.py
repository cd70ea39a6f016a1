"""What the learners of a bench do: events in order of time, the same for the same seed.

Knows learners and their habits. Must never know Kafka. The density is what a busy course shows: three outcomes per
learner and day, nearly all in two contexts; before a context is used its strategy is requested.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from fitly.core.names import DecisionId, UserId, decision_id, event_key, partition_of
from fitly.core.numbers import DAY, HOUR, Millis, to_datetime, to_millis
from fitly.core.vocabulary import Context
from fitly.wire.events import encode_event

PARTITIONS: Final = 4
BEGIN: Final = to_millis(datetime(2025, 9, 1, tzinfo=UTC))
PER_DAY: Final = 3
"""Outcomes of a learner in a day, on average."""
IN_MAIN: Final = 0.94
"""Share of a learner's outcomes in their two main contexts; the rest is in a third."""
NAMING: Final = 0.3
"""Share of outcomes that name their decision; the others are attributed by their time."""
KINDS: Final = {
    Context.MISSION: "MISSION_COMPLETED",
    Context.CONTENT: "CONTENT_ENGAGED",
    Context.ASSESSMENT: "ASSESSMENT_COMPLETED",
    Context.SESSION: "SESSION_COMPLETED",
}
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
        self._hours = shape.days * 24
        self._dwell = shape.dwell_days * DAY
        self._name = f"{partition}"
        self._standing: dict[tuple[int, Context], tuple[int, DecisionId]] = {}
        self.requests = 0
        self.outcomes = 0

    def hours(self) -> Iterator[list[Event]]:
        """Give each hour's events, in order of time; in the first, everybody requests their strategies."""
        for hour in range(self._hours):
            begin = BEGIN + hour * HOUR
            yield self._first_hour(begin) if hour == 0 else self._hour(begin)

    def _first_hour(self, begin: int) -> list[Event]:
        wanted = [(user, context) for user in range(len(self._users)) for context in self._contexts(user)]
        self._draw.shuffle(wanted)
        return [
            self._request(*pair, begin + moment)
            for pair, moment in zip(wanted, self._moments(len(wanted)), strict=True)
        ]

    def _hour(self, begin: int) -> list[Event]:
        count = int(len(self._users) * PER_DAY / 24 + self._draw.random())
        return [
            self._outcome(self._draw.randrange(len(self._users)), begin + moment) for moment in self._moments(count)
        ]

    def _moments(self, count: int) -> list[int]:
        return sorted(self._draw.randrange(HOUR) for _ in range(count))

    def _contexts(self, user: int) -> tuple[Context, Context, Context]:
        return CONTEXTS[user % 4], CONTEXTS[(user + 1) % 4], CONTEXTS[(user + 2) % 4]

    def _request(self, user: int, context: Context, now: int) -> Event:
        name = f"r-{self._name}-{self.requests}"
        self.requests += 1
        self._decided(user, context, "app", name, now)
        return self._event(user, "fitly.strategy.requested.v1", "app", name, now, {"context": context})

    def _outcome(self, user: int, now: int) -> Event:
        draw = self._draw.random
        first, second, seldom = self._contexts(user)
        context = seldom if draw() > IN_MAIN else first if draw() < 0.5 else second
        name = f"o-{self._name}-{self.outcomes}"
        self.outcomes += 1
        data: dict[str, object] = {
            "outcome_type": KINDS[context],
            "context": context,
            "performance_score": round(draw(), 3),
            "completion_rate": round(draw(), 2),
            "engagement_score": round(draw(), 3),
            "session_duration": round(60 * draw(), 1),
            "content_type": "VIDEO",
            "difficulty_level": 3,
        }
        since, standing = self._standing[user, context]
        if draw() < NAMING:
            data["decision_id"] = standing
        if now - since >= self._dwell:
            self._decided(user, context, "lms", name, now)
        return self._event(user, "fitly.outcome.recorded.v1", "lms", name, now, data)

    def _decided(self, user: int, context: Context, source: str, name: str, now: int) -> None:
        """Foresee the decision an event will bring: its id follows from the event's."""
        standing = decision_id(event_key(source, name), self._users[user], context)
        self._standing[user, context] = now, standing

    def _event(self, user: int, kind: str, source: str, name: str, now: int, data: dict[str, object]) -> Event:
        subject = self._users[user]
        value = encode_event(kind, source, name, subject, to_datetime(Millis(now)), data)
        return Event(subject.encode(), value, now)

"""What learners and their applications say, drawn from a seed: good events of every kind, repeats, strays and rubbish.

Knows the events and how a foreign client (librdkafka) sends them. Must never know what the fold makes of them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from fitly.core.names import EventKey, UserId, decision_id, event_key, partition_of
from fitly.core.vocabulary import Context, Level, OutcomeType, Scope
from fitly.wire.events import encode_event

SOURCE = "chaos"
OUTCOME, CORRECTION = "fitly.outcome.recorded.v1", "fitly.outcome.corrected.v1"
REQUEST, APPLIED = "fitly.strategy.requested.v1", "fitly.decision.applied.v1"
CHANGED, RESET = "fitly.preferences.changed.v1", "fitly.preferences.reset.v1"
SHARES = {OUTCOME: 70, REQUEST: 18, APPLIED: 5, CORRECTION: 3, CHANGED: 3, RESET: 1}
AGAIN, ASTRAY, RUBBISH = 0.01, 0.01, 0.005
"""Shares of events that are sent twice, to the wrong partition, or are no events."""
REMEMBERED = 500
TYPES = dict(zip(Context, OutcomeType, strict=False))


class Line(NamedTuple):
    """One record to send; its event's kind and key, empty for rubbish."""

    user_id: str
    value: bytes
    kind: str
    key: str


class Author:
    """Writes events; the same seed writes the same ones, but for the times it is told.

    Parameters
    ----------
    seed : int
    learners : int
        How many people are talked about.
    """

    def __init__(self, seed: int, learners: int) -> None:
        self._draw = Random(f"author {seed}")
        self._learners = learners
        self._number = 0
        self._recent: deque[Line] = deque(maxlen=REMEMBERED)
        self._outcomes: deque[tuple[str, Context, str]] = deque(maxlen=REMEMBERED)
        self._asked: dict[tuple[str, Context], EventKey] = {}

    def write(self, at: datetime) -> Line:
        """Write the next event, of the given time."""
        draw = self._draw
        if self._recent and draw.random() < AGAIN:
            return draw.choice(self._recent)
        user = f"learner-{draw.randrange(self._learners):04d}"
        if draw.random() < RUBBISH:
            return Line(user, draw.choice((b"", b"{", b'{"type": 7}', b"\xff\x00")), "", "")
        self._number += 1
        name, context = f"{self._number}", draw.choice(list(Context))
        kind, data = self._about(user, context, name)
        line = Line(user, encode_event(kind, SOURCE, name, user, at, data), kind, event_key(SOURCE, name))
        self._recent.append(line)
        return line

    def _about(self, user: str, context: Context, name: str) -> tuple[str, dict[str, Any]]:
        draw = self._draw
        kind = draw.choices(list(SHARES), list(SHARES.values()))[0]
        if kind == CORRECTION and self._outcomes:
            # Of an outcome of the same learner's, else the key would be another's.
            mine = [it for it in self._outcomes if it[0] == user]
            if mine:
                _, context, outcome = draw.choice(mine)
                told = {"withdrawn": True} if draw.random() < 0.3 else {"performance_score": self._score()}
                return kind, {"context": context, "outcome_source": SOURCE, "outcome_id": outcome, **told}
        if kind == APPLIED and (user, context) in self._asked:
            return kind, {"decision_id": self._decision(user, context), "applied": draw.random() < 0.8}
        if kind == CHANGED:
            return kind, {"level": draw.choice(list(Level)), f"{context.value.lower()}_enabled": draw.random() < 0.8}
        if kind == RESET:
            return kind, {"scope": draw.choice(list(Scope)), "consent": draw.random() < 0.5}
        if kind == REQUEST:
            self._asked[user, context] = event_key(SOURCE, name)
            return kind, {"context": context}
        self._outcomes.append((user, context, name))
        data: dict[str, Any] = {"outcome_type": TYPES[context], "context": context, "performance_score": self._score()}
        if draw.random() < 0.5:
            data |= {"completion_rate": self._score(), "engagement_score": self._score()}
        if (user, context) in self._asked and draw.random() < 0.4:
            data["decision_id"] = self._decision(user, context)
        return OUTCOME, data

    def _decision(self, user: str, context: Context) -> str:
        """Name the decision that the last request brought, if it brought one."""
        return decision_id(self._asked[user, context], UserId(user), context)

    def _score(self) -> float:
        return round(self._draw.random(), 4)


@dataclass
class Sent:
    """What is in the log for certain: how often each event was acknowledged, by kind and key."""

    keys: dict[str, Counter[str]] = field(default_factory=dict)
    records: int = 0
    astray: int = 0
    failed: list[str] = field(default_factory=list)

    def note(self, line: Line) -> None:
        """Take down one acknowledged record."""
        self.records += 1
        self.keys.setdefault(line.kind, Counter())[line.key] += 1

    def counts(self) -> dict[str, int]:
        """Give the number of records by kind."""
        return {kind or "rubbish": keys.total() for kind, keys in sorted(self.keys.items())}


class LiveLoad(threading.Thread):
    """Sends events of now at a steady rate until told to stop.

    Parameters
    ----------
    bootstrap, topic : str
    author : Author
    rate : int
        Records per second.
    partitions : int
        Of the topic: for those that are sent astray.
    """

    BEAT_S = 0.02

    def __init__(self, bootstrap: str, topic: str, author: Author, *, rate: int, partitions: int = 4) -> None:
        super().__init__(name="load", daemon=True)
        self.sent = Sent()
        self._topic, self._author, self._rate, self._partitions = topic, author, rate, partitions
        self._draw = Random(rate)
        self._over = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,  # else a broker that dies before it answers would get some records twice
                "linger.ms": 5,
                "message.timeout.ms": 120_000,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        """Send."""
        begun, sent = time.monotonic(), 0
        while not self._over.wait(self.BEAT_S):
            due = int((time.monotonic() - begun) * self._rate)
            for _ in range(min(due - sent, self._rate)):
                self._send(self._author.write(datetime.now(UTC)))
            sent = due
            self._producer.poll(0)

    def finish(self) -> Sent:
        """Stop, wait until everything is acknowledged, and give what was sent."""
        self._over.set()
        self.join()
        left = self._producer.flush(60)
        assert left == 0, f"{left} records were never acknowledged"
        assert not self.sent.failed, f"records failed: {self.sent.failed[:3]}"
        return self.sent

    def give_up(self) -> None:
        """Stop, whatever is not acknowledged yet."""
        self._over.set()
        if self.is_alive():
            self.join()

    def _send(self, line: Line) -> None:
        key = line.user_id.encode()
        partition = partition_of(key, self._partitions)
        if line.key and self._draw.random() < ASTRAY:
            partition = (partition + 1) % self._partitions
            self.sent.astray += 1
        self._producer.produce(self._topic, line.value, key, partition, on_delivery=self._noting(line))

    def _noting(self, line: Line) -> Callable[[KafkaError | None, Message], None]:
        def note(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self.sent.note(line)
            else:
                self.sent.failed.append(str(error))

        return note

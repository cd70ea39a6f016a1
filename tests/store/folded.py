"""A partition folded in memory: what the worker would have sent to the four topics the sink reads."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.core.trials import KINDS

from fitly.core.events import ControlPayload, ExperimentPayload, LogOpened, PolicyRevised
from fitly.core.numbers import to_millis
from fitly.core.rules import Policy
from fitly.core.topics import CONTEXTS, CONTEXTS_CHANGELOG, CONTROL, LEARNERS_CHANGELOG
from fitly.core.vocabulary import ClockMode
from fitly.wire.events import encode_control, encode_event, encode_tick
from fitly.wire.shard import Shard
from fitly.wire.signing import SIGNATURE_HEADER, sign

KEY = b"secret"
BIRTH = "00000000-0000-4000-8000-000000000001"
START = datetime.fromisoformat("2026-01-05T08:00:00+00:00")


class Record(NamedTuple):
    """What aiokafka's records look like to those who read them."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Partition:
    """One partition of a log, folded as it is written; `topics` holds what came out."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.now = START
        self.topics: dict[str, list[Record]] = defaultdict(list)
        self._shard = Shard(0, KEY)
        self._shard.opened()
        self._log: list[Record] = []
        self._written = 0
        self._control(1, "fitly.log.opened.v1", LogOpened(birth_id=BIRTH, clock_mode=ClockMode.AS_OF, partitions=1))
        self.revise(1, policy or Policy())

    def revise(self, revision: int, policy: Policy, *, by: str = "", note: str = "") -> None:
        """Put a policy in force."""
        revised = PolicyRevised(revision=revision, policy=policy, by=by, note=note)
        self._control(revision + 1, "fitly.policy.revised.v1", revised)

    def move(self, number: int, said: ExperimentPayload) -> None:
        """Say something of an experiment by the control event of a number, a day after the last."""
        self.now += timedelta(days=1)
        self._control(number, KINDS[type(said)], said)

    def say(self, kind: str, user_id: str, event_id: str, data: dict[str, Any], *, at: datetime | None = None) -> None:
        """Write one learner event, stamped now."""
        value = encode_event(f"fitly.{kind}.v1", "lms", event_id, user_id, at or self.now, data)
        self._append(user_id.encode(), value)

    def outcome(self, user_id: str, event_id: str, score: float, **data: object) -> None:
        """Write one outcome."""
        given = {"outcome_type": "SESSION_COMPLETED", "context": "SESSION", "performance_score": score}
        self.say("outcome.recorded", user_id, event_id, given | data)

    def tick(self, days: float = 0.0) -> None:
        """Let time pass, and tell."""
        self.now += timedelta(days=days)
        value = encode_tick(0, to_millis(self.now))
        self._append(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))

    def fold(self) -> None:
        """Fold what was written since, and let it come out."""
        batch = self._shard.fold(self._log)
        self._log.clear()
        for sent in batch.outputs:
            self._out(sent.topic, sent.key, sent.value)
        for change in batch.changes:
            self._out(CONTEXTS_CHANGELOG if change.table == CONTEXTS else LEARNERS_CHANGELOG, change.key, change.value)
        self._shard.adopt(batch)

    def tombstone(self, topic: str, key: bytes) -> None:
        """Send a tombstone."""
        self._out(topic, key, None)

    def _control(self, number: int, kind: str, data: ControlPayload) -> None:
        value = encode_control(number, kind, data, to_millis(self.now))
        self._out(CONTROL, None, value)
        self._append(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))

    def _append(self, key: bytes | None, value: bytes, headers: tuple[tuple[str, bytes | None], ...] = ()) -> None:
        self._log.append(Record(self._written, to_millis(self.now), key, value, headers))
        self._written += 1

    def _out(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        log = self.topics[topic]
        log.append(Record(len(log), to_millis(self.now), key, value))


def a_term(
    partition: Partition, *, learners: int = 20, days: int = 40, per_day: int = 1, folds: int = 1, name: str = "learner"
) -> None:
    """Let learners work for weeks: sessions with scores, a correction here and there, one who opts out and resets."""
    for day in range(days):
        for turn in range(per_day):
            for index in range(learners):
                user = f"{name}-{index}"
                identifier = f"{name}-{index}-{day}-{turn}"
                score = round(((index * 37 + day * 101 + turn * 13) % 97) / 97, 6)
                context = ("SESSION", "CONTENT")[index % 2]
                kind = {"SESSION": "SESSION_COMPLETED", "CONTENT": "CONTENT_ENGAGED"}[context]
                partition.outcome(
                    user, identifier, score, context=context, outcome_type=kind, engagement_score=score * score
                )
            partition.now += timedelta(hours=24 / per_day)
        partition.tick()
        if day % 7 == 6:
            _a_weeks_end(partition, f"{name}-0", f"{name}-{day}")
        if day % max(1, days // folds) == 0:
            partition.fold()
    partition.fold()


def _a_weeks_end(partition: Partition, user: str, mark: str) -> None:
    """Correct one outcome, change preferences."""
    said = mark.rpartition("-")[2]
    data = {"context": "SESSION", "outcome_source": "lms", "outcome_id": f"{user}-{said}-0", "performance_score": 0.5}
    partition.say("outcome.corrected", user, f"correct-{mark}", data)
    partition.say(
        "preferences.changed", user, f"prefer-{mark}", {"level": "HIGH", "disabled_features": ["mission.timing"]}
    )
    load = {"kind": "COGNITIVE_LOAD", "confidence": 0.9, "payload": {"load": 90, "load_tolerance": 60}}
    for number, name in enumerate((user, user.replace("-0", "-1"))):
        partition.say("insight.observed", name, f"load-{mark}-{number}", load)
    if said == "20":
        partition.say("preferences.reset", user, f"reset-{mark}", {"scope": "LEARNED"})
    if said == "27":
        partition.say("preferences.changed", user, f"out-{mark}", {"level": "NONE"})


RESTLESS = Policy(dwell_days=0.0, control_share=0.4, initial_confidence=0.9)
"""Decides at every outcome and often not to apply: a learner's own baseline fills in weeks."""

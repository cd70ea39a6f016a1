"""One partition of a log, folded record by record as it is written: what each record led to, and the rows after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from fitly.core.assessments import Assessed
from fitly.core.decisions import OutcomeAmended, OutcomeFiled, Selected
from fitly.core.entries import ARMS, DECISIONS, ArmEntry, DecisionEntry
from fitly.core.events import ControlPayload, LogOpened, PolicyRevised, PriorsRevised
from fitly.core.learner import ContextRow, LearnerRow
from fitly.core.names import UserId
from fitly.core.numbers import DAY, Millis, to_datetime, to_millis
from fitly.core.rules import ArmPrior, ContextPriors, Policy, Switches, Thresholds, Windows
from fitly.core.tally import empty_arm
from fitly.core.topics import ASSESSED, CONTEXTS, LEARNERS, OUTCOMES, REJECTED, SELECTED
from fitly.core.vocabulary import ArmCode, Bin, ClockMode, Context, Variant
from fitly.wire.assessed import decode_assessed
from fitly.wire.events import encode_control, encode_event, encode_tick
from fitly.wire.outcomes import decode_outcome
from fitly.wire.rows import context_key, decode_context, decode_learner
from fitly.wire.selected import ANSWERS_HEADER, decode_selected
from fitly.wire.shard import Outgoing, Shard
from fitly.wire.signing import SIGNATURE_HEADER, sign

KEY = b"a control key"
BIRTH = "5f0c1b9e-0000-4000-8000-00000000beef"
START = to_millis(datetime.fromisoformat("2026-03-02T08:00:00+00:00"))
HOURS = 3_600_000

Fact: TypeAlias = Any
"""Whatever a field of an event may hold, also what it must not."""

SURE = Policy(holdout_share=0, control_share=0, epsilon=0)
"""Everybody is personalized, with the best arm."""
UNSURE = replace(SURE, initial_confidence=0.5, probe_share=0)
"""Nobody is: confidence is below every level's threshold."""


class Record(NamedTuple):
    """What Kafka clients' records look like to the fold."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Told(NamedTuple):
    """What one record led to."""

    bin: str
    detail: str
    outputs: list[Outgoing]
    record: Record

    def to(self, topic: str) -> list[Outgoing]:
        return [sent for sent in self.outputs if sent.topic == topic]

    @property
    def selected(self) -> Selected:
        """The one decision that went out."""
        (sent,) = self.to(SELECTED)
        return decode_selected(sent.value or b"")

    @property
    def answers(self) -> str | None:
        """The request that the one decision that went out repeats for."""
        (sent,) = self.to(SELECTED)
        answers = dict(sent.headers).get(ANSWERS_HEADER)
        return None if answers is None else answers.decode()

    @property
    def decided(self) -> bool:
        return bool(self.to(SELECTED))

    @property
    def filed(self) -> OutcomeFiled:
        (sent,) = self.to(OUTCOMES)
        effect = decode_outcome(sent.value or b"")
        assert isinstance(effect, OutcomeFiled)
        return effect

    @property
    def amended(self) -> OutcomeAmended:
        (sent,) = self.to(OUTCOMES)
        effect = decode_outcome(sent.value or b"")
        assert isinstance(effect, OutcomeAmended)
        return effect

    @property
    def assessed(self) -> list[Assessed]:
        """What was said of effectiveness."""
        return [decode_assessed(sent.value or b"") for sent in self.to(ASSESSED)]

    @property
    def reason(self) -> str:
        (sent,) = self.to(REJECTED)
        reason = dict(sent.headers)["reason"]
        assert reason is not None
        return reason.decode()


class Partition:
    """A log that is opened and has a policy, unless told otherwise; it folds what it is given at once."""

    def __init__(
        self,
        policy: Policy = SURE,
        *,
        number: int = 0,
        partitions: int = 1,
        clock_mode: ClockMode = ClockMode.AS_OF,
        opened: bool = True,
    ) -> None:
        self.now = START
        self.shard = Shard(number, KEY)
        self.shard.opened()
        self.log: list[Record] = []
        self.control_number = 0
        self._named = 0
        if opened:
            self.control("fitly.log.opened.v1", LogOpened(birth_id=BIRTH, clock_mode=clock_mode, partitions=partitions))
            self.revise(policy)

    # -- writing ---------------------------------------------------------------------------------------------

    def write(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        *,
        stamp: int | None = None,
    ) -> Told:
        """Write one record and fold it."""
        stamp = self.now if stamp is None else stamp
        record = Record(self.log[-1].offset + 1 if self.log else 0, stamp, key, value, tuple(headers))
        self.log.append(record)
        batch = self.shard.fold([record])
        ((place, count),) = batch.bins.items()
        assert count == batch.count == 1
        self.shard.adopt(batch)
        bin_, _, detail = place.partition("/")
        return Told(bin_, detail, batch.outputs, record)

    def again(self, told: Told) -> Told:
        """Write the same record once more."""
        return self.write(told.record.key, told.record.value, told.record.headers)

    def say(
        self,
        kind: str,
        user: str,
        data: dict[str, Any],
        *,
        event_id: str | None = None,
        time: int | None = None,
        stamp: int | None = None,
    ) -> Told:
        """Write one learner event, by default of now and with an id of its own."""
        self._named += 1
        moment = to_datetime(Millis(self.now if time is None else time))
        value = encode_event(f"fitly.{kind}.v1", "lms", event_id or f"e{self._named}", user, moment, data)
        return self.write(user.encode(), value, stamp=stamp)

    def outcome(self, user: str = "ada", score: float = 0.8, **given: Fact) -> Told:
        """Write one outcome of an assessment with a performance score; fields and `say`'s arguments as named."""
        about = {name: given.pop(name) for name in ("event_id", "time", "stamp") if name in given}
        context = given.pop("context", "ASSESSMENT")
        data = {"outcome_type": "ASSESSMENT_COMPLETED", "context": context, "performance_score": score}
        return self.say("outcome.recorded", user, data | given, **about)

    def request(self, user: str = "ada", context: str = "ASSESSMENT", **about: Fact) -> Told:
        return self.say("strategy.requested", user, {"context": context}, **about)

    def applied(self, decision: str, *, applied: bool, user: str = "ada", **about: Fact) -> Told:
        return self.say("decision.applied", user, {"decision_id": decision, "applied": applied}, **about)

    def correct(self, outcome: str, user: str = "ada", **given: Fact) -> Told:
        about = {name: given.pop(name) for name in ("event_id", "time", "stamp") if name in given}
        context = given.pop("context", "ASSESSMENT")
        data = {"context": context, "outcome_source": "lms", "outcome_id": outcome}
        return self.say("outcome.corrected", user, data | given, **about)

    def prefer(self, user: str = "ada", **given: Fact) -> Told:
        about = {name: given.pop(name) for name in ("event_id", "time") if name in given}
        return self.say("preferences.changed", user, given, **about)

    def reset(self, user: str = "ada", **given: Fact) -> Told:
        return self.say("preferences.reset", user, given)

    def observe(self, user: str, kind: str, *, confidence: float = 0.9, **given: Fact) -> Told:
        """Write one insight of now; ``valid_days`` and ``ago`` (hours) are counted from there, the rest is payload."""
        data: dict[str, Any] = {"kind": kind, "confidence": confidence}
        about = {name: given.pop(name) for name in ("event_id", "time", "stamp") if name in given}
        if "valid_days" in given:
            data["valid_until"] = to_datetime(Millis(self.now + round(given.pop("valid_days") * DAY))).isoformat()
        if "ago" in given:
            data["observed_at"] = to_datetime(Millis(self.now - round(given.pop("ago") * HOURS))).isoformat()
        return self.say("insight.observed", user, data | {"payload": given}, **about)

    def describe(self, user: str = "ada", **given: Fact) -> Told:
        """Write groups or attributes; ``valid_days`` are counted from now."""
        about = {name: given.pop(name) for name in ("event_id", "time", "stamp") if name in given}
        if "valid_days" in given:
            given["valid_until"] = to_datetime(Millis(self.now + round(given.pop("valid_days") * DAY))).isoformat()
        return self.say("learner.attributes", user, given, **about)

    def control(self, kind: str, data: ControlPayload, *, number: int | None = None) -> Told:
        """Write the next control event, or the one of a number."""
        if number is None:
            number = self.control_number = self.control_number + 1
        value = encode_control(number, kind, data, Millis(self.now))
        return self.write(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))

    def revise(self, policy: Policy) -> Told:
        revision = self.control_number
        return self.control("fitly.policy.revised.v1", PolicyRevised(revision=revision, policy=policy))

    def know(self, context: Context = Context.ASSESSMENT, **effects: float) -> Told:
        """Put in force what is known of the population in a context: the effects of some arms, by their names."""
        arms = {
            Variant(arm): ArmPrior(effect=effect, se=0.01, spread=0.05, learners=50) for arm, effect in effects.items()
        }
        told = PriorsRevised(context=context, priors=ContextPriors(mean=0.5, reward_sd=0.2, arms=arms))
        return self.control("fitly.priors.revised.v1", told)

    def tick(self) -> Told:
        value = encode_tick(self.shard.partition, Millis(self.now))
        return self.write(None, value, ((SIGNATURE_HEADER, sign(KEY, BIRTH, value)),))

    def later(self, *, days: float = 0, hours: float = 0) -> None:
        """Let time pass in silence."""
        self.now = Millis(self.now + round(days * DAY + hours * HOURS))

    # -- looking ---------------------------------------------------------------------------------------------

    def row(self, user: str = "ada", context: Context = Context.ASSESSMENT) -> ContextRow:
        return decode_context(self.shard.rows[CONTEXTS][context_key(UserId(user), context)])

    def learner(self, user: str = "ada") -> LearnerRow:
        return decode_learner(self.shard.rows[LEARNERS][user.encode()])

    def knows(self, user: str) -> bool:
        return user.encode() in self.shard.rows[LEARNERS]

    def decisions(self, user: str = "ada", context: Context = Context.ASSESSMENT) -> list[DecisionEntry]:
        return list(DECISIONS.all(self.row(user, context).decisions))

    def arm(self, code: int, user: str = "ada", context: Context = Context.ASSESSMENT) -> ArmEntry:
        arms = self.row(user, context).arms
        place = ARMS.find_byte(arms, code)
        return empty_arm(code) if place < 0 else ARMS.at(arms, place)

    def arms(self, user: str = "ada", context: Context = Context.ASSESSMENT) -> list[ArmEntry]:
        return list(ARMS.all(self.row(user, context).arms))

    def rows(self) -> dict[bytes, bytes]:
        """Every learner's rows as they are at rest."""
        return {key: value for rows in self.shard.rows.values() for key, value in rows.items()}

    @property
    def bins(self) -> dict[str, int]:
        return self.shard.ledger.bins


__all__ = [
    "BIRTH",
    "HOURS",
    "KEY",
    "START",
    "SURE",
    "UNSURE",
    "ArmCode",
    "Bin",
    "Context",
    "Fact",
    "Partition",
    "Policy",
    "Record",
    "Switches",
    "Thresholds",
    "Told",
    "Variant",
    "Windows",
    "replace",
]

"""A whole stream in one process and in memory: simulated learners, the fold of every partition, the second agent.

Knows how records are stamped, routed and folded, and who hears what. Must never know Kafka, nor what is true of the
learners. The fold is the product's own (`wire.shard`), so that what is found here is what a stack would find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from fitly.core.events import ControlPayload, LogOpened, PolicyRevised, PriorsRevised
from fitly.core.names import partition_of
from fitly.core.numbers import Millis, to_millis
from fitly.core.partials import Kind, Partial, merged
from fitly.core.priors import estimated, worth_telling
from fitly.core.rules import ContextPriors, Policy, Rules
from fitly.core.topics import PARTIALS, SELECTED
from fitly.core.vocabulary import ClockMode, Context, Mode, Variant
from fitly.local.found import Decided
from fitly.local.life import Life, Round
from fitly.local.simulate import START, Standing
from fitly.wire.events import encode_control, encode_tick
from fitly.wire.partials import decode_partial
from fitly.wire.selected import ANSWERS_HEADER
from fitly.wire.shard import Outgoing, Shard
from fitly.wire.signing import SIGNATURE_HEADER, sign

BIRTH: Final = "7a1d5e0c-0000-4000-8000-000000000001"
KEY: Final = b"the key of a log in memory"


class Record(NamedTuple):
    """One record of the input log, as Kafka's clients would give it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class _Data(msgspec.Struct):
    decision_id: str
    user_id: str
    context: Context
    mode: Mode
    strategy_variant: Variant | None
    confidence: float
    decided_at: datetime


class _Selected(msgspec.Struct):
    data: _Data


class Loop:
    """Partitions of a log that is opened and has a policy, and everybody who reads what they say.

    Parameters
    ----------
    policy : Policy
        The rules in force.
    partitions : int
        How many shards fold.
    seed : int
        Part of the log's birth id, which keys every draw.
    heard : callable, optional
        Told every new decision.

    Attributes
    ----------
    standing : dict
        (user, context) to the newest decision.
    bins : Counter
        The ledger of all partitions.
    priors : dict
        What the population's sums said last, by context; None until the second agent told it.
    told : int
        How often priors were revised.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        partitions: int = 2,
        seed: int = 0,
        heard: Callable[[Decided], None] | None = None,
    ) -> None:
        self.shards = [Shard(number, KEY) for number in range(partitions)]
        self.standing: dict[tuple[str, Context], Standing] = {}
        self.bins: Counter[str] = Counter()
        self._birth = f"{BIRTH[:-8]}{seed:08x}"
        self._heard = heard
        self._read = msgspec.json.Decoder(_Selected).decode
        self._write = msgspec.json.Encoder().encode
        self._controls = 0
        self._words: dict[tuple[Kind, str, int], Partial] = {}
        self._changed: set[Context] = set()
        self.priors: dict[Context, ContextPriors] = {}
        self.told = 0
        for shard in self.shards:
            shard.opened()
        begin = to_millis(START)
        opened = LogOpened(birth_id=self._birth, clock_mode=ClockMode.AS_OF, partitions=partitions)
        self.control("fitly.log.opened.v1", opened, begin)
        self.control("fitly.policy.revised.v1", PolicyRevised(revision=1, policy=policy or Policy()), begin)

    def stands(self, user_id: str, context: Context) -> Standing | None:
        """Give the newest decision of a learner in a context: the oracle of `Life.rounds`."""
        return self.standing.get((user_id, context))

    @property
    def rules(self) -> Rules:
        """What control events have set."""
        return self.shards[0].rules

    def play(self, life: Life, after: Callable[[Round], None] | None = None) -> None:
        """Live a population's days to their end.

        Parameters
        ----------
        life : Life
        after : callable, optional
            Told each round when it is over: for progress, and for whoever wants to look.
        """
        for each in life.rounds(self.stands):
            self.take(each)
            if after is not None:
                after(each)

    def take(self, each: Round) -> None:
        """Fold a round's arrivals and let the time to its end pass; everybody hears what came of it."""
        homes: list[list[Record]] = [[] for _ in self.shards]
        offsets = [shard.position.offset for shard in self.shards]
        for at, _, event in each.arrivals:
            key = event["subject"].encode()
            home = partition_of(key, len(self.shards))
            offsets[home] += 1
            homes[home].append(Record(offsets[home], at, key, self._write(event)))
        for shard, records in zip(self.shards, homes, strict=True):
            self._fold(shard, records)
            self._tick(shard, each.end)
        self._tell(each.end)

    def control(self, kind: str, data: ControlPayload, now: Millis) -> None:
        """Let every partition read a control event, as the sequencer would write it."""
        self._controls += 1
        value = encode_control(self._controls, kind, data, now)
        for shard in self.shards:
            self._fold(shard, [self._signed(shard, value, now)])

    def _tell(self, now: Millis) -> None:
        """Be the second agent: put the partitions' words together, and tell what moved enough."""
        for context in sorted(self._changed):
            words = [word for (kind, name, _), word in self._words.items() if (kind, name) == (Kind.PRIORS, context)]
            new = estimated(merged(words))
            if worth_telling(self.priors.get(context), new):
                self.priors[context] = new
                self.told += 1
                self.control("fitly.priors.revised.v1", PriorsRevised(context=context, priors=new), now)
        self._changed.clear()

    def _tick(self, shard: Shard, now: Millis) -> None:
        """Tick until nothing is overdue: each tick does a slice."""
        while True:
            self._fold(shard, [self._signed(shard, encode_tick(shard.partition, now), now)])
            if not shard.overdue():
                return

    def _signed(self, shard: Shard, value: bytes, now: Millis) -> Record:
        signature = sign(KEY, self._birth, value)
        return Record(shard.position.offset + 1, now, None, value, ((SIGNATURE_HEADER, signature),))

    def _fold(self, shard: Shard, records: list[Record]) -> None:
        batch = shard.fold(records)
        shard.adopt(batch)
        self.bins.update(batch.bins)
        self._hear(batch.outputs)

    def _hear(self, outputs: Iterable[Outgoing]) -> None:
        """Read what went out, as consumers do."""
        for sent in outputs:
            if sent.value is None:
                continue
            if sent.topic == SELECTED and not any(name == ANSWERS_HEADER for name, _ in sent.headers):
                self._hear_decision(sent.value)
            elif sent.topic == PARTIALS:
                word = decode_partial(sent.value)
                self._words[word.kind, word.name, word.partition] = word
                if word.kind is Kind.PRIORS:
                    self._changed.add(Context(word.name))

    def _hear_decision(self, value: bytes) -> None:
        data = self._read(value).data
        variant = data.strategy_variant
        self.standing[data.user_id, data.context] = Standing(data.decision_id, variant is not None, variant)
        if self._heard is not None:
            moment = to_millis(data.decided_at)
            self._heard(Decided(data.user_id, data.context, data.mode, variant, data.confidence, moment))

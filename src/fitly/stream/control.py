"""The sequencer: control events, numbered, signed, and put into every partition in one transaction.

Knows the order of control events. Must never know what they lead to. It is a function, not a role: any process may
fence the fixed transactional id, read `control` to its end, validate, number and write; whoever loses the fence tries
again.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from aiokafka.structs import TopicPartition

from fitly.core.errors import Broken, Retryable
from fitly.core.events import CONTROL_EVENTS, ControlEvent, ControlPayload, LogOpened, PolicyRevised
from fitly.core.experiments.lifecycle import concerns, lived, moved
from fitly.core.numbers import Millis
from fitly.core.problems import Problem
from fitly.core.rules import Policy
from fitly.core.topics import CONTROL, INPUT
from fitly.core.vocabulary import ClockMode
from fitly.stream.clients import REACH_S, lost_the_fence, started_producer, started_reader
from fitly.stream.generation import Generation, read_control
from fitly.stream.shipping import Shipment
from fitly.wire.events import encode_control, parse_control
from fitly.wire.outgoing import Outgoing
from fitly.wire.signing import SIGNATURE_HEADER, sign

if TYPE_CHECKING:
    from fitly.settings import Settings

PATIENCE_S: Final = 30.0
"""How long a writer that loses the fence tries again."""
PAUSE_S: Final = 0.2
"""The longest first pause of a writer who lost the fence; it doubles."""
MARKER_S: Final = 0.01

Proposal = Callable[[Sequence[ControlEvent]], list[ControlPayload]]
"""What to write, given all that was written before; raises where it is not allowed. Asked again after a lost fence."""


class Sequencer:
    """Writes control events.

    Parameters
    ----------
    settings : Settings
        Broker, prefix and control key.

    Attributes
    ----------
    copies : dict
        Where the first copy of what was written last stands, by partition of the input log; empty before.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.copies: dict[int, int] = {}

    async def issue(self, kind: str, data: ControlPayload) -> int:
        """Write one control event and give its number.

        Raises
        ------
        Broken
            The log is not open.
        Refused
            The event is not allowed after those before it, or larger than a partition takes.
        Retryable
            The broker cannot be reached, or others took the fence again and again.
        """
        if KINDS.get(type(data)) != kind:
            message = f"{kind} does not carry {type(data).__name__}"
            raise Broken(message, restart_helps=False)
        return await self.propose(lambda _: [data])

    async def revise(self, policy: Policy, note: str = "", by: str = "") -> int:
        """Put a policy in force under the next revision number; give the control number."""
        return await self.propose(
            lambda history: [PolicyRevised(revision=last_revision(history) + 1, policy=policy, note=note, by=by)]
        )

    async def propose(self, proposal: Proposal) -> int:
        """Write what the proposal gives, numbered after all that was written before; give the last number."""
        deadline, pause = time.monotonic() + PATIENCE_S, PAUSE_S
        while True:
            try:
                return await self._once(proposal)
            except Broken as error:
                if not lost_the_fence(error):
                    raise
                if time.monotonic() >= deadline:
                    message = f"others have issued control events in our place for {PATIENCE_S:g} s: try again"
                    raise Retryable(message) from error
            # Whoever begins fences whoever writes: writers that come back in step would do so for ever
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - nothing secret
            pause *= 2

    async def history(self) -> list[ControlEvent]:
        """Read all control events so far, in order; see `read_control`."""
        return list((await read_control(self._settings)).events)

    async def _once(self, proposal: Proposal) -> int:
        # Starting the producer fences whoever was writing and settles their transaction: only then is the end of
        # `control` the end (A5).
        async with started_producer(self._settings, f"{self._settings.app_id}-control") as producer:
            history = await self.history()
            payloads = proposal(history)
            number = len(history)
            if not payloads:
                return number
            opened = next((event.data for event in [*history] if isinstance(event.data, LogOpened)), payloads[0])
            if not isinstance(opened, LogOpened):
                message = "the log is not open: run `fitly topics create`"
                raise Broken(message, restart_helps=False)
            now = Millis(int(time.time() * 1000))
            # On an AS_OF log a stamp of today would move the fold's clock by years; stamp 0 leaves it where it is (A6).
            stamp = 0 if opened.clock_mode is ClockMode.AS_OF else None
            _demand_legal(history, payloads, now)
            records: list[Outgoing] = []
            for payload in payloads:
                number += 1
                value = encode_control(number, KINDS[type(payload)], payload, now)
                parse_control(value)  # what a partition could not read must not be written: it would miss the number
                headers = ((SIGNATURE_HEADER, sign(self._settings.signing_key, opened.birth_id, value)),)
                places = [(CONTROL, 0), *((INPUT, partition) for partition in range(opened.partitions))]
                records.extend(Outgoing(topic, None, value, headers, partition, stamp) for topic, partition in places)
            await producer.begin_transaction()
            shipment = Shipment(producer)
            await shipment.outputs(records, {name: self._settings.topic(name) for name in (CONTROL, INPUT)})
            fates = await shipment.close()  # A1: before the commit
            await producer.commit_transaction()
        at_home = self._settings.topic(INPUT)
        self.copies = {fate.partition: fate.offset for fate in fates if fate.topic == at_home}
        await self._visible(max(fate.offset for fate in fates if fate.topic == self._settings.topic(CONTROL)))
        return number

    async def _visible(self, offset: int) -> None:
        """Wait until readers see the transaction of an offset: a commit returns before its markers are written."""
        async with started_reader(self._settings) as reader, asyncio.timeout(REACH_S):
            tp = TopicPartition(self._settings.topic(CONTROL), 0)
            while (await reader.end_offsets([tp]))[tp] <= offset:  # noqa: ASYNC110 - the broker is asked, nobody calls
                await asyncio.sleep(MARKER_S)


def _demand_legal(history: Sequence[ControlEvent], payloads: Sequence[ControlPayload], now: Millis) -> None:
    """Refuse what the partitions would refuse: they ask the same function."""
    trials = lived(history)
    for payload in payloads:
        if concerns(payload):
            trials = moved(trials, payload, now)


KINDS: Final[dict[type[ControlPayload], str]] = {payload: kind for kind, payload in CONTROL_EVENTS.items()}


async def open_log(settings: Settings, clock_mode: ClockMode, partitions: int) -> Generation:
    """Write control records 1 (birth of the log) and 2 (first policy) where the log is not open yet.

    Returns
    -------
    Generation
        Of the log as it is: opening an open log changes nothing.

    Raises
    ------
    Broken
        The log is open under another clock mode.
    """

    def proposal(history: Sequence[ControlEvent]) -> list[ControlPayload]:
        if history:
            return []
        birth = LogOpened(birth_id=str(uuid.uuid4()), clock_mode=clock_mode, partitions=partitions)
        return [
            birth,
            PolicyRevised(
                revision=1,
                policy=Policy(default_level=settings.default_level, sources=settings.sources),
                note="at opening",
            ),
        ]

    sequencer = Sequencer(settings)
    await sequencer.propose(proposal)
    opened = (await sequencer.history())[0].data
    if not isinstance(opened, LogOpened) or opened.clock_mode is not clock_mode:
        message = f"the log under prefix {settings.prefix!r} is not {clock_mode.value}: choose another FITLY_PREFIX"
        raise Broken(message, restart_helps=False)
    return Generation(opened.birth_id, opened.clock_mode, opened.partitions)


def policy_in_force(history: Sequence[ControlEvent]) -> Policy | None:
    """Give the newest policy, None before the first."""
    return next((event.data.policy for event in reversed(history) if isinstance(event.data, PolicyRevised)), None)


async def overruled(settings: Settings) -> list[Problem]:
    """Tell what was set but is not what is in force: the policy alone decides, and an open log has one.

    Raises
    ------
    Broken, Retryable
        As `read_control`.
    """
    wished = settings.model_fields_set & {"default_level", "erasure_sources", "preference_sources"}
    policy = policy_in_force((await read_control(settings)).events) if wished else None
    if policy is None:
        return []
    asked, ruled = settings.sources, policy.sources
    said = {
        "default_level": ("level", settings.default_level.value, policy.default_level.value),
        "erasure_sources": ("sources", _listed(asked.erasure), _listed(ruled.erasure)),
        "preference_sources": ("sources", _listed(asked.preferences), _listed(ruled.preferences)),
    }
    return [
        Problem(
            f"FITLY_{name.upper()} is {here}, the policy in force says {there}",
            f"the setting is read when the log is opened, never after: take it away, or put a policy with that {what} "
            "in force (`fitly policy revise`)",
        )
        for name, (what, here, there) in said.items()
        if name in wished and here != there
    ]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "any"


def last_revision(history: Sequence[ControlEvent]) -> int:
    """Give the number of the newest policy revision, 0 for none."""
    return max((event.data.revision for event in history if isinstance(event.data, PolicyRevised)), default=0)

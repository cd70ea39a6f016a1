"""Simulated learners against a real stack: their days sent round by round, and what was found of them.

Knows how to wait for decisions and where a stack keeps its figures. Must never know what is true of the learners.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fitly.cli import show
from fitly.cli.compared import lay_out
from fitly.core import topics
from fitly.core.errors import Broken, Retryable
from fitly.core.names import event_key
from fitly.core.numbers import Millis, to_datetime, to_millis
from fitly.core.vocabulary import Bin, Context, Mode, Variant
from fitly.local import compared
from fitly.local.found import Decided, Found
from fitly.local.life import Life, Round
from fitly.local.simulate import Population, Standing

if TYPE_CHECKING:
    from fitly.core.rules import ContextPriors
    from fitly.settings import Settings
    from fitly.stream.publish import Publisher

PATIENCE_S: Final = 120.0
"""How long a stack may be silent while something is waited for."""
LOOK_S: Final = 0.5
_REQUEST: Final = "fitly.strategy.requested.v1"
_ENCODE: Final = msgspec.json.Encoder().encode


class Sent(Protocol):
    """A record of strategy-selected, as Kafka's client gives it."""

    @property
    def value(self) -> bytes | None:
        """The decision."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """With ``answers`` where a standing decision is repeated."""


class Consumer:
    """An application of the simulated learners: keeps what stands, and notices which requests were answered."""

    def __init__(self, selected: AsyncIterator[Sent]) -> None:
        self.standing: dict[tuple[str, Context], Standing] = {}
        self._selected = selected
        self._awaited: set[str] = set()
        self._asked: set[str] = set()

    def stands(self, user_id: str, context: Context) -> Standing | None:
        """Give the newest decision that was heard."""
        return self.standing.get((user_id, context))

    def ask(self, key: str) -> None:
        """Await the answer to a request; a repeat of one gets none."""
        if key not in self._asked:
            self._asked.add(key)
            self._awaited.add(key)

    async def answered(self) -> None:
        """Wait until every request is answered.

        Raises
        ------
        Retryable
            Nothing was heard for a long time: nobody decides.
        """
        while self._awaited:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    record = await anext(self._selected)
            except TimeoutError:
                message = (
                    f"{len(self._awaited):,} requests are not answered and nothing was decided for {PATIENCE_S:g} s: "
                    "is the worker running? `fitly doctor` tells"
                )
                raise Retryable(message) from None
            if record.value is not None:
                self._hear(record.value, dict(record.headers).get("answers"))

    def _hear(self, value: bytes, answers: bytes | None) -> None:
        data = json.loads(value)["data"]
        variant = data["strategy_variant"]
        shown = Standing(data["decision_id"], data["apply"], None if variant is None else Variant(variant))
        self.standing[data["user_id"], Context(data["context"])] = shown
        self._awaited.discard(data["cause"]["event_id"] if answers is None else answers.decode())


async def lived(settings: Settings, life: Life) -> Mapping[str, int]:
    """Live a population's days on an AS_OF log, each round after the decisions of the one before.

    Returns
    -------
    mapping
        Events sent, by what they are.

    Raises
    ------
    Broken
        The log's clock is past the first of these days.
    Refused
        The log is LIVE.
    Retryable
        Nobody decides, or the broker cannot be reached.
    """
    from fitly.stream import publish, read  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    async with (
        publish.Publisher(settings, as_of=True) as publisher,
        read.following(settings, topics.SELECTED) as selected,
    ):
        now = await publisher.now_of(life.learners[0].user_id.encode())
        if now > life.start:
            message = (
                f"the log's clock is at {to_datetime(Millis(now)):%Y-%m-%d %H:%M}, past the first of these days: "
                "name a later one with --start, or leave --days out to report of what was sent"
            )
            raise Broken(message, restart_helps=False)
        consumer = Consumer(selected)
        with _progress() as bar:
            task = bar.add_task("days", total=life.days * 2)
            for each in life.rounds(consumer.stands):
                await _send(publisher, consumer, each)
                bar.update(task, advance=1)
    return life.sent


async def _send(publisher: Publisher, consumer: Consumer, each: Round) -> None:
    """Send a round's arrivals with their stamps and the ticks between, and wait for the answers."""
    for at, _, event in each.arrivals:
        if event["type"] == _REQUEST:
            consumer.ask(event_key(event["source"], event["id"]))
        await publisher.send(event["subject"].encode(), _ENCODE(event), at)
    await publisher.advance(each.end - 1)
    await publisher.flush()
    await consumer.answered()


def _progress() -> Progress:
    columns = (TextColumn("living"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} half days"))
    return Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=show.console(err=True), transient=True
    )


async def bins(settings: Settings) -> dict[str, int]:
    """Give the ledger of all partitions, as Postgres has it."""
    from fitly import store  # noqa: PLC0415 - SQLAlchemy is not loaded for `--help`

    return dict((await store.status(settings.database_url)).bins)


async def report(
    settings: Settings,
    people: Population,
    days: int | None,
    start: datetime | None,
    before: Mapping[str, int],
    sent: Mapping[str, int],
    as_json: bool,  # noqa: FBT001 - an option of the command, passed on
) -> bool:
    """Compare what the stack found with the truth, and print it; give whether every event is where it belongs."""
    after = await _settled(settings, before, sum(sent.values()))
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    decided = await _decided(settings, people)
    if not decided:
        message = f"nothing was decided for learners {people.user_id(0)} and on: simulate first, or name their --seed"
        raise Broken(message, restart_helps=False)
    begun, ended = min(one.at for one in decided), max(one.at for one in decided)
    start = start or to_datetime(begun)
    found = Found(people, days=days or max(1, -(-(ended - begun) // 86_400_000)), start=start)
    for one in decided:
        found.add(one)
    lines = compared.ledger(sent, grown) if sent else []
    document = compared.document(found, await _priors(settings), lines)
    if as_json:
        show.document(document)
    else:
        lay_out(document, show.console())
    return all(line.holds for line in lines)


async def _settled(settings: Settings, before: Mapping[str, int], sent: int) -> dict[str, int]:
    """Wait until what was sent is in Postgres; give the ledger."""
    last, since = dict(before), time.monotonic()
    while True:
        now = await bins(settings)
        if now != last:
            last, since = now, time.monotonic()
        events = sum(count - before.get(name, 0) for name, count in now.items() if name != Bin.SYSTEM)
        quiet = time.monotonic() - since
        if events >= sent and quiet >= 2 * LOOK_S:
            return now
        if quiet > PATIENCE_S:
            message = f"{events:,} of {sent:,} events are in Postgres, and no more came for {PATIENCE_S:g} s"
            raise Retryable(message + ": are worker and sink running? `fitly doctor` tells")
        await asyncio.sleep(LOOK_S)


async def _decided(settings: Settings, people: Population) -> list[Decided]:
    from fitly import store  # noqa: PLC0415

    prefix = people.user_id(0).removesuffix("00000")
    async with store.snapshot(settings.database_url) as rows:
        return [
            Decided(
                user, Context(context), Mode(mode), None if arm is None else Variant(arm), confidence, to_millis(at)
            )
            async for user, context, mode, arm, confidence, at in rows.decided(prefix)
        ]


async def _priors(settings: Settings) -> dict[Context, ContextPriors]:
    """Give what control events said last of each context."""
    from fitly.core.events import PriorsRevised  # noqa: PLC0415
    from fitly.stream.generation import read_control  # noqa: PLC0415

    events = (await read_control(settings)).events
    return {event.data.context: event.data.priors for event in events if isinstance(event.data, PriorsRevised)}

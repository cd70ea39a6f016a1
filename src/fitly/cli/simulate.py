"""``fitly simulate``: made-up learners whose true effects are known, live against a stack or offline into a file.

Knows pace and where the events go. Must never know what a learner does (that is ``local.simulate``).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Final
from uuid import uuid4

import click

from fitly import bootstrap, logs
from fitly.bootstrap import Need
from fitly.cli.options import configured, run
from fitly.core import topics
from fitly.core.errors import Broken
from fitly.core.vocabulary import ClockMode, Context, Variant
from fitly.local.simulate import START, Oracle, Population, Standing, live, offline
from fitly.settings import Settings

PACE_S: Final = 0.02
"""How often the live simulator catches up with its rate."""


@click.command(short_help="Make learners up: live, or into a file.")
@click.option("--learners", type=click.IntRange(min=1), default=500, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Names abilities, habits and luck.")
@click.option("--days", type=click.IntRange(min=1), help="Write the events of so many days and send nothing.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    help=f"First of those days (default {START:%Y-%m-%d}).",
    metavar="DATE",
)
@click.option(
    "--out", type=click.File("w", lazy=True), default="-", help="Where to write them (default: standard output)."
)
@click.option(
    "--rate", type=click.FloatRange(min=0.01), default=20.0, show_default=True, help="Live: events per second."
)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Live: how long (default: until Ctrl-C).")
@configured()
def simulate(
    settings: Settings,
    *,
    learners: int,
    seed: int,
    days: int | None,
    start: datetime | None,
    out: IO[str],
    rate: float,
    seconds: float | None,
) -> None:
    """Simulate learners with known abilities and known effects of each strategy.

    With --days the events go to a file, in order of time: the same seed gives the same bytes. Nobody decides there, so
    outcomes are those of learners left alone; publish the file to a stack made by `up --as-of`. Without --days the
    learners live now, ask the stack at hand, and react to what it decides.
    """
    if days is not None:
        people = Population(size=learners, seed=seed, run=f"offline-{seed}")
        first = START if start is None else start.replace(tzinfo=UTC)
        out.writelines(
            json.dumps(event, separators=(",", ":")) + "\n" for event in offline(people, days=days, start=first)
        )
        return
    bootstrap.demand(settings, (Need.KAFKA, Need.KEY))
    logs.set_up(settings, "simulate")
    people = Population(size=learners, seed=seed, run=str(uuid4()))
    try:
        sent = run(_live(settings, people, rate, seconds))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
    click.echo(f"sent {sent:,} events of {learners:,} learners", err=True)


async def _live(settings: Settings, people: Population, rate: float, seconds: float | None) -> int:
    """Send events at a rate, reacting to decisions as they come; give how many were sent."""
    from fitly.stream.publish import Publisher  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    standing: dict[tuple[str, str], Standing] = {}
    async with Publisher(settings, as_of=None) as publisher:
        if publisher.clock_mode is ClockMode.AS_OF:
            message = "this log is AS_OF, made for old data: simulate with --days into a file and publish that"
            raise Broken(message, restart_helps=False)
        listener = asyncio.create_task(_listen(settings, standing))
        events = live(people, standing=_oracle(standing), now=lambda: datetime.now(UTC))
        begun, sent = time.monotonic(), 0
        try:
            while seconds is None or time.monotonic() - begun < seconds:
                if listener.done():
                    listener.result()
                due = int((time.monotonic() - begun) * rate) - sent
                for _ in range(due):
                    event = next(events)
                    await publisher.send(event["subject"].encode(), json.dumps(event).encode(), None)
                sent += max(due, 0)
                await asyncio.sleep(PACE_S)
        finally:
            listener.cancel()
        await publisher.flush()
    return sent


def _oracle(standing: Mapping[tuple[str, str], Standing]) -> Oracle:
    return lambda user_id, context: standing.get((user_id, context.value))


async def _listen(settings: Settings, standing: dict[tuple[str, str], Standing]) -> None:
    """Keep what stands, as a consumer of strategy-selected would."""
    from fitly.stream import read  # noqa: PLC0415

    starts = {partition: start for partition, (start, _) in (await read.bounds(settings, topics.SELECTED)).items()}
    async for record in read.follow(settings, topics.SELECTED, start=starts):
        if record.value is None:
            continue
        data = json.loads(record.value)["data"]
        variant = data["strategy_variant"]
        key = (data["user_id"], Context(data["context"]).value)
        standing[key] = Standing(data["decision_id"], data["apply"], Variant(variant) if variant else None)

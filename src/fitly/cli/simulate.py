"""``fitly simulate``: made-up learners whose true effects are known; live, day by day on old time, or into a file.

Knows pace and where the events go. Must never know what a learner does (that is ``local.simulate``), nor how what was
found is held against the truth (``local.compared``).
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
from fitly.cli import simulated
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit
from fitly.core import topics
from fitly.core.errors import Broken
from fitly.core.vocabulary import ClockMode, Context, Variant
from fitly.local.life import Life
from fitly.local.simulate import START, Oracle, Population, Standing, live, nothing_stands
from fitly.local.worlds import WORLDS
from fitly.settings import Settings

PACE_S: Final = 0.02
"""How often the live simulator catches up with its rate."""


@click.command(short_help="Make learners up: live, on old time, or into a file.")
@click.option("--learners", type=click.IntRange(min=1), default=500, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Names abilities, habits and luck.")
@click.option(
    "--world",
    type=click.Choice(list(WORLDS)),
    default="everyday",
    show_default=True,
    help="What is true of them: " + "; ".join(f"{name}: {world.help}" for name, world in WORLDS.items()) + ".",
)
@click.option("--days", type=click.IntRange(min=1), help="Live so many days of old time, on a stack of `up --as-of`.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    help=f"First of those days (default {START:%Y-%m-%d}).",
    metavar="DATE",
)
@click.option(
    "--out", type=click.File("w", lazy=True), help="Write those days to a file (- for standard output), send nothing."
)
@click.option(
    "--rate", type=click.FloatRange(min=0.01), default=20.0, show_default=True, help="Live: events per second."
)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Live: how long (default: until Ctrl-C).")
@click.option("--report", is_flag=True, help="Compare what Fitly found with the truth; alone: of what was sent before.")
@as_json
@configured()
def simulate(
    settings: Settings,
    *,
    learners: int,
    seed: int,
    world: str,
    days: int | None,
    start: datetime | None,
    out: IO[str] | None,
    rate: float,
    seconds: float | None,
    report: bool,
    as_json: bool,
) -> None:
    """Simulate learners with known abilities and known effects of each strategy.

    Without --days the learners live now, ask the stack at hand, and react to what it decides. With --days they live so
    many days of old time, on a stack made by `up --as-of`, as fast as it decides: what each does next depends on what
    stands for them. With --out nobody decides: the events of learners left alone go to a file, in order of time, and
    the same seed gives the same bytes.

    --report compares what Fitly found with the truth, after what was sent; with neither --days nor --seconds it sends
    nothing. Status 1 where events are in other bins than they belong in.
    """
    first = START if start is None else start.replace(tzinfo=UTC)
    people = Population(size=learners, seed=seed, run=f"offline-{seed}", world=WORLDS[world])
    if out is not None:
        _write(people, days or 1, first, out)
        return
    bootstrap.demand(settings, (Need.KAFKA, Need.KEY, *((Need.DATABASE,) if report else ())))
    logs.set_up(settings, "simulate")
    sent: Mapping[str, int] = {}
    before = run(simulated.bins(settings)) if report else {}
    try:
        if days is not None:
            sent = run(simulated.lived(settings, Life(people, days=days, start=first)))
        elif seconds is not None or not report:
            people = Population(size=learners, seed=seed, run=str(uuid4()), world=WORLDS[world])
            sent = {"event": run(_live(settings, people, rate, seconds))}
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
    if sent:
        click.echo(f"sent {sum(sent.values()):,} events of {learners:,} learners", err=True)
    if report:
        holds = run(simulated.report(settings, people, days, None if days is None else first, before, sent, as_json))
        raise click.exceptions.Exit(Exit.DONE if holds else Exit.NO)


def _write(people: Population, days: int, start: datetime, out: IO[str]) -> None:
    """Write the events of learners left alone, in order of arrival."""
    for each in Life(people, days=days, start=start).rounds(nothing_stands):
        out.writelines(json.dumps(arrival.event, separators=(",", ":")) + "\n" for arrival in each.arrivals)


async def _live(settings: Settings, people: Population, rate: float, seconds: float | None) -> int:
    """Send events at a rate, reacting to decisions as they come; give how many were sent."""
    from fitly.stream.publish import Publisher  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    standing: dict[tuple[str, str], Standing] = {}
    async with Publisher(settings, as_of=None) as publisher:
        if publisher.clock_mode is ClockMode.AS_OF:
            message = "this log is AS_OF, made for old data: simulate with --days, which live on old time"
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

"""``fitly publish``: a file of events, validated line by line and sent.

Knows lines and how to tell what was refused. Must never know Kafka's client, nor the contract it validates by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import configured, run
from fitly.cli.program import Exit
from fitly.core.errors import Broken, Refused
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings

TOLD: Final = 10
"""How many refused lines are told one by one; the rest are counted."""


REMEDIES: Final = {
    ClockMode.LIVE: "the log is LIVE, its broker stamps records: leave --as-of-event-time out, or publish to "
    "a stack made by `fitly up --as-of`",
    ClockMode.AS_OF: "the log is AS_OF, its records carry the time of their events: say --as-of-event-time",
}


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def refuse(self, number: int, refused: Refused) -> None:
        """Count a refused line, and remember the first ones' words."""
        self.refused[refused.reason] += 1
        if len(self.told) < TOLD:
            self.told.append(f"line {number}: {refused.reason}: {refused.detail}")


@click.command(short_help="Validate and publish a file of events.")
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option(
    "--as-of-event-time",
    "as_of",
    is_flag=True,
    help="Give each record the time of its event: for old data, in order of time, on a stack made by `up --as-of`.",
)
@configured(Need.KAFKA, Need.KEY)
def publish(settings: Settings, *, file: IO[bytes], as_of: bool) -> None:
    """Publish FILE, one CloudEvent in JSON per line (- for standard input).

    Each line is validated first; what is refused is told with its line and field and not sent, the others are. Status 1
    where something was refused.
    """
    tally = Tally()
    run(_publish(settings, file, tally, as_of=as_of))
    click.echo(f"published {tally.sent:,} events to {settings.topic('learner-events')}")
    if tally.refused:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in tally.refused.most_common())
        more = sum(tally.refused.values()) - len(tally.told)
        told = [*tally.told, *([f"and {more:,} more"] if more else [])]
        click.echo(f"refused {sum(tally.refused.values()):,} lines ({reasons}):\n  " + "\n  ".join(told), err=True)
        raise click.exceptions.Exit(Exit.NO)


async def _publish(settings: Settings, file: IO[bytes], tally: Tally, *, as_of: bool) -> None:
    from fitly.stream.generation import read_generation  # noqa: PLC0415 - Kafka's client is not loaded for `--help`
    from fitly.stream.publish import Publisher  # noqa: PLC0415
    from fitly.wire.events import parse_event  # noqa: PLC0415

    mode = (await read_generation(settings)).clock_mode
    if as_of is not (mode is ClockMode.AS_OF):
        raise Broken(REMEDIES[mode], restart_helps=False)
    async with Publisher(settings, as_of=as_of) as publisher:
        with _progress(file) as lines:
            for number, raw in lines:
                line = raw.strip()
                if not line:
                    continue
                try:
                    event = parse_event(line)
                    await publisher.send(event.user_id.encode(), line, event.time if as_of else None)
                except Refused as refused:
                    tally.refuse(number, refused)
                else:
                    tally.sent += 1


@contextmanager
def _progress(file: IO[bytes]) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Give the lines with their numbers, and show on standard error how far they are taken."""
    columns = (TextColumn("publishing"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=show.console(err=True), transient=True) as bar:
        total = sum(1 for _ in file) if file.seekable() else None
        if total is not None:
            file.seek(0)
        task = bar.add_task("lines", total=total)

        def lines() -> Iterator[tuple[int, bytes]]:
            for number, raw in enumerate(file, 1):
                yield number, raw
                bar.update(task, completed=number)

        yield lines()

"""``fitly up``: everything on this machine, supervised, until Ctrl-C.

Knows which roles make a stack and what to tell whoever started it. Must never know how a server or a role is started,
restarted or stopped (that is ``local.Stack``).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from fitly import bootstrap
from fitly.cli.options import run
from fitly.cli.pulse import Pulse, scrape
from fitly.cli.show import console
from fitly.core.errors import Broken
from fitly.core.vocabulary import ClockMode
from fitly.local.ports import choose_neighbours, choose_port
from fitly.local.roles import ReadyCheck, Restart, Role
from fitly.local.stack import Stack
from fitly.local.telling import ConsoleTeller
from fitly.settings import Settings


@click.command(short_help="Everything on this machine, until Ctrl-C.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder that keeps everything (default: FITLY_DATA, else .fitly); the next `up` goes on from there.",
)
@click.option("--ephemeral", is_flag=True, help="Keep nothing: a temporary folder (inside DIR where --data is given).")
@click.option("--as-of", is_flag=True, help="Make a stack for old data, whose records carry the time of their events.")
@click.option(
    "--simulate", type=click.FloatRange(min=0.01), metavar="RATE", help="Simulated learners, events per second."
)
@click.option("--seconds", type=click.FloatRange(min=0.1), metavar="N", help="Stop by itself after so many seconds.")
def up(*, data: Path | None, ephemeral: bool, as_of: bool, simulate: float | None, seconds: float | None) -> None:
    """Start a real Kafka, a real Postgres, a worker and a sink on this machine, and stop them all on Ctrl-C.

    The first start downloads Kafka (44 MB); later ones need no network. Addresses and keys are written to
    DIR/endpoints.json, by which every other command finds the stack with --data DIR.
    """
    if as_of and simulate is not None:
        message = "simulated learners live now, an --as-of stack holds old data: leave one of the two out"
        raise click.UsageError(message)
    folder = data if ephemeral else data or Settings().data
    run(_up(folder, ephemeral=ephemeral, as_of=as_of, simulate=simulate, seconds=seconds))


async def _up(
    folder: Path | None, *, ephemeral: bool, as_of: bool, simulate: float | None, seconds: float | None
) -> None:
    from fitly.stream import control  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    screen = console(err=True)
    teller = ConsoleTeller(screen)
    async with Stack(folder, ephemeral=ephemeral, teller=teller) as stack:
        settings = bootstrap.configured(stack.directory)
        teller.say(f"Kafka and Postgres are up in {stack.directory}; preparing topics and tables")
        mode = await bootstrap.prepare(settings, ClockMode.AS_OF if as_of else None)
        for overruled in await control.overruled(settings):
            teller.say(f"{overruled.what}: {overruled.remedy}")
        if simulate is not None and mode is ClockMode.AS_OF:
            message = f"{stack.directory} holds an AS_OF log, made for old data: simulate in another folder"
            raise Broken(message, restart_helps=False)
        worker = choose_neighbours(len(bootstrap.crew_of(settings)))
        pages = {"worker": worker[0], "sink": choose_port(taken=worker)}
        for name, port in pages.items():
            await stack.add(_role(name, (), port))
        if simulate is not None:
            await stack.add(_role("simulate", ("--rate", f"{simulate:g}")))
        click.echo(welcome(settings, mode, pages, ephemeral=ephemeral, simulated=simulate is not None))
        pulse = Pulse(screen, settings, pages, lambda: stack.statuses)
        beating = asyncio.create_task(pulse.beat())
        try:
            async with asyncio.timeout(seconds):
                await stack.wait()
        except TimeoutError:
            teller.say(f"{seconds:g} seconds are over: stopping")
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            teller.say(pulse.summary())
    teller.say("everything is stopped" + ("; nothing is kept" if ephemeral else f"; {stack.directory} keeps the data"))


def _role(name: str, arguments: tuple[str, ...], port: int | None = None) -> Role:
    """Make a role of this very program; its metrics page tells when it is ready."""
    argv = (sys.executable, "-m", "fitly", name, *arguments)
    if port is None:
        return Role(name, argv, restart=Restart.ON_FAILURE)
    return Role(name, argv, env={"FITLY_METRICS_PORT": str(port)}, ready=_answers(name, port))


def _answers(name: str, port: int) -> ReadyCheck:
    async def ready() -> bool:
        figures = await asyncio.to_thread(scrape, port)
        return figures is not None and (name != "worker" or figures.get("fitly_partitions", 0) > 0)

    return ready


def welcome(settings: Settings, mode: ClockMode, pages: Mapping[str, int], *, ephemeral: bool, simulated: bool) -> str:
    """Say where everything is and what can be done with it."""
    folder = settings.data
    program = _program()
    where = "" if folder.absolute() == Path(".fitly").absolute() else f" --data {folder}"
    somebody = "sim-1-00001" if simulated else "ada"
    kept = "gone after the end" if ephemeral else "kept"
    tries = [
        ("tail strategy-selected", "decisions as they are made"),
        (f"request {somebody} mission", "ask for one, as an application would"),
        (f"table contexts {somebody}", "what is known of a learner"),
        ("tail rejected-events --no-follow", "what was refused, and why"),
        ("doctor", "health, with remedies"),
        ("verify --replay", "the proof: bins, Postgres, and the whole log folded again"),
    ]
    if mode is ClockMode.AS_OF:
        tries.insert(0, ("publish FILE --as-of-event-time", "old events, in order of time"))
    elif not simulated:
        tries.insert(0, ("simulate --rate 20", "learners who live now"))
    width = max(len(verb) for verb, _ in tries)
    lines = [
        "",
        f"  Kafka     {settings.kafka_bootstrap}",
        f"  Postgres  {settings.database_url.replace('+asyncpg', '')}",
        f"  Metrics   {'  '.join(f'{name} http://127.0.0.1:{port}/metrics' for name, port in pages.items())}",
        f"  Data      {folder}  ({kept}; the log is {mode.value})",
        f"  Logs      {folder / 'logs'}",
        "",
        "What you can do now, in another terminal:",
        *(f"  {program} {verb}{where}{' ' * (width - len(verb))}   {what}" for verb, what in tries),
        "",
        "Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


def _program() -> str:
    """Give the words by which this program was started."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{Path(sys.executable).name} -m fitly"
    try:
        return str(started.relative_to(Path.cwd())) if started.is_absolute() else str(started)
    except ValueError:
        return str(started)

"""``fitly verify``: the whole held against itself from outside.

Knows which proofs there are and how to print what they found. Must never know how one is made.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import click
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.cli.proof.findings import Finding
    from fitly.cli.proof.tables import Tables

POLL_S: Final = 0.3


@click.command(short_help="Prove that log, tables and Postgres agree.")
@click.option("--replay", is_flag=True, help="Fold the whole log again and compare rows and outputs byte for byte.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long worker and sink may take to catch up with what stands now.",
)
@click.option("--erased", metavar="ID", help="Instead: tell where an erased learner's id still stands, and until when.")
@as_json
@configured(Need.KAFKA, Need.DATABASE, Need.KEY)
def verify(settings: Settings, *, replay: bool, patience: float, erased: str | None, as_json: bool) -> None:
    """Prove from outside that nothing is lost, doubled or changed.

    Every record absorbed is in one bin; every refused one in rejected-events; every selected event has one cause; every
    outcome event one answer; the population's sums are those of the partitions; Postgres holds what tables and topics
    say. With --replay the pure core folds the log again and must give the same rows and the same words. Status 1, with
    the first differences, where one of these is not so.

    With --erased topics and tables are searched for an id instead; status 1 where it stands and nothing takes it away.
    """
    if erased is not None:
        _search(settings, erased, as_json=as_json)
        return
    with Progress(
        TextColumn("{task.description:<26}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=show.console(err=True),
        transient=True,
    ) as bar:
        tables, findings = run(_prove(settings, Steps(bar), patience, replay=replay))
    if as_json:
        document(tables, findings)
    else:
        tell(tables, findings)
    if not all(finding.holds for finding in findings):
        raise click.exceptions.Exit(Exit.NO)


def _search(settings: Settings, user: str, *, as_json: bool) -> None:
    """Tell where an id stands."""
    from fitly.cli import saying  # noqa: PLC0415 - Kafka's client is not loaded for `--help`
    from fitly.cli.expand import moment  # noqa: PLC0415
    from fitly.cli.proof import traces  # noqa: PLC0415

    marker = run(saying.known(settings, user)).marker
    found = run(traces.search(settings, user))
    gone = all(one.leaves for one in found)
    if as_json:
        stands = [one.document() for one in found]
        show.document(
            {"user_id": user, "erased_at": moment(marker.at) if marker else None, "gone": gone, "stands": stands}
        )
    else:
        click.echo(f"erased at {moment(marker.at)}" if marker else "not erased, or come back since")
        for one in found:
            mark = click.style("✓", fg="green") if one.leaves else click.style("✗", fg="red")
            until = "nothing takes it away" if one.until is None else f"until {moment(one.until)}"
            click.echo(f"{mark} {one.where}: {one.records:,} ({one.why}; {until})")
        click.echo("" if found else "the id stands nowhere", nl=not found)
    if not gone:
        raise click.exceptions.Exit(Exit.NO)


class Steps:
    """The progress that is shown: a bar per thing that is read."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far something is."""
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)


async def _prove(settings: Settings, step: Steps, patience: float, *, replay: bool) -> tuple[Tables, list[Finding]]:
    from fitly.cli.proof import population, postgres  # noqa: PLC0415 - nothing of this is loaded for `--help`
    from fitly.cli.proof.log import Bounds, Log  # noqa: PLC0415

    bounds = await Bounds.now(settings)
    tables, caught_up = await _absorbed(settings, bounds.ends_of("learner-events"), step, patience)
    log = Log(settings, tables, bounds, step, replay=replay)
    findings = [caught_up, *await log.prove(), *await population.prove(settings, tables, patience, step)]
    findings += await postgres.prove(settings, patience, step)
    return tables, findings


async def _absorbed(settings: Settings, ends: dict[int, int], step: Steps, patience: float) -> tuple[Tables, Finding]:
    """Read the tables once the worker has absorbed what stands, or when patience ends."""
    from fitly.cli.proof.findings import Finding  # noqa: PLC0415
    from fitly.cli.proof.tables import Tables  # noqa: PLC0415

    finding = Finding("worker", "the worker has absorbed the log as it stood")
    tables = Tables(settings)
    deadline = time.monotonic() + patience
    total = sum(ends.values())
    while True:
        await tables.advance()
        waiting = await tables.behind(ends)
        step("tables", total - sum(waiting.values()), total)
        if not waiting or time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_S)
    finding.looked_at = total
    for partition, count in waiting.items():
        finding.differ(f"learner-events-{partition}", "", "all records absorbed", f"{count:,} records wait")
    if waiting:
        finding.notes.append("is a worker running? `fitly doctor` tells; --patience waits longer")
    return tables, finding


def document(tables: Tables, findings: list[Finding]) -> None:
    """Print everything as JSON."""
    from fitly.cli.proof.ledgers import bins_of  # noqa: PLC0415

    partitions = {
        str(partition): {
            "position": tables.position(partition).offset,
            "read": tables.ledger(partition).read,
            "bins": tables.ledger(partition).bins,
        }
        for partition in tables.partitions
    }
    show.document(
        {
            "holds": all(finding.holds for finding in findings),
            "bins": bins_of(tables),
            "partitions": partitions,
            "checks": [finding.document() for finding in findings],
        }
    )


def tell(tables: Tables, findings: list[Finding]) -> None:
    """Print bins and findings for people."""
    from fitly.cli.proof.ledgers import bins_of  # noqa: PLC0415

    bins = bins_of(tables)
    click.echo(f"{sum(bins.values()):,} records: " + (", ".join(f"{name} {count:,}" for name, count in bins.items())))
    for finding in findings:
        mark = click.style("✓", fg="green") if finding.holds else click.style("✗", fg="red")
        click.echo(f"{mark} {finding.claim}  ({finding.looked_at:,} looked at)")
        for note in finding.notes:
            click.echo(f"    note: {note}")
        for one in finding.first:
            part = f", {one.field}" if one.field else ""
            click.echo(f"    {one.where}{part}:\n      expected {one.expected}\n      found    {one.found}")
        if finding.wrong > len(finding.first):
            click.echo(f"    and {finding.wrong - len(finding.first):,} more")

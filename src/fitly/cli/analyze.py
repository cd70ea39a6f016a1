"""``fitly analyze``: a finished experiment from a file, through the statistics of the live one.

Knows options and the progress bar. Must never know rows, nor figures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from stat import S_ISREG
from typing import IO, TYPE_CHECKING, Final

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fitly.cli import show
from fitly.cli.options import as_json
from fitly.cli.program import Exit

if TYPE_CHECKING:
    from fitly.cli.analysis.documents import Document
    from fitly.cli.analysis.plan import Plan
    from fitly.cli.analysis.reading import Progressed
    from fitly.cli.analysis.trial import Columns, Trial


EXAMPLES: Final = """\b
Examples:
  fitly analyze trial.csv --unit pupil --arm variant --metric score,passed
  fitly analyze trial.csv --unit pupil --arm variant --metric passed --control old --weights old=0.8,new=0.2
  fitly analyze classes.csv --unit pupil --arm variant --metric score --cluster class --covariate pretest
  fitly analyze log.csv --unit user --arm item --metric click --propensity p --target uniform --json
"""


@click.command(short_help="Analyze a finished experiment from a CSV file.", epilog=EXAMPLES)
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option("--unit", required=True, metavar="C", help="Column that says whose row it is.")
@click.option("--arm", required=True, metavar="C", help="Column that says which arm the unit is in.")
@click.option(
    "--metric",
    "metrics",
    required=True,
    multiple=True,
    metavar="C[,C...]",
    help="Columns of what was measured; the first is the primary metric. May be repeated.",
)
@click.option("--control", metavar="ARM", help="The arm that others are compared with (default: the first by name).")
@click.option("--weights", metavar="A=W,B=W", help="What each arm's share should be, of all arms (default: equal).")
@click.option("--covariate", metavar="C", help="Column known before the experiment: adjusts by CUPED, and correlates.")
@click.option(
    "--cluster",
    metavar="C",
    help="Column of the group that was randomized: cluster-robust errors, ratio over clusters.",
)
@click.option("--order", metavar="C", help="Look in the order of this column (default: the order of the file).")
@click.option(
    "--tuning",
    type=click.FloatRange(min=1),
    default=5_000,
    show_default=True,
    metavar="N",
    help="Planned size of two arms together: always-valid intervals are narrowest there.",
)
@click.option("--propensity", metavar="C", help="Column of the logged chance of the arm: rows are decisions and stay.")
@click.option("--target", metavar="uniform|ARM", help="Policy to estimate from logged propensities (default: uniform).")
@as_json
def analyze(
    *,
    file: IO[bytes],
    unit: str,
    arm: str,
    metrics: tuple[str, ...],
    control: str | None,
    weights: str | None,
    covariate: str | None,
    cluster: str | None,
    order: str | None,
    tuning: float,
    propensity: str | None,
    target: str | None,
    as_json: bool,
) -> None:
    """Analyze FILE, a CSV with a header, plain or gzip (- for standard input): a finished experiment.

    A metric of 0 and 1, or true and false, is binary. Missing values are left out and counted; several rows of a unit
    become their mean, and count once, when the last of them is read; a unit in two arms is left out. What every figure
    is, and the keys of --json, is told in docs/analyze.md. Status 1 where the arms' sizes are not what they should be.
    """
    if target is not None and propensity is None:
        raise click.UsageError("--target estimates from logged propensities: name their column by --propensity")
    from fitly.cli.analysis.trial import Columns  # noqa: PLC0415 - the statistics are not loaded for `--help`

    columns = Columns(
        unit=unit,
        arm=arm,
        metrics=_names(metrics),
        covariate=covariate,
        cluster=cluster,
        order=order,
        propensity=propensity,
    )
    plan = _plan(control, weights, tuning, target)
    _analyze(file, columns, plan, as_json=as_json)


def _plan(control: str | None, weights: str | None, tuning: float, target: str | None) -> Plan:
    from fitly.cli.analysis.plan import UNIFORM, Plan, shares  # noqa: PLC0415
    from fitly.core.statistics.sequential import Tuning  # noqa: PLC0415

    try:
        wanted = None if weights is None else shares(weights)
    except ValueError as error:
        raise click.UsageError(f"--weights: {error}") from None
    return Plan(control=control, weights=wanted, tuning=Tuning(planned=tuning), target=target or UNIFORM)


def _analyze(file: IO[bytes], columns: Columns, plan: Plan, *, as_json: bool) -> None:
    from fitly.cli.analysis.answer import answer  # noqa: PLC0415
    from fitly.cli.analysis.reading import read  # noqa: PLC0415
    from fitly.cli.analysis.shown import lay_out  # noqa: PLC0415

    with _progress(file) as progressed:
        trial = read(file, columns, progressed)
    document = answer(trial, plan)
    _warn(trial)
    if as_json:
        _caution(document)
        show.document(document)
    else:
        lay_out(document, show.console())
    if document["srm"]["alarm"]:
        raise click.exceptions.Exit(Exit.NO)


def _names(metrics: tuple[str, ...]) -> list[str]:
    """Give the metrics, each once."""
    from fitly.cli.analysis.plan import names as split  # noqa: PLC0415

    try:
        names = list(dict.fromkeys(name for given in metrics for name in split(given)))
    except ValueError as error:
        raise click.UsageError(f"--metric: {error}") from None
    if "" in names:
        raise click.UsageError("--metric names an empty column: write C or C,C")
    if "n" in names:
        raise click.UsageError("a metric called 'n' would hide an arm's size in the answer: rename the column")
    return names


def _warn(trial: Trial) -> None:
    """Say on standard error what ought to be looked at."""
    said = list(trial.told)
    if len(trial.arms) == 1:
        said.append(f"there is one arm only, {trial.arms[0]!r}: nothing to compare it with")
    if not trial.arms:
        left_out = ", ".join(f"{reason} {count:,}" for reason, count in trial.skipped.items())
        said.append(f"no row could be used: {left_out}" if trial.rows else "there is no row below the header")
    for one in said:
        click.echo(one, err=True)


def _caution(document: Document) -> None:
    """Say on standard error what the text says beside off-policy estimates."""
    from fitly.cli.analysis.logged import CAUTIONS, Caution  # noqa: PLC0415

    for one in document.get("offpolicy", {}).get("warnings", ()):
        click.echo(f"off-policy estimates: {CAUTIONS[Caution(one)]}", err=True)


@contextmanager
def _progress(file: IO[bytes]) -> Iterator[Progressed]:
    """Show on standard error, on a terminal, how far the file is read."""
    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = show.console(err=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        size = _size(file)
        task = bar.add_task("bytes", total=size)
        yield lambda: bar.update(task, completed=0 if size is None else file.tell())


def _size(file: IO[bytes]) -> int | None:
    """Give a file's size; None for a pipe."""
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return None
    return found.st_size if S_ISREG(found.st_mode) else None

"""``fitly doctor``: what is amiss, each with its remedy.

Knows the list of questions. Must never know how one is answered: each is a function of ``examining``.
"""

from __future__ import annotations

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit
from fitly.settings import Settings


@click.command(short_help="What is amiss, each with its remedy.")
@as_json
@configured(Need.KAFKA)
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Look at broker, topics, key, clock, database, lags, refusals, foreign producers and disk.

    Status 0 where all is well, 1 where something is not, 3 where Kafka itself cannot be reached.
    """
    from fitly.cli import examining  # noqa: PLC0415 - nothing of this is loaded for `--help`

    answers = run(examining.examine(settings))
    if as_json:
        show.document(
            [{"question": one.question, "well": one.well, "told": one.told, "remedy": one.remedy} for one in answers]
        )
    else:
        for one in answers:
            mark = click.style("✓", fg="green") if one.well else click.style("✗", fg="red")
            click.echo(f"{mark} {one.question}: {one.told}")
            if one.remedy:
                click.echo(f"    → {one.remedy}")
    if not all(one.well for one in answers):
        raise click.exceptions.Exit(Exit.NO)

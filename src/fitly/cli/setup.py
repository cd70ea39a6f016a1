"""``fitly topics`` and ``fitly db``: make what the roles need, and check that it is so.

Knows the two families of set-up verbs. Must never know a topic or a table by name.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit
from fitly.core.problems import Problem
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings


def report(problems: Iterable[Problem], fine: str, *, as_json: bool) -> None:
    """Print problems with their remedies, or that there are none; end with status 1 where there are some."""
    found = list(problems)
    if as_json:
        show.document({"problems": [{"what": one.what, "remedy": one.remedy} for one in found]})
    elif found:
        for one in found:
            click.echo(f"{click.style('✗', fg='red')} {one.what}\n  → {one.remedy}")
    else:
        click.echo(f"{click.style('✓', fg='green')} {fine}")
    if found:
        raise click.exceptions.Exit(Exit.NO)


@click.group(short_help="Create or check the topics.")
def topics() -> None:
    """Create or check the topics of the one list in the code."""


@topics.command("create")
@click.option("--as-of", is_flag=True, help="Make a log for old data: records carry the time of their events.")
@configured(Need.KAFKA, Need.KEY)
def create_topics(settings: Settings, *, as_of: bool) -> None:
    """Create the topics that are missing and open the log: its birth, its clock mode, the first policy.

    Doing it again changes nothing.
    """
    from fitly.stream import topics as declared  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    made = run(declared.create(settings, ClockMode.AS_OF if as_of else ClockMode.LIVE))
    click.echo("\n".join(f"created {name}" for name in made) or "nothing to create: every topic is there")


@topics.command("check")
@as_json
@configured(Need.KAFKA, Need.KEY)
def check_topics(settings: Settings, *, as_json: bool) -> None:
    """Compare the topics on the broker with the list: partitions, policies, sizes; and the log's opening."""
    from fitly.stream import topics as declared  # noqa: PLC0415

    report(run(declared.check(settings)), "the topics are as declared", as_json=as_json)


@click.group(short_help="Migrate or check the database.")
def db() -> None:
    """Migrate or check the database."""


@db.command("upgrade")
@configured(Need.DATABASE)
def upgrade_database(settings: Settings) -> None:
    """Bring the database to this release's schema."""
    from fitly import store  # noqa: PLC0415 - SQLAlchemy is not loaded for `--help`

    run(store.upgrade(settings.database_url))
    click.echo("the database has this release's schema")


@db.command("check")
@as_json
@configured(Need.DATABASE)
def check_database(settings: Settings, *, as_json: bool) -> None:
    """Compare the database with this release's schema."""
    from fitly import store  # noqa: PLC0415

    report(run(store.check(settings.database_url)), "the database has this release's schema", as_json=as_json)

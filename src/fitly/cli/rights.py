"""``fitly preferences``, ``fitly erase``, ``fitly export``: the learner's rights, exercised by an operator.

Knows what may be asked for and how the answer is told. Must never know how an event travels (that is ``saying``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.core.events import CHANGED, ERASED, RESET
from fitly.core.vocabulary import Context, Feature, Level, Scope
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.cli.expand import Plain
    from fitly.cli.saying import Known

WHY_NOT: Final = "the learner was erased: nothing is heard until they agree (`fitly preferences set USER --consent`)"
acted_by = click.option("--acted-by", metavar="NAME", help="Who asks for it: staff or guardian.")
consent = click.option("--consent", is_flag=True, help="The learner has agreed: needed after an erasure, and to raise.")
patience = click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds to wait for the worker."
)


@click.group(short_help="See, change or reset what a learner allows.")
def preferences() -> None:
    """See, change or reset what a learner allows."""


@preferences.command("get")
@click.argument("user")
@as_json
@configured(Need.KAFKA, Need.KEY)
def get(settings: Settings, *, user: str, as_json: bool) -> None:
    """Show what learner USER allows. Status 1: nothing is known of them."""
    from fitly.cli import saying  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    _tell(user, run(saying.known(settings, user)), as_json=as_json)


@preferences.command("set")
@click.argument("user")
@click.option("--level", type=click.Choice(tuple(Level), case_sensitive=False), help="How much the learner allows.")
@click.option("--auto-adapt/--no-auto-adapt", default=None, help="Whether the arm that stands may change.")
@click.option("--mission/--no-mission", default=None, help="Whether missions may be personalized.")
@click.option("--content/--no-content", default=None, help="Whether content may be personalized.")
@click.option("--assessment/--no-assessment", default=None, help="Whether assessments may be personalized.")
@click.option("--session/--no-session", default=None, help="Whether sessions may be personalized.")
@click.option(
    "--disable",
    type=click.Choice([feature.value for feature in Feature]),
    multiple=True,
    metavar="FEATURE",
    help="A feature that keeps its default; give it once for each. Replaces the list there was.",
)
@click.option("--enable-all", is_flag=True, help="No feature is disabled any more.")
@consent
@acted_by
@patience
@as_json
@configured(Need.KAFKA, Need.KEY)
def set_(settings: Settings, *, user: str, timeout: float, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - click's options
    """Change what learner USER allows; what is not named stays.

    Status 1: the change was refused, or not heard because the learner was erased and --consent is missing.
    """
    if asked["disable"] and asked["enable_all"]:
        message = "give either --disable or --enable-all"
        raise click.UsageError(message)
    data = {
        "level": None if asked["level"] is None else Level(asked["level"]).value,
        "auto_adapt_enabled": asked["auto_adapt"],
        **{f"{context.lower()}_enabled": asked[context.lower()] for context in Context},
        "disabled_features": [*asked["disable"]] if asked["disable"] or asked["enable_all"] else None,
    }
    if not asked["consent"] and all(value is None for value in data.values()):
        message = "say what to change: --level, --no-mission, --disable …"
        raise click.UsageError(message)
    _change(settings, user, CHANGED, data | _who(asked), timeout, as_json=as_json)


@preferences.command("reset")
@click.argument("user")
@click.option(
    "--scope",
    type=click.Choice(tuple(Scope), case_sensitive=False),
    default=Scope.LEARNED.value,
    show_default=True,
    help="What starts again: what was learned, the preferences, or both.",
)
@consent
@acted_by
@patience
@as_json
@configured(Need.KAFKA, Need.KEY)
def reset(settings: Settings, *, user: str, scope: str, timeout: float, as_json: bool, **asked: Any) -> None:  # noqa: ANN401
    """Let learner USER start again. Without --consent no level is raised and nothing switched on."""
    _change(settings, user, RESET, {"scope": Scope(scope).value} | _who(asked), timeout, as_json=as_json)


@click.command(short_help="Erase a learner.")
@click.argument("user")
@click.option("--reason", metavar="TEXT", help="Why; stands in the event.")
@acted_by
@patience
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured(Need.KAFKA, Need.KEY)
def erase(settings: Settings, *, user: str, timeout: float, yes: bool, **told: str | None) -> None:
    """Erase learner USER: rows, decisions, outcomes and dead letters go, and nothing is heard of them any more.

    Only `fitly preferences set USER --consent` lets a learner begin anew. `fitly verify --erased USER` tells where the
    id still stands, and until when. Status 1: the erasure was refused, or not confirmed.
    """
    if not yes and not click.confirm(f"Erase everything about {user!r}? It cannot be brought back", err=True):
        fail("nothing was erased", Exit.NO)
    from fitly.cli import saying  # noqa: PLC0415

    data = {name: value for name, value in told.items() if value is not None}
    heard, after = run(saying.say(settings, user, ERASED, data, timeout))
    if not heard and after.marker is None:
        fail(f"{user} was not erased: `fitly table ledger` tells in which bin the event landed", Exit.NO)
    already = "" if heard else " before; nothing was left to do"
    click.echo(f"erased{already}; `fitly verify --erased {user}` tells where the id still stands, and until when")


@click.command(short_help="Give all that is held of a learner, as JSON.")
@click.argument("user")
@configured(Need.KAFKA, Need.DATABASE, Need.KEY)
def export(settings: Settings, *, user: str) -> None:
    """Print all that is held of learner USER as one JSON document: rows, decisions, outcomes, events, tables.

    Status 1: nothing is held.
    """
    from fitly.cli import held  # noqa: PLC0415

    found = run(held.everything(settings, user))
    show.document(found.document())
    if not found:
        raise click.exceptions.Exit(Exit.NO)


def _who(asked: dict[str, Any]) -> dict[str, Any]:
    return {"consent": True if asked["consent"] else None, "acted_by": asked["acted_by"]}


def _change(settings: Settings, user: str, kind: str, data: dict[str, Any], timeout: float, *, as_json: bool) -> None:
    from fitly.cli import saying  # noqa: PLC0415

    given = {name: value for name, value in data.items() if value is not None}
    heard, after = run(saying.say(settings, user, kind, given, timeout))
    if not heard:
        fail(WHY_NOT if after.marker else "not applied: `fitly table ledger` tells in which bin it landed", Exit.NO)
    _tell(user, after, as_json=as_json)


def _tell(user: str, known: Known, *, as_json: bool) -> None:
    """Print what a learner allows."""
    from fitly.cli.expand import expand, moment  # noqa: PLC0415

    if known.row is None:
        erased = known.marker is not None
        fail(WHY_NOT if erased else f"nothing is known of {user!r}: the policy's default level holds", Exit.NO)
    facts: dict[str, Plain] = {
        "user_id": known.row.user_id,
        **_plain(expand(known.row.preferences)),
        "updated_at": moment(known.row.updated_at),
        "last_reset_at": moment(known.row.last_reset_at),
        "consented_at": moment(known.row.consented_at),
    }
    if as_json:
        show.document(facts)
    else:
        click.echo("\n".join(show.tree(facts)))


def _plain(row: Plain) -> dict[str, Plain]:
    assert isinstance(row, dict)  # noqa: S101 - a record unfolds by its fields
    return row

"""``fitly explain``: why a decision came out as it did, from its own record.

Knows where a decision's record may be found, and in which order to look. Must never know how it is explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.core import topics
from fitly.core.errors import FitlyError
from fitly.core.names import UserId, partition_of
from fitly.core.vocabulary import Context
from fitly.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitly.core.decisions import Selected


class Found(NamedTuple):
    """A decision, and where its record was read."""

    selected: Selected
    read: str


@click.command(short_help="Say why a decision came out as it did.")
@click.argument("decision_id")
@click.argument("user", required=False)
@click.argument("context", required=False, type=click.Choice(tuple(Context), case_sensitive=False))
@as_json
@configured(Need.KAFKA)
def explain(settings: Settings, *, decision_id: str, user: str | None, context: Context | None, as_json: bool) -> None:
    """Say why decision DECISION_ID came out as it did: what was known, what was drawn, which modes did not fit and why.

    Everything is derived again from the decision's own record; status 1 where the record contradicts itself, or is not
    found. It is read from the database where one is configured, else from strategy-selected; with USER and CONTEXT from
    the learner's partition of that topic alone, which keeps superseded decisions for a week or two.
    """
    if user is not None and context is None:
        fail("give both USER and CONTEXT, or neither: a decision is of one learner in one context", Exit.USAGE)
    wanted = _identifier(decision_id)
    found = run(_find(settings, wanted, user, None if context is None else Context(context)))
    if found is None:
        fail(
            f"no decision {wanted}: the topic keeps superseded ones for a week or two, the database for good; `fitly "
            "tail strategy-selected` shows the newest with their ids",
            Exit.NO,
        )
    from fitly.cli import explained  # noqa: PLC0415 - nothing of this is loaded for `--help`

    explanation = explained.explain(found.selected)
    if as_json:
        show.document(explained.document(found.selected, explanation, found.read))
    else:
        explained.tell(found.selected, explanation, found.read)
    if explanation.contradictions:
        raise click.exceptions.Exit(Exit.NO)


def _identifier(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        fail(f"{text!r} is no decision's id: those look like 91ad80fc-59a0-516c-b6b1-11ea88f443d9", Exit.USAGE)


async def _find(settings: Settings, wanted: str, user: str | None, context: Context | None) -> Found | None:
    """Look where it is cheapest first, and everywhere before giving up."""
    if user is not None and context is not None:
        return await _in_topic(settings, wanted, UserId(user), context)
    if settings.database_url and (found := await _in_database(settings, wanted)) is not None:
        return found
    return await _in_topic(settings, wanted, None, None)


async def _in_database(settings: Settings, wanted: str) -> Found | None:
    """Look in Postgres; a database that is away or behind is no reason to end: the topic holds the newest."""
    from fitly import store  # noqa: PLC0415
    from fitly.wire.selected import selected_told  # noqa: PLC0415

    try:
        row = await store.decision(settings.database_url, wanted)
    except FitlyError as error:
        click.echo(f"the database is passed over: {error}", err=True)
        return None
    return None if row is None else Found(selected_told(row), "Postgres, strategy_decisions")


async def _in_topic(settings: Settings, wanted: str, user: UserId | None, context: Context | None) -> Found | None:
    """Look through strategy-selected; the newest rendering of the decision counts."""
    from fitly.stream import read  # noqa: PLC0415 - Kafka's client is not loaded for `--help`
    from fitly.wire.rows import context_key  # noqa: PLC0415
    from fitly.wire.selected import decode_selected  # noqa: PLC0415

    ends = {partition: end for partition, (_, end) in (await read.bounds(settings, topics.SELECTED)).items()}
    key = None if user is None or context is None else context_key(user, context)
    sought, found = wanted.encode(), None
    async for record in read.read_topic(settings, topics.SELECTED, stop=_only(ends, user)):
        if record.value is None or (key is not None and record.key != key) or sought not in record.value:
            continue
        selected = decode_selected(record.value)
        if selected.decision_id == wanted:
            place = f"{settings.topic(topics.SELECTED)}, partition {record.partition} offset {record.offset}"
            found = Found(selected, place)
    return found


def _only(ends: Mapping[int, int], user: UserId | None) -> dict[int, int]:
    """Stop every partition but the learner's before it begins."""
    if user is None:
        return dict(ends)
    home = partition_of(user.encode(), len(ends))
    return {partition: end if partition == home else 0 for partition, end in ends.items()}

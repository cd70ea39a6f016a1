"""``fitly snapshots``: from where a replay can begin.

Knows what is worth saying of a snapshot. Must never know how one is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.expand import Plain, moment
from fitly.cli.options import as_json, configured, run
from fitly.core import topics
from fitly.core.system import FOLD_VERSION
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.stream.snapshots import Kept

HEADS = ("partition", "offset", "date", "rows", "MB", "folded by", "a refold begins here")


@click.command(short_help="List the snapshots from which a replay can begin.")
@as_json
@configured(Need.KAFKA)
def snapshots(settings: Settings, *, as_json: bool) -> None:
    """List the snapshots that stand, by partition, oldest first: each is the rows of a partition at an offset.

    The worker takes them. `fitly verify --replay` begins at the oldest that will do where the log has lost its
    beginning, `fitly table --as-of` at the nearest before a moment.
    """
    found = run(_found(settings))
    if as_json:
        for one, first in found:
            show.line(document(one, first))
    elif found:
        show.console().print(show.grid(HEADS, (_line(one, first) for one, first in found), right=HEADS[3:5]))
    else:
        click.echo("no snapshots yet: the worker takes one when a week of a LIVE log has passed (FITLY_SNAPSHOT_DAYS)")


async def _found(settings: Settings) -> list[tuple[Kept, int]]:
    """Give the snapshots, each with where the log of its partition begins."""
    from fitly.stream import read, snapshots  # noqa: PLC0415 - Kafka's client is not loaded for `--help`

    bounds = await read.bounds(settings, topics.INPUT)
    kept = await snapshots.kept(settings)
    return [(one, bounds[partition][0]) for partition in sorted(kept) for one in reversed(kept[partition])]


def document(one: Kept, first: int) -> dict[str, Plain]:
    """Give a snapshot in full, for ``--json``."""
    there = one.manifest
    return {
        "partition": there.partition,
        "offset": there.offset,
        "clock": moment(there.clock),
        "rows": there.rows,
        "bytes": there.size,
        "folded_by": there.folded_by,
        "goes_on_by": there.goes_on_by,
        "usable": _obstacle(one, first) is None,
        "why_not": _obstacle(one, first),
        "snapshot": there.snapshot,
        "records": [one.begin, one.end],
    }


def _line(one: Kept, first: int) -> tuple[object, ...]:
    there = one.manifest
    obstacle = _obstacle(one, first)
    size = f"{there.size / 1e6:.1f}"
    usable = "yes" if obstacle is None else f"no: {obstacle}"
    return there.partition, there.offset, moment(there.clock), f"{there.rows:,}", size, there.folded_by, usable


def _obstacle(one: Kept, first: int) -> str | None:
    """Say why no refold can begin at a snapshot; None where one can."""
    there = one.manifest
    if there.offset + 1 < first:
        return f"the log begins at {first}"
    if there.goes_on_by != FOLD_VERSION:
        return f"what follows was folded by version {there.goes_on_by}"
    return None

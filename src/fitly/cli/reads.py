"""``fitly tail``: what stands in a topic, and what comes.

Knows which records were asked for. Must never know how a record is decoded (that is ``decoded``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit
from fitly.core import topics
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.cli import decoded

MARKERS: Final = 50
"""Offsets read beyond what was asked for: transactions leave markers, which are offsets without a record."""


@click.command(short_help="Show the records of a topic, decoded.")
@click.argument("topic", type=click.Choice(tuple(topics.BY_NAME)), metavar="TOPIC")
@click.option("--user", metavar="USER", help="Only records whose key is this learner's, in any context.")
@click.option("--last", type=click.IntRange(min=0), default=10, show_default=True, help="How many of the newest first.")
@click.option("--follow/--no-follow", default=True, help="Go on with new records until Ctrl-C (default), or stop.")
@as_json
@configured(Need.KAFKA)
def tail(settings: Settings, *, topic: str, user: str | None, last: int, follow: bool, as_json: bool) -> None:
    """Show the newest records of TOPIC, decoded, then new ones as they come.

    TOPIC is one of learner-events, control, strategy-selected, outcomes, effectiveness-assessed, rejected-events,
    partials, fitly-learners-changelog, fitly-contexts-changelog, fitly-experiments-population-changelog,
    snapshots.
    """
    try:
        run(_tail(settings, topic, user, last, follow=follow, as_json=as_json))
    except KeyboardInterrupt:
        raise click.exceptions.Exit(Exit.DONE) from None


async def _tail(settings: Settings, topic: str, user: str | None, last: int, *, follow: bool, as_json: bool) -> None:
    from fitly.cli import decoded  # noqa: PLC0415 - decoders and Kafka's client are not loaded for `--help`
    from fitly.stream import read  # noqa: PLC0415

    out = show.console()

    def print_one(record: decoded.Record) -> None:
        if as_json:
            show.line(decoded.document(topic, record))
        else:
            out.print(decoded.line(topic, record))

    bounds = await read.bounds(settings, topic)
    for record in await _newest(settings, topic, user, last, bounds):
        print_one(record)
    if follow:
        ends = {partition: end for partition, (_, end) in bounds.items()}
        async for record in read.follow(settings, topic, start=ends):
            if is_of(record.key, user):
                print_one(record)


async def _newest(
    settings: Settings, topic: str, user: str | None, last: int, bounds: Mapping[int, tuple[int, int]]
) -> list[decoded.Record]:
    """Give the newest records, oldest first; for one learner the whole topic is read, else as little as will do."""
    from fitly.stream import read  # noqa: PLC0415

    ends = {partition: end for partition, (_, end) in bounds.items()}
    window = max(ends.values(), default=0) if user is not None else 4 * last + MARKERS
    while last:
        start = {partition: max(bounds[partition][0], end - window) for partition, end in ends.items()}
        newest: dict[int, deque[decoded.Record]] = {partition: deque(maxlen=last) for partition in ends}
        async for record in read.read_topic(settings, topic, start=start, stop=ends):
            if is_of(record.key, user):
                newest[record.partition].append(record)
        found = [record for records in newest.values() for record in records]
        if len(found) >= last or all(start[partition] <= first for partition, (first, _) in bounds.items()):
            return sorted(found, key=lambda one: (one.timestamp, one.partition, one.offset))[-last:]
        window *= 8
    return []


def is_of(key: bytes | None, user: str | None) -> bool:
    """Tell whether a record's key is the learner's, alone or with what follows the bar.

    >>> is_of(b"ada|MISSION", "ada"), is_of(b"ada2", "ada"), is_of(None, None)
    (True, False, True)
    """
    if user is None:
        return True
    return key is not None and key.partition(b"|")[0] == user.encode()

"""``fitly tail`` and ``fitly table``: what stands in a topic, and what a recovery would restore.

Knows which records and rows were asked for. Must never know how a record is decoded (that is ``decoded``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.core import topics
from fitly.core.names import ERASED_PREFIX
from fitly.core.system import LEDGER_KEY, POSITION_KEY, RULES_KEY, SYSTEM_PREFIX
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.cli import decoded

EFFECTIVENESS: Final = "effectiveness"
"""Not a changelog of its own: record 3 follows from the rows of ``contexts``."""
TABLES: Final = {
    topics.LEARNERS: topics.LEARNERS_CHANGELOG,
    topics.CONTEXTS: topics.CONTEXTS_CHANGELOG,
    topics.POPULATION: topics.POPULATION_CHANGELOG,
    EFFECTIVENESS: topics.CONTEXTS_CHANGELOG,
    "position": topics.CONTEXTS_CHANGELOG,
    "ledger": topics.CONTEXTS_CHANGELOG,
    "rules": topics.CONTEXTS_CHANGELOG,
}
SYSTEM_TABLES: Final = {"position": POSITION_KEY, "ledger": LEDGER_KEY, "rules": RULES_KEY}
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
    partials, fitly-learners-changelog, fitly-contexts-changelog, fitly-population-changelog.
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


@click.command(short_help="Show a table as a recovery would restore it.")
@click.argument("name", type=click.Choice(tuple(TABLES)), metavar="NAME")
@click.argument("key", required=False)
@as_json
@configured(Need.KAFKA)
def table(settings: Settings, *, name: str, key: str | None, as_json: bool) -> None:
    """Show table NAME (learners, contexts, effectiveness, population, position, ledger, rules) from its changelog.

    KEY is a learner's id, for contexts and effectiveness also USER|CONTEXT, for population KIND, KIND|NAME or
    KIND|NAME|PARTITION, for the last three a partition's number. Without it every row is shown, in short; with it, or
    with --json, in full. Under effectiveness stands how many flags chance alone would give. Nothing found ends with
    status 1.
    """
    found = run(_rows(settings, name, key))
    if not found and key is not None:
        fail(
            f"no row {key!r} in {name}: ids are as in the events' subject, in capitals and small letters alike", Exit.NO
        )
    if name == EFFECTIVENESS:
        _show_effectiveness(found, as_json=as_json)
        return
    from fitly.cli import tables  # noqa: PLC0415

    if as_json:
        for one in found:
            show.line(tables.document(name, one))
    elif key is not None or name in SYSTEM_TABLES:
        for one in found:
            click.echo(f"{click.style(tables.title(name, one), bold=True)}\n" + "\n".join(tables.lines(name, one)))
    else:
        show.console().print(tables.overview(name, found))


def _show_effectiveness(found: Sequence[tuple[int, bytes, bytes]], *, as_json: bool) -> None:
    from fitly.cli import effectiveness  # noqa: PLC0415

    if as_json:
        for one in effectiveness.documents(found):
            show.line(one)
        return
    show.console().print(effectiveness.overview(found))
    click.echo(effectiveness.by_chance_alone(effectiveness.records(found)))


async def _rows(settings: Settings, name: str, key: str | None) -> list[tuple[int, bytes, bytes]]:
    """Give the rows that stand: (partition, key, bytes at rest), in order."""
    from fitly.stream import read  # noqa: PLC0415

    newest: dict[tuple[int, bytes], bytes] = {}
    async for record in read.read_topic(settings, TABLES[name]):
        if record.key is None or not _is_wanted(name, key, record.partition, record.key):
            continue
        if record.value is None:
            newest.pop((record.partition, record.key), None)
        else:
            newest[record.partition, record.key] = record.value
    return [(partition, row_key, value) for (partition, row_key), value in sorted(newest.items())]


def _is_wanted(name: str, key: str | None, partition: int, row_key: bytes) -> bool:
    if name in SYSTEM_TABLES:
        return row_key == SYSTEM_TABLES[name] and key in {None, str(partition)}
    if row_key.startswith((SYSTEM_PREFIX, ERASED_PREFIX)):
        return False
    if key is None or row_key == key.encode():
        return True
    return name != topics.LEARNERS and row_key.startswith(key.encode() + b"|")

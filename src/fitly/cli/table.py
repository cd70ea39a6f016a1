"""``fitly table``: what a recovery would restore now, or what stood at a moment.

Knows which rows were asked for. Must never know how a row is shown, nor how the past is had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from fitly import bootstrap
from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.core import topics
from fitly.core.names import ERASED_PREFIX, partition_of
from fitly.core.system import EXPERIMENT_PREFIX, LEDGER_KEY, POSITION_KEY, RULES_KEY, SYSTEM_PREFIX
from fitly.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitly.cli.past import AsOf, Past
    from fitly.cli.tables import Row

EFFECTIVENESS: Final = "effectiveness"
"""Not a changelog of its own: record 3 follows from the rows of ``contexts``."""
EXPERIMENTS: Final = "experiments"
"""Neither: what each partition knows of each experiment, among the rows of ``contexts``."""
TABLES: Final = {
    topics.LEARNERS: topics.LEARNERS_CHANGELOG,
    topics.CONTEXTS: topics.CONTEXTS_CHANGELOG,
    topics.POPULATION: topics.POPULATION_CHANGELOG,
    EFFECTIVENESS: topics.CONTEXTS_CHANGELOG,
    "position": topics.CONTEXTS_CHANGELOG,
    "ledger": topics.CONTEXTS_CHANGELOG,
    "rules": topics.CONTEXTS_CHANGELOG,
    EXPERIMENTS: topics.CONTEXTS_CHANGELOG,
}
SYSTEM_TABLES: Final = {"position": POSITION_KEY, "ledger": LEDGER_KEY, "rules": RULES_KEY}


@click.command(short_help="Show a table as a recovery would restore it, or as it was.")
@click.argument("name", type=click.Choice(tuple(TABLES)), metavar="NAME")
@click.argument("key", required=False)
@click.option(
    "--as-of",
    metavar="MOMENT",
    help="As it was: a time of the log's clock (ISO 8601, UTC unless it says otherwise), an offset of the log that KEY "
    "is in, or PARTITION/OFFSET.",
)
@as_json
@configured(Need.KAFKA)
def table(settings: Settings, *, name: str, key: str | None, as_of: str | None, as_json: bool) -> None:
    """Show a table from its changelog.

    NAME is learners, contexts, effectiveness, population, position, ledger, rules or experiments. KEY is a learner's
    id, for contexts and effectiveness also USER|CONTEXT, for population KIND, KIND|NAME or KIND|NAME|PARTITION, for
    experiments one's name, for the other three a partition's number. Without it every row is shown, in short; with it,
    or with --json, in full. Under effectiveness stands how many flags chance alone would give. Nothing found ends with
    status 1.

    With --as-of (not for population, which partials make) the log is folded again up to the moment, from the nearest
    snapshot before it or from its beginning, and what it was folded from is told. Status 1 where log and snapshots do
    not lead there.
    """
    found = run(_rows(settings, name, key)) if as_of is None else _rows_as_of(settings, name, key, as_of)
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
    elif key is not None or name in SYSTEM_TABLES or name == EXPERIMENTS:
        for one in found:
            click.echo(f"{click.style(tables.title(name, one), bold=True)}\n" + "\n".join(tables.lines(name, one)))
    else:
        show.console().print(tables.overview(name, found))


def _show_effectiveness(found: Sequence[Row], *, as_json: bool) -> None:
    from fitly.cli import effectiveness  # noqa: PLC0415

    if as_json:
        for one in effectiveness.documents(found):
            show.line(one)
        return
    show.console().print(effectiveness.overview(found))
    click.echo(effectiveness.by_chance_alone(effectiveness.records(found)))


def _rows_as_of(settings: Settings, name: str, key: str | None, text: str) -> list[Row]:
    """Give the rows that stood; what they were folded from goes to standard error."""
    from fitly.cli import past  # noqa: PLC0415 - decoders and Kafka's client are not loaded for `--help`

    if name == topics.POPULATION:
        fail("the past of population is not in the learners' log: leave --as-of out", Exit.USAGE)
    bootstrap.demand(settings, (Need.KEY,))
    when = past.as_of(text)
    if when.offset is not None and when.partition is None and key is None:
        fail("an offset is one of a partition: give a KEY, or PARTITION/OFFSET as `fitly tail` shows it", Exit.USAGE)
    found = run(past.restored(settings, when, lambda count: _partitions(name, key, when, count)))
    for one in found:
        click.echo(one.note, err=True)
    return [row for one in found for row in _standing(name, key, one)]


def _partitions(name: str, key: str | None, when: AsOf, count: int) -> list[int]:
    """Give the partitions that a key and a moment leave."""
    wanted = set(range(count))
    if key is not None and name in SYSTEM_TABLES:
        wanted &= {int(key)} if key.isdigit() else set()
    elif key is not None and name != EXPERIMENTS:
        wanted &= {partition_of(key.partition("|")[0].encode(), count)}
    return sorted(wanted if when.partition is None else wanted & {when.partition})


def _standing(name: str, key: str | None, one: Past) -> list[Row]:
    """Give the wanted rows of a partition as it was."""
    partition = one.shard.partition
    return [
        (partition, change.key, change.value)
        for change in one.shard.state()
        if change.value is not None
        and TABLES[name] == topics.CHANGELOGS[change.table]
        and _is_wanted(name, key, partition, change.key)
    ]


async def _rows(settings: Settings, name: str, key: str | None) -> list[Row]:
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
    if name == EXPERIMENTS:
        return row_key.startswith(EXPERIMENT_PREFIX) and key in {None, row_key.removeprefix(EXPERIMENT_PREFIX).decode()}
    if row_key.startswith((SYSTEM_PREFIX, ERASED_PREFIX)):
        return False
    if key is None or row_key == key.encode():
        return True
    return name != topics.LEARNERS and row_key.startswith(key.encode() + b"|")

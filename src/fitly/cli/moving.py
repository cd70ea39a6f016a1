"""One move of an experiment: proposed to the sequencer, told, and waited for; and where experiments stand.

Knows what a move prints. Must never know which moves are legal, nor a verb's options.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import click

from fitly.cli import show
from fitly.cli.issuing import awaited, not_in_force
from fitly.cli.options import run
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.cli.decoded import Record
    from fitly.core.events import ControlEvent, ControlPayload, ExperimentPayload
    from fitly.core.experiments.trial import Trial, Trials

Said: TypeAlias = "Callable[[Trials], ExperimentPayload | None]"
"""What to say, given the experiments as they stand; nothing where nothing changes."""


class Moved(NamedTuple):
    """An experiment before and after a move; ``is_new`` where something was to be said."""

    before: Trial | None
    after: Trial
    is_new: bool


def issue(settings: Settings, name: str, said: Said, timeout: float, *, as_json: bool, dry_run: bool = False) -> None:
    """Say something of an experiment, tell what came of it, and wait until every partition has heard it."""
    done, waiting = run(_issued(settings, name, said, timeout, quiet=as_json, dry_run=dry_run))
    trial = done.after
    if as_json:
        written = done.is_new and not dry_run
        told = {"experiment_name": name, "status": trial.status.value, "revision": trial.revision, "written": written}
        show.document({**told, "waiting": waiting})
    elif not done.is_new:
        click.echo(f"nothing changes: revision {trial.revision} of {name} says so already")
    elif dry_run:
        click.echo(f"{name} would be {trial.status.value}, revision {trial.revision}; nothing was written")
    not_in_force(f"{name} as {trial.status.value}", waiting, timeout)


async def _issued(
    settings: Settings, name: str, said: Said, timeout: float, *, quiet: bool, dry_run: bool  # noqa: ASYNC109
) -> tuple[Moved, list[int]]:  # fmt: skip
    from fitly.cli.planning import changes  # noqa: PLC0415 - not loaded for `--help`
    from fitly.core.experiments.lifecycle import known, lived, moved  # noqa: PLC0415
    from fitly.core.numbers import Millis  # noqa: PLC0415
    from fitly.stream.control import Sequencer  # noqa: PLC0415

    sequencer, done = Sequencer(settings), list[Moved]()

    def proposal(history: Sequence[ControlEvent]) -> list[ControlPayload]:
        trials = lived(history)
        payload = said(trials)
        after = trials if payload is None else moved(trials, payload, Millis(0))
        done.append(Moved(trials.get(name), known(after, name), payload is not None))
        return [] if payload is None else [payload]

    if dry_run:
        proposal(await sequencer.history())
    else:
        await sequencer.propose(proposal)
    last = done[-1]  # where the fence was lost, it was asked again
    what = f"{name} as {last.after.status.value}, revision {last.after.revision},"
    if not quiet:
        for field, old, new in changes(None if last.before is None else last.before.plan, last.after.plan):
            click.echo(f"  {field}: {old} → {new}")
    return last, await awaited(settings, sequencer.copies, what, timeout, quiet=quiet)


async def demand_time(settings: Settings) -> None:
    """Refuse to start an experiment on a log of old data in which time has not begun: it would start in 1970.

    Raises
    ------
    Refused
        The log is AS_OF, and some partition holds neither an event nor a tick yet.
    """
    from contextlib import aclosing  # noqa: PLC0415 - not loaded for `--help`

    from fitly.core.errors import Refused  # noqa: PLC0415
    from fitly.core.topics import INPUT  # noqa: PLC0415
    from fitly.core.vocabulary import ClockMode  # noqa: PLC0415
    from fitly.stream import read  # noqa: PLC0415
    from fitly.stream.generation import read_generation  # noqa: PLC0415

    if (await read_generation(settings)).clock_mode is ClockMode.LIVE:
        return
    for partition, (start, _) in sorted((ends := await read.bounds(settings, INPUT)).items()):
        others = {each: 0 for each in ends if each != partition}
        async with aclosing(read.read_topic(settings, INPUT, start={partition: start}, stop=others)) as records:
            if not await _has_begun(records):
                message = (
                    f"partition {partition} of this AS_OF log has no time yet, and an experiment starts at the log's "
                    "time: publish what came before the start first, more than an hour of it"
                )
                raise Refused("NO_TIME", message)


async def _has_begun(records: AsyncIterator[Record]) -> bool:
    """Tell whether time has begun; control events stand before it, at 0."""
    async for record in records:
        if record.timestamp > 0:
            return True
    return False


async def standing(settings: Settings) -> dict[str, Trial]:
    """Give every experiment as the control log has it, in the order of their numbers."""
    from fitly.core.experiments.lifecycle import lived  # noqa: PLC0415
    from fitly.stream.generation import read_control  # noqa: PLC0415

    return lived((await read_control(settings)).events)


async def shown(settings: Settings, name: str) -> tuple[Trial, dict[int, Trial]]:
    """Give an experiment as the control log has it, and as each partition has it in force.

    Raises
    ------
    Refused
        There is none of the name.
    """
    from fitly.core.experiments.lifecycle import known  # noqa: PLC0415
    from fitly.core.topics import CONTEXTS_CHANGELOG  # noqa: PLC0415
    from fitly.stream import read  # noqa: PLC0415
    from fitly.wire.rows import decode_trial, experiment_key  # noqa: PLC0415

    trial = known(await standing(settings), name)
    key, partitions = experiment_key(name), dict[int, "Trial"]()
    async for record in read.read_topic(settings, CONTEXTS_CHANGELOG):
        if record.key == key and record.value is not None:
            partitions[record.partition] = decode_trial(record.value)
    return trial, partitions

"""The questions of ``fitly doctor``, each answered by itself: one that fails hides no other.

Knows what healthy figures are. Must never know how answers are printed.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fitly import store
from fitly.cli.partitions import last_known
from fitly.core import topics
from fitly.core.errors import FitlyError
from fitly.core.problems import Problem
from fitly.core.topics import CHANGELOGS
from fitly.core.vocabulary import Bin, ClockMode
from fitly.settings import Settings, unknown_variables
from fitly.stream import control, generation, read
from fitly.stream import topics as declared
from fitly.stream.release import read_release

MOST_LAG: Final = 10_000
MOST_REFUSED: Final = 0.20
MOST_MISROUTED: Final = 0.01
LONGEST_SILENCE_S: Final = 300.0
LEAST_FREE: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class Answer:
    """One question's answer; a remedy only where it is not well, or where something may be done better."""

    question: str
    well: bool
    told: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Answer]:
    """Ask everything.

    Raises
    ------
    Retryable
        Kafka cannot be reached: without it nothing else can be asked.
    """
    problems = await declared.check(settings)
    answers = [
        _broker(settings.kafka_bootstrap, await read_release(settings)),
        *_misspelt(),
        *_told("topics", problems, f"{len(topics.TOPICS)} topics are as declared"),
    ]
    questions: dict[str, Question] = {"control key": _key, "database": _database}
    if not any("does not exist" in problem.what for problem in problems):
        questions |= {"control": _control, "clock": _clock, "worker": _worker, "partials": _partials}
        questions |= {"records": _records, "sink": _sink}
    for question, ask in questions.items():
        try:
            answers += await ask(settings, question)
        except FitlyError as error:
            answers.append(Answer(question, well=False, told=str(error), remedy="put right what is said above first"))
    return [*answers, _disk(settings)]


def _broker(bootstrap: str, release: str | None) -> Answer:
    """Say that it answers, and what it is; one that needs ZooKeeper or is not Apache's does not tell."""
    known = f"Kafka {release}" if release else "which release it is cannot be known: it does not tell"
    return Answer("broker", well=True, told=f"{bootstrap} answers; {known}")


Question = Callable[[Settings, str], Awaitable[list[Answer]]]


def _told(question: str, problems: Sequence[Problem], fine: str) -> list[Answer]:
    found = [Answer(question, well=False, told=problem.what, remedy=problem.remedy) for problem in problems]
    return found or [Answer(question, well=True, told=fine)]


def _misspelt() -> list[Answer]:
    """Look for settings that mean nothing."""
    names = unknown_variables()
    remedy = "correct the spelling: docs/settings.md lists them all"
    return [Answer("settings", well=False, told=f"{', '.join(names)}: no such setting", remedy=remedy)] if names else []


async def _key(settings: Settings, question: str) -> list[Answer]:
    """Check the signature of control record 1 with our key."""
    if not settings.signing_key:
        remedy = "set FITLY_CONTROL_KEY to the key the log was opened with"
        return [Answer(question, well=False, told="none is configured", remedy=remedy)]
    born = await generation.read_generation(settings)
    return [Answer(question, well=True, told=f"it signed the log's opening (birth {born.birth_id})")]


async def _control(settings: Settings, question: str) -> list[Answer]:
    """Look for records of others in `control`, and for a setting that the policy in force overrules.

    Nothing takes a record out of `control` again, and none but ours count: a foreign one is advice.
    """
    found = await generation.read_control(settings)
    told, remedy = f"{len(found.events)} control events, all signed with our key", ""
    if found.foreign:
        newest = f"the newest at offset {found.foreign[-1]}"
        told = f"{len(found.events)} control events; {len(found.foreign)} records are not ours ({newest}), passed over"
        remedy = generation.REMEDY
    overruled = await control.overruled(settings)
    problems = _told("settings", overruled, "") if overruled else []
    return [Answer(question, well=True, told=told, remedy=remedy), *problems]


async def _clock(settings: Settings, question: str) -> list[Answer]:
    """Compare the partitions' clocks with the wall's, where they should agree."""
    mode = (await generation.read_generation(settings)).clock_mode
    clocks = [known.clock for known in (await last_known(settings)).values()]
    if mode is ClockMode.AS_OF or not clocks:
        return [Answer(question, well=True, told=f"the log is {mode.value}")]
    silent = time.time() - min(clocks) / 1000
    if silent > LONGEST_SILENCE_S:
        told = f"LIVE, but a partition's clock stands since {silent / 60:.0f} minutes"
        return [
            Answer(question, well=False, told=told, remedy="ticks come from workers: start one, or look at its log")
        ]
    return [Answer(question, well=True, told=f"LIVE, and the partitions' clocks are {silent:.0f} s old at most")]


async def _worker(settings: Settings, question: str) -> list[Answer]:
    """Count the records that wait."""
    known = await last_known(settings)
    start = {partition: one.offset + 1 for partition, one in known.items()}
    waiting = 0
    async for records in read.read_batches(settings, topics.INPUT, start=start):
        waiting += len(records)
        if waiting > MOST_LAG:
            remedy = "start a worker, or more of them (at most one per partition), or look at their logs"
            return [Answer(question, well=False, told=f"over {MOST_LAG:,} records wait", remedy=remedy)]
    return [Answer(question, well=True, told=f"{waiting:,} records wait to be folded")]


async def _partials(settings: Settings, question: str) -> list[Answer]:
    """Count the partials that wait to be added up, and those that were refused."""
    known = await last_known(settings, topics.POPULATION_CHANGELOG)
    start, waiting = {partition: one.offset + 1 for partition, one in known.items()}, 0
    async for records in read.read_batches(settings, topics.PARTIALS, start=start):
        waiting += len(records)
    refused = sum(n for one in known.values() for name, n in one.bins.items() if name.startswith(Bin.INVALID))
    if waiting > MOST_LAG:
        remedy = "start a worker, or one with `--agent experiments`, or look at its log"
        return [Answer(question, well=False, told=f"{waiting:,} partials wait", remedy=remedy)]
    remedy = "`fitly tail rejected-events` shows them; find out who else writes to partials" if refused else ""
    return [Answer(question, well=True, told=f"{waiting:,} wait to be added up, {refused:,} refused", remedy=remedy)]


async def _records(settings: Settings, question: str) -> list[Answer]:
    """Look at what became of the records: refused ones, and those in the wrong partition."""
    bins: Counter[str] = Counter()
    for known in (await last_known(settings)).values():
        for name, count in known.bins.items():
            bins[name.partition("/")[0]] += count
    return became(bins, question)


def became(bins: Mapping[str, int], question: str = "records") -> list[Answer]:
    """Judge what became of all records since the log began, by ledger bin.

    A record that came to the wrong partition is counted there and, sent on, once more where it belongs: shares are of
    the events that were sent.
    """
    refused, misrouted = bins.get(Bin.INVALID, 0), bins.get(Bin.MISROUTED, 0)
    events = sum(bins.values()) - bins.get(Bin.SYSTEM, 0) - misrouted
    answers = []
    if events and refused / events > MOST_REFUSED:
        told = f"{refused / events:.0%} of all {events:,} events were refused"
        remedy = "`fitly tail rejected-events` shows reasons and senders"
        answers.append(Answer(question, well=False, told=told, remedy=remedy))
    if events and misrouted / events > MOST_MISROUTED:
        told = (
            f"{misrouted / events:.1%} of all {events:,} events came to the wrong partition: a producer does not "
            "partition by murmur2"
        )
        remedy = "librdkafka: set partitioner=murmur2_random; each such record costs a second way"
        answers.append(Answer(question, well=False, told=told, remedy=remedy))
    fine = f"{events:,} events, {refused:,} refused, {misrouted:,} sent on to their partition"
    return answers or [Answer(question, well=True, told=fine)]


async def _database(settings: Settings, question: str) -> list[Answer]:
    """Compare the schema."""
    if not settings.database_url:
        return [Answer(question, well=False, told="none is configured", remedy="set FITLY_DATABASE_URL")]
    return _told(question, await store.check(settings.database_url), "the schema is this release's")


async def _sink(settings: Settings, question: str) -> list[Answer]:
    """Count the records that wait to be written to Postgres."""
    if not settings.database_url:
        return []
    async with store.snapshot(settings.database_url) as snapshot:
        positions = snapshot.positions
    waiting = 0
    for topic in (*CHANGELOGS.values(), topics.SELECTED, topics.OUTCOMES, topics.POPULATION_CHANGELOG):
        start = {partition: at for (name, partition), at in positions.items() if name == topic}
        async for records in read.read_batches(settings, topic, start=start):
            waiting += len(records)
            if waiting > MOST_LAG:
                remedy = "start a sink, or look at its log; the worker does not wait for it"
                return [Answer(question, well=False, told=f"over {MOST_LAG:,} records wait", remedy=remedy)]
    return [Answer(question, well=True, told=f"{waiting:,} records wait to be written")]


def _disk(settings: Settings) -> Answer:
    """Look at the disk of a local stack."""
    if not settings.data.exists():
        return Answer("disk", well=True, told="not looked at: the stack is elsewhere")
    free = shutil.disk_usage(settings.data).free
    if free < LEAST_FREE:
        remedy = f"make room, or move {settings.data} to another disk while the stack is down"
        return Answer("disk", well=False, told=f"{free / 1e9:.1f} GB free at {settings.data}", remedy=remedy)
    return Answer("disk", well=True, told=f"{free / 1e9:.1f} GB free at {settings.data}")

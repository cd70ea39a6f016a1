"""Making and checking the topics on a broker, from the one list.

Knows how a declared topic is written as broker settings. Must never know what a topic's records mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from fitly.core.errors import Broken, Retryable
from fitly.core.problems import Problem
from fitly.core.topics import INPUT, REJECTED, SNAPSHOTS, TOPICS, Topic
from fitly.core.vocabulary import ClockMode
from fitly.stream.clients import BATCH_BYTES, started_admin, understood
from fitly.stream.control import open_log
from fitly.stream.generation import read_generation

if TYPE_CHECKING:
    from fitly.settings import Settings

REPLICAS: Final = 3
FOR_EVER: Final = str(2**63 - 1)
VISIBLE_S: Final = 30.0
"""How long a broker may take to know a topic that its controller has made; one that deletes others is slow."""
_CREATE_MS: Final = 15_000
_GLANCE_S: Final = 0.05


def broker_settings(topic: Topic, clock_mode: ClockMode) -> dict[str, str]:
    """Give a topic's settings as the broker takes them.

    A6: an AS_OF input keeps the producers' stamps and has no time retention, which would delete records of old days
    at once; on a LIVE one the broker stamps. Snapshots stay as long as what is folded from them.

    Examples
    --------
    >>> from fitly.core.topics import BY_NAME
    >>> broker_settings(BY_NAME["learner-events"], ClockMode.AS_OF)["retention.ms"]
    '-1'
    """
    settings = {"cleanup.policy": topic.cleanup, **topic.config}
    if "delete" in topic.cleanup:
        endless = topic.retention_ms is None or (clock_mode is ClockMode.AS_OF and topic.name in {INPUT, SNAPSHOTS})
        settings["retention.ms"] = "-1" if endless else str(topic.retention_ms)
    if topic.name == INPUT:
        live = clock_mode is ClockMode.LIVE
        settings["message.timestamp.type"] = "LogAppendTime" if live else "CreateTime"
        if not live:
            settings["message.timestamp.after.max.ms"] = FOR_EVER
    return settings


async def create(settings: Settings, clock_mode: ClockMode) -> list[str]:
    """Make the topics that are missing and open the log: control records 1 (birth) and 2 (first policy).

    Doing it again changes nothing.

    Returns
    -------
    list of str
        Names of the topics made now.

    Raises
    ------
    Broken
        A topic cannot be made, or the log is open under the other clock mode.
    Retryable
        The broker cannot be reached, or does not show within `VISIBLE_S` what it has made.
    """
    async with started_admin(settings) as admin:
        there = set(await admin.list_topics())
        replicas = min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
        missing = [topic for topic in TOPICS if settings.topic(topic.name) not in there]
        if missing:
            asked = [
                NewTopic(
                    settings.topic(topic.name),
                    topic.partitions,
                    replicas,
                    topic_configs=broker_settings(topic, clock_mode),
                )
                for topic in missing
            ]
            _raise_for(await admin.create_topics(asked, timeout_ms=_CREATE_MS), settings.kafka_bootstrap)
            await _until_visible(admin, [topic.name for topic in asked], settings.kafka_bootstrap)
    partitions = next(topic.partitions for topic in TOPICS if topic.name == INPUT)
    await open_log(settings, clock_mode, partitions)
    return [settings.topic(topic.name) for topic in missing]


@dataclass(frozen=True, slots=True)
class Findings:
    """What is amiss with the topics: what a worker must not start on, and what only needs telling."""

    vital: list[Problem]
    advice: list[Problem]


async def check(settings: Settings) -> list[Problem]:
    """Compare the broker's topics with the list; empty where all is as declared.

    Raises
    ------
    Retryable
        The broker cannot be reached.
    """
    findings = await examine(settings)
    return [*findings.vital, *findings.advice]


async def examine(settings: Settings) -> Findings:
    """Compare the broker's topics with the list, and tell what is vital from what an operator may have tuned."""
    async with started_admin(settings) as admin:
        names = {settings.topic(topic.name): topic for topic in TOPICS}
        there = set(await admin.list_topics())
        missing = [
            Problem(f"topic {name} does not exist", "run `fitly topics create`") for name in names if name not in there
        ]
        if missing:
            return Findings(missing, [])
        found = {topic["topic"]: topic for topic in await admin.describe_topics(list(names))}
        configs = await _configs(admin, list(names))
    try:
        generation = await read_generation(settings)
    except Broken as error:
        return Findings([Problem(str(error), "run `fitly topics create`, with the FITLY_CONTROL_KEY of this log")], [])
    vital: list[Problem] = []
    advice: list[Problem] = []
    for name, topic in names.items():
        vital += _size(name, topic.partitions if topic.partitions == 1 else generation.partitions, found[name])
        for key, problem in _differences(name, broker_settings(topic, generation.clock_mode), configs[name]):
            (vital if _is_vital(key, topic, generation.clock_mode, configs[name]) else advice).append(problem)
    return Findings(vital, advice)


def _size(name: str, wanted: int, found: Mapping[str, Any]) -> list[Problem]:
    has = len(found["partitions"])
    if has == wanted:
        return []
    what = f"topic {name} has {has} partitions, the log was opened with {wanted}"
    remedy = "partition counts never change in place: bring the topic back, or begin a log under another prefix"
    return [Problem(what, remedy)]


def _differences(name: str, wanted: Mapping[str, str], has: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    alter = f"kafka-configs --alter --entity-type topics --entity-name {name} --add-config"
    for key, value in {"max.message.bytes": str(BATCH_BYTES), **wanted}.items():
        enough = key == "max.message.bytes" and key not in wanted and int(has.get(key, value)) >= BATCH_BYTES
        if key in has and has[key] != value and not enough:
            yield key, Problem(f"topic {name}: {key} is {has[key]}, not {value}", f"{alter} {key}={value}")


def _is_vital(key: str, topic: Topic, clock_mode: ClockMode, has: Mapping[str, str]) -> bool:
    """Whether a difference would lose or falsify something, rather than cost time or space."""
    if key == "max.message.bytes":  # A1: a batch the broker refuses is lost silently by the client's commit
        return int(has[key]) < BATCH_BYTES
    if key == "retention.ms":  # A6: old stamps meet time retention
        return topic.name == INPUT and clock_mode is ClockMode.AS_OF
    if key == "cleanup.policy" and topic.name == REJECTED:  # uncompacted, tombstones take nothing out: retention does
        return False
    return key in {"cleanup.policy", "message.timestamp.type"}


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Give every setting in force of these topics."""
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for error, _, _, name, entries in response.resources:
            if error:
                raise understood(for_code(error)(), name)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def _until_visible(admin: AIOKafkaAdminClient, names: Iterable[str], bootstrap: str) -> None:
    """Wait until every partition of new topics has a leader: a controller answers before its brokers know."""
    waited_for: set[str] = set(names)
    try:
        async with asyncio.timeout(VISIBLE_S):
            while waited_for := waited_for - _led(await admin.describe_topics()):  # noqa: ASYNC110 - nobody calls
                await asyncio.sleep(_GLANCE_S)
    except TimeoutError as error:
        message = (
            f"Kafka at {bootstrap} has made {', '.join(sorted(waited_for))} but shows no leader for it after "
            f"{VISIBLE_S:g} s: look at the brokers' logs, then run `fitly topics create` again"
        )
        raise Retryable(message) from error


def _led(found: Iterable[Mapping[str, Any]]) -> set[str]:
    return {
        topic["topic"]
        for topic in found
        if not topic["error_code"]
        and topic["partitions"]
        and all(not part["error_code"] and part["leader"] >= 0 for part in topic["partitions"])
    }


def _raise_for(response: Any, bootstrap: str) -> None:  # noqa: ANN401 - aiokafka's response
    for name, error, *rest in response.topic_errors:
        kind = for_code(error)
        if error and kind is not TopicAlreadyExistsError:  # somebody else made it at the same time
            detail = next((text for text in rest if text), kind.__name__)
            message = f"topic {name} cannot be made at {bootstrap}: {detail}"
            raise Broken(message, restart_helps=False)

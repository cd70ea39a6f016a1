"""Every topic as data: name, key, partitions, policy, schema, who writes and who reads.

Knows the one list from which topics are created, checked, documented and deployed. Must never know a client.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

INPUT: Final = "learner-events"
CONTROL: Final = "control"
SELECTED: Final = "strategy-selected"
OUTCOMES: Final = "outcomes"
ASSESSED: Final = "effectiveness-assessed"
REJECTED: Final = "rejected-events"
PARTIALS: Final = "partials"
RESULTS: Final = "experiment-results"
LEARNERS: Final = "learners"
CONTEXTS: Final = "contexts"
POPULATION: Final = "population"
LEARNERS_CHANGELOG: Final = "fitly-learners-changelog"
CONTEXTS_CHANGELOG: Final = "fitly-contexts-changelog"
POPULATION_CHANGELOG: Final = "fitly-experiments-population-changelog"
SNAPSHOTS: Final = "snapshots"

_DAY_MS: Final = 86_400_000
_LAG: Final = {"max.compaction.lag.ms": str(7 * _DAY_MS)}
_CHANGELOG: Final = {
    **_LAG,
    "segment.bytes": str(64 << 20),
    "min.cleanable.dirty.ratio": "0.1",
    "max.message.bytes": str(4 << 20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic.

    Attributes
    ----------
    key : str
        What a record's key is, in words.
    partitions : int
        How many; never changed in place.
    cleanup : str
        ``delete``, ``compact``, or both with a comma between them.
    retention_ms : int or None
        How long records stay; None for ever. An AS_OF input has no time retention whatever is said here.
    config : dict
        Further broker settings of the topic.
    schema : str or None
        File under ``schemas/`` that describes a value, where it is JSON.
    """

    name: str
    key: str
    partitions: int = 4
    cleanup: str = "delete"
    retention_ms: int | None = None
    config: dict[str, str] = field(default_factory=dict)
    schema: str | None = None
    writer: tuple[str, ...]
    readers: tuple[str, ...]
    help: str


TOPICS: Final = (
    Topic(
        name=INPUT,
        key="user_id, UTF-8; null for control events and ticks",
        retention_ms=30 * _DAY_MS,
        config={"max.message.bytes": str(1 << 20)},
        schema="learner-events.json",
        writer=(
            *("upstream services", "request", "publish", "simulate", "preferences", "erase"),
            *("sequencer", "worker (ticks, forwards)"),
        ),
        readers=(
            *("worker", "publish", "request", "preferences", "erase", "export"),
            *("policy", "experiments", "table (--as-of)", "snapshots", "doctor", "tail", "verify"),
        ),
        help="Everything about one learner in one partition, in one order: the product's truth.",
    ),
    Topic(
        name=CONTROL,
        key="null",
        partitions=1,
        schema="control.json",
        writer=("sequencer", "worker (priors)"),
        readers=(
            *("sequencer", "worker", "sink", "publish", "request", "simulate"),
            *("preferences", "erase", "export", "explain", "table (--as-of)", "snapshots"),
            *("topics check", "policy", "experiments", "doctor", "tail", "verify"),
        ),
        help="Control events in their total order, kept for ever.",
    ),
    Topic(
        name=SELECTED,
        key="user_id|CONTEXT",
        cleanup="compact",
        config={
            "min.compaction.lag.ms": str(7 * _DAY_MS),
            "max.compaction.lag.ms": str(14 * _DAY_MS),
            "max.message.bytes": str(4 << 20),
        },
        schema="strategy-selected.json",
        writer=("worker",),
        readers=("consumers", "sink", "request", "simulate", "explain", "export", "doctor", "tail", "verify"),
        help="Decisions: the newest of a key is the one that stands.",
    ),
    Topic(
        name=OUTCOMES,
        key="user_id",
        retention_ms=30 * _DAY_MS,
        config={"max.message.bytes": str(4 << 20)},
        schema="outcomes.json",
        writer=("worker",),
        readers=("sink", "analysts", "export", "doctor", "tail", "verify"),
        help=(
            "What became of each outcome event: disposition, decision, config. A record without a value: the learner "
            "was erased, nothing before it counts; it is kept until the retention. Of events that come after an "
            "erasure there is none."
        ),
    ),
    Topic(
        name=ASSESSED,
        key="user_id|CONTEXT",
        retention_ms=30 * _DAY_MS,
        config={"max.message.bytes": str(4 << 20)},
        schema="effectiveness-assessed.json",
        writer=("worker",),
        readers=("operators", "analysts", "export", "tail", "verify"),
        help=(
            "A learner's effectiveness in a context, looked at anew: when the reward window of a measured decision "
            "closes, and when a flag or direction flips. The table personalization_effectiveness holds the newest."
        ),
    ),
    Topic(
        name=REJECTED,
        key="user|topic-partition-offset",
        cleanup="compact,delete",
        retention_ms=30 * _DAY_MS,
        config={
            "min.compaction.lag.ms": str(_DAY_MS),
            "max.compaction.lag.ms": str(2 * _DAY_MS),
            "max.message.bytes": str(4 << 20),
        },
        writer=("worker",),
        readers=("operators", "export", "tail", "verify"),
        help=(
            "Records that were refused: original bytes, with the reason in headers. Of a record that unfolds to more "
            "than 2 MiB the first 64 KiB are kept, and a header `cut` says how many bytes it had. Of one learner the "
            "newest 512 are kept; an erased learner's are taken out by tombstones."
        ),
    ),
    Topic(
        name=PARTIALS,
        key="kind|name|input partition; |day behind it for the first word of a day",
        cleanup="compact",
        config={**_CHANGELOG, "max.compaction.lag.ms": str(_DAY_MS)},
        schema="partials.json",
        writer=("worker",),
        readers=("worker", "doctor", "tail", "verify"),
        help=(
            "What each partition says of its sums: cumulative, so that the newest of a partition replaces its former "
            "ones. `kind|name` alone chooses the partition by murmur2, so that all that is said of a name is in one; "
            "the record's key names the input partition as well, so that compaction keeps the newest word of each. "
            "Sums are decimal strings: they may be larger than a JSON reader's numbers. Signed as control events are, "
            "because what comes of them is put in force. Of an experiment each partition's first word of a day has "
            "the day behind its key and stays: what was looked at can be added up again."
        ),
    ),
    Topic(
        name=RESULTS,
        key="experiment|number of the look, or experiment|provisional",
        cleanup="compact",
        config={**_LAG, "max.message.bytes": str(4 << 20)},
        schema="experiment-results.json",
        writer=("worker",),
        readers=("operators", "analysts", "sink", "experiments", "tail", "verify"),
        help=(
            "Reports of looks at experiments: one at each close of a UTC day that every partition has passed, numbered "
            "from the first after the start. What stands under `provisional` is of the newest words, and decides "
            "nothing."
        ),
    ),
    Topic(
        name=LEARNERS_CHANGELOG,
        key="user_id",
        cleanup="compact",
        config=_CHANGELOG,
        writer=("worker",),
        readers=("worker (restore)", "sink", "table", "preferences", "erase", "export", "doctor", "tail", "verify"),
        help="Learner rows: preferences and what changes seldom.",
    ),
    Topic(
        name=CONTEXTS_CHANGELOG,
        key="user_id|CONTEXT; system rows begin with NUL",
        cleanup="compact",
        config=_CHANGELOG,
        writer=("worker",),
        readers=(
            "worker (restore)",
            "sink",
            "table",
            "preferences",
            "erase",
            "export",
            "policy",
            "experiments",
            "doctor",
            "tail",
            "verify",
        ),
        help="Learner x context rows, and what a partition knows: position, ledger, rules, experiments, sums.",
    ),
    Topic(
        name=POPULATION_CHANGELOG,
        key="kind|name for merged sums, kind|name|input partition for a partition's word; system rows begin with NUL",
        cleanup="compact",
        config=_CHANGELOG,
        writer=("worker",),
        readers=("worker (restore)", "sink", "table", "policy", "doctor", "tail", "verify"),
        help=(
            "Table of the agent `experiments`: the newest word of each partition of the input, and per kind and name "
            "what they add up to, with the last look at it."
        ),
    ),
    Topic(
        name=SNAPSHOTS,
        key="partition|offset of the input log that the snapshot stands at",
        retention_ms=37 * _DAY_MS,
        config={"segment.bytes": str(64 << 20), "max.message.bytes": str(4 << 20)},
        writer=("worker",),
        readers=("worker (the newest one's date)", "table (--as-of)", "snapshots", "tail", "verify"),
        help=(
            "The rows of a partition as they were at an offset, on pages, and a manifest that closes them: a refold "
            "begins there where the input log no longer has its beginning. Kept for the input's retention and a week."
        ),
    ),
)
CHANGELOGS: Final = {LEARNERS: LEARNERS_CHANGELOG, CONTEXTS: CONTEXTS_CHANGELOG}
"""The changelog of each table of the agent `learners`."""
POPULATION_CHANGELOGS: Final = {POPULATION: POPULATION_CHANGELOG}
"""The same of the agent `experiments`."""
TABLES: Final = (*CHANGELOGS, *POPULATION_CHANGELOGS)
"""Every table that is kept in a changelog."""
BY_NAME: Final = {topic.name: topic for topic in TOPICS}

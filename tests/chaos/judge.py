"""What must hold afterwards, looked at with a foreign client and with the product's own ``verify``.

Knows output topics as JSON, and what was sent. Must never know what was done to the workers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from tests.chaos.driver import Fleet
from tests.chaos.load import CORRECTION, OUTCOME, REQUEST, Sent

from fitly.core.topics import BY_NAME, OUTCOMES, SELECTED

AT_ONCE, GLANCE_S, SILENCE_S = 5_000, 0.2, 20.0


class Record(NamedTuple):
    """One record; what the fold's `Incoming` asks for is here by these names."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def records(bootstrap: str, prefix: str, topic: str, *, committed: bool = True) -> Iterator[Record]:
    """Give all records of a topic, in order within a partition, as librdkafka reads them."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "judge",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "log_level": 0,
        }
    )
    try:
        consumer.assign(
            [TopicPartition(prefix + topic, number, OFFSET_BEGINNING) for number in range(BY_NAME[topic].partitions)]
        )
        open_ = set(range(BY_NAME[topic].partitions))
        deadline = time.monotonic() + SILENCE_S
        while open_:
            messages = consumer.consume(AT_ONCE, GLANCE_S)
            if messages:
                deadline = time.monotonic() + SILENCE_S
            assert time.monotonic() < deadline, f"{topic}: partitions {sorted(open_)} do not end"
            for message in messages:
                if (error := message.error()) is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, f"{topic}: {error}"
                    open_.discard(message.partition() or 0)
                    continue
                headers = tuple((str(name), _raw(value)) for name, value in _pairs(message.headers()))
                place = message.partition() or 0, message.offset() or 0, message.timestamp()[1]
                yield Record(*place, message.key(), message.value(), headers)
    finally:
        consumer.close()


def _pairs(headers: Any) -> Any:  # noqa: ANN401 - typed more widely than librdkafka ever answers
    return headers or ()


def _raw(value: str | bytes | None) -> bytes:
    assert isinstance(value, bytes)
    return value


def verify(env: Mapping[str, str], patience: float = 90.0) -> dict[str, Any]:
    """Run ``fitly verify --replay``; give its document, or fail with what it found."""
    argv = (sys.executable, "-m", "fitly", "verify", "--replay", "--json", "--patience", f"{patience:g}")
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, f"fitly verify ended with {done.returncode}:\n{done.stderr}"
    document: dict[str, Any] = json.loads(done.stdout)
    wrong = [check for check in document["checks"] if not check["holds"]]
    assert done.returncode == 0, f"fitly verify does not hold:\n{json.dumps(wrong, indent=2)}"
    assert document["holds"]
    assert not wrong
    return document


def judge_outcomes(bootstrap: str, prefix: str, sent: Sent) -> Counter[str]:
    """Hold ``outcomes`` against what was sent: one filing per outcome event, at most one amendment per correction.

    Returns
    -------
    Counter
        Filings by disposition.
    """
    filed: Counter[str] = Counter()
    amended: Counter[str] = Counter()
    dispositions: Counter[str] = Counter()
    for record in records(bootstrap, prefix, OUTCOMES):
        data = json.loads(record.value or b"{}")["data"]
        if "corrected_by" in data:
            amended[data["corrected_by"]] += 1
        else:
            filed[data["id"]] += 1
            dispositions[data["disposition"]] += 1
    wanted = sent.keys.get(OUTCOME, Counter())
    differences = {key: (wanted[key], filed[key]) for key in wanted.keys() | filed.keys() if wanted[key] != filed[key]}
    assert not differences, f"{len(differences)} outcome events are not filed as often as sent: {_some(differences)}"
    repeated = {key: count for key, count in amended.items() if count > 1 or key not in sent.keys.get(CORRECTION, ())}
    assert not repeated, f"{len(repeated)} corrections amend more than once, or nobody sent them: {_some(repeated)}"
    return dispositions


def judge_decisions(bootstrap: str, prefix: str, sent: Sent) -> Counter[str]:
    """Hold ``strategy-selected`` against what was sent: no (decision, answers) twice, each request answered once.

    Returns
    -------
    Counter
        Decisions by mode.
    """
    said: Counter[tuple[str, bytes]] = Counter()
    answered: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    for record in records(bootstrap, prefix, SELECTED):
        data = json.loads(record.value or b"{}")["data"]
        answers = dict(record.headers).get("answers") or b""
        said[data["decision_id"], answers] += 1
        modes[data["mode"]] += 1
        # Either a new decision, of which the request is the cause, or the standing one, under a header that names it.
        answered[answers.decode() or data["cause"]["event_id"]] += 1
    twice = {mark: count for mark, count in said.items() if count > 1}
    assert not twice, f"{len(twice)} times the same decision answers the same request: {_some(twice)}"
    wrong = {key: answered[key] for key in sent.keys.get(REQUEST, ()) if answered[key] != 1}
    assert not wrong, f"{len(wrong)} requests are not answered exactly once: {_some(wrong)}"
    return modes


def _some(found: Mapping[Any, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in list(found.items())[:5])


def judge_logs(*fleets: Fleet) -> None:
    """Fail where a process logged a traceback that nothing done to it explains."""
    unexpected = [f"{member.log}:\n{text}" for fleet in fleets for member, text in fleet.tracebacks()]
    assert not unexpected, f"{len(unexpected)} unexpected tracebacks, the first in {unexpected[0]}"


def aborted(bootstrap: str, prefix: str, topic: str) -> int:
    """Give how many records of a topic belong to transactions that were aborted: what would have been doubled."""
    return sum(1 for _ in records(bootstrap, prefix, topic, committed=False)) - sum(
        1 for _ in records(bootstrap, prefix, topic)
    )

"""The bench measures what it says: learners who study as people do, and decisions foreseen rightly."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.bench.habits import MINUTE
from tests.bench.workload import BEGIN, Life, Shape
from tests.core.partition import BIRTH, Partition, Told

from fitly.core.events import LogOpened
from fitly.core.numbers import DAY, HOUR, Millis
from fitly.core.rules import Policy
from fitly.core.vocabulary import ClockMode

SHAPE = Shape(learners=80, days=21, seed=3)


def folded(shape: Shape) -> list[Told]:
    """Fold the part of the learners who live in partition 0, with a tick after every hour."""
    partition = Partition(partitions=4, opened=False)
    partition.now = BEGIN
    partition.control("fitly.log.opened.v1", LogOpened(birth_id=BIRTH, clock_mode=ClockMode.AS_OF, partitions=4))
    partition.revise(Policy(dwell_days=shape.dwell_days))
    told = []
    for hour, events in enumerate(Life(shape, 0).hours()):
        told += [partition.write(event.key, event.value, stamp=event.stamp) for event in events]
        partition.now = Millis(BEGIN + (hour + 1) * HOUR)
        partition.tick()
    return told


@pytest.mark.parametrize("dwell", [0.0, 1.0])
def test_nearly_all_is_applied_and_every_named_decision_was_foreseen(dwell: float) -> None:
    told = folded(SHAPE._replace(dwell_days=dwell))
    bins = Counter(one.bin for one in told)
    assert bins["APPLIED"] / len(told) >= 0.99
    assert set(bins) <= {"APPLIED", "DUPLICATE"}
    events = [(one, json.loads(one.record.value or b"")["data"]) for one in told if one.bin == "APPLIED"]
    outcomes = [(one, data) for one, data in events if "outcome_type" in data]
    assert all(one.filed.decision_id == data["decision_id"] for one, data in outcomes if "decision_id" in data)
    assert 0.2 < sum("decision_id" in data for _, data in outcomes) / len(outcomes) < 0.4
    decided = sum(one.decided for one, _ in outcomes) / len(outcomes)
    assert decided == 1 if dwell == 0 else 0.1 < decided < 0.9


def test_learners_study_on_some_days_for_half_an_hour_by_day() -> None:
    events = [event for hour in Life(SHAPE, 0).hours() for event in hour]
    stamps = [event.stamp for event in events]
    assert stamps == sorted(stamps)
    assert all(6 * HOUR < stamp % DAY < 23.5 * HOUR for stamp in stamps)
    sittings: dict[tuple[bytes, int], list[int]] = {}
    for event in events:
        sittings.setdefault((event.key, event.stamp // DAY), []).append(event.stamp)
    learners = {event.key for event in events}
    assert 0.3 < len(sittings) / len(learners) / SHAPE.days < 0.7
    lengths = [max(moments) - min(moments) for moments in sittings.values()]
    assert 15 * MINUTE < sum(lengths) / len(lengths) < 45 * MINUTE


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(Life(SHAPE, 1).hours()) == list(Life(SHAPE, 1).hours())
    assert list(Life(SHAPE, 1).hours()) != list(Life(SHAPE._replace(seed=4), 1).hours())

"""The same input folded without faults: by the pure core alone, in this process.

Knows raw records, the shard, and how to hold bytes against bytes. Must never know what the workers went through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from tests.chaos.judge import Record, records

from fitly.core.topics import (
    ASSESSED,
    BY_NAME,
    CHANGELOGS,
    INPUT,
    OUTCOMES,
    PARTIALS,
    REJECTED,
    SELECTED,
)
from fitly.core.vocabulary import Bin
from fitly.wire.partials import decode_partial
from fitly.wire.shard import Shard

OUTPUTS = (SELECTED, OUTCOMES, ASSESSED, REJECTED)
LONGEST = 3_000

Said = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]
"""Key, value and headers of an output."""


class World(NamedTuple):
    """What a fold leaves: rows by (partition, table, key), what was said by (topic, partition), in order, and partials.

    Partials by partition of the input and partition of their topic: there the input's partitions meet.
    """

    rows: dict[tuple[int, str, bytes], bytes]
    said: dict[tuple[str, int], list[Said]]
    told: dict[tuple[int, int], list[Said]]

    @classmethod
    def empty(cls, partitions: Iterable[int]) -> World:
        """Give a world in which nothing has happened."""
        numbers = list(partitions)
        told: dict[tuple[int, int], list[Said]] = {(one, other): [] for one in numbers for other in numbers}
        return cls({}, {(topic, number): [] for topic in OUTPUTS for number in numbers}, told)


def read_input(bootstrap: str, prefix: str) -> dict[int, list[Record]]:
    """Give the input log by partition, as a worker may see it."""
    found: dict[int, list[Record]] = {number: [] for number in range(BY_NAME[INPUT].partitions)}
    for record in records(bootstrap, prefix, INPUT):
        found[record.partition].append(record)
    return found


def read_world(bootstrap: str, prefix: str) -> World:
    """Give what the workers left in their topics."""
    world = World.empty(range(BY_NAME[INPUT].partitions))
    for topic in OUTPUTS:
        for record in records(bootstrap, prefix, topic):
            world.said[topic, record.partition].append((record.key, record.value, record.headers))
    for record in records(bootstrap, prefix, PARTIALS):
        place = decode_partial(record.value or b"").partition, record.partition
        world.told[place].append((record.key, record.value, record.headers))
    for table, topic in CHANGELOGS.items():
        for record in records(bootstrap, prefix, topic):
            assert record.key is not None
            if record.value is None:
                world.rows.pop((record.partition, table, record.key), None)
            else:
                world.rows[record.partition, table, record.key] = record.value
    return world


def refold(log: dict[int, list[Record]], control_key: bytes, draw: Random) -> tuple[World, dict[str, int]]:
    """Fold each partition from its beginning, in portions drawn at random; give what that leaves, and the bins."""
    world = World.empty(log)
    bins: dict[str, int] = {}
    for partition, whole in log.items():
        shard = Shard(partition, control_key)
        shard.opened()
        for portion in _portions(whole, draw):
            batch = shard.fold(portion)
            shard.adopt(batch)
            for out in batch.outputs:
                said = out.key, out.value, out.headers
                if out.topic == PARTIALS:
                    world.told[partition, out.partition or 0].append(said)
                    continue
                assert out.partition is None, "an event of this input was sent on: it is at home everywhere"
                world.said[out.topic, partition].append(said)
        world.rows.update({(partition, table, key): value for table, key, value in shard.state() if value is not None})
        for name, count in shard.ledger.bins.items():
            bins[name.partition("/")[0]] = bins.get(name.partition("/")[0], 0) + count
    return world, {name.value: bins[name.value] for name in Bin if name.value in bins}


def assert_equal(expected: World, found: World) -> None:
    """Hold two worlds against each other, byte for byte."""
    for place, said, heard in [
        *((place, said, found.said[place]) for place, said in expected.said.items()),
        *((("partials of", one), said, found.told[one, other]) for (one, other), said in expected.told.items()),
    ]:
        first = next((index for index, (one, other) in enumerate(zip(said, heard, strict=False)) if one != other), None)
        if first is None and len(said) != len(heard):
            first = min(len(said), len(heard))
        assert first is None, (
            f"{place[0]}-{place[1]}: {len(said)} records expected, {len(heard)} found; they differ from record {first} "
            f"on:\nexpected {said[first : first + 1]}\nfound    {heard[first : first + 1]}"
        )
    differ = [key for key in expected.rows.keys() | found.rows.keys() if expected.rows.get(key) != found.rows.get(key)]
    told = [f"{key}:\nexpected {expected.rows.get(key)!r}\nfound    {found.rows.get(key)!r}" for key in sorted(differ)]
    assert not differ, f"{len(differ)} of {len(expected.rows)} rows differ, the first {told[0]}"


def _portions(whole: Sequence[Record], draw: Random) -> Iterable[Sequence[Record]]:
    start = 0
    while start < len(whole):
        end = start + draw.randint(1, LONGEST)
        yield whole[start:end]
        start = end

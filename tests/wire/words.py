"""Partials as records of the topic, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Partial
from fitly.wire.outgoing import Outgoing
from fitly.wire.partials import home_of, outgoing_partial
from fitly.wire.population import Population

KEY = b"secret"
BIRTH = "6f1c7d1e-9a0b-4f57-8d0c-5b1f0d3e7a21"
PARTITIONS = 4
NAME = "MISSION"
HOME = home_of(Kind.PRIORS, NAME, PARTITIONS)


@dataclass(frozen=True)
class Arrived:
    """One record of ``partials`` as a client gives it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = 0


def word(partition: int = 0, offset: int = 10, clock: int = 1_000, **fields: Any) -> Partial:  # noqa: ANN401
    """Say something."""
    said = {"kind": Kind.PRIORS, "name": NAME, "birth_id": BIRTH, "sums": {"n": 1}} | fields
    return Partial(partition=partition, offset=offset, clock=Millis(clock), **said)


def arrived(offset: int, said: Partial | Outgoing) -> Arrived:
    """Give a partial, or a record that is none, as it arrives."""
    out = outgoing_partial(said, PARTITIONS, KEY) if isinstance(said, Partial) else said
    return Arrived(offset, out.key, out.value, out.headers)


def shard(partition: int = HOME) -> Population:
    """Give an empty shard, ready to fold."""
    made = Population(partition, KEY, BIRTH, "LIVE", PARTITIONS)
    made.opened()
    return made


def absorb(into: Population, *said: Partial | Outgoing) -> list[Outgoing]:
    """Fold records, each in a batch of its own; give the dead letters."""
    letters: list[Outgoing] = []
    for one in said:
        batch = into.fold([arrived(into.position.offset + 1, one)])
        letters += batch.outputs
        into.adopt(batch)
    return letters

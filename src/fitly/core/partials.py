"""What one partition says of its sums, and how the partitions' words are put together.

Knows who said what, how far they had read, and how to add. Must never know what the sums mean.
A partial is cumulative: the newest of a partition replaces its former ones, so that adding up what is newest of each
gives the same however often, and in whatever order, they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from fitly.core.numbers import Millis


class Kind(StrEnum):
    """What a family of sums is for."""

    PRIORS = "priors"
    EFFECTIVENESS = "effectiveness"


class Partial(NamedTuple):
    """The sums of one kind and name in one partition, as of an offset.

    Attributes
    ----------
    kind : Kind
        What the sums are for.
    name : str
        Which of that kind: a context, an experiment.
    partition : int
        Partition of the input log.
    birth_id : str
        Generation of that log.
    offset : int
        Last offset absorbed in them.
    clock : Millis
        The partition's clock there.
    sums : dict
        Name of a sum -> its value, an exact integer of any size.
    """

    kind: Kind
    name: str
    partition: int
    birth_id: str
    offset: int
    clock: Millis
    sums: dict[str, int]


def newest(partials: Iterable[Partial]) -> dict[int, Partial]:
    """Give the newest partial of each partition.

    >>> one = Partial(Kind.PRIORS, "MISSION", 0, "b", 7, Millis(0), {"n": 1})
    >>> newest([one, one._replace(offset=9, sums={"n": 2}), one])[0].offset
    9
    """
    found: dict[int, Partial] = {}
    for partial in partials:
        known = found.get(partial.partition)
        if known is None or partial.offset > known.offset:
            found[partial.partition] = partial
    return found


def merged(partials: Iterable[Partial]) -> dict[str, int]:
    """Add up partials of different partitions, name by name, in the order of the names.

    >>> one = Partial(Kind.PRIORS, "MISSION", 0, "b", 7, Millis(0), {"n": 1})
    >>> merged([one, one._replace(partition=1, sums={"n": 2, "x": 5})])
    {'n': 3, 'x': 5}
    """
    total: dict[str, int] = {}
    for partial in partials:
        for name, value in partial.sums.items():
            total[name] = total.get(name, 0) + value
    return dict(sorted(total.items()))

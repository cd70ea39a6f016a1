"""What one partition says of its sums, and how the partitions' words are put together.

Knows who said what, how far they had read, and how to add. Must never know what the sums mean.
A partial is cumulative: the newest of a partition replaces its former ones, so that adding up what is newest of each
gives the same however often, and in whatever order, they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from fitly.core.experiments.planned import PlannedLook
from fitly.core.experiments.stated import Stated
from fitly.core.experiments.trial import Trial
from fitly.core.numbers import HOUR, Day, Millis


class Kind(StrEnum):
    """What a family of sums is for."""

    PRIORS = "priors"
    SHADOWS = "shadows"
    EXPERIMENTS = "experiments"


class Closing(NamedTuple):
    """What a partition's clock passed with one record: from a moment in the day ``after`` to one in the day ``day``.

    So it passed the close of each day from ``after`` to the one before ``day``; a close is named by the day it begins.
    """

    after: Day
    day: Day


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
    about : Trial or None
        The experiment as it is in force in that partition, where the sums are of one.
    control : int
        The newest control event in force there; 0 where nothing is said of an experiment.
    closes : Closing or None
        Which days it is the partition's first word after; None for one that is the first after none.
    """

    kind: Kind
    name: str
    partition: int
    birth_id: str
    offset: int
    clock: Millis
    sums: dict[str, int]
    about: Trial | None = None
    control: int = 0
    closes: Closing | None = None


class Look(NamedTuple):
    """Merged sums as they were at one moment of the event clock: what may be acted upon.

    Attributes
    ----------
    clock : Millis
        The newest clock that a partition had told by then; of an experiment the close of a day.
    sums : dict
        As in `Merged`.
    number : int
        Of an experiment: the close's, from 1 for the first after the start; 0 of other sums.
    about : Trial or None
        The experiment as it was in force then.
    planned : PlannedLook or None
        What the planned look at the experiment found; None until it was taken.
    stated : tuple of Stated
        The verdicts that its looks came to, where they changed.
    """

    clock: Millis
    sums: dict[str, int]
    number: int = 0
    about: Trial | None = None
    planned: PlannedLook | None = None
    stated: tuple[Stated, ...] = ()


class Merged(NamedTuple):
    """What the partitions' words of one kind and name add up to.

    Attributes
    ----------
    kind : Kind
        What the sums are for.
    name : str
        Which of that kind.
    birth_id : str
        Generation of the input log.
    clocks : dict
        Partition -> its clock at its newest word; a partition that has said nothing is not in it.
    sums : dict
        Name of a sum -> its value over all partitions.
    look : Look or None
        The last look; None for a kind that is not looked at.
    about : Trial or None
        The experiment as the newest words have it, where the sums are of one.
    """

    kind: Kind
    name: str
    birth_id: str
    clocks: dict[int, Millis]
    sums: dict[str, int]
    look: Look | None = None
    about: Trial | None = None

    @property
    def clock(self) -> Millis:
        """The newest clock that a partition has told."""
        return max(self.clocks.values(), default=Millis(0))


LOOKS: Final[Mapping[Kind, Millis]] = {Kind.PRIORS: HOUR}
"""How far apart, on the event clock, two looks at the sums of a kind are at least."""


def is_due(kind: Kind, look: Look | None, clock: Millis) -> bool:
    """Tell whether the event clock has passed into another hour (or whatever the kind's looks are apart) since a look.

    The first word of all is looked at as well.

    >>> is_due(Kind.PRIORS, None, Millis(5)), is_due(Kind.SHADOWS, None, Millis(5))
    (True, False)
    >>> seen = Look(Millis(HOUR + 1), {})
    >>> is_due(Kind.PRIORS, seen, Millis(2 * HOUR - 1)), is_due(Kind.PRIORS, seen, Millis(2 * HOUR))
    (False, True)
    """
    apart = LOOKS.get(kind)
    return apart is not None and (look is None or clock // apart > look.clock // apart)


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

"""Changed copies of records: rows and entries are frozen, and every event changes some fields of some of them.

Knows NamedTuples and names of fields. Must never know what a field means.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

Record = TypeVar("Record", bound=tuple[Any, ...])


def changing(record: type[Record], *names: str) -> Callable[..., Record]:
    """Give a function that copies a record with these fields changed: called with the record and the new values.

    The same as ``_replace``, for what every event does: that asks for each of the fields by its name, in Python, and
    costs three times as much. Here the new values are put behind the record and all fields picked out of both.

    Parameters
    ----------
    record : type
        A NamedTuple.
    names : str
        Two fields or more; their new values are given in this order.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Point(NamedTuple):
    ...     x: int
    ...     y: int
    ...     z: int
    >>> moved = changing(Point, "z", "x")
    >>> moved(Point(1, 2, 3), 30, 10)
    Point(x=10, y=2, z=30)
    """
    fields: tuple[str, ...] = record.__match_args__  # type: ignore[attr-defined]  # every NamedTuple has them
    places = {name: len(fields) + place for place, name in enumerate(names)}
    pick = itemgetter(*[places.get(name, place) for place, name in enumerate(fields)])
    make: Callable[[tuple[Any, ...]], Record] = partial(tuple.__new__, record)

    def changed(before: Record, *values: Any) -> Record:  # noqa: ANN401 - as the fields are
        return make(pick((*before, *values)))

    return changed

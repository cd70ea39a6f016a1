"""An insight at the door: its payload told apart by its kind, its moments as the wire writes them.

Knows how `fitly.core.insights` is written down. Must never know what an insight leads to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Union

from pydantic import Discriminator

from fitly.core.insights import CLOSED, PAYLOADS, InsightObserved, Share
from fitly.core.numbers import to_datetime, to_millis
from fitly.core.vocabulary import InsightKind
from fitly.wire.moments import Moment


def _observation(kind: InsightKind, payload: type) -> type:
    """Make what is said of one kind; the fields are those of `InsightObserved`."""
    fields: list[Any] = [
        ("kind", Literal[kind.value]),
        ("payload", payload),
        ("confidence", Share),
        ("valid_until", Moment | None, None),
        ("observed_at", Moment | None, None),
    ]
    made = dataclasses.make_dataclass(
        f"{payload.__name__}Observed", fields, namespace={"__pydantic_config__": CLOSED}, frozen=True, kw_only=True
    )
    made.__doc__ = InsightObserved.__doc__
    return made


_OBSERVATIONS: Final = tuple(_observation(kind, payload) for kind, payload in PAYLOADS.items())
AT_THE_DOOR: Final[Any] = Annotated[Union[_OBSERVATIONS], Discriminator("kind")]  # noqa: UP007 - made at run time
"""The type by which an insight is validated, and from which its schema is made."""


def read(said: Any) -> InsightObserved:  # noqa: ANN401 - of a type made at run time
    """Turn what has been validated into what the fold is given."""
    return InsightObserved(
        kind=InsightKind(said.kind),
        payload=said.payload,
        confidence=said.confidence,
        valid_until=None if said.valid_until is None else to_millis(said.valid_until),
        observed_at=None if said.observed_at is None else to_millis(said.observed_at),
    )


def written(data: InsightObserved) -> Mapping[str, Any]:
    """Give an insight as its producer writes it."""
    return dataclasses.asdict(data) | {
        "valid_until": None if data.valid_until is None else to_datetime(data.valid_until),
        "observed_at": None if data.observed_at is None else to_datetime(data.observed_at),
    }

"""Attributes at the door: names and values without control characters, and the moment as the wire writes it.

Knows how `fitly.core.attributes` is written down. Must never know what an attribute leads to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Final

from annotated_types import MaxLen
from pydantic import StringConstraints

from fitly.core.attributes import LONGEST, AttributesTold
from fitly.core.numbers import to_datetime, to_millis
from fitly.wire.moments import Moment

_FORM: Final = r"^[^\x00-\x1f\x7f-\x9f|]+$"
"""Names and groups are hashed with bars between them."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_FORM)]
Value = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=_FORM)]

AT_THE_DOOR: Final[Any] = dataclasses.make_dataclass(
    AttributesTold.__name__,
    [
        ("groups", Annotated[dict[Name, Value | None], MaxLen(16)], dataclasses.field(default_factory=dict)),
        ("attributes", Annotated[dict[Name, Value | None], MaxLen(32)], dataclasses.field(default_factory=dict)),
        ("valid_until", Moment | None, None),
    ],
    namespace={"__pydantic_config__": {"extra": "forbid"}, "__post_init__": AttributesTold.__post_init__},
    frozen=True,
    kw_only=True,
)
"""The type by which attributes are validated, and from which their schema is made."""
AT_THE_DOOR.__doc__ = AttributesTold.__doc__


def read(said: Any) -> AttributesTold:  # noqa: ANN401 - of a type made at run time
    """Turn what has been validated into what the fold is given."""
    until = None if said.valid_until is None else to_millis(said.valid_until)
    return AttributesTold(groups=said.groups, attributes=said.attributes, valid_until=until)


def written(data: AttributesTold) -> Mapping[str, Any]:
    """Give attributes as their producer writes them."""
    until = None if data.valid_until is None else to_datetime(data.valid_until)
    return {"groups": data.groups, "attributes": data.attributes, "valid_until": until}

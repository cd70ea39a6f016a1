"""A moment as the wire writes it: RFC 3339, with its zone, and in no other way.

Knows the grammar. Must never know what happened then.

Pydantic alone is more generous than the schemas and than what producers are told: Unix seconds in quotes, a blank or an
underscore for the T, times without seconds and a true minus all pass for a moment there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from annotated_types import Ge, Lt
from pydantic import AwareDatetime, GetCoreSchemaHandler, GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from fitly.core.numbers import EPOCH

_LOCAL: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_ZONE: Final = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
RFC_3339: Final = f"^{_LOCAL}{_ZONE}$"
"""What a moment must look like. A leap second is not taken: no clock here has one."""
NOT_RFC_3339: Final = "write it as RFC 3339 does, with its zone: 2026-03-02T08:00:00+01:00"


def _read(text: str) -> datetime:
    """Read what has the right form; days of no month are refused here. RFC 3339 allows small letters."""
    return datetime.fromisoformat(text.upper())


def _as_written(moment: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:  # noqa: ANN401 - pydantic's signature
    """Look at the text before it is read; a missing zone is left to what follows, which has its own reason for it."""
    form = core_schema.str_schema(pattern=f"^{_LOCAL}{_ZONE}?$")
    form_or_advice = core_schema.custom_error_schema(form, "not_rfc_3339", custom_error_message=NOT_RFC_3339)
    reading = core_schema.no_info_plain_validator_function(_read)
    return core_schema.chain_schema([form_or_advice, reading, handler(moment)])


Moment = Annotated[
    AwareDatetime,
    Ge(EPOCH),
    Lt(datetime(9999, 12, 31, tzinfo=UTC)),
    GetPydanticSchema(_as_written),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": RFC_3339}, mode="validation"),
]
"""A time of the first four-digit years since 1970, whatever its zone."""

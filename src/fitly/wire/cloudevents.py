"""The CloudEvents envelope of everything Fitly says.

Knows the envelope. Must never know what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec

Data = TypeVar("Data")

SOURCE: Final = "fitly"
SPECVERSION: Final = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent(Generic[Data]):
    """CloudEvents 1.0, structured mode."""

    specversion: str = SPECVERSION
    id: str
    source: str = SOURCE
    type: str
    time: datetime
    subject: str
    datacontenttype: str = "application/json"
    data: Data


JSON: Final = msgspec.json.Encoder()


def encode_said(kind: str, identifier: str, subject: str, time: datetime, data: dict[str, object]) -> bytes:
    """Write an event of ours, in the order of the fields of `CloudEvent`."""
    return JSON.encode(
        {
            "specversion": SPECVERSION,
            "id": identifier,
            "source": SOURCE,
            "type": kind,
            "time": time,
            "subject": subject,
            "datacontenttype": "application/json",
            "data": data,
        }
    )

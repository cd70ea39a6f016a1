"""Why an input record was refused: a reason from a closed list, and words that help its sender.

Knows the validator's errors. Must never know topics.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from fitly.core.errors import Refused

MOST_BYTES: Final = 64 * 1024
MOST_DEEP: Final = 16
MOST_WORDS: Final = 400
"""Letters of what is wrong, and of where."""

REASONS: Final = {
    "EMPTY": "the record has no value",
    "NULL_KEY": "no key and no signature",
    "FORGED": "a control event or tick without the right signature",
    "TOO_LARGE": "larger than 64 KiB; not parsed",
    "TOO_DEEP": "nested deeper than 16; not parsed",
    "NUL": "a NUL character in a text",
    "NOT_UTF8": "not UTF-8",
    "NOT_JSON": "not JSON",
    "NOT_CLOUDEVENT": "an attribute of CloudEvents 1.0 is missing or wrong",
    "UNKNOWN_TYPE": "no event type of this product",
    "NO_TIME_ZONE": "a time without zone",
    "NOT_A_NUMBER": "NaN or infinite",
    "OUT_OF_RANGE": "a number outside its bounds",
    "SCHEMA": "the data do not fit the type's schema",
    "KEY_MISMATCH": "the record's key is not its subject",
    "SOURCE": "a source that may not send this type, says the policy",
    "FORWARDED_TWICE": "sent on once already and still in the wrong partition",
    "BEFORE_OPENING": "written before the log was opened",
    "ALREADY_OPENED": "a second opening of the log",
    "ILLEGAL_MOVE": "a control event that the state of its experiment does not allow",
    "STAMP": "a record stamp outside 1970-2149",
    "GENERATION": "a partition's sums of another generation of the log",
    "ELSEWHERE": "a partition's sums under another key, or in another partition, than their kind and name have",
}
"""Every reason a record is refused for, with its meaning."""

_BY_TYPE: Final = {
    "json_invalid": "NOT_JSON",
    "union_tag_not_found": "NOT_CLOUDEVENT",
    "union_tag_invalid": "UNKNOWN_TYPE",
    "timezone_aware": "NO_TIME_ZONE",
    "finite_number": "NOT_A_NUMBER",
    "greater_than": "OUT_OF_RANGE",
    "greater_than_equal": "OUT_OF_RANGE",
    "less_than": "OUT_OF_RANGE",
    "less_than_equal": "OUT_OF_RANGE",
}


_OF_THE_ENVELOPE: Final = ("NOT_CLOUDEVENT", "UNKNOWN_TYPE")
"""Reasons that are none for what is in ``data``, where other unions have tags too."""


def explain(error: ValidationError, value: bytes) -> Refused:
    """Turn a validator's error into a reason, and a sentence that names the field."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = [str(part) for part in first["loc"]][1:]
    reason = _BY_TYPE.get(first["type"])
    if reason == "NOT_JSON" and not _is_utf8(value):
        reason = "NOT_UTF8"
    if reason is None or (reason in _OF_THE_ENVELOPE and place[:1] == ["data"]):
        reason = "SCHEMA" if place[:1] == ["data"] else "NOT_CLOUDEVENT"
    where = shortened(".".join(place)) or "the event"
    more = error.error_count() - 1
    also = f" (and {more} more)" if more else ""
    return Refused(reason, f"{where}: {shortened(first['msg'])}{also}")


def shortened(text: str) -> str:
    """Cut what a sender may have made as long as the event itself: it goes into a header.

    >>> shortened("x" * 1_000) == "x" * MOST_WORDS + "..."
    True
    """
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}..."


def depth(value: bytes) -> int:
    """Give how deep brackets nest, those inside strings not counted.

    >>> depth(b'{"a": ["[[["]}')
    2
    """
    level = deepest = 0
    quoted = escaped = False
    for byte in value:
        if quoted:
            quoted = escaped or byte != _QUOTE
            escaped = byte == _BACKSLASH and not escaped
        elif byte == _QUOTE:
            quoted = True
        elif byte in b"{[":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"}]":
            level -= 1
    return deepest


_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True

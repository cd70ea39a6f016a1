"""Values as tables and JSON hold them: plain text, shares of 1, lists for tuples.

Knows what Postgres and JSON cannot hold. Must never know which record a value belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from fitly.core.decisions import Because, Selected
from fitly.core.numbers import ONE, Micro, to_datetime

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def plain(text: str) -> str:
    r"""Replace what a database cannot hold as text (NUL, halves of surrogate pairs) by U+FFFD.

    >>> plain("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    True
    """
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def share(value: Micro | None) -> float | None:
    """Give a metric in millionths as a number of 1.

    >>> share(Micro(250_000)), share(None)
    (0.25, None)
    """
    return None if value is None else value / ONE


def as_json(value: object) -> Json:
    """Turn what is already data into what JSON gives back: tuples to lists, words to text."""
    if isinstance(value, Mapping):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(part) for part in value]
    if isinstance(value, str):
        return plain(str(value))
    assert value is None or isinstance(value, bool | int | float)  # noqa: S101 - nothing else stands in rules or parameters
    return value


def _reason(because: str | Because) -> Json:
    if isinstance(because, str):
        return because
    kind, observed_at, confidence = because
    observed = to_datetime(observed_at).isoformat().replace("+00:00", "Z")
    return {"kind": kind.value, "observed_at": observed, "confidence": confidence}


def rendered(selected: Selected) -> Json:
    """Give a decision's parameters, each with what moved it."""
    return {
        feature.value: {"value": as_json(parameter.value), "because": _reason(parameter.because)}
        for feature, parameter in selected.parameters.items()
    }

"""The contract of ``experiment-results``: the report of one look at an experiment, as JSON and back.

Knows digits. Must never know when a look is taken, nor how a figure comes about.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fitly.core.errors import Refused
from fitly.core.experiments.report import Report
from fitly.wire.refusing import shortened

DIGITS: Final = 12
"""Significant digits of a figure: the last may differ between machines, and bytes must not."""

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Report)


def encode_report(report: Report) -> bytes:
    """Write a report, its figures with 12 significant digits."""
    return _ENCODER.encode(_rounded(msgspec.to_builtins(report)))


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out the last digits of every figure.

    >>> _rounded({"p": 0.1 + 0.2, "ci": [2 / 3, 1], "n": 3})
    {'p': 0.3, 'ci': [0.666666666667, 1], 'n': 3}
    """
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value


def decode_report(value: bytes) -> Report:
    """Read a report.

    Raises
    ------
    Refused
        It is none: ``NOT_JSON`` or ``SCHEMA``.
    """
    try:
        return _DECODER.decode(value)
    except msgspec.ValidationError as error:
        raise Refused("SCHEMA", shortened(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("NOT_JSON", shortened(str(error))) from error

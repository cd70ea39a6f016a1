"""How figures stand in an answer: as they are, or null with the reason beside it.

Knows keys. Must never know which figures there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.welch import Interval

Document: TypeAlias = dict[str, Any]
Figure: TypeAlias = float | int | Interval | Missing


def put(document: Document, **figures: Figure) -> Document:
    """Put figures into a document, and give it back; one that is no finite number has none that could be told.

    >>> put({}, p_value=0.5, ci=Interval(0.0, 1.0), d=Missing.ZERO_VARIANCE)
    {'p_value': 0.5, 'ci': [0.0, 1.0], 'd': None, 'd_reason': 'ZERO_VARIANCE'}
    """
    for key, given in figures.items():
        parts = given if isinstance(given, Interval) else (given,)
        finite = all(isinstance(part, Missing) or math.isfinite(part) for part in parts)
        figure = given if finite else Missing.OUT_OF_RANGE
        if isinstance(figure, Missing):
            document |= {key: None, f"{key}_reason": figure.value}
        else:
            document[key] = list(figure) if isinstance(figure, Interval) else figure
    return document


def absent(reason: Missing, keys: Sequence[str]) -> Document:
    """Give a document all of whose figures are missing for one reason.

    >>> absent(Missing.TOO_FEW, ["z"])
    {'z': None, 'z_reason': 'TOO_FEW'}
    """
    return put({}, **dict.fromkeys(keys, reason))

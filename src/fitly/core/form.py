"""The form the fold runs in: the Python it is written in, or extension modules made of it.

Knows one module of the fold, for all are compiled together. Must never know why one asks.
"""

from __future__ import annotations

from fitly.core import numbers


def is_compiled() -> bool:
    """Tell whether the fold runs compiled: both forms give the same bytes, one gives them sooner."""
    return numbers.__file__.endswith((".so", ".pyd"))

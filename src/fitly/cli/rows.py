"""Any row of a changelog by its table and key.

Knows which decoder a key wants. Must never know how a row is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fitly.core import topics
from fitly.core.names import ERASED_PREFIX
from fitly.core.system import FOLD_KEY, LEDGER_KEY, POSITION_KEY, RULES_KEY
from fitly.wire import rows

SYSTEM: Final[dict[bytes, Callable[[bytes], object]]] = {
    POSITION_KEY: rows.decode_position,
    LEDGER_KEY: rows.decode_ledger,
    RULES_KEY: rows.decode_rules,
    FOLD_KEY: rows.decode_fold_version,
}


def decode(table: str, key: bytes, value: bytes) -> object:
    """Read a row by its table and key; what a partition knows stands among the contexts."""
    if key in SYSTEM:
        return SYSTEM[key](value)
    if key.startswith(ERASED_PREFIX):
        return rows.decode_erased(value)
    return rows.decode_learner(value) if table == topics.LEARNERS else rows.decode_context(value)

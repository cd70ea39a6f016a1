"""Any row of a changelog by its table and key.

Knows which decoder a key wants. Must never know how a row is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fitly.core import topics
from fitly.core.names import ERASED_PREFIX
from fitly.core.system import (
    EXPERIMENT_PREFIX,
    FOLD_KEY,
    LEDGER_KEY,
    POSITION_KEY,
    RULES_KEY,
    SUMS_PREFIX,
    SWEEP_KEY,
    UNTOLD_KEY,
)
from fitly.wire import rows
from fitly.wire.merged import decode_merged, decode_word

SYSTEM: Final[dict[bytes, Callable[[bytes], object]]] = {
    POSITION_KEY: rows.decode_position,
    LEDGER_KEY: rows.decode_ledger,
    RULES_KEY: rows.decode_rules,
    SWEEP_KEY: rows.decode_sweep,
    FOLD_KEY: rows.decode_fold_version,
    UNTOLD_KEY: rows.decode_untold,
}


def decode(table: str, key: bytes, value: bytes) -> object:
    """Read a row by its table and key; what a partition knows stands among its rows."""
    if key in SYSTEM:
        return SYSTEM[key](value)
    if key.startswith(SUMS_PREFIX):
        return rows.decode_sums(value)
    if key.startswith(EXPERIMENT_PREFIX):
        return rows.decode_trial(value)
    if table == topics.POPULATION:
        return decode_word(value) if is_word(key) else decode_merged(value)
    if key.startswith(ERASED_PREFIX):
        return rows.decode_erased(value)
    return rows.decode_learner(value) if table == topics.LEARNERS else rows.decode_context(value)


def is_word(key: bytes) -> bool:
    """Tell whether a key of the table ``population`` is of one partition's word, and not of what they add up to.

    >>> is_word(b"priors|MISSION|0"), is_word(b"priors|MISSION")
    (True, False)
    """
    return key.count(b"|") > 1

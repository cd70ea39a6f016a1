"""Rows of former versions, made what the program folds now.

Knows what each version lacked. Must never know where a row was read. One function per version and kind of row, from
that version to the next; what a former version did not know is left unknown, never guessed. From version 2 to 3 there
is nothing to do: it knew no experiments and no attributes, and a row without either says so by leaving them out.
"""

from __future__ import annotations

import struct
from typing import Final

from fitly.core.entries import DECISIONS, NO_DEFAULT, NO_OVERLAP, OUTCOMES, DecisionEntry
from fitly.core.evidence import weigh
from fitly.core.learner import ContextRow
from fitly.core.outcomes import UNTYPED

_OVERLAP: Final = DECISIONS.start_of(DecisionEntry._fields.index("overlap"))
_UNKNOWN: Final = NO_OVERLAP + struct.pack("<ii", NO_DEFAULT, 0)
"""Of a decision: no arm had a chance, and no default stands for it."""
_UNKNOWN_KIND: Final = bytes((UNTYPED,))


def context_of_2(row: ContextRow) -> ContextRow:
    """Make a row of version 1 one of version 2.

    Version 1 kept neither how much of a decision each arm is worth nor an outcome's type, and no evidence: what its
    closed decisions say of their arms is taken from those it remembers, as of decisions that were not randomized.
    It kept no default reward either: windows that were open stay without one.
    """
    decisions = _widened(row.decisions, DECISIONS.width - len(_UNKNOWN), _OVERLAP, _UNKNOWN)
    outcomes = _widened(row.outcomes, OUTCOMES.width - 1, OUTCOMES.width - 1, _UNKNOWN_KIND)
    evidence = b""
    for entry in DECISIONS.all(decisions):
        evidence = weigh(evidence, entry._replace(is_open=1), entry)
    return row._replace(decisions=decisions, outcomes=outcomes, evidence=evidence)


def _widened(blob: bytes, width: int, place: int, missing: bytes) -> bytes:
    """Put what is missing into every record of a former width."""
    records = (blob[start : start + width] for start in range(0, len(blob), width))
    return b"".join(record[:place] + missing + record[place:] for record in records)

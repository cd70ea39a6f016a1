"""What a partition knows beside its learners: its position, its ledger, its rules, and what it is withdrawing.

Knows the system rows. Must never know how a partition is owned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fitly.core.names import EventKey
from fitly.core.numbers import Millis

POSITION_KEY: Final = b"\x00position"
LEDGER_KEY: Final = b"\x00ledger"
RULES_KEY: Final = b"\x00rules"
SWEEP_KEY: Final = b"\x00sweep"
FOLD_KEY: Final = b"\x00fold"
UNTOLD_KEY: Final = b"\x00untold"
SUMS_PREFIX: Final = b"\x00sums|"
EXPERIMENT_PREFIX: Final = b"\x00experiment|"
"""Begins the key of what the partition knows of one experiment; its name follows."""
SYSTEM_PREFIX: Final = b"\x00"

FOLD_VERSION: Final = 4
"""Raised whenever the same log would fold to other bytes; stored, so that a replay can say what it covers."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the log has been absorbed: the truth, of which the group's committed offset is a hint.

    Attributes
    ----------
    birth_id : str
        Generation of the input topic, empty before control record 1.
    partitions : int
        Size of that generation.
    clock_mode : str
        LIVE or AS_OF.
    offset : int
        Last offset absorbed, -1 for none.
    clock : Millis
        Highest stamp so far: the fold's now.
    """

    birth_id: str = ""
    partitions: int = 0
    clock_mode: str = ""
    offset: int = -1
    clock: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Untold:
    """Changes of the partition's sums since their last partial, by ``kind|name``; names without any are left out."""

    changes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many records landed in each bin, and what a refused or applied one was.

    ``bins`` is keyed ``BIN`` or ``BIN/detail`` (``APPLIED/fitly.outcome.recorded.v1``); values add up to the
    records read.
    """

    bins: dict[str, int]
    read: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A withdrawal under way: rows are looked at in the order of their keys, a slice per control or tick record.

    Attributes
    ----------
    cause : EventKey
        Key of the control event that began it; empty where none is under way.
    offset : int
        Where its copy stands in this partition.
    after : bytes
        Key of the last row looked at.
    """

    cause: EventKey = EventKey("")
    offset: int = -1
    after: bytes = b""

"""What stands in ``partials`` and in the table ``population``: cases of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Look, Merged, Partial
from fitly.wire.merged import encode_merged, encode_word
from fitly.wire.partials import encode_partial, outgoing_partial

BIRTH: Final = "6f1c7d1e-9a0b-4f57-8d0c-5b1f0d3e7a21"
NOW: Final = Millis(1_772_438_400_123)
SUMS: Final = {"BALANCED.yy": -(2**70), "ALL.n": 3, "\u00e9": 0}
WORD: Final = Partial(Kind.PRIORS, "MISSION", 3, BIRTH, 123_456, NOW, SUMS)
MERGED: Final = Merged(Kind.PRIORS, "MISSION", BIRTH, {3: NOW, 0: Millis(0)}, SUMS, Look(Millis(NOW - 1), {"ALL.n": 2}))
NEVER_LOOKED_AT: Final = Merged(Kind.SHADOWS, "SESSION", BIRTH, {}, {})

POPULATION: Final[dict[str, Callable[[], str]]] = {
    "partial": lambda: encode_partial(WORD).decode(),
    "key, place and headers of a partial": lambda: repr(outgoing_partial(WORD, 4, b"secret")._replace(value=b"")),
    "a partition's word at rest": lambda: encode_word(WORD).hex(),
    "merged": lambda: encode_merged(MERGED).hex(),
    "merged, never looked at": lambda: encode_merged(NEVER_LOOKED_AT).hex(),
}

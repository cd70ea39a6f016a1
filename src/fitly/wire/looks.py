"""What goes out of a look at an experiment.

Knows topic, key and JSON. Must never know when a look is taken.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fitly.core.numbers import to_datetime
from fitly.core.partials import Look
from fitly.core.topics import RESULTS
from fitly.wire.outgoing import Outgoing
from fitly.wire.partials import spelt

_ENCODER: Final = msgspec.json.Encoder()
PROVISIONAL: Final = "provisional"


def result_key(name: str, look: int | str) -> bytes:
    """Give the key of a look's result.

    >>> result_key("spring", 7), result_key("spring", PROVISIONAL)
    (b'spring|7', b'spring|provisional')
    """
    return f"{name}|{look}".encode()


def is_provisional(key: bytes) -> bool:
    """Tell whether a key is of a view between looks.

    >>> is_provisional(b"spring|provisional"), is_provisional(b"spring|7")
    (True, False)
    """
    return key.endswith(b"|" + PROVISIONAL.encode())


def outgoing_look(name: str, look: Look, birth_id: str, partition: int) -> Outgoing:
    """Write a look as the record it goes out as."""
    said = {
        "experiment_name": name,
        "look": look.number,
        "as_of": to_datetime(look.clock),
        "birth_id": birth_id,
        "about": look.about,
        "sums": spelt(look.sums),
    }
    return Outgoing(RESULTS, result_key(name, look.number), _ENCODER.encode(said), partition=partition)

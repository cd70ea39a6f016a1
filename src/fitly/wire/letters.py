"""Dead letters: a refused record on its way to ``rejected-events``, as it came, with why and where in its headers.

Knows what is kept of a record and whose it was. Must never know why it was refused.
"""

from __future__ import annotations

from typing import Final, Protocol

from fitly.core.names import LONGEST_USER, UserId
from fitly.core.topics import INPUT, REJECTED
from fitly.wire.events import Incoming
from fitly.wire.outgoing import Outgoing, letter_key
from fitly.wire.refusing import MOST_BYTES

CUT_HEADER: Final = "cut"
"""Beside a rejected record of which only the beginning is kept: how many bytes it had."""
MOST_REJECTED: Final = 2 << 20
"""Bytes of a rejected record that are kept whole. A broker bounds what it takes after compression only: a record may
unfold to more than any topic holds, and must not stop the log for that."""


class Why(Protocol):
    """Why a record is refused."""

    @property
    def reason(self) -> str:
        """The code."""

    @property
    def detail(self) -> str:
        """What is wrong, where, and what to do."""


def dead_letter(record: Incoming, why: Why, partition: int, topic: str = INPUT) -> Outgoing:
    """Give the dead letter of a refused record of a topic, by default the input log."""
    headers: tuple[tuple[str, bytes | None], ...] = (
        ("reason", why.reason.encode()),
        ("detail", why.detail.encode(errors="replace")),
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(record.offset).encode()),
    )
    value = record.value or b""
    if len(value) > MOST_REJECTED:
        headers = (*headers, (CUT_HEADER, str(len(value)).encode()))
        value = value[:MOST_BYTES]
    key = letter_key((record.key or b"")[:LONGEST_USER], partition, record.offset, topic)
    return Outgoing(REJECTED, key, value, headers)


def learner_named(key: bytes | None) -> UserId | None:
    r"""Give the learner whom a record's key names, whether the record can be read or not.

    >>> learner_named(b"ada"), learner_named(b"\xff"), learner_named(None)
    ('ada', None, None)
    """
    if key is None or len(key) > LONGEST_USER:
        return None
    try:
        return UserId(key.decode())
    except UnicodeDecodeError:
        return None

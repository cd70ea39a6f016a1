"""Dead letters: a refused record on its way to ``rejected-events``, as it came, with why and where in its headers.

Knows what is kept of a record and whose it was. Must never know why it was refused.
"""

from __future__ import annotations

from typing import Final

from fitly.core.events import Unreadable
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


def dead_letter(record: Incoming, why: Unreadable, partition: int) -> Outgoing:
    """Give the dead letter of a refused record."""
    user, value = (record.key or b"")[:LONGEST_USER], record.value or b""
    headers: tuple[tuple[str, bytes | None], ...] = (
        ("reason", why.reason.encode()),
        ("detail", why.detail.encode(errors="replace")),
        ("topic", INPUT.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(record.offset).encode()),
    )
    if len(value) > MOST_REJECTED:
        headers = (*headers, (CUT_HEADER, str(len(value)).encode()))
        value = value[:MOST_BYTES]
    return Outgoing(REJECTED, letter_key(user, partition, record.offset), value, headers)


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

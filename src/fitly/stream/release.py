"""Which release a broker is, as far as it tells.

Knows one request of Kafka's protocol (ApiVersions 3, since Kafka 2.4), which aiokafka does not offer. Must never know
what a release can do: the clients negotiate that by themselves.

No broker tells its release. One that runs without ZooKeeper tells the newest format of its metadata that it can write,
a number that grows with every release (``MetadataVersion`` in Kafka's source).
"""

from __future__ import annotations

import asyncio
import struct
from bisect import bisect_right
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fitly.settings import Settings

ANSWER_S: Final = 5.0
FEATURE: Final = b"metadata.version"
RELEASES: Final = (
    (1, "3.0 to 3.2"), (4, "3.3"), (8, "3.4"), (9, "3.5"), (12, "3.6"), (15, "3.7"), (20, "3.8"), (21, "3.9"),
    (22, "4.0"), (26, "4.1"), (28, "4.2"),
)  # fmt: skip
"""The first metadata level of each release."""
NEWEST: Final = 29
"""The last level of the last release known here."""

_API_VERSIONS: Final = 18
_VERSION: Final = 3
_REQUEST: Final = struct.pack(">hhih", _API_VERSIONS, _VERSION, 1, 5) + b"fitly\0" + b"\x06fitly" + b"\x020" + b"\0"
"""Header of flexible form, then name and version of the software that asks."""
_SUPPORTED: Final = 0
"""Tag of the features that the broker's software knows."""


async def read_release(settings: Settings) -> str | None:
    """Ask the first broker of the bootstrap address; None where it cannot be known.

    Parameters
    ----------
    settings : Settings
        Where the broker is.
    """
    host, _, port = settings.kafka_bootstrap.partition(",")[0].strip().rpartition(":")
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError, struct.error):
        async with asyncio.timeout(ANSWER_S):
            return release_of(await _ask(host.strip("[]"), int(port)))
    return None


async def _ask(host: str, port: int) -> bytes:
    """Send the request, give the body of the answer."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(struct.pack(">i", len(_REQUEST)) + _REQUEST)
        await writer.drain()
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        return (await reader.readexactly(size))[4:]
    finally:
        writer.close()


def release_of(body: bytes) -> str | None:
    r"""Read the release from the body of an answer; None where the broker does not tell.

    >>> told = b"\x02\x11metadata.version\x00\x07\x00\x1b\x00"
    >>> release_of(b"\x00\x00" b"\x01" b"\x00\x00\x00\x00" b"\x01\x00" + bytes([len(told)]) + told)
    '4.1'
    >>> release_of(b"\x00\x23") is None
    True
    """
    (error,) = struct.unpack_from(">h", body)
    if error:
        return None
    count, at = _number(body, 2)
    for _ in range(count - 1):  # a request, its lowest and highest version, and tags
        at = _past_tags(body, at + 6)
    tags, at = _number(body, at + 4)
    for _ in range(tags):
        tag, at = _number(body, at)
        size, at = _number(body, at)
        if tag == _SUPPORTED:
            return _named(_levels(body[at : at + size]).get(FEATURE, 0))
        at += size
    return None


def _levels(part: bytes) -> dict[bytes, int]:
    """Read features: the highest level of each."""
    found: dict[bytes, int] = {}
    count, at = _number(part, 0)
    for _ in range(count - 1):
        size, at = _number(part, at)
        name, at = part[at : at + size - 1], at + size - 1
        _, found[name] = struct.unpack_from(">hh", part, at)
        at = _past_tags(part, at + 4)
    return found


def _named(level: int) -> str | None:
    """Name the release of a metadata level.

    >>> _named(7), _named(8), _named(0), _named(99)
    ('3.3', '3.4', None, 'newer than 4.2')
    """
    if level > NEWEST:
        return f"newer than {RELEASES[-1][1]}"
    index = bisect_right([first for first, _ in RELEASES], level)
    return RELEASES[index - 1][1] if index else None


def _number(body: bytes, at: int) -> tuple[int, int]:
    r"""Read an unsigned number of variable length; give it and the place after it.

    >>> _number(b"\xac\x02", 0)
    (300, 2)
    """
    value = shift = 0
    while body[at] & 0x80:
        value |= (body[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | body[at] << shift, at + 1


def _past_tags(body: bytes, at: int) -> int:
    """Give the place after tagged fields that nobody asks for."""
    count, at = _number(body, at)
    for _ in range(count):
        _, at = _number(body, at)
        size, at = _number(body, at)
        at += size
    return at

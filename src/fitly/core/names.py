"""Identifiers that bytes depend on: event keys, decision ids, config ids, and the draws made from them.

Knows the hashes of the definitions and nothing of what the identifiers are used for. Everything here is
settled for ever: a golden corpus in the tests holds each function to its bytes.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NewType
from uuid import UUID

from fitly.core.numbers import Millis
from fitly.core.vocabulary import Context, Variant

UserId = NewType("UserId", str)
EventKey = NewType("EventKey", str)
"""uuid5 of an event's source and id, in canonical text: record 5's ``id`` and the key of de-duplication."""
DecisionId = NewType("DecisionId", str)
ConfigId = NewType("ConfigId", str)

NAMESPACE: Final = UUID("192df9dd-2d2c-5781-818f-a9f63529d274").bytes
PACKED_WIDTH: Final = 16
LONGEST_USER: Final = 128
"""Bytes of a user id, UTF-8."""


_NAMED: Final = hashlib.sha1(NAMESPACE, usedforsecurity=False)


def _uuid5(name: str) -> str:
    """RFC 9562 version 5 in our namespace; the standard library's, without building a UUID object."""
    hashed = _NAMED.copy()
    hashed.update(name.encode())
    digest = hashed.hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def event_key(source: str, event_id: str) -> EventKey:
    r"""Identify an event by its producer and the producer's own id.

    >>> event_key("lms", "1") == str(__import__("uuid").uuid5(UUID(bytes=NAMESPACE), "lms\n1"))
    True
    """
    return EventKey(_uuid5(f"{source}\n{event_id}"))


def decision_id(cause: EventKey, user_id: UserId, context: Context) -> DecisionId:
    """Identify the decision that one cause brings in one context: a repeat is identical."""
    return DecisionId(_uuid5(f"{cause}|{user_id}|{context}"))


@lru_cache(maxsize=1 << 14)
def config_id(user_id: UserId, context: Context, variant: Variant) -> ConfigId:
    """Identify the config record of a learner x context x variant."""
    return ConfigId(_uuid5(f"{user_id}|{context}|{variant}"))


def named(*parts: str) -> str:
    """Identify any other record by its parts (an effectiveness row, a preferences row)."""
    return _uuid5("|".join(parts))


def lapse_key(decision: DecisionId, moment: Millis) -> EventKey:
    """Name what a rendering answers where no event brought it: that an insight lapsed at a moment.

    >>> lapse_key(DecisionId("d"), Millis(5)) == named("d", "5")
    True
    """
    return EventKey(named(decision, str(moment)))


def packed_id(canonical: str) -> bytes:
    """Give the 16 bytes of a canonical uuid text.

    Raises
    ------
    ValueError
        If the text is not a uuid.

    Examples
    --------
    >>> packed_id("00000000-0000-0000-0000-0000000000ff")[-1]
    255
    """
    packed = bytes.fromhex(canonical.replace("-", ""))
    if len(packed) != PACKED_WIDTH:
        message = f"not a uuid: {canonical!r}"
        raise ValueError(message)
    return packed


def unpacked_id(packed: bytes) -> str:
    """Give the canonical text of 16 packed bytes; the inverse of `packed_id`.

    >>> unpacked_id(packed_id("6f1c7d1e-9a0b-5f57-8d0c-5b1f0d3e7a21"))
    '6f1c7d1e-9a0b-5f57-8d0c-5b1f0d3e7a21'
    """
    digits = packed.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


ERASED_PREFIX: Final = b"\x01"
"""Begins the key of an erased learner's marker: no user id holds a control character."""


def erased_key(birth: bytes, user_id: UserId) -> bytes:
    r"""Give the key under which it is remembered that a learner was erased: it tells nobody who that was.

    Parameters
    ----------
    birth : bytes
        Birth id of the input topic.
    user_id : UserId
        The learner.

    Examples
    --------
    >>> erased_key(b"birth", UserId("ada"))[:1], len(erased_key(b"birth", UserId("ada")))
    (b'\x01', 33)
    """
    return ERASED_PREFIX + hashlib.blake2b(user_id.encode(), digest_size=32, key=birth).digest()


def fingerprint(key: EventKey) -> bytes:
    """Give the 16 bytes by which a seen event is remembered."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def uniform(birth: bytes, cause: str, user_id: UserId, context: str, purpose: str) -> float:
    """Draw from [0, 1): the same event gives the same draw on any machine and on replay.

    Parameters
    ----------
    birth : bytes
        Birth id of the input topic; keys the hash so that draws cannot be foreseen from public ids.
    cause : str
        Event key of the cause, or empty for a learner-level draw (holdout).
    user_id, context, purpose : str
        What the draw is for; different purposes are independent.

    Examples
    --------
    >>> 0 <= uniform(b"birth", "k", UserId("ada"), "MISSION", "explore") < 1
    True
    """
    hashed = _keyed(birth).copy()
    hashed.update(f"{cause}|{user_id}|{context}|{purpose}".encode())
    return int.from_bytes(hashed.digest(), "big") / _WHOLE


_WHOLE: Final = 2**64


@lru_cache(maxsize=16)
def _keyed(birth: bytes) -> hashlib.blake2b:
    """Give a hash that has taken in its key: to begin with a copy of it costs half of beginning anew."""
    return hashlib.blake2b(digest_size=8, key=birth)


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition Java's default partitioner (murmur2) sends a key to.

    Source: Apache Kafka, ``Utils.murmur2``; constants of MurmurHash2 with seed 0x9747b28c.

    >>> partition_of(b"learner-1", 1)
    0
    """
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    length = len(data)
    mask, mixer = 0xFFFFFFFF, 0x5BD1E995
    digest = (0x9747B28C ^ length) & mask
    whole = length & ~3
    for start in range(0, whole, 4):
        word = (int.from_bytes(data[start : start + 4], "little") * mixer) & mask
        word = ((word ^ (word >> 24)) * mixer) & mask
        digest = ((digest * mixer) & mask) ^ word
    if tail := data[whole:]:
        digest = ((digest ^ int.from_bytes(tail, "little")) * mixer) & mask
    digest = ((digest ^ (digest >> 13)) * mixer) & mask
    return digest ^ (digest >> 15)

"""Identifiers that bytes depend on; what they give is held by the golden corpus."""

from __future__ import annotations

import pytest

from fitly.core.names import EventKey, _murmur2, event_key, fingerprint, packed_id, partition_of, unpacked_id

KAFKAS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""What Apache Kafka's own tests (``UtilsTest.testMurmur2``) hold ``Utils.murmur2`` to."""


@pytest.mark.parametrize(("key", "value"), KAFKAS.items())
def test_murmur2_is_kafkas(key: bytes, value: int) -> None:
    assert _murmur2(key) == value & 0xFFFFFFFF


def test_the_sign_of_the_hash_does_not_make_a_partition_negative() -> None:
    assert partition_of(b"foobar", 7) == (-790332482 & 0x7FFFFFFF) % 7


def test_an_identifier_survives_packing() -> None:
    key = event_key("lms", "1")
    assert unpacked_id(packed_id(key)) == key
    assert len(fingerprint(EventKey(key))) == 16


@pytest.mark.parametrize("text", ["", "00", "0" * 34, "nothing like a uuid, though of 36 let"])
def test_what_is_no_uuid_is_not_packed(text: str) -> None:
    with pytest.raises(ValueError, match=r"uuid|hex"):
        packed_id(text)

"""Partials on the wire: sums of any size, and nothing that is not a partial."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.wire.words import KEY, word

from fitly.core.errors import Refused
from fitly.core.names import partition_of
from fitly.core.partials import Kind
from fitly.core.topics import PARTIALS
from fitly.wire.partials import decode_partial, encode_partial, home_of, outgoing_partial
from fitly.wire.schemas import files
from fitly.wire.signing import SIGNATURE_HEADER, is_signed

SCHEMA = Draft202012Validator(json.loads(files()["partials.json"]))
HUGE = {"small": 1, "none": 0, "negative": -(2**70), "huge": 10**999 - 1}


def test_sums_of_any_size_come_back_as_they_went() -> None:
    said = word(sums=HUGE)
    assert decode_partial(encode_partial(said)) == said


def test_sums_are_decimal_strings_in_the_order_of_their_names() -> None:
    sums = json.loads(encode_partial(word(sums={"b": 2**64, "a": -1})))["sums"]
    assert list(sums.items()) == [("a", "-1"), ("b", "18446744073709551616")]


def test_what_goes_out_fits_the_schema() -> None:
    SCHEMA.validate(json.loads(encode_partial(word(sums=HUGE))))


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"sums": {"n": 3}}, "SCHEMA"),
    ({"sums": {"n": "03"}}, "SCHEMA"),
    ({"sums": {"n": "-0"}}, "SCHEMA"),
    ({"sums": {"n": "1_0"}}, "SCHEMA"),
    ({"sums": {"n": "1\n"}}, "SCHEMA"),
    ({"sums": {"n": "1" * 1_001}}, "SCHEMA"),
    ({"kind": "horoscopes"}, "SCHEMA"),
    ({"name": ""}, "SCHEMA"),
    ({"name": "a|b"}, "SCHEMA"),
    ({"name": "a\x00"}, "SCHEMA"),
    ({"name": "a\n"}, "SCHEMA"),
    ({"name": "a" * 201}, "SCHEMA"),
    ({"partition": -1}, "OUT_OF_RANGE"),
    ({"offset": -1}, "OUT_OF_RANGE"),
    ({"clock": -1}, "OUT_OF_RANGE"),
    ({"clock": None}, "SCHEMA"),
)


@pytest.mark.parametrize(("fields", "reason"), WRONG)
def test_what_is_no_partial_is_refused_by_decoder_and_schema(fields: dict[str, Any], reason: str) -> None:
    said = json.loads(encode_partial(word())) | fields
    with pytest.raises(Refused) as refused:
        decode_partial(json.dumps(said).encode())
    assert refused.value.reason == reason
    assert "\\n" in str(fields) or not SCHEMA.is_valid(said), "Python's own $ lets a line's end pass"


@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b'{"name": "\xff"}', b'{"name": "\\ud800"}'])
def test_what_is_not_json_is_refused(value: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_partial(value)
    assert refused.value.reason == "NOT_JSON"


def test_a_partial_goes_to_the_partition_of_its_name_signed_and_under_a_key_of_its_own() -> None:
    outs = [outgoing_partial(word(partition), 4, KEY) for partition in range(4)]
    assert {out.partition for out in outs} == {home_of(Kind.PRIORS, "MISSION", 4)}
    assert home_of(Kind.PRIORS, "MISSION", 4) == partition_of(b"priors|MISSION", 4)
    assert [out.key for out in outs] == [b"priors|MISSION|%d" % partition for partition in range(4)]
    for out in outs:
        assert out.topic == PARTIALS
        assert is_signed(KEY, word().birth_id, out.value or b"", dict(out.headers)[SIGNATURE_HEADER])

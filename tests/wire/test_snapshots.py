"""A snapshot is whole or it is none: every row on its pages, and a manifest that would miss one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, Partition
from tests.properties.histories import history, seeds

from fitly.wire.shard import Change, Shard
from fitly.wire.snapshots import PAGE_BYTES, Manifest, Seal, decode_manifest, decode_page, encode_manifest, pages

MANIFEST = Manifest(
    snapshot="s",
    birth_id="b",
    partition=3,
    offset=77,
    clock=5,
    folded_by=1,
    goes_on_by=2,
    outputs={"outcomes": 9},
)


def sealed(found: list[tuple[bytes, int]]) -> Manifest:
    seal = Seal()
    for page, rows in found:
        seal.add(page, rows)
    return seal.close(MANIFEST)


def rows(count: int) -> list[Change]:
    return [Change("contexts", f"learner-{n}|MISSION".encode(), bytes(PAGE_BYTES // 4)) for n in range(count)]


def test_pages_hold_every_row_in_order() -> None:
    found = list(pages(rows(10)))
    assert [count for _, count in found] == [4, 4, 2]
    assert [change for page, _ in found for change in decode_page(page)] == rows(10)
    assert list(pages([])) == []


def test_a_manifest_says_what_must_be_there() -> None:
    closed = sealed(list(pages(rows(10))))
    assert (closed.pages, closed.rows, closed.offset) == (3, 10, 77)
    assert decode_manifest(encode_manifest(closed)) == closed


def test_a_page_that_is_lost_moved_or_changed_is_missed() -> None:
    found = list(pages(rows(10)))
    closed = sealed(found)
    changed = [(found[0][0][:-1] + b"x", found[0][1]), *found[1:]]
    for other in (found[:-1], [found[1], found[0], found[2]], changed, [*found, found[2]]):
        assert sealed(other) != closed


def test_what_is_no_page_or_manifest_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_page(b"{")
    with pytest.raises(msgspec.MsgspecError):
        decode_manifest(b"[]")


@given(seed=seeds, length=some.integers(3, 120), at=some.integers(0, 120))
def test_folding_on_from_a_snapshot_gives_the_same_bytes(seed: int, length: int, at: int) -> None:
    log = history(seed, length)
    whole = Shard(0, KEY)
    whole.opened()
    whole.adopt(whole.fold(log[:at]))
    other = Shard(0, KEY)
    for page, _ in pages(whole.state()):
        for change in decode_page(page):
            other.load(*change)
    other.opened()
    one, two = whole.fold(log), other.fold(log)
    assert one.outputs == two.outputs
    whole.adopt(one)
    other.adopt(two)
    assert list(whole.state()) == list(other.state())
    assert whole.overdue() == other.overdue()


def test_an_empty_partition_has_a_snapshot_too() -> None:
    shard = Partition(opened=False).shard
    (page,) = (page for page, _ in pages(shard.state()))
    assert {change.key[:1] for change in decode_page(page)} == {b"\x00"}

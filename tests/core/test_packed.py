"""Small records kept as bytes, one after another."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from fitly.core.packed import Layout


class Point(NamedTuple):
    name: bytes
    x: int


POINTS = Layout(Point, "2sH")
THREE = POINTS.join([Point(b"aa", 1), Point(b"bb", 2), Point(b"cc", 3)])


def test_records_stand_at_their_places_from_either_end() -> None:
    assert POINTS.count(THREE) == 3
    assert POINTS.at(THREE, 0) == Point(b"aa", 1)
    assert POINTS.at(THREE, -1) == Point(b"cc", 3)
    assert POINTS.at(THREE, -3) == Point(b"aa", 1)
    assert list(POINTS.all(THREE)) == [Point(b"aa", 1), Point(b"bb", 2), Point(b"cc", 3)]


@pytest.mark.parametrize("index", [3, -4])
def test_there_is_no_record_beyond_the_ends(index: int) -> None:
    with pytest.raises(IndexError, match=f"no record {index} among 3"):
        POINTS.at(THREE, index)


def test_records_are_replaced_removed_and_dropped() -> None:
    assert list(POINTS.all(POINTS.replace(THREE, 1, Point(b"dd", 9))))[1] == Point(b"dd", 9)
    assert [point.x for point in POINTS.all(POINTS.remove(THREE, 1))] == [1, 3]
    assert [point.x for point in POINTS.all(POINTS.drop(THREE, 2))] == [3]
    assert POINTS.append(POINTS.drop(THREE, 3), Point(b"aa", 1)) == THREE[:4]


def test_a_record_is_found_by_how_it_begins_only_at_an_edge() -> None:
    assert POINTS.find(THREE, b"cc") == 2
    assert POINTS.find(THREE, b"zz") == -1
    straddling = POINTS.join([Point(b"xa", 0x6162), Point(b"ab", 2)])
    assert POINTS.find(straddling, b"ab") == 1
    assert POINTS.find(straddling[:4], b"ab") == -1


def test_a_record_is_found_by_its_first_byte() -> None:
    assert POINTS.find_byte(THREE, ord("b")) == 1
    assert POINTS.find_byte(THREE, ord("x")) == -1


def test_columns_read_some_fields_and_skip_the_others() -> None:
    assert list(POINTS.columns(1).iter_unpack(THREE)) == [(1,), (2,), (3,)]
    assert POINTS.start_of(1) == 2

"""Fixed-point numbers: one rounding rule, no float in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fitly.core.numbers import Millis, day_of, mean, nano, span, to_datetime, to_millis


@given(some.integers(-(10**18), 10**18), some.integers(1, 10**6))
def test_a_mean_is_rounded_half_to_even_exactly(total: int, count: int) -> None:
    assert mean(total, count) == round(Fraction(total, count))


def test_a_mean_of_nothing_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        mean(0, 0)


@given(some.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - the zone is put in below
def test_a_moment_survives_whatever_its_zone(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=naive.microsecond // 1000 * 1000)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert to_datetime(to_millis(elsewhere)) == moment


def test_days_begin_at_midnight_utc() -> None:
    midnight = to_millis(datetime(2026, 3, 2, tzinfo=UTC))
    assert day_of(midnight) == day_of(Millis(midnight - 1)) + 1


def test_spans_and_probabilities() -> None:
    assert span(1.5) == 129_600_000
    assert nano(1 / 3) == 333_333_333

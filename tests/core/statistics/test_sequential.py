"""The always-valid p and interval equal gbstats', cost the same at every look, and hold for however many looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.statistics.samples import SEEDS, Floats, answers, drawn, moments

from fitly.core.statistics.lift import Lift, lift
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sequential import Sequential, Tuning, Watched, always_valid, looked, watch
from fitly.core.statistics.welch import Welch, welch

Side = tuple[int, float, float]
GBSTATS: tuple[tuple[Side, Side, float, bool, float, tuple[float, float], float, tuple[float, float]], ...] = (
    # Computed once with gbstats 0.8.0 (which demands a numpy of its own): control and treatment as n, sum and sum of
    # squares; tuning; whether binary (ProportionStatistic) or not (SampleMeanStatistic); p and interval of
    # SequentialTwoSidedTTest, absolute; p and interval of TwoSidedTTest, relative.
    (
        *((120, 600.0, 3_900.0), (130, 780.0, 5_720.0), 5_000, False),
        *(0.3795144135298226, (-0.668617106070243, 2.668617106070243)),
        *(0.011110188175033286, (0.046032426258357934, 0.3539675737416421)),
    ),
    (
        *((1_000, 50.0, 90.0), (400, 10.0, 28.0), 400, False),
        *(1.0, (-0.075328299866647, 0.025328299866647003)),
        *(0.07434480080109918, (-1.0492780580863832, 0.04927805808638319)),
    ),
    (
        *((4_000, 800.0, 800.0), (1_000, 270.0, 270.0), 20_000, True),
        *(0.001793237597795509, (0.01973624148918391, 0.12026375851081611)),
        *(2.1771031746720126e-05, (0.1888362045562052, 0.5111637954437949)),
    ),
    (
        *((40, 4e3, 401_000.0), (5, 510.0, 52_100.0), 5_000, False),
        *(1.0, (-18.54065235569939, 22.54065235569939)),
        *(0.39425186887355057, (-0.0343993149795989, 0.0743993149795989)),
    ),
)


def summed(side: Side) -> Moments:
    n, total, squares = side
    return Moments(n, total / n, squares - total * total / n)


@pytest.mark.parametrize(
    ("control", "treatment", "planned", "binary", "p", "interval", "lift_p", "lift_interval"), GBSTATS
)
def test_figures_are_those_of_gbstats(  # noqa: PLR0917 - the columns of the table
    control: Side,
    treatment: Side,
    planned: float,
    binary: bool,  # noqa: FBT001 - a parameter of the table
    p: float,
    interval: tuple[float, float],
    lift_p: float,
    lift_interval: tuple[float, float],
) -> None:
    one, other = summed(treatment), summed(control)
    found = always_valid(one, other, Tuning(planned=planned), binary=binary)
    assert isinstance(found, Sequential)
    assert found.p_value == pytest.approx(p, rel=1e-9)
    assert found.interval == pytest.approx(interval, rel=1e-9)
    relative = lift(one, other, 0.95, binary=binary)
    assert isinstance(relative, Lift)
    assert relative.p_value == pytest.approx(lift_p, rel=1e-9)
    assert relative.interval == pytest.approx(lift_interval, rel=1e-9)


@given(SEEDS, some.sampled_from([0.05, 0.01]), some.sampled_from([200.0, 5_000.0]))
def test_the_closed_form_of_the_paper_on_the_raw_data(seed: int, alpha: float, planned: float) -> None:
    """Equations 9, 155 and 161 of arXiv 2103.06476v7, written as they stand there."""
    for binary, (one, other) in ((False, drawn(seed)), (True, answers(seed))):
        n = len(one) + len(other)
        variance = sum(side.var(ddof=0 if binary else 1) / len(side) for side in (one, other))
        found = always_valid(moments(one), moments(other), Tuning(alpha=alpha, planned=planned), binary=binary)
        if not variance:
            assert found is Missing.ZERO_VARIANCE
            continue
        assert isinstance(found, Sequential)
        rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned)
        grown = n * rho**2 + 1
        reach = math.sqrt(n * variance) * math.sqrt(2 * grown * math.log(math.sqrt(grown) / alpha) / (n * rho) ** 2)
        between = one.mean() - other.mean()
        exponent = rho**2 * between**2 * n / variance / (2 * grown)
        assert found.interval == pytest.approx((between - reach, between + reach), rel=1e-7, abs=1e-12 + reach * 1e-8)
        assert found.p_value == pytest.approx(min(1.0, math.sqrt(grown) * math.exp(-exponent)), rel=1e-6, abs=1e-300)


@given(SEEDS, some.booleans())
def test_the_interval_leaves_out_nothing_exactly_where_p_is_below_the_level(seed: int, binary: bool) -> None:  # noqa: FBT001
    one, other = answers(seed) if binary else drawn(seed)
    found = always_valid(moments(one), moments(other), binary=binary)
    if isinstance(found, Sequential):
        assert (found.interval.lower > 0 or found.interval.upper < 0) == (found.p_value < 0.05)


@given(SEEDS, some.booleans())
def test_looking_after_every_value_is_looking_at_each_prefix(seed: int, binary: bool) -> None:  # noqa: FBT001
    rows = mixed(*(answers(seed, 5, 60) if binary else drawn(seed)), seed)
    found = watch(((arm, value, at) for at, (arm, value) in enumerate(rows, 1)), binary=binary)
    looks: list[tuple[int, float]] = []
    for at in range(1, len(rows) + 1):
        sides = [Moments.of([value for arm, value in rows[:at] if arm == which]) for which in (1, 0)]
        look = looked(sides[0], sides[1], binary=binary)
        if isinstance(look, Sequential):
            looks.append((at, look.p_value))
    if not looks:
        assert found.min_p in {Missing.BURN_IN, Missing.ZERO_VARIANCE}
        return
    crossed = [at for at, p_value in looks if p_value <= 0.05]
    assert found.looks == len(looks)
    assert found.min_p == pytest.approx(min(p_value for _, p_value in looks), rel=1e-6)
    assert found.first_crossing == (crossed[0] if crossed else Missing.NO_CROSSING)


def mixed(one: Floats, other: Floats, seed: int) -> list[tuple[int, float]]:
    rows = [(1, float(value)) for value in one] + [(0, float(value)) for value in other]
    np.random.default_rng(seed).shuffle(rows)
    return [(int(arm), float(value)) for arm, value in rows]


def test_no_look_is_taken_before_the_burn_in_nor_without_variance() -> None:
    nine = [(arm, float(at), at) for at in range(9) for arm in (0, 1)]
    assert watch([*nine, (1, 5.0, 10)]) == Watched(0, Missing.BURN_IN, Missing.BURN_IN)
    flat = [(at % 2, 1.0, at) for at in range(40)]
    assert watch(flat) == Watched(0, Missing.ZERO_VARIANCE, Missing.ZERO_VARIANCE)
    assert watch([]).min_p is Missing.BURN_IN
    assert looked(Moments.of([1.0] * 9), Moments.of([1.0, 2.0] * 9)) is Missing.BURN_IN
    assert isinstance(looked(Moments.of([1.0, 2.0] * 5), Moments.of([1.0, 2.0] * 9)), Sequential)
    assert always_valid(Moments.of([1.0]), Moments.of([1.0, 2.0])) is Missing.TOO_FEW


def test_overwhelming_evidence_underflows_to_nothing_and_does_not_fail() -> None:
    one, other = Moments(10_000, 1e6, 1e-6), Moments(10_000, 0.0, 1e-6)
    found = always_valid(one, other)
    assert isinstance(found, Sequential)
    assert found.p_value == 0.0


def test_whoever_peeks_after_every_value_is_fooled_by_the_naive_p_and_not_by_the_always_valid_one() -> None:
    """300 A/A tests of 600 values, one look after each; the naive share is what 1.96 standard errors would give."""
    random, runs = np.random.default_rng(11), 300
    always, naive = 0, 0
    for _ in range(runs):
        values, arms = random.normal(0, 1, 600), random.integers(0, 2, 600)
        rows = [(int(arm), float(value), at) for at, (arm, value) in enumerate(zip(arms, values, strict=True), 1)]
        always += isinstance(watch(rows, Tuning(planned=600)).first_crossing, int)
        naive += peeked(arms, values)
    assert always / runs <= 0.05
    assert naive / runs > 0.2


def peeked(arms: np.ndarray[tuple[int], np.dtype[np.int64]], values: Floats) -> bool:
    """Tell whether Welch's p is below .05 at some look from 10 in each arm on, at every fifth value."""
    for at in range(25, len(arms) + 1, 5):
        one, other = values[:at][arms[:at] == 1], values[:at][arms[:at] == 0]
        if min(len(one), len(other)) >= 10:
            found = welch(moments(one), moments(other), 0.95)
            assert isinstance(found, Welch)
            if found.p_value < 0.05:
                return True
    return False

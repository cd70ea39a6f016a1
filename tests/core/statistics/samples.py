"""Numbers to test figures with, as files hold them: small and large, shifted far from 0, and shares of yes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as some

from fitly.core.statistics.moments import Moments

Floats = npt.NDArray[np.float64]
SEEDS: Final = some.integers(0, 2**32 - 1)


def drawn(seed: int, most: int = 60) -> tuple[Floats, Floats]:
    """Draw two samples of unequal size, place and spread; some far from 0, where sums of squares would cancel."""
    random = np.random.default_rng(seed)
    n, m = random.integers(2, most, 2)
    scale, shift = 10.0 ** random.integers(-3, 4), random.choice([0.0, 0.0, 1.0, -50.0, 1e6])
    one = random.normal(random.normal(0, 0.5), random.uniform(0.2, 2), n) + shift
    other = random.normal(0, 1, m) + shift
    return one * scale, other * scale


def answers(seed: int, least: int = 2, most: int = 400) -> tuple[Floats, Floats]:
    """Draw two samples of 0 and 1."""
    random = np.random.default_rng(seed)
    n, m = random.integers(least, most, 2)
    rates = random.choice([0.0, 0.02, 0.3, 0.5, 0.97, 1.0], 2)
    return (random.random(n) < rates[0]).astype(float), (random.random(m) < rates[1]).astype(float)


def moments(values: Floats) -> Moments:
    return Moments.of(values.tolist())

"""Why a figure has no value.

Knows the closed list of reasons. Must never know how an absent figure is stored or shown: an undefined figure
is null with one of these words beside it, never 0 and never NaN.
"""

from __future__ import annotations

from enum import StrEnum


class Missing(StrEnum):
    """Why a figure is null."""

    NO_RANDOMIZED_OWN_BASELINE = "NO_RANDOMIZED_OWN_BASELINE"
    """The learner has too few randomized decisions of their own for a test."""
    NO_POPULATION_BASELINE = "NO_POPULATION_BASELINE"
    """What the learner would be described against is not known (yet)."""
    BASELINE_TOUCHES_ZERO = "BASELINE_TOUCHES_ZERO"
    """A percentage of a baseline that may be nothing says nothing."""
    NOT_RANDOMIZED = "NOT_RANDOMIZED"
    """What is compared was not assigned at random: the difference describes, and a test of it would mislead."""
    TOO_FEW = "TOO_FEW"
    """The metric was seen in too few decisions on one side."""
    ZERO_VARIANCE = "ZERO_VARIANCE"
    """All values are the same: there is nothing to set a difference against."""
    NOT_ENOUGH = "NOT_ENOUGH"
    """Too few effective learners inform an off-policy estimate."""
    ZERO_BASELINE = "ZERO_BASELINE"
    """The baseline's mean is 0: nothing is a percentage of it."""
    BURN_IN = "BURN_IN"
    """No look yet: some arm has fewer values than the burn-in asks for."""
    NO_CROSSING = "NO_CROSSING"
    """At no look did the always-valid p fall to the level."""
    CONSTANT_COVARIATE = "CONSTANT_COVARIATE"
    """The covariate is the same for everybody: there is nothing to adjust by."""
    CLUSTERED = "CLUSTERED"
    """Groups were randomized, or learners count in many epochs: a figure that takes each for itself would mislead."""
    NOT_BINARY = "NOT_BINARY"
    """The metric is no yes or no."""
    OUT_OF_RANGE = "OUT_OF_RANGE"
    """The values are so far apart that the figure is no finite number."""
    PROPENSITIES_VARY = "PROPENSITIES_VARY"
    """Each decision was drawn with a probability of its own: there are no shares that the arms should have."""
    EMPTY_CELL = "EMPTY_CELL"
    """A combination of factor levels, or a row or column of a table, holds nobody."""

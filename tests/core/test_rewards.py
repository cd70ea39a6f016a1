"""From metrics to one number, which does not depend on which metrics came."""

from __future__ import annotations

import pytest

from fitly.core.decisions import Measured
from fitly.core.events import OutcomeRecorded
from fitly.core.inforce import put_in_force
from fitly.core.numbers import Micro, mean, micro
from fitly.core.rewards import centre, measured, reward
from fitly.core.rules import Policy, Priors, RewardWeights, Rules
from fitly.core.vocabulary import Context, OutcomeType

PLAIN = put_in_force(Rules())


def m(*values: int | None) -> Measured:
    return Measured(*[None if value is None else Micro(value) for value in values])


def test_an_absent_metric_stands_at_its_prior_mean() -> None:
    assert reward(m(None, None, None, None), PLAIN.unknown, PLAIN) == 500_000
    assert reward(m(1_000_000, None, None, None), PLAIN.unknown, PLAIN) == 625_000
    typical = (Micro(0), Micro(100_000), Micro(200_000), Micro(300_000))
    assert reward(m(None, 500_000, None, None), typical, PLAIN) == mean(1_000_000, 4)


def test_weights_are_made_to_add_to_one() -> None:
    weights = RewardWeights(retention=0.8, performance=0.4, completion=0, engagement=0)
    force = put_in_force(Rules(policy=Policy(reward_weights=weights)))
    assert reward(m(900_000, 300_000, 0, 0), force.unknown, force) == 700_000


def test_a_policy_whose_weights_are_all_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one reward weight"):
        RewardWeights(retention=0, performance=0, completion=0, engagement=0)
    with pytest.raises(ValueError, match="at least one reward weight"):
        RewardWeights(retention=1e-12, performance=0, completion=0, engagement=0)


@pytest.mark.parametrize(
    ("score", "kept"), [(0.0, 0), (1.0, 1_000_000), (0.1234565, 123_456), (0.1234575, 123_458), (1e-7, 0)]
)
def test_a_metric_is_rounded_once_half_to_even(score: float, kept: int) -> None:
    data = OutcomeRecorded(
        outcome_type=OutcomeType.SESSION_COMPLETED, context=Context.SESSION, retention_score=score, engagement_score=1
    )
    assert measured(data) == (kept, None, None, 1_000_000)
    assert micro(score) == kept


def test_the_centre_moves_from_the_contexts_mean_to_the_learners_own() -> None:
    assert centre(0, 0, Micro(500_000), PLAIN) == 500_000
    assert centre(90_000_000, 100, Micro(500_000), PLAIN) == mean(95_000_000, 110)
    heavy = put_in_force(Rules(priors=Priors(own_weight=0)))
    assert centre(0, 0, Micro(500_000), heavy) == 500_000


def test_an_outcome_without_any_metric_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at least one of"):
        OutcomeRecorded(outcome_type=OutcomeType.SESSION_COMPLETED, context=Context.SESSION, session_duration=3.0)

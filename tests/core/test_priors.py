"""Priors from sums: against numpy on the learners' raw numbers, and what is worth telling."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from operator import mul

import numpy as np
import numpy.typing as npt
import pytest

from fitly.core.confidence import belief, confidence
from fitly.core.entries import EVIDENCE, Evidence
from fitly.core.inforce import put_in_force
from fitly.core.learner import ContextRow
from fitly.core.names import UserId
from fitly.core.partials import Kind
from fitly.core.population import contribution
from fitly.core.priors import LEAST_SPREAD, estimated, worth_telling
from fitly.core.rules import ArmPrior, ContextPriors, Fares, MetricMeans, Policy, Priors, Rules
from fitly.core.vocabulary import Context, OutcomeType, Variant

ARM, CONTROL = 3, 0
KNOWN = ArmPrior(effect=0.05, se=0.01, spread=0.05, learners=30)
TOLD = ContextPriors(mean=0.5, reward_sd=0.2, arms={Variant.BALANCED: KNOWN})


def drawn(rng: np.random.Generator, mean: float, count: int) -> list[int]:
    return [round(1e6 * (mean + 0.2 * each)) for each in rng.standard_normal(count)]


def weights(rng: np.random.Generator, count: int) -> list[int]:
    return [int(each) for each in rng.integers(1_000_000, 20_000_000, count)]


def weighted(values: list[list[int]], by: list[list[int]]) -> npt.NDArray[np.float64]:
    """Give each learner's sum of weight times value, in units."""
    return np.array([sum(map(mul, x, w)) / 1e12 for x, w in zip(values, by, strict=True)])


class Crowd:
    """Learners with their own effects: centred rewards in millionths and weights, with the arm and without."""

    def __init__(self, seed: int, learners: int = 60, effect: float = 0.08, spread: float = 0.05) -> None:
        rng = np.random.default_rng(seed)
        own = effect + spread * rng.standard_normal(learners)
        self.x = [drawn(rng, each, int(rng.integers(0, 12))) for each in own]
        self.x0 = [drawn(rng, 0.0, int(rng.integers(0, 5))) for _ in own]
        self.w = [weights(rng, len(each)) for each in self.x]
        self.w0 = [weights(rng, len(each)) for each in self.x0]

    def sums(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for x, w, x0, w0 in zip(self.x, self.w, self.x0, self.w0, strict=True):
            own = (len(x), sum(x), sum(each * each for each in x), sum(w), 0, sum(map(mul, w, x)))
            other = (len(x0), sum(x0), sum(w0), 0, sum(map(mul, w0, x0)))
            control = (*other[:2], sum(each * each for each in x0), *other[2:])
            said = [Evidence(ARM, *(0,) * 10, *own, *other), Evidence(CONTROL, *(0,) * 10, *control, 0, 0, 0, 0, 0)]
            row = ContextRow(user_id=UserId("u"), context=Context.SESSION, evidence=EVIDENCE.join(said))
            total.update(contribution(row).get((Kind.PRIORS, "SESSION"), {}))
        return dict(total)


@pytest.mark.parametrize("seed", range(5))
def test_an_effect_and_its_error_are_those_of_ratios_over_learners(seed: int) -> None:
    crowd = Crowd(seed)
    found = estimated(crowd.sums()).arms[Variant.BALANCED]
    ones, ones0 = ([[10**6] * len(each) for each in side] for side in (crowd.x, crowd.x0))
    y, w = weighted(crowd.x, crowd.w), weighted(ones, crowd.w)
    y0, w0 = weighted(crowd.x0, crowd.w0), weighted(ones0, crowd.w0)
    some = (w > 0) | (w0 > 0)
    r, r0 = y.sum() / w.sum(), y0.sum() / w0.sum()
    influence = ((y - r * w) / w.sum() - (y0 - r0 * w0) / w0.sum())[some]
    assert found.effect == pytest.approx(r - r0, rel=1e-9)
    k = some.sum()
    assert found.se == pytest.approx(math.sqrt((influence**2).sum() * k / (k - 1)), rel=1e-6)
    assert found.learners == ((w > 0) & (w0 > 0)).sum()


@pytest.mark.parametrize("seed", range(5))
def test_the_spread_is_by_moments_and_the_noise_pooled_within_learners(seed: int) -> None:
    crowd = Crowd(seed, learners=200, spread=0.15)
    found = estimated(crowd.sums())
    sides = [np.array(each) / 1e6 for each in (*crowd.x, *crowd.x0) if len(each) >= 2]
    free = sum(len(each) - 1 for each in sides)
    noise = sum(((each - each.mean()) ** 2).sum() for each in sides) / free
    assert found.reward_sd == pytest.approx(math.sqrt(noise), rel=1e-5)
    both = zip(crowd.x, crowd.x0, strict=True)
    pairs = [(np.array(x) / 1e6, np.array(x0) / 1e6) for x, x0 in both if min(len(x), len(x0)) >= 2]
    d = np.array([x.mean() - x0.mean() for x, x0 in pairs])
    h = np.array([1 / (1 / len(x) + 1 / len(x0)) for x, x0 in pairs])
    q = (h * (d - (h * d).sum() / h.sum()) ** 2).sum()
    by_moments = (q - (len(d) - 1) * noise) / (h.sum() - (h**2).sum() / h.sum())
    assert found.arms[Variant.BALANCED].spread == pytest.approx(math.sqrt(max(by_moments, LEAST_SPREAD**2)), rel=1e-4)
    assert by_moments > LEAST_SPREAD**2


def test_learners_who_hardly_differ_still_are_taken_to_differ_a_little() -> None:
    found = estimated(Crowd(3, learners=5, spread=0).sums()).arms[Variant.BALANCED]
    assert found.spread >= LEAST_SPREAD


def test_one_learner_says_nothing_of_all() -> None:
    assert estimated(Crowd(1, learners=1).sums()).arms == {}
    assert estimated({}) == ContextPriors(mean=0.5, reward_sd=0.2)


def test_two_learners_without_a_pair_have_the_least_spread() -> None:
    sums = {"BALANCED.learners": 2, "BALANCED.clusters": 2, "BALANCED.w": 2, "BALANCED.w0": 2}
    assert estimated(sums).arms[Variant.BALANCED] == ArmPrior(effect=0.0, se=1e-6, spread=LEAST_SPREAD, learners=2)


def test_means_are_drawn_towards_one_half_while_few_outcomes_are_known() -> None:
    sums = {"ALL.n": 180, "ALL.sum": 180_000_000, "CONTENT_ENGAGED.n_retention": 20, "CONTENT_ENGAGED.s_retention": 0}
    found = estimated(sums)
    assert found.mean == pytest.approx(0.95)
    assert found.metrics == {
        OutcomeType.CONTENT_ENGAGED: MetricMeans(retention=0.25, performance=0.5, completion=0.5, engagement=0.5)
    }


def test_the_baseline_is_who_was_held_out_and_the_others_control() -> None:
    control = {"CONTROL.composite_n": 3, "CONTROL.composite_sum": 10}
    baseline = estimated({**control, "HOLDOUT.composite_n": 2, "HOLDOUT.composite_squares": 7}).baseline
    assert baseline[0] == Fares(n=5, sum=10, squares=7)
    assert len(baseline) == 5


@pytest.mark.parametrize(("composite", "retention", "told"), [(4, 4, ()), (5, 4, (5, 0)), (5, 5, (5, 5))])
def test_a_baseline_of_few_learners_is_not_told(composite: int, retention: int, told: tuple[int, ...]) -> None:
    sums = {"CONTROL.composite_n": composite, "CONTROL.retention_n": retention, "CONTROL.retention_sum": 9}
    baseline = estimated(sums).baseline
    assert tuple(fares.n for fares in baseline[:2]) == told
    assert all(fares.n or not fares.sum for fares in baseline)


@pytest.mark.parametrize(
    ("learners", "mean", "worth"),
    [
        (20, 500_000, True),
        (19, 500_000, False),
        (5, 500_000, True),
        (10, 505_000, True),
        (10, 504_999, False),
        (0, 0, True),
    ],
)
def test_a_baseline_that_grew_or_moved_is_worth_telling(learners: int, mean: int, worth: bool) -> None:  # noqa: FBT001 - a table's column
    old = replace(TOLD, baseline=(Fares(n=10, sum=5_000_000, squares=1),) * 5)
    new = replace(TOLD, baseline=(Fares(n=learners, sum=learners * mean, squares=1),) * 5)
    assert worth_telling(old, new) is worth


def test_what_never_was_told_is_worth_telling_and_the_same_again_is_not() -> None:
    assert worth_telling(None, TOLD)
    assert not worth_telling(TOLD, TOLD)


@pytest.mark.parametrize(
    ("new", "worth"),
    [
        (replace(TOLD, arms={}), True),
        (replace(TOLD, arms={Variant.BALANCED: replace(KNOWN, effect=0.0509)}), False),
        (replace(TOLD, arms={Variant.BALANCED: replace(KNOWN, effect=0.0511)}), True),
        (replace(TOLD, arms={Variant.BALANCED: replace(KNOWN, se=0.005)}), True),
        (replace(TOLD, arms={Variant.BALANCED: replace(KNOWN, learners=31)}), False),
        (replace(TOLD, arms={Variant.BALANCED: replace(KNOWN, learners=19)}), True),
        (replace(TOLD, mean=0.5051), True),
        (replace(TOLD, mean=0.5049), False),
        (replace(TOLD, baseline=(Fares(n=1, sum=1, squares=1),) * 5), True),
    ],
)
def test_an_effect_that_moved_by_a_tenth_of_its_error_is_worth_telling(new: ContextPriors, worth: bool) -> None:  # noqa: FBT001 - a table's column
    assert worth_telling(TOLD, new) is worth


def test_a_metrics_mean_that_moved_is_worth_telling() -> None:
    means = MetricMeans(retention=0.5, performance=0.5, completion=0.5, engagement=0.5)
    old = replace(TOLD, metrics={OutcomeType.CONTENT_ENGAGED: means})
    assert not worth_telling(old, replace(old, mean=0.501))
    assert worth_telling(old, replace(old, metrics={OutcomeType.CONTENT_ENGAGED: replace(means, completion=0.51)}))
    assert worth_telling(TOLD, old)


def test_priors_that_no_row_could_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="all 5 measures"):
        ContextPriors(mean=0.5, reward_sd=0.2, baseline=(Fares(n=2, sum=1, squares=1),))
    with pytest.raises(ValueError, match="fewer than"):
        ContextPriors(mean=0.5, reward_sd=0.2, baseline=(Fares(n=2**32, sum=1, squares=1),) * 5)
    with pytest.raises(ValueError, match="at most"):
        ContextPriors(mean=0.5, reward_sd=1e200)


def test_priors_without_a_doubt_are_believed_with_a_little_one() -> None:
    certain = ArmPrior(effect=0.05, se=0, spread=0, learners=50)
    known = Priors(
        contexts={Context.MISSION: ContextPriors(mean=0.5, reward_sd=1e-200, arms={Variant.BALANCED: certain})}
    )
    prior = put_in_force(Rules(priors=known)).beliefs[Context.MISSION][Variant.BALANCED]
    assert confidence(belief(None, prior), prior, Policy()) == 1

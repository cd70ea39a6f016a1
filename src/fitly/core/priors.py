"""What the population's sums say: the prior of every learner's effects, means and baseline in a context.

Knows estimators over sums with the learner as unit. Must never know partitions, topics or when it is asked.

**Effect of an arm**: difference of two ratios of sums over learners, weighted centred rewards by weights, of decisions
with the arm and of those not to apply in which the arm had a chance. Weights are inverse propensities, so that how
often an arm was drawn for whom does not count; the standard error is that of a ratio of sums over independent learners
(linearization; Cochran, *Sampling Techniques*, 3rd edition, sections 6.3 and 6.8).
**Spread between learners**: by moments from the learners with two decisions on both sides (DerSimonian and Laird 1986,
with sizes for weights since the variance within learners is pooled), at least `LEAST_SPREAD`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from fitly.core.numbers import ONE
from fitly.core.population import MEASURES
from fitly.core.rules import ArmPrior, ContextPriors, Fares, MetricMeans, Priors
from fitly.core.statistics.population_baseline import informs
from fitly.core.vocabulary import Metric, OutcomeType, Variant

LEAST_SPREAD: Final = 0.02
STEADY: Final = 20
"""How many outcomes the assumed mean of a metric or a reward weighs, and how many free decisions a spread needs."""
TENTH: Final = 0.1
"""An effect that moved by less of its standard error is not worth telling."""
NOTICEABLE: Final = 0.005
"""A mean that moved by less is not."""
_MICRO2: Final = ONE * ONE
_ASSUMED: Final = Priors()


def estimated(sums: Mapping[str, int]) -> ContextPriors:
    """Read the merged sums of one context.

    Parameters
    ----------
    sums : mapping
        Of the kind `Kind.PRIORS`, as ``population`` names them; a missing one is 0.

    Returns
    -------
    ContextPriors
        Arms without two learners to compare are left out.

    Examples
    --------
    >>> estimated({"ALL.n": 20, "ALL.sum": 18_000_000}).mean
    0.7
    """
    noise = _noise(sums)
    arms = {variant: prior for variant in Variant if (prior := _arm(variant, sums, noise)) is not None}
    return ContextPriors(
        mean=_mean(sums, "ALL.n", "ALL.sum"),
        reward_sd=math.sqrt(noise),
        arms=arms,
        metrics={kind: _metrics(kind, sums) for kind in OutcomeType if _has(kind, sums)},
        baseline=_baseline(sums),
    )


def worth_telling(old: ContextPriors | None, new: ContextPriors, enough: int = _ASSUMED.enough) -> bool:
    """Tell whether what is known moved so far that decisions should hear of it.

    Parameters
    ----------
    old : ContextPriors or None
        What was told last.
    new : ContextPriors
        What is known now.
    enough : int
        Learners from which an effect is believed: reaching them is worth telling by itself.
    """
    if old is None:
        return True
    if old.arms.keys() != new.arms.keys() or old.metrics.keys() != new.metrics.keys():
        return True
    if any(_arm_moved(old.arms[variant], arm, enough) for variant, arm in new.arms.items()):
        return True
    if abs(new.mean - old.mean) >= NOTICEABLE or _baseline_moved(old.baseline, new.baseline):
        return True
    return any(
        abs(getattr(means, metric) - getattr(old.metrics[kind], metric)) >= NOTICEABLE
        for kind, means in new.metrics.items()
        for metric in Metric
    )


def _arm_moved(old: ArmPrior, new: ArmPrior, enough: int) -> bool:
    return (old.learners >= enough) != (new.learners >= enough) or (
        max(abs(new.effect - old.effect), abs(new.se - old.se)) >= TENTH * new.se
    )


def _baseline_moved(old: tuple[Fares, ...], new: tuple[Fares, ...]) -> bool:
    """Tell whether a baseline is known that was not, of twice or half as many learners, or their mean moved."""
    if len(old) != len(new):
        return True
    for was, now in zip(old, new, strict=True):
        if now.n >= 2 * was.n > 0 or was.n >= 2 * now.n > 0 or bool(was.n) != bool(now.n):
            return True
        if now.n and abs(now.sum / now.n - was.sum / was.n) >= NOTICEABLE * ONE:
            return True
    return False


# -- effects ------------------------------------------------------------------------------------------------------


def _noise(sums: Mapping[str, int]) -> float:
    """Give the variance of a decision's reward within a learner, pooled."""
    free = sums.get("WITHIN.free", 0)
    if free < STEADY:
        return _ASSUMED.reward_sd**2
    return max(sums.get("WITHIN.squares", 0) / (free * _MICRO2), LEAST_SPREAD**2)


def _arm(variant: Variant, sums: Mapping[str, int], noise: float) -> ArmPrior | None:
    of = _Sums(variant, sums)
    learners = of("learners")
    if learners < 2:  # noqa: PLR2004 - a variance needs two
        return None
    w, w0 = of("w"), of("w0")
    effect, effect0 = of("y") / (w * ONE), of("y0") / (w0 * ONE)
    r, r0 = effect * ONE, effect0 * ONE
    own = (of("yy") - 2 * r * of("wy") + r * r * of("ww")) / (w * w)
    other = (of("y0y0") - 2 * r0 * of("w0y0") + r0 * r0 * of("w0w0")) / (w0 * w0)
    both = (of("yy0") - r0 * of("yw0") - r * of("wy0") + r * r0 * of("ww0")) / (w * w0)
    clusters = of("clusters")
    variance = max((own + other - 2 * both) / _MICRO2 * clusters / (clusters - 1), 0.0)
    return ArmPrior(
        effect=min(max(effect - effect0, -1.0), 1.0),
        se=max(math.sqrt(variance), 1e-6),
        spread=_spread(of, noise),
        learners=learners,
    )


def _spread(of: _Sums, noise: float) -> float:
    """Give the standard deviation of the effect between learners, by moments."""
    pairs, h, hh = of("pairs"), of("h") / ONE, of("hh") / _MICRO2
    room = h - hh / h if pairs > 1 else 0.0
    if room <= 0:
        return LEAST_SPREAD
    hd = of("hd") / _MICRO2
    q = of("hdd") / (_MICRO2 * ONE) - hd * hd / h
    return math.sqrt(max((q - (pairs - 1) * noise) / room, LEAST_SPREAD**2))


class _Sums:
    """The sums of one arm by their short names."""

    __slots__ = ("_prefix", "_sums")

    def __init__(self, variant: Variant, sums: Mapping[str, int]) -> None:
        self._prefix = f"{variant}."
        self._sums = sums

    def __call__(self, name: str) -> int:
        return self._sums.get(self._prefix + name, 0)


# -- means and baseline -------------------------------------------------------------------------------------------


def _mean(sums: Mapping[str, int], n: str, total: str) -> float:
    """Give a mean, drawn towards the assumed one as `STEADY` outcomes would."""
    return (sums.get(total, 0) / ONE + STEADY * _ASSUMED.metric_mean) / (sums.get(n, 0) + STEADY)


def _has(kind: OutcomeType, sums: Mapping[str, int]) -> bool:
    return any(sums.get(f"{kind}.n_{metric}", 0) for metric in Metric)


def _metrics(kind: OutcomeType, sums: Mapping[str, int]) -> MetricMeans:
    return MetricMeans(**{metric.value: _mean(sums, f"{kind}.n_{metric}", f"{kind}.s_{metric}") for metric in Metric})


def _baseline(sums: Mapping[str, int]) -> tuple[Fares, ...]:
    """Pool learners held out, and the others by their control decisions: what was randomized not to be applied.

    Of fewer learners than make a baseline nothing is said: it is told in the log of control events, which is kept for
    ever, and the mean of one learner would stand there after their erasure.
    """
    fares = tuple(
        Fares(
            n=_both(sums, f"{measure}_n"), sum=_both(sums, f"{measure}_sum"), squares=_both(sums, f"{measure}_squares")
        )
        for measure in MEASURES
    )
    return tuple([each if informs(each.n) else _NOBODY for each in fares]) if informs(fares[0].n) else ()


_NOBODY: Final = Fares(n=0, sum=0, squares=0)


def _both(sums: Mapping[str, int], name: str) -> int:
    return sums.get(f"CONTROL.{name}", 0) + sums.get(f"HOLDOUT.{name}", 0)

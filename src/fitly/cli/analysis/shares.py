"""Whether the arms got their shares: of units, of clusters, or of decisions.

Knows what is counted and what it should be. Must never know formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fitly.cli.analysis.documents import Document, absent, put
from fitly.cli.analysis.plan import Plan
from fitly.cli.analysis.samples import clusters_of
from fitly.cli.analysis.trial import Trial
from fitly.core.statistics.mismatch import ALARM, expected_counts, sample_ratio
from fitly.core.statistics.missing import Missing

_SAME: Final = 1e-6
"""Propensities of an arm that differ by less are one, written with few digits."""


def shares(trial: Trial, plan: Plan) -> Document:
    """Compare counts with what they should be.

    Where rows are decisions and weights are not said, the logged propensities are the weights, if each arm has one
    propensity throughout; where they vary there are no shares that the arms should have.
    """
    arms = trial.arms
    unit, observed = _counted(trial)
    weights: list[float] | Missing | None = plan.weights_of(arms)
    if weights is None:
        weights = [1.0] * len(arms) if trial.columns.propensity is None else logged_weights(trial)
    document: Document = {"unit": unit, "observed": dict(observed)}
    counts = list(observed.values())
    keys = ("chi2", "df", "p_value", "log10_p_value")
    if isinstance(weights, Missing):
        return document | absent(weights, ("expected", *keys)) | {"alarm": False}
    expected = expected_counts(sum(counts), weights)
    document["expected"] = dict(zip(arms, expected, strict=True))
    found = sample_ratio(counts, expected)
    if isinstance(found, Missing):
        return document | absent(found, keys) | {"alarm": False}
    return put(document, **found._asdict()) | {"alarm": found.p_value < ALARM}


def _counted(trial: Trial) -> tuple[str, Mapping[str, int]]:
    """Give what was drawn, and how many of it stand in each arm.

    With propensities each decision was. Clusters were, where they stand in one arm each; where most stand in several,
    people were drawn within them, and clusters in an arm would be counted whatever the arm's share.
    """
    if trial.columns.cluster is not None and trial.columns.propensity is None and not _within(trial):
        return "cluster", clusters_of(trial)
    counts = dict.fromkeys(trial.arms, 0)
    for unit in trial.units:
        counts[unit.arm] += 1
    return "unit" if trial.columns.propensity is None else "decision", counts


def _within(trial: Trial) -> bool:
    """Tell whether most clusters stand in several arms."""
    arms: dict[str, set[str]] = {}
    for unit in trial.units:
        if unit.cluster is not None:
            arms.setdefault(unit.cluster, set()).add(unit.arm)
    return 2 * sum(len(seen) > 1 for seen in arms.values()) > len(arms)


def logged_weights(trial: Trial) -> list[float] | Missing:
    """Give each arm's propensity, if it has one throughout; of the arms that have decisions."""
    found: dict[str, list[float]] = {unit.arm: [] for unit in trial.units}
    for unit in trial.units:
        if unit.propensity is not None:
            found[unit.arm].append(unit.propensity)
    if not all(found.values()) or any(max(seen) - min(seen) > _SAME * max(seen) for seen in found.values()):
        return Missing.PROPENSITIES_VARY
    return [found[arm][0] for arm in sorted(found)]

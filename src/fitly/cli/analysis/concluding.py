"""The verdict on a file: its figures as evidence, and the conditions as words.

Knows which figure a condition asks for. Must never know when a condition is met: `fitly.core.experiments` does.
"""

from __future__ import annotations

from fitly.cli.analysis.contrasts import Compared
from fitly.cli.analysis.documents import Document
from fitly.cli.analysis.plan import Plan
from fitly.cli.analysis.samples import Measured, Sample, clusters_of
from fitly.cli.analysis.shares import logged_weights
from fitly.cli.analysis.trial import Trial
from fitly.core.experiments.verdict import Contrast, Evidence, NotJudged, Verdict, verdict
from fitly.core.statistics.contingency import by_arm
from fitly.core.statistics.mismatch import ALARM
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sequential import looked


def conclude(
    trial: Trial, primary: Measured, compared: list[Compared], shares: Document, control: str, plan: Plan
) -> Verdict:
    """Judge by the first metric; the end of the file is the planned look."""
    contrasts = [
        _contrast(one, primary.arms[one.treatment], primary.arms[control], plan, binary=primary.binary)
        for one in compared
        if one.metric == primary.metric
    ]
    mismatches = {"sample_ratio": _sample_ratio(shares), "missing_values": _missing(primary)}
    if trial.columns.propensity is not None:
        mismatches["constant_propensities"] = _constant(trial)
    return verdict(
        Evidence(
            control=control,
            contrasts=contrasts,
            participants={arm: sample.moments.n for arm, sample in primary.arms.items()},
            days=None,
            at_end=True,
            mismatches=mismatches,
            guardrails={},
            clusters=None if trial.columns.cluster is None else clusters_of(trial),
        )
    )


def stated(found: Verdict) -> Document:
    """Give a verdict as a document."""
    conditions: list[Document] = []
    for one in found.conditions:
        said: Document
        if isinstance(one.met, NotJudged):
            said = {"met": None, "met_reason": one.met.value, "detail": f"{one.met}: {one.detail}"}
        else:
            said = {"met": one.met, "detail": one.detail}
        conditions.append({"name": one.name, **said})
    return {"winner": found.winner, "conditions": conditions}


def _contrast(one: Compared, treatment: Sample, control: Sample, plan: Plan, *, binary: bool) -> Contrast:
    """Give a comparison as evidence; where groups were randomized, only the cluster-robust p (by t) counts."""
    look = looked(treatment.moments, control.moments, plan.tuning, binary=binary)
    sequential = look if isinstance(look, Missing) else look.p_value
    fixed = one.p_value
    if one.cluster is not None:
        sequential = Missing.CLUSTERED
        fixed = one.cluster if isinstance(one.cluster, Missing) else one.cluster.t_p_value
    difference = one.document["difference"]
    as_zero: float | Missing = Missing.TOO_FEW
    if treatment.units and control.units:
        as_zero = treatment.with_missing_as_zero - control.with_missing_as_zero
    return Contrast(
        treatment=one.treatment,
        difference=Missing.TOO_FEW if difference is None else difference,
        sequential_p=sequential,
        fixed_p=fixed,
        as_zero=as_zero,
    )


def _sample_ratio(shares: Document) -> tuple[bool, str]:
    """Tell whether the ratio stands in the way: raised, or not to be tested."""
    p_value = shares["p_value"]
    if p_value is None:
        return True, f"not to be tested: {shares['p_value_reason']}"
    small = f"10^{shares['log10_p_value']:.1f}" if p_value < 1e-300 else f"{p_value:.3g}"  # noqa: PLR2004 - of floats
    return shares["alarm"], f"p {small} over {shares['unit']}s, alarm below {ALARM:g}"


def _missing(primary: Measured) -> tuple[bool, str]:
    """Tell whether values are missing more often in some arm."""
    arms = [sample for sample in primary.arms.values() if sample.units]
    missing = [sample.units - sample.moments.n for sample in arms]
    found = by_arm(missing, [sample.units for sample in arms])
    if isinstance(found, Missing):
        return False, "none are missing" if not any(missing) else f"{sum(missing):,} missing, not to be tested by arm"
    return found.p_value < ALARM, f"{sum(missing):,} missing, by arm p {found.p_value:.3g}, alarm below {ALARM:g}"


def _constant(trial: Trial) -> tuple[bool, str]:
    """Tell whether propensities vary: then arms' plain means are not of like decisions."""
    vary = isinstance(logged_weights(trial), Missing)
    if vary:
        return True, "each decision was drawn with a probability of its own: trust the off-policy estimates alone"
    return False, "every arm has one propensity throughout"

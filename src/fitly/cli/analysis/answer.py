"""The whole answer, key by key.

Knows the answer's keys and their order. Must never know formulas.
"""

from __future__ import annotations

from fitly.cli.analysis.concluding import conclude, stated
from fitly.cli.analysis.contrasts import compare
from fitly.cli.analysis.documents import Document, absent, put
from fitly.cli.analysis.logged import logged
from fitly.cli.analysis.plan import Plan
from fitly.cli.analysis.samples import Measured, measured, pairs
from fitly.cli.analysis.shares import shares
from fitly.cli.analysis.trial import Trial
from fitly.core.experiments.verdict import Condition, Verdict
from fitly.core.statistics.correlation import pearson
from fitly.core.statistics.joint import NO_PAIRS
from fitly.core.statistics.missing import Missing

NOBODY = Verdict(None, (Condition("participants", met=False, detail="no row could be used"),))


def answer(trial: Trial, plan: Plan) -> Document:
    """Analyze a trial; what the keys mean is told in ``docs/analyze.md``."""
    control = plan.control_among(trial.arms)
    trial.expect(plan.missed(trial.arms))
    ratio = shares(trial, plan)
    samples = measured(trial)
    compared = [] if control is None else compare(trial, samples, control, plan)
    document: Document = {
        "rows": trial.rows,
        "skipped": {reason.value: count for reason, count in sorted(trial.skipped.items())},
        "arms": _arms(trial, samples),
        "srm": ratio,
        "comparisons": [one.document for one in compared],
    }
    if trial.columns.covariate is not None:
        document["correlation"] = [_correlation(trial, sample, plan) for sample in samples]
    if trial.columns.propensity is not None:
        document["offpolicy"] = logged(trial, plan)
    found = NOBODY if control is None else conclude(trial, samples[0], compared, ratio, control, plan)
    document["verdict"] = stated(found)
    return document


def _arms(trial: Trial, samples: list[Measured]) -> Document:
    document: Document = {}
    for arm in trial.arms:
        document[arm] = {"n": samples[0].arms[arm].units}
        for sample in samples:
            moments = sample.arms[arm].moments
            document[arm][sample.metric] = put(
                {"n": moments.n},
                mean=moments.mean if moments.n else Missing.TOO_FEW,
                sd=moments.variance**0.5 if moments.n > 1 else Missing.TOO_FEW,
            )
    return document


def _correlation(trial: Trial, sample: Measured, plan: Plan) -> Document:
    """Correlate a metric with the covariate, over all arms."""
    everybody = sum(pairs(trial, sample.which).values(), NO_PAIRS)
    document = {"metric": sample.metric, "with": trial.columns.covariate, "n": everybody.n}
    found = pearson(everybody, plan.level)
    if isinstance(found, Missing):
        return document | absent(found, ("r", "p_value", "ci"))
    return put(document, r=found.r, p_value=found.p_value, ci=found.interval)

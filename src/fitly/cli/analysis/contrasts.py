"""Each treatment against the control, by each metric.

Knows which figures make up a comparison, and their keys. Must never know formulas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fitly.cli.analysis.documents import Document, absent, put
from fitly.cli.analysis.plan import Plan
from fitly.cli.analysis.samples import Groups, Measured, Sample, groups, pairs
from fitly.cli.analysis.trial import Trial
from fitly.core.statistics.adjust import benjamini_hochberg, holm
from fitly.core.statistics.clusters import ClusterTest, clustered_difference
from fitly.core.statistics.cuped import cuped
from fitly.core.statistics.effect_size import cohens_d
from fitly.core.statistics.joint import NO_PAIRS, JointMoments
from fitly.core.statistics.lift import lift
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.proportions import proportions
from fitly.core.statistics.sequential import always_valid, watch
from fitly.core.statistics.welch import welch


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: its document, and the figures that others need as such."""

    metric: str
    treatment: str
    document: Document
    p_value: float | Missing
    cluster: ClusterTest | Missing | None


def compare(trial: Trial, samples: list[Measured], control: str, plan: Plan) -> list[Compared]:
    """Compare; metrics in the order asked for, treatments by name."""
    found = [one for sample in samples for one in _metric(trial, sample, control, plan)]
    family = [one.p_value for one in found]
    for one, strict, loose in zip(found, holm(family), benjamini_hochberg(family), strict=True):
        put(one.document["adjusted_p"], holm=strict, bh=loose)
    return found


def _metric(trial: Trial, sample: Measured, control: str, plan: Plan) -> Iterator[Compared]:
    covariates = None if trial.columns.covariate is None else pairs(trial, sample.which)
    clusters = None if trial.columns.cluster is None else groups(trial, sample.which)
    for treatment in sample.arms:
        if treatment != control:
            document: Document = {"metric": sample.metric, "treatment": treatment, "control": control}
            p_value = _difference(document, sample, treatment, control, plan)
            if covariates is not None:
                document["cuped"] = _cuped(covariates, treatment, control, plan)
            test = None if clusters is None else _clustered(clusters[treatment], clusters[control], plan)
            if test is not None:
                document["cluster"] = _cluster(test)
            yield Compared(sample.metric, treatment, document, p_value, test)


def _difference(document: Document, sample: Measured, treatment: str, control: str, plan: Plan) -> float | Missing:
    """Put all that needs the two arms' values alone."""
    one, other = sample.arms[treatment], sample.arms[control]
    found = welch(one.moments, other.moments, plan.level)
    if isinstance(found, Missing):
        empty = not one.moments.n or not other.moments.n
        put(document, difference=Missing.TOO_FEW if empty else one.moments.mean - other.moments.mean)
        document |= absent(found, ("se", "df", "t", "p_value", "ci"))
    else:
        put(document, difference=found.difference, se=found.se, df=found.df, t=found.t)
        put(document, p_value=found.p_value, ci=found.interval)
    relative = lift(one.moments, other.moments, plan.level, binary=sample.binary)
    if isinstance(relative, Missing):
        document["relative"] = absent(relative, ("lift", "ci"))
    else:
        document["relative"] = put({}, lift=relative.lift, ci=relative.interval)
    shares = proportions(one.successes, other.successes, plan.level) if sample.binary else Missing.NOT_BINARY
    put(document, d=cohens_d(one.moments, other.moments), h=shares if isinstance(shares, Missing) else shares.h)
    document["adjusted_p"] = {}
    document["sequential"] = _sequential(one, other, plan, binary=sample.binary)
    if sample.binary:
        document["proportions"] = (
            absent(shares, ("z", "p_value", "ci_wald", "ci_newcombe"))
            if isinstance(shares, Missing)
            else put({}, z=shares.z, p_value=shares.p_value, ci_wald=shares.wald, ci_newcombe=shares.newcombe)
        )
    return found if isinstance(found, Missing) else found.p_value


def _sequential(one: Sample, other: Sample, plan: Plan, *, binary: bool) -> Document:
    found = always_valid(one.moments, other.moments, plan.tuning, binary=binary)
    document = (
        absent(found, ("p_value", "ci"))
        if isinstance(found, Missing)
        else put({}, p_value=found.p_value, ci=found.interval)
    )
    rows = [(at, 1, value) for at, value in one.values] + [(at, 0, value) for at, value in other.values]
    rows.sort()
    seen = watch(((arm, value, at) for at, arm, value in rows), plan.tuning, binary=binary)
    return put(document, min_p=seen.min_p, first_crossing=seen.first_crossing)


def _cuped(covariates: Mapping[str, JointMoments], treatment: str, control: str, plan: Plan) -> Document:
    everybody = sum(covariates.values(), NO_PAIRS)
    found = cuped(covariates[treatment], covariates[control], everybody, plan.level)
    if isinstance(found, Missing):
        return absent(found, ("theta", "difference", "se", "p_value", "ci"))
    document = put({}, theta=found.theta)
    if isinstance(found.test, Missing):
        return document | absent(found.test, ("difference", "se", "p_value", "ci"))
    test = found.test
    return put(document, difference=test.difference, se=test.se, p_value=test.p_value, ci=test.interval)


def _clustered(one: Groups, other: Groups, plan: Plan) -> ClusterTest | Missing:
    both = one.deviations.keys() & other.deviations.keys()
    across = sum(one.deviations[cluster] * other.deviations[cluster] for cluster in sorted(both))
    return clustered_difference(one.clustered, other.clustered, plan.level, shared=len(both), across=across)


def _cluster(test: ClusterTest | Missing) -> Document:
    if isinstance(test, Missing):
        return absent(test, ("clusters", "se", "p_value", "ci"))
    return put({}, clusters=test.clusters, se=test.se, p_value=test.p_value, ci=test.interval)

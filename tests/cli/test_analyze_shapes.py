"""`fitly analyze` gives the references' figures for files of every shape that an experiment comes in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import pytest
from click.testing import CliRunner
from estimators.bandits import gaussian, ips, snips
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_effectsize, proportions_ztest

from fitly.cli import main

Column: TypeAlias = "np.ndarray[Any, Any]"
TUNING: Final = 5_000
LEVEL: Final = 0.05


def near(value: Any) -> Any:  # noqa: ANN401 - numbers and lists of them
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@dataclass
class Shape:
    """A file: its columns, and how values are spelled in it. NaN is an empty cell."""

    arm: Column
    metrics: dict[str, Column]
    control: str
    covariate: Column | None = None
    cluster: Column | None = None
    weights: dict[str, float] = field(default_factory=dict)
    spelled: Callable[[float], str] = repr

    def file(self) -> bytes:
        extra = {"before": self.covariate, "group": self.cluster}
        held = {name: column for name, column in extra.items() if column is not None}
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["id", "arm", *self.metrics, *held])
        cells = [[self.cell(value) for value in column.tolist()] for column in self.metrics.values()]
        more = [[self.plain(value) for value in column.tolist()] for column in held.values()]
        writer.writerows(zip(range(len(self.arm)), self.arm.tolist(), *cells, *more, strict=True))
        return out.getvalue().encode()

    def cell(self, value: float) -> str:
        return "" if value != value else self.spelled(value)  # noqa: PLR0124 - NaN is not itself

    def plain(self, value: object) -> str:
        return "" if value != value else str(value)  # noqa: PLR0124

    def answer(self) -> dict[str, Any]:
        asked = ["analyze", "-", "--unit", "id", "--arm", "arm", "--control", self.control, "--json"]
        asked += [part for name in self.metrics for part in ("--metric", f'"{name}"')]
        asked += [] if self.covariate is None else ["--covariate", "before"]
        asked += [] if self.cluster is None else ["--cluster", "group"]
        if self.weights:
            quoted = (f'"{arm.replace(chr(34), chr(34) * 2)}={share}"' for arm, share in self.weights.items())
            asked += ["--weights", ",".join(quoted)]
        said = CliRunner().invoke(main, asked, input=self.file())
        assert said.exit_code == 0, said.output
        document: dict[str, Any] = json.loads(said.stdout)
        return document


ODD: Final = ["a, b", 'say "c"', "[red]d[/red]", "=1+1", "é 日本"]


def binary(draw: np.random.Generator) -> Shape:
    arm = draw.choice(["on", "off"], 90_000, p=[0.3, 0.7])
    won = (draw.random(90_000) < np.where(arm == "on", 0.105, 0.1)).astype(float)
    return Shape(arm, {"won": won}, "off", weights={"on": 0.3, "off": 0.7}, spelled=lambda value: f"{value:.0f}")


def skewed(draw: np.random.Generator) -> Shape:
    arm = draw.choice(["new", "old"], 6_000)
    spent = np.where(draw.random(6_000) < 0.9, 0, draw.lognormal(3, 1.5, 6_000))
    return Shape(arm, {"spent": spent, "visits": draw.poisson(3, 6_000).astype(float)}, "old")


def adjusted(draw: np.random.Generator) -> Shape:
    arm, before = draw.choice(["a", "b", "c"], 6_000), draw.normal(50, 10, 6_000)
    score = 0.8 * before + draw.normal(0, 5, 6_000) + (arm == "b")
    before[draw.random(6_000) < 0.05] = np.nan
    return Shape(arm, {"score": score}, "a", covariate=before)


def missing(draw: np.random.Generator) -> Shape:
    shape = skewed(draw)
    for column in shape.metrics.values():
        column[draw.random(len(column)) < 0.2] = np.nan
    return shape


def many_odd_arms(draw: np.random.Generator) -> Shape:
    arm = draw.choice(ODD, 5_000)
    return Shape(arm, {"y, in points": draw.normal(0, 1, 5_000)}, ODD[1], weights=dict.fromkeys(ODD, 1.0))


def words(draw: np.random.Generator) -> Shape:
    arm = draw.choice(["TRUE", "FALSE"], 3_000)
    won = (draw.random(3_000) < 0.4).astype(float)
    won[draw.random(3_000) < 0.1] = np.nan
    return Shape(arm, {"passed": won}, "FALSE", spelled=lambda value: "Yes" if value else "no")


def classes(draw: np.random.Generator) -> Shape:
    sizes = draw.integers(5, 40, 120)
    group = np.repeat(np.arange(120), sizes)
    score = draw.normal(0, 0.4, 120)[group] + draw.normal(0, 1, len(group))
    score[draw.random(len(group)) < 0.1] = np.nan
    labels = np.array([f"class {at}" for at in group])
    return Shape(np.array(["a", "b", "c"])[group % 3], {"score": score}, "a", cluster=labels)


def within_classes(draw: np.random.Generator) -> Shape:
    shape = classes(draw)
    shape.arm = draw.choice(["a", "b"], len(shape.arm))
    shape.metrics["passed"] = (draw.random(len(shape.arm)) < 0.3).astype(float)
    return shape


SHAPES: Final = [binary, skewed, adjusted, missing, many_odd_arms, words, classes, within_classes]


@pytest.mark.parametrize("make", SHAPES, ids=[make.__name__ for make in SHAPES])
def test_all_figures_are_the_references_on_the_raw_data(make: Callable[[np.random.Generator], Shape]) -> None:
    shape = make(np.random.default_rng(11))
    found = shape.answer()
    arms = sorted(set(shape.arm.tolist()))
    pairs = [(name, arm) for name in shape.metrics for arm in arms if arm != shape.control]
    assert [(one["metric"], one["treatment"]) for one in found["comparisons"]] == pairs
    for one in found["comparisons"]:
        values = shape.metrics[one["metric"]]
        valued = ~np.isnan(values)
        treated, control = (values[valued & (shape.arm == arm)] for arm in (one["treatment"], shape.control))
        same_means(one, treated, control)
        if set(values[valued].tolist()) <= {0.0, 1.0}:
            same_shares(one, treated, control)
        else:
            assert "proportions" not in one
        if shape.covariate is not None:
            same_adjusted(one, shape, values)
        if shape.cluster is not None:
            same_clustered(one, shape, values)
    family = [one["p_value"] for one in found["comparisons"]]
    for key, method in (("holm", "holm"), ("bh", "fdr_bh")):
        adjusted_p = [one["adjusted_p"][key] for one in found["comparisons"]]
        assert adjusted_p == near(list(multipletests(family, method=method)[1]))
    same_ratio(found, shape, arms)


def same_means(one: dict[str, Any], treated: Column, control: Column) -> None:
    welch = stats.ttest_ind(treated, control, equal_var=False)
    interval = welch.confidence_interval()
    assert (one["t"], one["df"]) == near((welch.statistic, welch.df))
    assert one["p_value"] == near(welch.pvalue)
    assert one["ci"] == near([interval.low, interval.high])
    pooled = (len(treated) - 1) * treated.var(ddof=1) + (len(control) - 1) * control.var(ddof=1)
    pooled = np.sqrt(pooled / (len(treated) + len(control) - 2))
    assert one["d"] == near((treated.mean() - control.mean()) / pooled)
    missing_one = 0 if "proportions" in one else 1
    first, second = (each.var(ddof=missing_one) / len(each) for each in (treated, control))
    freedom = (first + second) ** 2 / (first**2 / (len(treated) - 1) + second**2 / (len(control) - 1))
    ratio = treated.mean() / control.mean()
    reach = stats.t.ppf(1 - LEVEL / 2, freedom) * np.sqrt(first + second * ratio**2) / abs(control.mean())
    assert one["relative"]["lift"] == near(ratio - 1)
    assert one["relative"]["ci"] == near([ratio - 1 - reach, ratio - 1 + reach])
    many, spent = len(treated) + len(control), -2 * np.log(LEVEL)
    rho2 = (spent + np.log(spent + 1)) / TUNING
    grown = many * rho2 + 1
    between = treated.mean() - control.mean()
    reach = np.sqrt((first + second) * 2 * grown * np.log(np.sqrt(grown) / LEVEL) / (many * rho2))
    assert one["sequential"]["ci"] == near([between - reach, between + reach])
    evidence = rho2 * between**2 * many / (first + second) / (2 * grown)
    assert one["sequential"]["p_value"] == near(min(1.0, np.sqrt(grown) / np.exp(evidence)))


def same_shares(one: dict[str, Any], treated: Column, control: Column) -> None:
    yes, of = np.array([treated.sum(), control.sum()]), np.array([len(treated), len(control)])
    z, p_value = proportions_ztest(yes, of)
    shares = one["proportions"]
    assert (shares["z"], shares["p_value"]) == near((z, p_value))
    for key, method in (("ci_wald", "wald"), ("ci_newcombe", "newcomb")):
        reference = confint_proportions_2indep(yes[0], of[0], yes[1], of[1], method=method)
        assert shares[key] == near(list(reference))
    assert one["h"] == near(proportion_effectsize(treated.mean(), control.mean()))


def same_adjusted(one: dict[str, Any], shape: Shape, values: Column) -> None:
    assert shape.covariate is not None
    both = ~np.isnan(values) & ~np.isnan(shape.covariate)
    x, y, arm = shape.covariate[both], values[both], shape.arm[both]
    theta = np.cov(x, y)[0, 1] / x.var(ddof=1)
    left = y - theta * (x - x.mean())
    welch = stats.ttest_ind(left[arm == one["treatment"]], left[arm == shape.control], equal_var=False)
    interval = welch.confidence_interval()
    assert (one["cuped"]["theta"], one["cuped"]["p_value"]) == near((theta, welch.pvalue))
    assert one["cuped"]["ci"] == near([interval.low, interval.high])


def same_clustered(one: dict[str, Any], shape: Shape, values: Column) -> None:
    assert shape.cluster is not None
    kept = ~np.isnan(values) & np.isin(shape.arm, [one["treatment"], shape.control])
    design = np.column_stack([np.ones(kept.sum()), shape.arm[kept] == one["treatment"]])
    groups = np.unique(shape.cluster[kept], return_inverse=True)[1]
    fitted = OLS(values[kept], design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert (one["cluster"]["clusters"], one["cluster"]["se"]) == (groups.max() + 1, near(fitted.bse[1]))
    assert one["cluster"]["p_value"] == near(fitted.pvalues[1])
    assert one["cluster"]["ci"] == near(list(fitted.conf_int()[1]))


def same_ratio(found: dict[str, Any], shape: Shape, arms: list[str]) -> None:
    counted = shape.arm
    if shape.cluster is not None:
        standing = np.unique(np.column_stack([shape.arm, shape.cluster]), axis=0)
        whole = len(standing) == len(np.unique(shape.cluster))
        assert found["srm"]["unit"] == ("cluster" if whole else "unit")
        counted = standing[:, 0] if whole else shape.arm
    observed = np.array([(counted == arm).sum() for arm in arms])
    shares = np.array([shape.weights.get(arm, 1.0) for arm in arms])
    reference = stats.chisquare(observed, shares / shares.sum() * observed.sum())
    assert found["srm"]["observed"] == dict(zip(arms, observed.tolist(), strict=True))
    assert (found["srm"]["chi2"], found["srm"]["p_value"]) == near((reference.statistic, reference.pvalue))


@pytest.mark.parametrize("target", ["uniform", "7"])
@pytest.mark.parametrize("learned", [False, True], ids=["uniform log", "learned log"])
def test_a_log_of_34_arms_without_people_is_estimated_as_the_reference_does(target: str, learned: bool) -> None:  # noqa: FBT001
    """As open bandit logs are: a column without a name counts the rows, and items have few clicks."""
    draw = np.random.default_rng(34)
    shares = draw.dirichlet(np.ones(34), 20) * 0.9 + 0.1 / 34 if learned else np.full((20, 34), 1 / 34)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["", "timestamp", "item_id", "position", "click", "propensity_score", "user_feature_0"])
    estimators = (ips.Estimator(), snips.Estimator(), gaussian.Interval())
    for at in range(12_000):
        item = int(draw.choice(34, p=shares[at % 20]))
        click, p = int(draw.random() < 0.02 and item != 3), float(shares[at % 20][item])
        writer.writerow([at, f"2019-11-24 00:00:{at % 60:02}.{at:06}+00:00", item, at % 3 + 1, click, p, f"f{at % 4}"])
        for estimator in estimators:
            estimator.add_example(p, click, 1 / 34 if target == "uniform" else float(str(item) == target))
    asked = ["--unit", "", "--arm", "item_id", "--metric", "click", "--propensity", "propensity_score"]
    more = ["--order", "timestamp", "--target", target, "--json"]
    said = CliRunner().invoke(main, ["analyze", "-", *asked, *more], input=out.getvalue().encode())
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    estimated = found["offpolicy"]
    assert estimated["n"] == 12_000
    assert estimated["ips"] == near(estimators[0].get())
    assert estimated["snips"] == near(estimators[1].get())
    assert estimated["ci"] == near(estimators[2].get(LEVEL))
    never = next(one for one in found["comparisons"] if one["treatment"] == "3")
    assert (never["relative"]["lift"], never["relative"]["ci_reason"]) == (-1, "ZERO_VARIANCE")
    assert never["p_value"] is not None
    assert (found["srm"]["p_value"] is None) == learned

"""An answer for people: one table per question, each narrow enough for a small window.

Knows layout. Must never know figures other than those of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.text import Text

from fitly.cli import show
from fitly.cli.analysis.documents import Document
from fitly.cli.analysis.logged import CAUTIONS, Caution
from fitly.core.statistics.mismatch import ALARM
from fitly.core.statistics.missing import Missing

MET: Final = {True: ("met", "green"), False: ("not met", "red"), None: ("does not apply", "dim")}
WORDS: Final = {
    Missing.TOO_FEW: "too few",
    Missing.ZERO_VARIANCE: "no variance",
    Missing.ZERO_BASELINE: "control's mean is 0",
    Missing.NOT_BINARY: "-",
    Missing.BURN_IN: "too few",
    Missing.NO_CROSSING: "never",
    Missing.NOT_ENOUGH: "not enough",
    Missing.CONSTANT_COVARIATE: "covariate is constant",
    Missing.OUT_OF_RANGE: "out of range",
    Missing.PROPENSITIES_VARY: "propensities vary",
}
"""Why there is no figure, in words."""
_MANY: Final = 1_000
"""From here on figures are written in full: 27,000 and not 2.7e+04."""


def lay_out(document: Document, console: Console) -> None:
    """Print an answer."""
    for heading, body in _parts(document):
        console.print(Text(heading, style="bold"))
        console.print(body)
        console.print()


def _parts(document: Document) -> Iterator[tuple[str, RenderableType]]:
    skipped = ", ".join(f"{reason} {count:,}" for reason, count in document["skipped"].items())
    yield f"{document['rows']:,} rows" + (f"; left out: {skipped}" if skipped else ""), _arms(document)
    yield "sample ratio", _ratio(document["srm"])
    comparisons = document["comparisons"]
    if comparisons:
        yield f"treatment minus control ({comparisons[0]['control']})", _differences(comparisons)
        if len(comparisons) > 1:
            yield f"{len(comparisons)} tests at once", _family(comparisons)
        yield "looking at any time (always valid)", _sequential(comparisons)
        yield "how large", _sizes(comparisons)
    yield from _more(document, comparisons)
    yield "verdict", _verdict(document["verdict"])


def _arms(document: Document) -> RenderableType:
    rows = (
        (arm, _count(held["n"]), metric, _count(one["n"]), _figure(one["mean"]), _figure(one["sd"]))
        for arm, held in document["arms"].items()
        for metric, one in held.items()
        if metric != "n"
    )
    return show.grid(("arm", "n", "metric", "with value", "mean", "sd"), rows, right=("n", "with value", "mean", "sd"))


def _ratio(srm: Document) -> RenderableType:
    expected = srm["expected"] or {}
    rows = [(arm, _count(seen), _figure(expected.get(arm))) for arm, seen in srm["observed"].items()]
    table = show.grid(("arm", f"{srm['unit']}s", "expected"), rows, right=(f"{srm['unit']}s", "expected"))
    if srm["p_value"] is None:
        table.caption = f"not to be tested: {WORDS[srm['p_value_reason']]}"
    else:
        far = f"10^{srm['log10_p_value']:.1f}" if srm["p_value"] < 1e-300 else f"{srm['p_value']:.3g}"  # noqa: PLR2004
        said = f"chi-square {srm['chi2']:.4g}, df {srm['df']}, p {far}"
        alarm = Text(f"{said}: MISMATCH, trust no figure below", style="bold red")
        table.caption = alarm if srm["alarm"] else f"{said}: no mismatch (alarm below {ALARM:g})"
    table.caption_justify = "left"
    return table


def _differences(comparisons: Sequence[Document]) -> RenderableType:
    rows = (
        (*_who(one), *_of(one, "difference", "ci"), _figure(one["t"], 3), _chance(one["p_value"]))
        for one in comparisons
    )
    heads = ("metric", "treatment", "difference", "95 % interval", "t", "p")
    return show.grid(heads, rows, right=("difference", "t", "p"))


def _family(comparisons: Sequence[Document]) -> RenderableType:
    rows = (
        (*_who(one), _chance(one["p_value"]), *(_chance(one["adjusted_p"][key]) for key in ("holm", "bh")))
        for one in comparisons
    )
    return show.grid(("metric", "treatment", "p", "Holm", "BH"), rows, right=("p", "Holm", "BH"))


def _sequential(comparisons: Sequence[Document]) -> RenderableType:
    rows = []
    for one in comparisons:
        look = one["sequential"]
        crossed = look["first_crossing"]
        first = WORDS[look["first_crossing_reason"]] if crossed is None else f"row {crossed:,}"
        rows.append((*_who(one), *_of(look, "p_value", "ci", digits=3), _chance(look["min_p"]), first))
    heads = ("metric", "treatment", "p", "interval", "smallest p", "p <= .05 first")
    return show.grid(heads, rows, right=("p", "smallest p"))


def _sizes(comparisons: Sequence[Document]) -> RenderableType:
    rows = (
        (*_who(one), *_percents(one["relative"]), _figure(one["d"], 3), _figure(one["h"], 3)) for one in comparisons
    )
    return show.grid(("metric", "treatment", "lift", "interval", "d", "h"), rows, right=("lift", "d", "h"))


def _more(document: Document, comparisons: Sequence[Document]) -> Iterator[tuple[str, RenderableType]]:
    """Give what only some files have."""
    if found := [one for one in comparisons if "proportions" in one]:
        keys = ("z", "p_value", "ci_wald", "ci_newcombe")
        rows = [(*_who(one), *_of(one["proportions"], *keys, digits=3)) for one in found]
        yield "as proportions", show.grid(("metric", "treatment", "z", "p", "Wald", "Newcombe"), rows, right=("z", "p"))
    if found := [one for one in comparisons if "cuped" in one]:
        rows = [(*_who(one), *_of(one["cuped"], "theta", "difference", "p_value", "ci")) for one in found]
        heads = ("metric", "treatment", "theta", "difference", "p", "95 % interval")
        yield "adjusted by the covariate (CUPED)", show.grid(heads, rows, right=("theta", "difference", "p"))
    if found := [one for one in comparisons if "cluster" in one]:
        rows = [(*_who(one), *_of(one["cluster"], "clusters", "se", "p_value", "ci")) for one in found]
        heads = ("metric", "treatment", "clusters", "se", "p", "95 % interval")
        yield "cluster-robust (CR1)", show.grid(heads, rows, right=("clusters", "se", "p"))
    if found := document.get("correlation", []):
        rows = [(one["metric"], one["with"], _count(one["n"]), *_of(one, "r", "p_value", "ci")) for one in found]
        yield "correlation", show.grid(("metric", "with", "n", "r", "p", "interval"), rows, right=("n", "r", "p"))
    if "offpolicy" in document:
        yield "off-policy estimates", _offpolicy(document["offpolicy"])


def _offpolicy(one: Document) -> RenderableType:
    named = {
        "ips": "IPS: mean of weight x value",
        "ci": "its 95 % interval, by unit",
        "snips": "SNIPS: the same per weight",
        "ess": "decisions as good as equally weighted (ESS)",
        "mean_weight": "mean weight (1 where propensities are true)",
        "max_weight": "largest weight",
    }
    head = f"{one['metric']} under {one['target']!r}"
    rows = [("decisions", _count(one["n"])), *zip(named.values(), _of(one, *named), strict=True)]
    table = show.grid((head, "estimate"), rows, right=("estimate",))
    cautions = [CAUTIONS[Caution(caution)] for caution in one.get("warnings", ())]
    table.caption = Text("\n".join(cautions), style="bold yellow") if cautions else None
    table.caption_justify = "left"
    return table


def _verdict(verdict: Document) -> RenderableType:
    rows = []
    for one in verdict["conditions"]:
        word, style = MET[one["met"]]
        rows.append((Text(word, style=style), one["name"], one["detail"].removeprefix("NOT_APPLICABLE: ")))
    return show.grid((f"winner: {verdict['winner'] or 'none'}", "condition", "detail"), rows)


def _who(one: Document) -> tuple[str, str]:
    return one["metric"], one["treatment"]


def _of(one: Document, *keys: str, digits: int = 4) -> list[str]:
    """Give figures by their keys, or why there are none: each reason once."""
    cells: list[str] = []
    for key in keys:
        if one[key] is None:
            why = WORDS[one[f"{key}_reason"]]
            cells.append("-" if why in cells else why)
        else:
            cells.append(_any(key, one[key], digits))
    return cells


def _any(key: str, figure: Any, digits: int) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(figure, list):
        return f"{_figure(figure[0], digits)} to {_figure(figure[1], digits)}"
    if isinstance(figure, int):
        return _count(figure)
    return _chance(figure) if key == "p_value" else _figure(figure, digits)


def _figure(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if _MANY <= abs(value) < _MANY**3 else f"{value:.{digits}g}"


def _chance(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if value else "< 1e-300"


def _count(value: int) -> str:
    return f"{value:,}"


def _percents(relative: Document) -> tuple[str, str]:
    """Give a lift and its interval in percent, or why there is none."""
    lift, bounds = relative["lift"], relative["ci"]
    if lift is None:
        return WORDS[relative["lift_reason"]], "-"
    within = WORDS[relative["ci_reason"]] if bounds is None else f"{100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f}"
    return f"{100 * lift:+.1f} %", within

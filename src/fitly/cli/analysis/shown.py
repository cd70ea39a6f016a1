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
from fitly.core.statistics.missing import Missing

MET: Final = {True: ("met", "green"), False: ("not met", "red"), None: ("does not apply", "dim")}
NEVER: Final = {
    Missing.NO_CROSSING: "never",
    Missing.BURN_IN: "no look: too few",
    Missing.ZERO_VARIANCE: "no look: no variance",
}


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
        yield "treatment minus control", _differences(comparisons)
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
        table.caption = f"not to be tested: {srm['p_value_reason']}"
    else:
        far = f"10^{srm['log10_p_value']:.1f}" if srm["p_value"] < 1e-300 else f"{srm['p_value']:.3g}"  # noqa: PLR2004
        said = f"chi-square {srm['chi2']:.4g}, df {srm['df']}, p {far}"
        alarm = Text(f"{said}: MISMATCH, trust no figure below", style="bold red")
        table.caption = alarm if srm["alarm"] else f"{said}: as it should be"
    table.caption_justify = "left"
    return table


def _differences(comparisons: Sequence[Document]) -> RenderableType:
    rows = (
        (
            *_who(one),
            _figure(one["difference"]),
            _interval(one["ci"]),
            _figure(one["t"], 3),
            _chance(one["p_value"]),
        )
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
        first = NEVER[look["first_crossing_reason"]] if crossed is None else f"row {crossed:,}"
        shown = (_chance(look["p_value"]), _interval(look["ci"]), _chance(look["min_p"]), first)
        rows.append((*_who(one), *shown))
    heads = ("metric", "treatment", "p", "interval", "smallest p", "p <= .05 first")
    return show.grid(heads, rows, right=("p", "smallest p"))


def _sizes(comparisons: Sequence[Document]) -> RenderableType:
    rows = (
        (
            *_who(one),
            _percent(one["relative"]["lift"]),
            _percents(one["relative"]["ci"]),
            _figure(one["d"], 3),
            _figure(one["h"], 3),
        )
        for one in comparisons
    )
    return show.grid(("metric", "treatment", "lift", "interval", "d", "h"), rows, right=("lift", "d", "h"))


def _more(document: Document, comparisons: Sequence[Document]) -> Iterator[tuple[str, RenderableType]]:
    """Give what only some files have."""
    if found := [one for one in comparisons if "proportions" in one]:
        rows = [(*_who(one), *_of(one["proportions"], "z", "p_value", "ci_wald", "ci_newcombe")) for one in found]
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
    keys = ("ips", "ci", "snips", "ess", "mean_weight", "max_weight")
    rows = [(one["target"], one["metric"], _count(one["n"]), *_of(one, *keys))]
    heads = ("target", "metric", "n", "IPS", "95 % interval", "SNIPS", "ESS", "mean weight", "largest")
    return show.grid(heads, rows, right=("n", "IPS", "SNIPS", "ESS", "mean weight", "largest"))


def _verdict(verdict: Document) -> RenderableType:
    rows = []
    for one in verdict["conditions"]:
        word, style = MET[one["met"]]
        rows.append((Text(word, style=style), one["name"], one["detail"].removeprefix("NOT_APPLICABLE: ")))
    return show.grid((f"winner: {verdict['winner'] or 'none'}", "condition", "detail"), rows)


def _who(one: Document) -> tuple[str, str]:
    return one["metric"], one["treatment"]


def _of(one: Document, *keys: str) -> list[str]:
    """Give figures by their keys, or why there are none."""
    return [str(one[f"{key}_reason"]) if one[key] is None else _any(key, one[key]) for key in keys]


def _any(key: str, figure: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(figure, list):
        return _interval(figure)
    if isinstance(figure, int):
        return _count(figure)
    return _chance(figure) if key == "p_value" else _figure(figure)


def _figure(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}g}"


def _chance(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _count(value: int) -> str:
    return f"{value:,}"


def _interval(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.4g} to {bounds[1]:.4g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f} %"


def _percents(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f}"

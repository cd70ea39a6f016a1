"""The gate's figures as tables: for the screen, for docs/statistics.md and for the README.

Knows words and where the README keeps them. Must never know how a figure came about.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure
from tests.bench.gate import Run

from fitly.local.worlds import WORLDS

PAGE: Final = Path("docs/statistics.md")
README: Final = Path("README.md")
BEGIN, END = "<!-- statistics: begin -->", "<!-- statistics: end -->"
INTRODUCTION: Final = """\
Simulated learners whose true effects are known live their days in memory, against the product's own fold: each acts
on the decision that stands, decisions come of what they did, and the second agent tells the partitions what the
population says. Abilities have sd .15 and an outcome's noise sd .2, in units of reward, unless the world says
otherwise. "In the end" is the last quarter of the days. Regret is what was missed of the best choice for that learner,
as a share of what uniform choice among the arms would have missed; it counts from the first day, with control
decisions, exploration and those below their threshold, and without the holdout.

Errors are standard errors over runs: decisions of one learner hang together, and so do the intervals of one run. Every
run has a seed of its own; worlds share neither learners nor luck."""


def as_text(figures: Sequence[Figure]) -> str:
    """Give the table for the screen."""
    rows = [_cells(figure) for figure in figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def as_page(figures: Sequence[Figure], runs: Sequence[Run], command: str) -> str:
    """Give the page of the documentation."""
    job, names = runs[0].job, sorted({run.job.world for run in runs})
    seeds = max(Counter((run.job.world, run.job.policy) for run in runs).values())
    outcomes = sum(run.outcomes for run in runs)
    size = (
        f"{len(runs)} runs of {job.learners:,} learners and {job.days} days, {seeds} seeds a world, contexts "
        f"{', '.join(job.contexts)}: {outcomes:,} outcomes. To reproduce: `{command}`."
    )
    worlds = [f"| {name} | {WORLDS[name].help} |" for name in names]
    return "\n".join(
        [
            "# What the statistics are worth: figures from worlds whose truth is known",
            "",
            f"<!-- Written by `{command}`; run it again in place of editing. -->",
            "",
            INTRODUCTION,
            "",
            size,
            "",
            *table(figures),
            "",
            "| world | |",
            "|---|---|",
            *worlds,
            "",
        ]
    )


def into_readme(readme: str, figures: Sequence[Figure], command: str, begin: str = BEGIN, end: str = END) -> str:
    """Put the figures that have a bound between the README's marks.

    Raises
    ------
    ValueError
        The marks are not there.
    """
    before, has_begin, rest = readme.partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        message = f"README.md has no {begin} … {end}: put them where the figures belong"
        raise ValueError(message)
    bounded = table([figure for figure in figures if figure.holds is not None])
    text = "\n".join([begin, f"<!-- Written by `{command}` -->", "", *bounded, "", end])
    return before + text + after


def table(figures: Sequence[Figure]) -> list[str]:
    """Give figures as a table in Markdown."""
    lines = ["| figure | world | found | has to be | over |", "|---|---|--:|--:|--:|"]
    for figure in figures:
        what, world, found, bound, counted = (cell.replace("|", r"\|") for cell in _cells(figure))
        lines.append(f"| {what} | {world} | {'**' + found + '**' if bound else found} | {bound} | {counted} |")
    return lines


def _cells(figure: Figure) -> tuple[str, str, str, str, str]:
    missed = "" if figure.holds is not False else " (missed)"
    return figure.what, figure.world, _found(figure), figure.bound + missed, figure.counted


def _found(figure: Figure) -> str:
    """Write a figure with its error.

    >>> _found(Figure("", "", 0.9012, 0.004, "")), _found(Figure("", "", 0.05, math.nan, "", percent=False))
    ('90.1 ± 0.4 %', '+0.050')
    """
    if figure.percent:
        error = "" if math.isnan(figure.error) else f" ± {100 * figure.error:.1f}"
        return f"{100 * figure.value:.1f}{error} %"
    error = "" if math.isnan(figure.error) else f" ± {figure.error:.3f}"
    return f"{figure.value:+.3f}{error}"

"""What the verdicts of experiments are worth: ``python -m tests.bench.experiments``, a part of `make bench-statistics`.

Sets each trap of measuring, thousands of times, and looks who falls into it: the product's own statistics, verdict and
report, given exact sums; some of them hundreds of times through the whole fold, event by event. Status 1 where a figure
misses its bound.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from tests.bench import statistics_page as page
from tests.bench.figures import Figure
from tests.bench.traps import bandit, groups, lived, mismatch, peeking

BEGIN, END = "<!-- experiments: begin -->", "<!-- experiments: end -->"
SEED: Final = 20
INTRODUCTION: Final = """\
Each trap of measuring is set many times: experiments as exact sums, drawn with a known truth, given to the product's
own statistics, verdict and report. "Through the fold" every request and every outcome of every learner is an event in
a log, folded in memory by the product's own fold, added up by its second agent, whose verdicts and weights go back into
the log; "said" is what was written there. A learner's frozen mean has sd .12, unless the world says
otherwise; experiments plan what they get. Errors are binomial standard errors, of a bias the standard error of a
mean."""


class Trap(NamedTuple):
    """One trap: what sets it, and how often."""

    set_: Callable[[np.random.Generator, int], list[Figure]]
    times: int


TRAPS: Final = (
    Trap(lived.population_changes, 600),
    Trap(lived.something_helps, 1_500),
    Trap(lived.nothing_helps, 600),
    Trap(peeking.nothing_helps, 4_000),
    Trap(mismatch.nothing_lost, 20_000),
    Trap(groups.classes_randomized, 1_000),
    Trap(bandit.population_changes, 1_000),
    Trap(peeking.something_helps, 4_000),
    Trap(mismatch.outcomes_lost, 200),
    Trap(peeking.rolling, 1_000),
    Trap(mismatch.learners_lost, 2_000),
    Trap(mismatch.blocks_whatever_is_found, 1),
)


def spring(trap: Trap, share: float = 1.0) -> list[Figure]:
    """Set one trap; its draws are its own, whatever else is run."""
    return trap.set_(np.random.default_rng(SEED), max(round(trap.times * share), 1))


def spring_all(share: float, processes: int | None = None) -> list[Figure]:
    """Set all traps on all cores; figures in their order."""
    began = time.perf_counter()
    found: list[Figure] = []
    with ProcessPoolExecutor(processes) as pool:
        for trap, figures in zip(TRAPS, pool.map(spring, TRAPS, [share] * len(TRAPS)), strict=True):
            found += figures
            what = f"{trap.set_.__module__.rpartition('.')[2]}: {trap.set_.__name__}"
            print(f"{time.perf_counter() - began:6.0f} s  {what}", file=sys.stderr, flush=True)
    return found


def section(figures: Sequence[Figure], command: str) -> str:
    """Give the section of the documentation's page."""
    parts = [BEGIN, f"<!-- Written by `{command}` -->", "", "## The traps of measuring", "", INTRODUCTION, ""]
    return "\n".join([*parts, *page.table(figures), "", END, ""])


def without_section(text: str) -> str:
    """Give a page without the section."""
    before, begin, rest = text.partition(BEGIN)
    return before + rest.partition(END)[2].lstrip("\n") if begin else text


def section_of(text: str) -> str:
    """Give the section as it stands in a page; empty where it does not."""
    _, begin, rest = text.partition(BEGIN)
    inner, end, _ = rest.partition(END)
    return f"{begin}{inner}{end}\n" if end else ""


def carried_over(before: str, after: str) -> str:
    """Put the section of a former page behind a new one, for whoever writes the rest of it anew."""
    kept = section_of(before)
    return f"{without_section(after).rstrip()}\n\n{kept}" if kept else after


def main(arguments: Sequence[str]) -> int:
    """Run the bench; give the exit status."""
    options = _options().parse_args(arguments)
    found = spring_all(0.1 if options.quick else 1.0, options.processes)
    print(page.as_text(found))
    if options.write:
        text = without_section(page.PAGE.read_text()).rstrip()
        command = " ".join(["python -m tests.bench.experiments", *arguments])
        page.PAGE.write_text(f"{text}\n\n{section(found, command)}")
        page.README.write_text(page.into_readme(page.README.read_text(), found, command, BEGIN, END))
        print(f"wrote {page.PAGE} and {page.README}", file=sys.stderr)
    return int(any(figure.holds is False for figure in found))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.experiments", description=__doc__)
    parser.add_argument("--processes", type=int, help="traps at a time (as many as there are cores)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the experiments")
    parser.add_argument("--write", action="store_true", help=f"write the section of {page.PAGE} and the README's table")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

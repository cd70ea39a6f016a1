"""What the statistics are worth: ``python -m tests.bench.statistics``.

Lives the gate's worlds in memory, on all cores, and holds what was found against the truth. Finishes by itself and
leaves nothing behind. Status 1 where a figure misses its bound.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Final

from tests.bench import statistics_page as page
from tests.bench.experiments import carried_over
from tests.bench.figures import figures
from tests.bench.gate import GATE, Run, jobs_of, run_all

from fitly.core.vocabulary import Context

QUICK: Final = {"learners": 120, "days": 60, "seeds": 2}


def main(arguments: Sequence[str]) -> int:
    """Run the bench; give the exit status."""
    options = _options().parse_args(arguments)
    if options.quick:
        vars(options).update(options.quick)
    contexts = tuple(map(Context, options.context or Context))
    jobs = [
        job._replace(contexts=contexts) for job in jobs_of(options.seeds, options.learners, options.days, options.world)
    ]
    began, done = time.perf_counter(), 0

    def tell(run: Run) -> None:
        nonlocal done
        done += 1
        job, passed = run.job, time.perf_counter() - began
        what = f"{job.world} {job.policy} seed {job.seed}: {run.outcomes:,} outcomes in {run.seconds:.0f} s"
        print(f"{passed:6.0f} s  {done} of {len(jobs)}  {what}", file=sys.stderr, flush=True)

    runs = run_all(jobs, tell, options.processes)
    found = figures(runs)
    print(page.as_text(found))
    command = " ".join(["python -m tests.bench.statistics", *arguments])
    if options.write:
        page.PAGE.write_text(carried_over(page.PAGE.read_text(), page.as_page(found, runs, command)))
        page.README.write_text(page.into_readme(page.README.read_text(), found, command))
        print(f"wrote {page.PAGE} and {page.README}", file=sys.stderr)
    return int(any(figure.holds is False for figure in found))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.statistics", description=__doc__)
    parser.add_argument("--learners", type=int, default=400, help="of each run (%(default)s)")
    parser.add_argument("--days", type=int, default=120, help="of each run (%(default)s)")
    parser.add_argument("--seeds", type=int, default=4, help="runs of each world (%(default)s)")
    parser.add_argument("--world", action="append", choices=GATE, help="only this one; may be given again")
    parser.add_argument("--context", action="append", choices=list(Context), help="only this one; may be given again")
    parser.add_argument("--processes", type=int, help="runs at a time (as many as there are cores)")
    parser.add_argument("--quick", action="store_const", const=QUICK, help=f"a first look: {QUICK}")
    parser.add_argument("--write", action="store_true", help=f"write {page.PAGE} and the README's table")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

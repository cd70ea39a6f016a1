"""The figures of the product, on a real stack: ``python -m tests.bench``.

Latency with all roles; throughput of a worker of one process and of one of two, and how fast each takes back what it
left; throughput with a decision for every outcome. Finishes by itself and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient
from tests.bench import latency, report, restore, throughput
from tests.bench.machine import described, loop
from tests.bench.process import BenchError
from tests.bench.workload import Shape

from fitly.core.errors import FitlyError
from fitly.core.topics import BY_NAME
from fitly.local.errors import LocalError
from fitly.local.stack import Stack
from fitly.settings import Settings

if TYPE_CHECKING:
    from tests.bench.report import Section

BEGAN: Final = time.perf_counter()
PARTS: Final = ("latency", "throughput", "restore", "crew", "dwell0")
CREW: Final = 2
"""Processes of a worker that is to use the machine."""
RESTORED: Final = ("throughput", "crew")
"""The runs whose rows are restored afterwards, by a worker of as many processes."""
DWELL_0_DAYS: Final = 7
"""The run with a decision for every outcome takes a week at most."""
QUICK: Final = {"learners": 5_000, "days": 7, "seconds": 20.0}


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, print it, and write it down if told to."""
    parser = _options()
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(**options.quick)
        options = parser.parse_args(arguments)
    if options.write and (options.quick or options.only):
        parser.error("--write takes the whole: leave --quick and --only out")
    now = loop()
    say(
        f"{described()}; a step of the plain loop {now.ns:.0f} ns ({now.least:.0f}-{now.most:.0f}); seed {options.seed}"
    )
    sections: list[Section] = []
    try:
        asyncio.run(bench(options, sections))
    except (LocalError, FitlyError, BenchError) as error:
        print(report.as_text(sections))
        say(str(error))
        return getattr(error, "exit_code", 1)
    print(report.as_text(sections))
    say("done")
    if options.write:
        command = " ".join(["python -m tests.bench", *arguments])
        report.PAGE.write_text(report.as_page(sections, options.seed, command))
        say(f"wrote {report.PAGE}")
    return 0


async def bench(options: argparse.Namespace, sections: list[Section]) -> None:
    """Run the parts one after the other on one stack, each under a prefix of its own; add what each showed."""
    wanted = options.only or PARTS
    whole = Shape(options.learners, options.days, options.seed)
    fewer = whole._replace(days=min(options.days, DWELL_0_DAYS), dwell_days=0.0)
    async with Stack(ephemeral=True) as stack:
        if "latency" in wanted:
            async with _own_topics(stack) as settings:
                asked = await latency.measure(settings, stack, options.rate, options.seconds, options.seed, say)
                sections.append(report.of_latency(asked))
        for part, shape, processes in (("throughput", whole, 1), ("crew", whole, CREW), ("dwell0", fewer, CREW)):
            again = "restore" in wanted and part in RESTORED
            if part not in wanted and not again:
                continue
            async with _own_topics(stack) as settings:
                sections.append(report.of_throughput(await throughput.measure(settings, shape, stack, say, processes)))
                if again:
                    sections.append(report.of_restore(await restore.measure(settings, whole, stack, say, processes)))


def say(what: str) -> None:
    """Show progress."""
    print(f"{time.perf_counter() - BEGAN:6.0f} s  {what}", file=sys.stderr, flush=True)


@asynccontextmanager
async def _own_topics(stack: Stack) -> AsyncIterator[Settings]:
    """Give settings with a prefix of their own; afterwards the disk is given back."""
    endpoints = stack.endpoints
    settings = Settings(
        kafka_bootstrap=endpoints.bootstrap,
        database_url=endpoints.database_url,
        control_key=endpoints.control_key,
        prefix=f"bench-{uuid.uuid4().hex[:6]}-",
    )
    yield settings
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([settings.topic(name) for name in BY_NAME])
    finally:
        await admin.close()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--learners", type=int, default=20_000, help="how many (%(default)s)")
    parser.add_argument("--days", type=int, default=30, help="days of event time (%(default)s)")
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long requests are sent (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn (%(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; restore brings two more with it")
    parser.add_argument("--quick", action="store_const", const=QUICK, help=f"a first look: {QUICK}")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE}")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

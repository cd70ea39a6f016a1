"""The figures of the product, on a real stack: ``python -m tests.bench``.

Throughput of one worker, restore of what it left, latency with all roles. Finishes by itself and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient
from tests.bench import latency, report, restore, throughput
from tests.bench.machine import described, loop_ns
from tests.bench.workload import Shape

from fitly.core.topics import BY_NAME
from fitly.local.errors import LocalError
from fitly.local.stack import Stack
from fitly.settings import Settings

if TYPE_CHECKING:
    from tests.bench.report import Section

BEGAN: Final = time.perf_counter()
PARTS: Final = ("throughput", "restore", "latency")
DWELL_0_SHARE: Final = 3
"""The run with a decision for every outcome has a third of the days."""


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, print it, and write it down if told to."""
    options = _options().parse_args(arguments)
    say(f"{described()}; plain loop {loop_ns():.0f} ns; seed {options.seed}")
    try:
        sections = asyncio.run(bench(options))
    except LocalError as error:
        say(str(error))
        return error.exit_code
    print(report.as_text(sections))
    if options.write:
        command = " ".join(["python -m tests.bench", *arguments])
        report.PAGE.write_text(report.as_page(sections, options.seed, command))
        say(f"wrote {report.PAGE}")
    return 0


async def bench(options: argparse.Namespace) -> list[Section]:
    """Run the parts one after the other on one stack, each under a prefix of its own."""
    sections: list[Section] = []
    wanted = PARTS if options.only is None else (options.only,)
    async with Stack(ephemeral=True) as stack:
        if "latency" in wanted:
            settings = _settings(stack)
            run = await latency.measure(settings, stack, options.rate, options.seconds, options.seed, say)
            sections.append(report.of_latency(run))
            await _remove_topics(settings)
        if "throughput" in wanted or "restore" in wanted:
            shape, settings = Shape(options.learners, options.days, options.seed), _settings(stack)
            sections.append(report.of_throughput(await throughput.measure(settings, shape, stack.directory, say)))
            if "restore" in wanted:
                sections.append(report.of_restore(await restore.measure(settings, shape, stack.directory, say)))
            await _remove_topics(settings)
        if "throughput" in wanted:
            days = max(2, options.days // DWELL_0_SHARE)
            shape, settings = Shape(options.learners, days, options.seed, dwell_days=0.0), _settings(stack)
            sections.append(report.of_throughput(await throughput.measure(settings, shape, stack.directory, say)))
    return sections


def say(what: str) -> None:
    """Show progress."""
    print(f"{time.perf_counter() - BEGAN:6.0f} s  {what}", file=sys.stderr, flush=True)


def _settings(stack: Stack) -> Settings:
    endpoints = stack.endpoints
    return Settings(
        kafka_bootstrap=endpoints.bootstrap,
        database_url=endpoints.database_url,
        control_key=endpoints.control_key,
        prefix=f"bench-{uuid.uuid4().hex[:6]}-",
    )


async def _remove_topics(settings: Settings) -> None:
    """Give the disk back before the next part."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([settings.topic(name) for name in BY_NAME])
    finally:
        await admin.close()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--learners", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30, help="days of event time (30)")
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second (100)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long requests are sent (60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=PARTS, help="one part; restore brings its throughput run with it")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE}")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

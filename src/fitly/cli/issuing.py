"""What every command has that writes a control event: who does it and why, and the wait until it is in force.

Knows the options and the positions of the partitions. Must never know what an event says.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from fitly.cli.program import Exit, fail
from fitly.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
LOOK_S: Final = 0.1

with_note = click.option("--note", metavar="TEXT", default="", help="Why, for the audit log.")


def signed(command: Command) -> Command:
    """Give a command the options that say who does it, and how long to wait."""
    for option in (
        click.option("--by", metavar="NAME", help="Who does this, for the audit log (default: your login)."),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0),
            default=10.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait until every partition has it in force.",
        ),
    ):
        command = option(command)
    return command


def login() -> str:
    """Give the name of whoever runs this, as the operating system knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return f"uid {os.getuid()}"


async def awaited(
    settings: Settings, copies: dict[int, int], what: str, timeout: float, *, quiet: bool  # noqa: ASYNC109
) -> list[int]:  # fmt: skip
    """Wait until every partition has absorbed its copy, saying so of each; give those that have not."""
    from fitly.cli.partitions import last_known  # noqa: PLC0415 - not loaded for `--help`

    begun, waiting = time.monotonic(), dict(sorted(copies.items()))
    while waiting:
        known = await last_known(settings)
        for partition, offset in list(waiting.items()):
            if partition in known and known[partition].offset >= offset:
                del waiting[partition]
                if not quiet:
                    passed = time.monotonic() - begun
                    click.echo(f"{what} is in force on partition {partition} (after {passed:.1f} s)")
        if time.monotonic() - begun >= timeout:
            break
        await asyncio.sleep(LOOK_S if waiting else 0)
    return list(waiting)


def not_in_force(what: str, waiting: Sequence[int], timeout: float) -> None:
    """End with status 1 where some partition has not absorbed its copy in time; it is written all the same."""
    if waiting:
        listed = ", ".join(map(str, waiting))
        fail(
            f"{what} is written, but within {timeout:g} s it is not in force on partition {listed}: is a worker "
            "running? `fitly doctor` tells; it comes into force when the partition is read",
            Exit.NO,
        )

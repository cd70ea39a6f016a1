"""Options that many commands share, and what they give the command: settings, and where to print.

Knows ``--data`` and ``--json``. Must never know a verb.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from fitly import bootstrap, logs

Value = TypeVar("Value")
Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object or line per item, for programs.")


def configured(*needs: bootstrap.Need, speaks: bool = False) -> Callable[[Command], Command]:
    """Give a command ``--data`` and its first argument, ``settings``.

    Parameters
    ----------
    *needs : Need
        What must be configured, or the command ends with status 2 before it begins.
    speaks : bool
        Whether the command is a role, which logs; others keep libraries silent and say themselves what is wrong.
    """

    def decorate(command: Command) -> Command:
        @click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Folder of a local stack (default: FITLY_DATA, else .fitly).",
        )
        @click.pass_context
        @functools.wraps(command)
        def with_settings(ctx: click.Context, /, data: Path | None, **given: object) -> object:
            settings = bootstrap.configured(data, needs)
            logs.set_up(settings, ctx.info_name or "fitly", quiet=not speaks)
            return command(settings, **given)

        return with_settings  # type: ignore[return-value]  # click turns it into a command, whatever its parameters

    return decorate


def run(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """Run what a command awaits."""
    return asyncio.run(coroutine)

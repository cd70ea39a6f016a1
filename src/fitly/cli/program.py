"""The program as a whole: how errors become one sentence and an exit status.

Knows the exit statuses and which error deserves which. Must never know a verb.
"""

from __future__ import annotations

import io
import os
import sys
from enum import IntEnum
from typing import Any, Final, NoReturn

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fitly.core.errors import Broken, FitlyError, Refused, Retryable
from fitly.local.errors import LocalError
from fitly.settings import PREFIX


class Exit(IntEnum):
    """What a command's end means."""

    DONE = 0
    NO = 1
    USAGE = 2
    UNREACHABLE = 3
    BROKEN = 4
    INTERRUPTED = 130


MEANINGS: Final = {
    Exit.DONE: "done",
    Exit.NO: "the answer is no: a check failed, something was refused, nothing was found",
    Exit.USAGE: "usage or configuration: starting again cannot help",
    Exit.UNREACHABLE: "Kafka or Postgres cannot be reached",
    Exit.BROKEN: "a role stopped itself; its supervisor starts it again",
    Exit.INTERRUPTED: "interrupted by Ctrl-C; `fitly up` is meant to be stopped by it, and ends with 0",
}


class Program(click.Group):
    """A group of commands whose expected errors are told, not traced."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run a command; end with the status its error deserves."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal has not is told, and stops nobody
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except (FitlyError, LocalError, ValidationError) as error:
            fail(*told(error))
        except BrokenPipeError:
            # The reader of our output left (`fitly tail … | head`): no error, but Python would trace it at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(Exit.DONE) from None
        except KeyboardInterrupt:
            click.echo("", err=True)
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def told(error: Exception) -> tuple[str, int]:
    """Give the sentence and the exit status of an expected error.

    Examples
    --------
    >>> told(Retryable("Kafka does not answer at 127.0.0.1:9092"))
    ('Kafka does not answer at 127.0.0.1:9092', <Exit.UNREACHABLE: 3>)
    """
    match error:
        case LocalError():
            return str(error), error.exit_code
        case ValidationError():
            return "wrong setting: " + "; ".join(map(_setting, error.errors())), Exit.USAGE
        case Refused():
            return error.detail, Exit.NO
        case Retryable():
            return str(error), Exit.UNREACHABLE
        case Broken():
            return str(error), Exit.BROKEN if error.restart_helps else Exit.USAGE
        case _:
            return str(error), Exit.BROKEN


def fail(message: str, status: int) -> NoReturn:
    """Say on standard error what is wrong, and end."""
    if message:
        click.echo(f"{click.style('fitly:', fg='red', bold=True)} {message}", err=True)
    raise click.exceptions.Exit(status)


def _setting(wrong: ErrorDetails) -> str:
    """Name a wrong setting and, unless it may hold a secret, what it is."""
    name = ".".join(map(str, wrong["loc"]))
    secret = name in {"database_url", "control_key"}
    return f"{PREFIX}{name.upper()}: {wrong['msg']}" + ("" if secret else f" (it is {wrong['input']!r})")

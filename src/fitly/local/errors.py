"""What can go wrong before or while the local stack stands, with the exit status each deserves.

Knows the exit statuses of the command line. Must never know how a message is shown.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_CONFIG = 2
"""A role's way to say: a restart cannot help, a person has to change something."""
EXIT_UNREACHABLE = 3


class LocalError(Exception):
    """The local stack cannot go on; the message says what is wrong, where, and what to do next."""

    exit_code: int = EXIT_CONFIG


class UnavailableError(LocalError):
    """Something the stack is made of (jars, Java, Postgres, a server that answers) cannot be had."""

    exit_code = EXIT_UNREACHABLE


class InUseError(LocalError):
    """Another stack holds the directory."""


class EndpointsError(LocalError):
    """The addresses and keys of a directory are missing, damaged or not ours to read."""


class RoleFailedError(LocalError):
    """A role cannot be kept running."""

    def __init__(self, message: str, exit_code: int = EXIT_UNREACHABLE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class StopRequestedError(LocalError):
    """A person or the system asked the stack to stop before it stood."""

    exit_code = EXIT_OK

"""Free ports on the loopback address.

Knows the kernel's ephemeral range. Must never know who will listen.

A server's port is taken from below the ephemeral range: inside it, a client that keeps trying to reach a server that is
down can be given the server's own port as its local port and connect to itself, and the server then finds its address
in use when it comes back.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from fitly.local.errors import UnavailableError

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_USUAL_EPHEMERAL_START = 32_768
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT does not matter
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose_port(preferred: int | None = None, *, taken: Iterable[int] = ()) -> int:
    """Return `preferred` if it is free, else a free port drawn at random below the ephemeral range.

    Parameters
    ----------
    preferred
        The port of an earlier run.
    taken
        Ports already promised to somebody who does not listen yet.
    """
    promised = set(taken)
    if preferred is not None and preferred not in promised and is_free(preferred):
        return preferred
    draw = random.SystemRandom()
    for _ in range(_TRIES):
        port = draw.randrange(_LOWEST, _ephemeral_start())
        if port not in promised and is_free(port):
            return port
    raise UnavailableError(
        f"no free port found on {LOOPBACK} in {_TRIES} tries; end programs that listen there, then start again"
    )


def choose_neighbours(count: int, *, taken: Iterable[int] = ()) -> range:
    """Return so many free ports in a row, for a role of several processes; see `choose_port`."""
    promised = set(taken)
    for _ in range(_TRIES):
        first = choose_port(taken=promised)
        ports = range(first, first + count)
        if promised.isdisjoint(ports) and all(map(is_free, ports)):
            return ports
    raise UnavailableError(f"no {count} free ports in a row found on {LOOPBACK}; end programs that listen there")


def _ephemeral_start() -> int:
    try:
        start = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_EPHEMERAL_START
    return start if start > 2 * _LOWEST else _USUAL_EPHEMERAL_START

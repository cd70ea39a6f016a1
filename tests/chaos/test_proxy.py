"""The slow link, without a broker."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.chaos.proxy import Proxy

from fitly.local.ports import LOOPBACK, choose_port

PORTION = bytes(100_000)


@contextmanager
def echo(port: int, clients: int = 1) -> Iterator[None]:
    """A server that sends so many clients back what it gets from them."""
    with socket.create_server((LOOPBACK, port)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while got := connection.recv(65_536):
                    connection.sendall(got)

        threads = [threading.Thread(target=serve, daemon=True) for _ in range(clients)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join(10)


def seconds_there_and_back(client: socket.socket) -> float:
    """Send the portion, get it back, and give how long that took."""
    begun = time.monotonic()
    threading.Thread(target=client.sendall, args=(PORTION,), daemon=True).start()
    got = b""
    while len(got) < len(PORTION):
        got += client.recv(65_536)
    assert got == PORTION
    return time.monotonic() - begun


@pytest.mark.parametrize(("up", "down", "least"), [(None, None, 0.0), (200_000, None, 0.4), (None, 200_000, 0.4)])
def test_a_link_passes_everything_in_order_and_no_faster_than_its_width(
    up: int | None, down: int | None, least: float
) -> None:
    port = choose_port()
    target = choose_port(taken=[port])
    with echo(target), Proxy(port, target).standing() as link:
        link.width.up, link.width.down = up, down
        with socket.create_connection((LOOPBACK, link.port)) as client:
            assert seconds_there_and_back(client) >= least


def test_a_link_may_be_narrow_for_newcomers_only_and_wide_for_them_later() -> None:
    port = choose_port()
    target = choose_port(taken=[port])
    with echo(target, clients=2), Proxy(port, target).standing() as link:
        with socket.create_connection((LOOPBACK, link.port)) as settler:
            settler.sendall(b"!")
            assert settler.recv(1) == b"!"
            with link.narrow_for_newcomers(50_000), socket.create_connection((LOOPBACK, link.port)) as newcomer:
                slow = seconds_there_and_back(newcomer)
                assert seconds_there_and_back(settler) < slow
        assert slow >= len(PORTION) / 50_000 - 0.1


def test_behind_a_link_to_nowhere_the_connection_is_cut() -> None:
    port = choose_port()
    link = Proxy(port, choose_port(taken=[port]))
    with link.standing(), socket.create_connection((LOOPBACK, link.port)) as client:
        try:
            got = client.recv(1)
        except ConnectionError:
            got = b""
    assert got == b""

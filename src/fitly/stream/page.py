"""The small page a worker or sink shows to its surroundings: metrics, alive, ready.

Knows three paths. Must never know what is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from fitly.metrics import READY, Meters


class Page:
    """Serves ``/metrics``, ``/live`` (200 while the process runs) and ``/ready`` (503 while it is not).

    Parameters
    ----------
    port : int
        0 takes a free one; see `port` afterwards.
    """

    def __init__(self, port: int, meters: Meters, ready: Callable[[], bool], address: str = "") -> None:
        class Handler(BaseHTTPRequestHandler):
            """Answers one request."""

            def do_GET(self) -> None:
                """Answer by path."""
                is_ready = ready()
                meters.set(READY, int(is_ready))
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(meters))
                elif self.path == "/live":
                    self._answer(200, "text/plain", b"live\n")
                elif self.path == "/ready":
                    self._answer(200 if is_ready else 503, "text/plain", b"ready\n" if is_ready else b"not ready\n")
                else:
                    self._answer(404, "text/plain", b"/metrics /live /ready\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                """Say nothing of each request."""

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, name="page", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()

"""/metrics: what Prometheus reads, for nobody who does not show the token.

It is no page: Prometheus asks a process by its address and not by the public name, so
it stands beside the pages and not behind their guard.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from qbwc_server import metrics
from qbwc_server.operations.gauges import Figures

PATH = "/metrics"


def answer(figures: Figures, token: str) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that tells the figures to who shows the token.

    Without a token of ours there is nothing at this address, for anybody.
    """
    right = f"Bearer {token}".encode()

    def told(
        environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        shown = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace")
        status, kind, body = "200 OK", metrics.CONTENT_TYPE, b""
        if not token or environ.get("PATH_INFO") != PATH:
            status, kind, body = "404 Not Found", "text/plain", b"nothing here\n"
        elif environ["REQUEST_METHOD"] != "GET":
            status, kind, body = "405 Method Not Allowed", "text/plain", b"GET only\n"
        elif not hmac.compare_digest(shown, right):
            status, kind, body = "401 Unauthorized", "text/plain", b"token needed\n"
        else:
            body = metrics.text(figures.read())
        start_response(
            status,
            [
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
            ],
        )
        return [body]

    return told


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request, and waits for no one longer than this."""

    timeout = 10

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def serve(application: Callable[..., Iterable[bytes]], port: int) -> int:
    """Answer on a port of all addresses from now on; return the port.

    For a process that serves nothing else. It ends with the process.
    """
    server = make_server("", port, application, _Threads, _Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_port)

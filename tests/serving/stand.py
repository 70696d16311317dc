"""The server in a thread, before an application that does what its address says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import uvicorn

from qbwc_server.serving.crowd import MOST_OPEN, Crowd
from qbwc_server.serving.gathering import Gathering
from qbwc_server.serving.processes import configured
from qbwc_server.serving.served import Allowed, Answer, Environ, Served, plain
from tests.waiting import until

THREADS = 2
HOST = "127.0.0.1"
LARGE = 4 * 1024 * 1024


class Stand:
    """An application whose answer tells what it got, and the server before it."""

    def __init__(self, most: int = MOST_OPEN, threads: int = THREADS) -> None:
        self.go_on = threading.Event()
        self.asked: list[str] = []
        self._gathering = Gathering(
            Served(lambda _: None, self._answer, self._soon, self._allows),
            Crowd(most),
            threads,
        )
        self._listener = socket.create_server((HOST, 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.server = uvicorn.Server(configured(self._gathering, _nothing))
        self._thread = threading.Thread(
            target=self.server.run, args=([self._listener],)
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        until(lambda: self.server.started)
        # As `processes` does: uvicorn has as few wait as it takes at once.
        self._listener.listen(256)

    def stop(self) -> None:
        """End; whoever is connected has gone by then."""
        self.go_on.set()
        self.server.should_exit = True
        self._thread.join(40)
        assert not self._thread.is_alive()

    def wire(self, sent: bytes = b"") -> socket.socket:
        """Return a connection on which something was sent."""
        wire = socket.create_connection((HOST, self.port), 30)
        wire.sendall(sent)
        return wire

    def ask(self, path: str = "/", body: bytes = b"", *, seconds: float = 30) -> str:
        """Ask on a connection of its own, as an honest client does; return the answer.

        Raises:
            TimeoutError: none came in so many seconds.
        """
        connection = HTTPConnection(HOST, self.port, timeout=seconds)
        try:
            connection.request("POST", path, body)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def _answer(
        self, environ: Environ, start: Callable[..., object]
    ) -> Iterable[bytes]:
        path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
        self.asked.append(path)
        if path == "/wait":
            self.go_on.wait(60)
        if path == "/fail":
            raise RuntimeError("an application that fails")
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * LARGE] if path == "/large" else [f"{path} {len(body)}".encode()]

    async def _soon(self, environ: Environ, _body: bytes) -> Answer | None:
        return plain(200, "now") if environ["PATH_INFO"] == "/now" else None

    def _allows(self, environ: Environ, _body: bytes) -> Allowed | None:
        path = environ["PATH_INFO"]
        return Allowed(LARGE, path) if path.startswith("/mine") else None


async def _nothing() -> None:
    """Say nothing."""


@contextmanager
def standing(most: int = MOST_OPEN, threads: int = THREADS) -> Iterator[Stand]:
    """Serve for as long as a test needs it."""
    made = Stand(most, threads)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def read_all(wire: socket.socket) -> bytes:
    """Return what comes until the other side ends, in whatever way."""
    got = bytearray()
    try:
        while piece := wire.recv(65_536):
            got += piece
    except (ConnectionResetError, BrokenPipeError):
        pass
    return bytes(got)

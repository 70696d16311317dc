"""A wire that can be cut: TCP on this machine's loopback, passed on to another port."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)


@dataclass
class _Cut:
    """The wire is cut at the n-th time that something is said; does it arrive?"""

    marker: bytes
    left: int
    arrives: bool


class Proxy:
    """Passes connections on to `target`, a port of this machine.

    `delay` is how many seconds each piece is late; `refusing` says that nobody gets
    through.
    """

    def __init__(self, target: int) -> None:
        self.delay = 0.0
        self.refusing = False
        self.cuts = 0
        self._target = target
        self._cut: _Cut | None = None
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, target: int) -> None:
        """Pass new connections on to another port; cut those that there are."""
        self._target = target
        self.cut_all()

    def cut_all(self) -> int:
        """Cut all connections that there are; return how many."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._end(pair)
        self.cuts += len(pairs)
        return len(pairs)

    def cut_at(self, marker: bytes, number: int, *, arrives: bool) -> None:
        """Cut the connection on which something is said for the n-th time from now.

        If it `arrives` it is carried out, and only the answer is lost.
        """
        self._cut = _Cut(marker, number, arrives)

    def heal(self) -> None:
        """Let everything through again."""
        self.delay, self.refusing, self._cut = 0.0, False, None

    def close(self) -> None:
        """Stop listening and cut all."""
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            for source, sink in (pair, (server, client)):
                threading.Thread(
                    target=self._pump, args=(pair, source, sink), daemon=True
                ).start()

    def _pump(
        self,
        pair: tuple[socket.socket, socket.socket],
        source: socket.socket,
        sink: socket.socket,
    ) -> None:
        try:
            while piece := source.recv(_CHUNK):
                if self.delay:
                    time.sleep(self.delay)
                cut = self._strikes(piece) if source is pair[0] else None
                if cut is None:
                    sink.sendall(piece)
                    continue
                if cut.arrives:
                    sink.sendall(piece)
                    pair[1].recv(_CHUNK)
                self.cuts += 1
                break
        except OSError:
            pass
        self._end(pair)

    def _strikes(self, piece: bytes) -> _Cut | None:
        with self._lock:
            cut = self._cut
            if cut is None or cut.marker not in piece:
                return None
            cut.left -= 1
            if cut.left > 0:
                return None
            self._cut = None
            return cut

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for one in pair:
            _reset(one)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        one.shutdown(socket.SHUT_RDWR)
    one.close()

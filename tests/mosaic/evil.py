"""A Mosaic that means harm, on a real socket: it writes what it is told to."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MB = 1024 * 1024
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
Says = Callable[[socket.socket], None]


def packed(megabytes: int, layers: int = 1) -> bytes:
    """Return so many megabytes of spaces in layers of gzip."""
    layer = zlib.compressobj(9, zlib.DEFLATED, 31)
    made = b"".join(layer.compress(b" " * MB) for _ in range(megabytes)) + layer.flush()
    for _ in range(layers - 1):
        layer = zlib.compressobj(9, zlib.DEFLATED, 31)
        made = layer.compress(made) + layer.flush()
    return made


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer as bytes of HTTP."""
    head = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + body


@contextmanager
def mosaic(says: bytes | Says) -> Iterator[tuple[str, list[bytes]]]:
    """Run it; yield its address, and the heads of the requests that come."""
    asked: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                wire, _ = listening.accept()
            except OSError:
                return
            with wire, contextlib.suppress(OSError):
                head = b""
                while b"\r\n\r\n" not in head:
                    head += wire.recv(65_536)
                asked.append(head)
                head, _, body = head.partition(b"\r\n\r\n")
                length = _LENGTH.search(head)
                while length and len(body) < int(length[1]):
                    body += wire.recv(65_536)  # unread, it would break the connection
                if isinstance(says, bytes):
                    wire.sendall(says)
                else:
                    says(wire)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)

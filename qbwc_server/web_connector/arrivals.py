"""Requests arrive whole before a thread is given to them.

gunicorn's threads wait for whoever is slow: eight sockets that send a byte a second
would stop all others. Here the one loop that accepts connections also gathers what they
send, up to as much as anybody may send; a thread gets what is complete.

Rule 1: nobody holds a thread without having sent his request, or 64 KB of it.
Rule 2: the loop never waits for anybody.
Rule 3: where too many wait, the one that has waited longest goes.
"""

from __future__ import annotations

import ctypes
import gc
import re
import select
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from qbwc_server.web_connector.request_body import OF_ANYBODY

TO_ARRIVE = 20.0
"""Seconds for the head of a request and as much of its body as is gathered."""
TO_READ = 120.0
"""Seconds for the rest of a body, which only the owner of a live ticket may send."""
TO_SEND = 20.0
"""Seconds that a write may wait for somebody who does not read."""
TO_CLOSE = 2.0
MOST_WAITING = 500

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_LONGEST_HEAD = 32 * 1024
_PIECE = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class Arrival:
    """What has come of one request so far; knows no socket."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._body = 0
        self._needs: int | None = None
        self._chunked = False

    def feed(self, data: bytes) -> bool:
        """Take what came; tell whether a client waits to be told to go on."""
        self.data += data
        if self._body:
            return False
        end = self.data.find(_END_OF_HEAD)
        if end < 0:
            return False
        head = bytes(self.data[: end + 2])
        waits = _EXPECT.search(head) is not None
        if waits:
            # We have told it: whoever reads the request need not do so again.
            head = _EXPECT.sub(b"", head)
            self.data[: end + 2] = head
        self._body = len(head) + 2
        self._chunked = _CHUNKED.search(head) is not None
        length = _LENGTH.search(head)
        self._needs = int(length[1]) if length is not None else 0
        return waits

    @property
    def endless(self) -> bool:
        """Whether it is a head that no client of ours would send."""
        return not self._body and len(self.data) > _LONGEST_HEAD

    @property
    def ready(self) -> bool:
        """Whether it is complete, or more than is gathered before somebody looks."""
        if not self._body:
            return False
        got = len(self.data) - self._body
        if got > OF_ANYBODY:
            return True
        if self._chunked:
            tail = self.data[self._body :]
            return tail.endswith(b"\r\n\r\n") and (
                tail.startswith(b"0") or b"\r\n0" in tail
            )
        return got >= (self._needs or 0)


class Patient:
    """A socket to read from, until a moment."""

    def __init__(self, inner: socket.socket, until: float) -> None:
        self.until = until
        self._inner = inner

    def recv(self, size: int) -> bytes:
        """Return what comes next.

        Raises:
            TimeoutError: nothing came until then.
        """
        left = max(0.0, self.until - time.monotonic())
        poll = select.poll()
        poll.register(self._inner, select.POLLIN)
        if not poll.poll(left * 1000):
            raise TimeoutError("the rest of the request did not come")
        return self._inner.recv(size)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, whose loop gathers requests and never waits."""

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self._waiting: dict[TConn, float] = {}

    def init_process(self) -> None:
        """Begin; gunicorn calls it in the new process."""
        _give_memory_back()
        super().init_process()

    def run(self) -> None:
        """Serve; the application was loaded a moment ago."""
        gc.collect()
        # What is there now stays: looked through again and again, it would have calls
        # wait for a tenth of a second.
        gc.freeze()
        super().run()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections, or stop; a server that ends takes those that wait first.

        Their clients were told by the system that they are connected: closed unseen, a
        call would be lost. After this, who comes is refused and can go elsewhere.
        """
        super().set_accept_enabled(enabled)
        if self.alive or enabled:
            return
        for listener in self.sockets:
            waiting = select.poll()
            waiting.register(listener, select.POLLIN)
            while waiting.poll(0):
                self.accept(listener)
            listener.close()

    def enqueue_req(self, conn: TConn) -> None:
        """Gather a request, of a new connection or one that was kept open."""
        arrival = Arrival()
        if conn.initialized:
            arrival.feed(conn.parser.unreader.take_buffered())
        else:
            _never_wait_long_for_a_reader(conn.sock)
        conn.sock.setblocking(False)
        # Nearly always it is there as a whole: to look costs less than to wait.
        come = _receive(conn.sock, arrival)
        if come is None:
            self._await(conn, TO_ARRIVE, partial(self._gather, conn, arrival))
        else:
            self._go_on(conn, arrival, whole=come)

    def _gather(self, conn: TConn, arrival: Arrival, _socket: object = None) -> None:
        if conn not in self._waiting:
            return  # closed a moment ago, in favour of somebody else
        come = _receive(conn.sock, arrival)
        if come is not None:
            self._forget(conn)
            self._go_on(conn, arrival, whole=come)

    def _go_on(self, conn: TConn, arrival: Arrival, *, whole: bool) -> None:
        if whole:
            self._hand_over(conn, bytes(arrival.data))
        else:
            self._close(conn)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Gather the next request of a connection that was kept open."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def _hand_over(self, conn: TConn, data: bytes) -> None:
        conn.data_ready = True
        conn.init()
        unreader = conn.parser.unreader
        unreader.unread(data)
        unreader.sock = Patient(conn.sock, time.monotonic() + TO_READ)
        super().enqueue_req(conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # What is left of a body that nobody wanted is not waited for.
        conn.parser.unreader.sock.until = 0.0
        return bool(super()._keepalive_after(conn, keepalive))

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Keep a connection whose answer is out, or close it without waiting."""
        result = not fs.cancelled() and fs.exception() is None and fs.result()
        if result and result is not _DEFER:
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            # Closed at once, what it still sends would cut off the answer's end.
            self._await(conn, TO_CLOSE, partial(self._drain, conn))
        except OSError:
            self._close(conn)

    def _drain(self, conn: TConn, _socket: object = None) -> None:
        if conn not in self._waiting:
            return
        try:
            if conn.sock.recv(_PIECE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(conn)

    def _await(self, conn: TConn, seconds: float, then: Callable[..., None]) -> None:
        """Have the loop call `then` whenever something comes, for so long at most."""
        while len(self._waiting) + len(self.keepalived_conns) >= MOST_WAITING:
            if self._waiting:
                self._drop(next(iter(self._waiting)))
            else:
                self._drop_kept()
        conn.sock.setblocking(False)
        self._waiting[conn] = time.monotonic() + seconds
        self.poller.register(conn.sock, selectors.EVENT_READ, then)

    def _drop_kept(self) -> None:
        conn = self.keepalived_conns.popleft()
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _forget(self, conn: TConn) -> None:
        del self._waiting[conn]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self._forget(conn)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Close what did not arrive in time; the loop calls this once a second."""
        now = time.monotonic()
        if not self.alive:
            now += TO_ARRIVE - TO_CLOSE
        for conn in [one for one, until in self._waiting.items() if until <= now]:
            self._drop(conn)


def _receive(sock: socket.socket, arrival: Arrival) -> bool | None:
    """Take what has come, without waiting.

    Returns whether the request has arrived, False if it never will, None if the rest is
    still to come.
    """
    try:
        data = sock.recv(_PIECE)
        if data and arrival.feed(data):
            sock.send(_GO_ON)
    except BlockingIOError:
        return True if arrival.ready else None
    except OSError:
        return False
    if not data or arrival.endless:
        return False
    return True if arrival.ready else None


def _give_memory_back() -> None:
    """Have large pieces of memory returned to the system when they are free.

    glibc learns to keep them, in every thread: after one answer of 8 MB for each thread
    a server would keep some hundred megabytes for ever.
    """
    with suppress(OSError, AttributeError):
        limit = ctypes.CDLL(None).mallopt
        limit(_M_MMAP_THRESHOLD, 256 * 1024)
        limit(_M_ARENA_MAX, 2)


def _never_wait_long_for_a_reader(sock: socket.socket) -> None:
    seconds = struct.pack("ll", int(TO_SEND), 0)
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)

"""Takes the body of an answer off the wire: bounded in bytes and in time.

Rule 1: bytes are counted as they come off the wire, and again as they are unpacked.
Rule 2: `identity` is asked for. One layer of gzip is taken all the same, because some
proxies pack whatever passes, and is unpacked piece by piece; any other coding, and a
second layer, is refused: 2,593 bytes of it have been seen to become 1.5 GB.
Rule 3: who sends a byte now and then is waited for no longer than for a whole answer.
"""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import httpx

from qbwc_server.mosaic.alarms import ALARMS, Alarm
from qbwc_server.mosaic.answers import Unreadable

_PIECE = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_PLAIN = {"", "identity"}
_ONE_LAYER = {"gzip", "x-gzip"}
_JSON = {"application/json", "text/json"}
_OPENS_SOCKET = {"connection.connect_tcp.complete", "connection.start_tls.complete"}


class TooSlow(Exception):
    """An answer was not there after the time that a whole one has."""


class Sockets:
    """The connections of one client, and whose each is, so that a wait can be ended.

    Several threads ask at a time: only the connection of who waited too long is ended.
    Over which kept one a request went is known when its answer begins. Until then one
    that is nobody else's is ended; only who writes a head byte by byte has that happen.
    """

    def __init__(self) -> None:
        self._whose: dict[socket.socket, Patience] = {}
        self._turn = Lock()

    def take(self, stream: Any, patience: Patience) -> None:
        """Note whose a connection is now, by its stream."""
        found = stream.get_extra_info("socket") if stream is not None else None
        with self._turn:
            closed = [one for one in self._whose if one.fileno() < 0]
            for one in closed:
                del self._whose[one]
            if found is not None:
                self._whose[found] = patience
        if patience.is_out:
            self.end(patience)  # it was over before there was a connection

    def end(self, patience: Patience) -> None:
        """End a connection; whoever waits for it is told that it broke."""
        with self._turn:
            whose = list(self._whose.items())
        own = [one for one, who in whose if who is patience]
        for one in own or [one for one, who in whose if who.is_over]:
            with suppress(OSError):  # it may have ended by itself
                one.shutdown(socket.SHUT_RDWR)


class Patience:
    """The time that is waited for one answer, from its request to its last byte.

    Only waiting counts: what is done with the pieces of a long list does not. Of a
    Mosaic within the process, which is asked over no connection, no alarm is set.
    """

    def __init__(self, seconds: float, sockets: Sockets) -> None:
        self._left = seconds
        self._told = f"the whole answer was not there within {seconds:g} s"
        self._sockets = sockets
        self._is_asked = False
        self._alarm: Alarm | None = None
        self.is_over = self.is_out = False
        """Whether all of the answer was taken, and whether its time is over."""

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Take note of what is done on the wire; httpx's extension `trace`."""
        if event in _OPENS_SOCKET:
            self._sockets.take(info["return_value"], self)
        if not self._is_asked:
            self._is_asked = True
            self._start()

    def begun(self, response: httpx.Response) -> None:
        """Take note that the answer began, and over which connection."""
        self._sockets.take(response.extensions.get("network_stream"), self)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait within; what is waited for is ended when the time is over.

        Raises:
            TooSlow: it was over.
        """
        began = time.monotonic()
        if self._is_asked:
            self._start()
        try:
            yield
        except httpx.HTTPError as error:
            if time.monotonic() - began >= self._left:
                raise TooSlow(self._told) from error
            raise
        finally:
            if self._alarm is not None:
                self._alarm.is_off = True
            self._left -= time.monotonic() - began
        if self._left <= 0:
            raise TooSlow(self._told)

    def _out(self) -> None:
        self.is_out = True
        self._sockets.end(self)

    def _start(self) -> None:
        self._alarm = ALARMS.set(max(self._left, 0.0), self._out)


def pieces(
    response: httpx.Response, patience: Patience, *, most: int
) -> Iterator[bytes]:
    """Give the body of an answer, unpacked, in pieces of at most 64 KB or as they came.

    `most` bytes are taken, on the wire and unpacked.

    Raises:
        Unreadable: it is longer, packed otherwise, or what is packed is broken.
        TooSlow: it took longer than a whole answer may.
        httpx.HTTPError: the connection broke.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _PLAIN | _ONE_LAYER:
        raise Unreadable(f"coded as {coding[:40]!r}, which is not taken")
    patience.begun(response)
    came = _bounded(_as_they_come(response, patience), most)
    try:
        yield from came if coding in _PLAIN else _bounded(_unpacked(came), most)
    finally:
        patience.is_over = True


def json_said(response: httpx.Response) -> None:
    """Refuse an answer that says of itself that it is something else than JSON.

    Raises:
        Unreadable: it does.
    """
    said = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said and said not in _JSON and not said.endswith("+json"):
        raise Unreadable(f"it is {said[:60]!r} and not JSON")


def _as_they_come(response: httpx.Response, patience: Patience) -> Iterator[bytes]:
    if response.is_stream_consumed:  # a transport within the process gave it whole
        yield response.content
        return
    raw = response.iter_raw()
    while True:
        with patience.waiting():
            piece = next(raw, None)
        if piece is None:
            return
        yield piece


def _bounded(came: Iterator[bytes], most: int) -> Iterator[bytes]:
    taken = 0
    for piece in came:
        taken += len(piece)
        if taken > most:
            raise Unreadable(f"more than {most} bytes")
        yield piece


def _unpacked(came: Iterator[bytes]) -> Iterator[bytes]:
    layer = zlib.decompressobj(_GZIP)
    try:
        for packed in came:
            rest = packed
            while rest:
                if layer.eof:
                    raise Unreadable("something is behind the end of what is packed")
                piece = layer.decompress(rest, _PIECE)
                rest = layer.unconsumed_tail or layer.unused_data
                if piece:
                    yield piece
        if piece := layer.flush(_PIECE):
            yield piece
    except zlib.error as error:
        raise Unreadable(f"what is packed is broken: {error}") from None
    if not layer.eof:
        raise Unreadable("what is packed is cut off")

"""What stands between a socket and uvicorn: bounds for whatever somebody may send.

uvicorn knows neither how long a head may be nor how long one may take for it, and lets
who does not read wait for ever. Here that is bounded by nothing but asyncio's contract
of transports and protocols: to the loop a connection is a protocol, to uvicorn's own
protocol it is the transport.

Rule 1: nobody makes uvicorn keep more than a head and a piece of a body.
Rule 2: while a request is answered, nothing more of its connection is looked at.
Rule 3: an answer is not cut off because its reader still sends.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from qbwc_server.serving.crowd import (
    LEAST_FETCHED,
    TO_ARRIVE,
    TO_CLOSE,
    TO_FETCH,
    Crowd,
)

LONGEST_HEAD = 16 * 1024
"""Bytes that may come without a request beginning, or its body growing, by them."""
_PIECE = 4 * 1024
"""As much is given to uvicorn at once: in it, many small requests may lie."""


class State(Enum):
    """What a connection does."""

    WAITING = "waits for a head, or is within it"
    GATHERING = "its body comes"
    ANSWERED = "its request is whole and being answered"
    KEPT = "rests after an answer"
    CLOSING = "the answer is out, what still comes is not looked at"
    CLOSED = "is gone"


class Connection(asyncio.Protocol, asyncio.Transport):
    """One connection, made by uvicorn; its requests say how far they are."""

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        **_: Any,
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._crowd: Crowd = config.app.crowd
        self._http = HttpToolsProtocol(
            config, server_state, {**app_state, "connection": self}
        )
        self._socket: asyncio.Transport
        self._state = State.WAITING
        self._given = 0
        """Bytes since a head was begun, or since the request has seen its body."""
        self._hungry = False
        """Whether the request waits for its body."""
        self._spoken = False
        """Whether uvicorn has said anything since."""
        self._held = bytearray()
        self._paused = False
        """Whether the socket is not read."""
        self._full = False
        """Whether uvicorn wants no more for now."""
        self._ended = False
        """Whether the other side will send no more."""
        self._last = False
        """Whether the server ends."""
        self._unfetched = 0
        self._corked: list[bytes] | None = None

    # What the loop says: asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is room."""
        self._socket = cast("asyncio.Transport", transport)
        if not self._crowd.make_room():
            self._state = State.CLOSED
            self._socket.abort()
            return
        self._crowd.wait(self, TO_ARRIVE)
        self._http.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what came, or hold it back."""
        state = self._state
        if state is State.CLOSING or state is State.CLOSED:
            return
        if self._held or self._full or state is State.ANSWERED:
            self._held += data
            self._pause()
            return
        if state is State.KEPT:
            self._await_head()
        self._give(data)

    def eof_received(self) -> bool:
        """Go on for somebody who will say nothing more but still listens."""
        if self._state in {State.CLOSING, State.CLOSED, State.KEPT}:
            return False
        self._ended = True
        # A request that is whole has begun by then.
        self._loop.call_soon(self._end_if_nothing_comes)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._crowd.leave(self)
        self._held.clear()
        if self._spoken or self._state is not State.CLOSED:
            self._state = State.CLOSED
            self._http.connection_lost(exc)

    def pause_writing(self) -> None:
        """Have an answer wait for its reader, but not for ever."""
        self._unfetched = self._socket.get_write_buffer_size()
        self._crowd.fall_behind(self, TO_FETCH)
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Go on: the reader reads."""
        if self._state in {State.ANSWERED, State.KEPT}:
            self._unfetched = 0
            if self._state is State.ANSWERED:
                self._crowd.work(self)
            else:
                self._crowd.keep(self)
        self._http.resume_writing()

    # What the crowd says.

    def late(self) -> None:
        """Close, unless it is a reader who has fetched something."""
        if self._unfetched:
            left = self._socket.get_write_buffer_size()
            fetched, self._unfetched = self._unfetched - left, left
            if fetched >= LEAST_FETCHED:
                self._crowd.limit(self, TO_FETCH if left else TO_CLOSE)
                return
        self.abort()

    # What a request says.

    def begun(self) -> None:
        """Its head is complete."""
        self._given = 0
        self._hungry = False
        self._state = State.GATHERING

    def hungers(self) -> None:
        """It waits for its body."""
        self._hungry = True

    def fed(self) -> None:
        """Something of its body has come to it, or its end."""
        self._given = 0
        self._hungry = False
        if self._held or self._paused:
            self._loop.call_soon(self._go_on)

    def comes(self, seconds: float) -> None:
        """Its body is still to come, within so long."""
        self._crowd.wait(self, seconds)

    def may_come(self, seconds: float) -> None:
        """The same, of somebody who is known: he makes room for nobody."""
        self._crowd.work(self)
        self._crowd.limit(self, seconds)

    def whole(self) -> None:
        """It is whole: somebody works on it."""
        self._state = State.ANSWERED
        self._crowd.work(self)
        if self._unfetched:
            self._crowd.fall_behind(self, TO_FETCH)

    def cork(self) -> None:
        """Hold what is written, so that an answer leaves in one piece."""
        self._corked = []

    def uncork(self) -> None:
        """Send what was held."""
        held, self._corked = self._corked, None
        if held and not self.is_closing():
            self._socket.write(b"".join(held))

    def done(self) -> None:
        """It was answered; another one may follow, or have come already."""
        if self._state in {State.CLOSING, State.CLOSED}:
            return
        self._state = State.KEPT
        self._crowd.keep(self)
        if self._unfetched:
            self._crowd.fall_behind(self, TO_FETCH)
        if self._held or self._paused or self._ended or self._last:
            self._loop.call_soon(self._go_on)

    # What uvicorn says: asyncio.Transport.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the socket."""
        return self._socket.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send something."""
        self._spoken = True
        if self._corked is not None:
            self._corked.append(bytes(data))
        elif not self.is_closing():
            self._socket.write(data)

    def is_closing(self) -> bool:
        """Tell whether nothing more will be taken."""
        return self._state in {State.CLOSING, State.CLOSED} or self._socket.is_closing()

    def pause_reading(self) -> None:
        """Give uvicorn nothing more for now."""
        self._full = True
        self._pause()

    def resume_reading(self) -> None:
        """Give it more."""
        self._full = False
        self._loop.call_soon(self._go_on)

    def close(self) -> None:
        """Close when the other side has seen the end, or a moment later.

        Said of somebody whose request is on its way, it means that the server ends:
        then it is waited for, for that moment.
        """
        if self._state in {State.CLOSING, State.CLOSED}:
            return
        if self._state is State.WAITING and not self._spoken and not self._ended:
            self._last = True
            self._crowd.limit(self, TO_CLOSE)
            return
        self.uncork()
        self._state = State.CLOSING
        self._held.clear()
        self._unfetched = self._socket.get_write_buffer_size()
        if self._unfetched:
            self._crowd.fall_behind(self, TO_FETCH)
        else:
            self._crowd.wait(self, TO_CLOSE)
        if self._ended or self._socket.is_closing():
            self._socket.close()
            return
        try:
            self._socket.write_eof()
        except OSError:
            self.abort()
            return
        self._resume()

    def abort(self) -> None:
        """Close at once."""
        self._socket.abort()

    def drop(self) -> None:
        """Close at once, to make room."""
        self.abort()

    # Between both.

    def _give(self, data: bytes) -> None:
        place = 0
        while place < len(data) and not (self._is_full() or self.is_closing()):
            piece = data[place : place + _PIECE] if len(data) > _PIECE else data
            place += len(piece)
            self._given += len(piece)
            self._http.data_received(piece)
        if place < len(data):
            self._held += data[place:]
            self._pause()
        if self._given > LONGEST_HEAD:
            # A request whose head or body is in it has seen it by then.
            self._pause()
            self._loop.call_soon(self._end_if_endless)

    def _await_head(self) -> None:
        self._state = State.WAITING
        self._given = 0
        self._spoken = False
        self._crowd.wait(self, TO_ARRIVE)

    def _go_on(self) -> None:
        """Look at what was held back."""
        busy = {State.ANSWERED, State.CLOSING, State.CLOSED}
        if self._is_full() or self._state in busy:
            return
        if self._held:
            data = bytes(self._held)
            self._held.clear()
            if self._state is State.KEPT:
                self._await_head()
            self._give(data)
        if not self._held and not self._is_full():
            self._resume()
        if self._ended or self._last:
            self._loop.call_soon(self._end_if_nothing_comes)

    def _is_full(self) -> bool:
        """Tell whether uvicorn, or the request, has to see first what was given."""
        return self._full or self._given > LONGEST_HEAD

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._socket.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._ended:
            self._paused = False
            self._socket.resume_reading()

    def _end_if_endless(self) -> None:
        if self._given <= LONGEST_HEAD:
            self._go_on()
        elif self._hungry or self._state is State.WAITING:
            self.abort()

    def _end_if_nothing_comes(self) -> None:
        if not self._held and self._state is not State.ANSWERED:
            self.close()

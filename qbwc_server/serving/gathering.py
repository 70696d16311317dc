"""A request is gathered before anything that others need is given to it.

Rule 1: a thread gets a request that is whole.
Rule 2: nobody has more than 64 KB gathered, unless somebody who knows says so of what
has come so far; and of each who may send more, one body at a time.
Rule 3: what is answered before it was read as a whole is the last of its connection.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from qbwc_server import logs
from qbwc_server.serving.connection import Connection
from qbwc_server.serving.crowd import TO_ARRIVE, TO_ARRIVE_LARGE, Crowd
from qbwc_server.serving.served import (
    ALLOWED,
    OF_ANYBODY,
    Answer,
    Environ,
    Served,
    plain,
)
from qbwc_server.serving.wsgi import answered, environ_of

_MOST_FIELDS = 64
_LONGEST_FIELD = 4096
_MOST_DISCARDED = 256 * 1024 * 1024
_LOG = structlog.get_logger(__name__)


class _Gone(Exception):
    """The other side went away."""


class Gathering:
    """The ASGI application: gathers, and hands over."""

    def __init__(self, served: Served, crowd: Crowd, threads: int) -> None:
        self.crowd = crowd
        self._served = served
        self._threads = ThreadPoolExecutor(threads, "answers")
        self._large: dict[str, Connection] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; uvicorn calls this."""
        connection: Connection = scope["state"]["connection"]
        connection.begun()
        try:
            answer, last = await self._answer(scope, receive, connection)
        except _Gone:
            return
        headers = answer.headers
        if last:
            headers = [*headers, (b"connection", b"close")]
        connection.cork()
        start = {"type": "http.response.start", "status": answer.status}
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        connection.uncork()
        connection.done()

    async def _answer(
        self, scope: Any, receive: Any, connection: Connection
    ) -> tuple[Answer, bool]:
        """Return the answer, and whether it is the last of its connection."""
        fields = scope["headers"]
        if len(fields) > _MOST_FIELDS or any(
            len(value) > _LONGEST_FIELD for _, value in fields
        ):
            return plain(431, "The head of this request is too large."), True
        environ = environ_of(scope)
        self._served.see(environ)
        message = await _received(receive, connection)
        body, whole = message["body"], True
        if message["more_body"]:
            body, whole = await self._rest(environ, body, receive, connection)
        connection.whole()
        loop = asyncio.get_running_loop()
        try:
            if len(body) < OF_ANYBODY:
                soon = await self._served.soon(environ, body)
                if soon is not None:
                    return soon, not whole
            answer = await loop.run_in_executor(
                self._threads, answered, self._served.application, environ, body
            )
        except Exception as error:  # noqa: BLE001 - others are to be answered
            logs.seldom(_LOG.exception, "request failed", type(error).__name__)
            return plain(500, "Something went wrong on our side."), True
        return answer, not whole

    async def _rest(
        self, environ: Environ, begun: bytes, receive: Any, here: Connection
    ) -> tuple[bytes, bool]:
        """Return a body, as much of it as may be, and whether that is all of it."""
        pieces = [begun]
        here.comes(TO_ARRIVE)
        size, more = await _gather(receive, here, pieces, len(begun), OF_ANYBODY)
        if size <= OF_ANYBODY:
            return b"".join(pieces), True
        loop = asyncio.get_running_loop()
        first = b"".join(pieces)
        may = await loop.run_in_executor(
            self._threads, self._served.allows, environ, first
        )
        environ[ALLOWED] = OF_ANYBODY if may is None else may.most
        if may is None:
            return first, not more
        here.may_come(TO_ARRIVE_LARGE)
        former = self._large.pop(may.who, None)
        if former is not None:
            former.abort()
        self._large[may.who] = here
        try:
            pieces = [first]
            if more:
                size, more = await _gather(receive, here, pieces, size, may.most)
            while more and size < _MOST_DISCARDED:
                # A client that still sends when it is answered sees a broken line.
                message = await _received(receive, here)
                size, more = size + len(message["body"]), message["more_body"]
        finally:
            if self._large.get(may.who) is here:
                del self._large[may.who]
        return b"".join(pieces), not more


async def _gather(
    receive: Any, here: Connection, pieces: list[bytes], size: int, most: int
) -> tuple[int, bool]:
    """Add what comes, until it is all or more than `most`."""
    more = True
    while more and size <= most:
        message = await _received(receive, here)
        pieces.append(message["body"])
        size, more = size + len(message["body"]), message["more_body"]
    return size, more


async def _received(receive: Any, here: Connection) -> Any:
    here.hungers()
    message = await receive()
    here.fed()
    if message["type"] != "http.request":
        raise _Gone
    return message

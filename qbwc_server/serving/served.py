"""What is served, as the server knows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

OF_ANYBODY = 64 * 1024
"""Bytes gathered of a body, whoever sends it; nearly all requests fit into it."""
ALLOWED = "qbwc.allowed"
"""In the environment of a longer request: how many bytes its caller may send."""

Environ = dict[str, Any]
WSGI = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Answer:
    """What is sent back."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many bytes somebody may send, and who that is: each one body at a time."""

    most: int
    who: str


@dataclass(frozen=True, slots=True)
class Served:
    """An application, and what is asked of it before a thread is given.

    `see` finds out who calls, once for each request. `application` answers in a thread.
    `soon` answers in the loop what no thread has to wait for, or says None. `allows` is
    asked, in a thread, for a body that is longer than anybody may send, with what has
    come of it; None: no more is gathered.
    """

    see: Callable[[Environ], None]
    application: WSGI
    soon: Callable[[Environ, bytes], Awaitable[Answer | None]]
    allows: Callable[[Environ, bytes], Allowed | None]


def answer(status: int, kind: str, body: bytes) -> Answer:
    """Return an answer of a kind of content."""
    length = str(len(body)).encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", length)]
    return Answer(status, headers, body)


def plain(status: int, text: str) -> Answer:
    """Return an answer in a line of plain text."""
    return answer(status, "text/plain; charset=utf-8", text.encode() + b"\n")

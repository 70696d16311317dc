"""The one place where tests wait for another process, which tells nobody how it fares.

Nothing is waited for that a test could bring about itself: there time is passed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")
_BETWEEN_LOOKS = 0.05


def until(found: Callable[[], _T], what: str = "it", *, seconds: float = 60.0) -> _T:
    """Return the first true answer of a question about another process.

    Raises:
        AssertionError: there was none in so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        if answer := found():
            return answer
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(_BETWEEN_LOOKS)


def in_a_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Return what asynchronous work returns, done in a loop and thread of its own.

    The browser of the tests keeps a loop running in the thread that they run in.
    """
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, work).result()


def until_somebody_listens(port: int, *, seconds: float = 60.0) -> None:
    """Wait for a program that is starting to take connections on a port."""

    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    until(listens, f"a listener on port {port}", seconds=seconds)

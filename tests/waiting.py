"""The one place where tests wait for another process, which tells nobody how it fares.

Nothing is waited for that a test could bring about itself: there time is passed in.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import TypeVar

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


def until_somebody_listens(port: int, *, seconds: float = 60.0) -> None:
    """Wait for a program that is starting to take connections on a port."""

    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    until(listens, f"a listener on port {port}", seconds=seconds)

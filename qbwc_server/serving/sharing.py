"""A listening socket that processes share: the one with fewer connections comes first.

Each process is woken for each connection, and without this one that is quick takes
nearly all: what keeps its connections, as a proxy does, would have one processor.
"""

from __future__ import annotations

import socket
from time import monotonic
from typing import Any, Final

from qbwc_server.serving.crowd import Crowd

_MOST_ROUNDS: Final = 6
"""A round of a loop with little to do costs some 20 microseconds."""
_MOST_SECONDS: Final = 0.002
"""Of a loop with much to do each costs more: nobody waits for long."""


class Shared(socket.socket):
    """Has its process hesitate for some rounds of the loop before it takes one.

    The more connections it has, the longer: a round more for each doubling.
    """

    def __init__(self, listener: socket.socket, crowd: Crowd) -> None:
        super().__init__(fileno=listener.detach())
        self._crowd = crowd
        self._rounds = 0
        self._since = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection.

        Raises:
            BlockingIOError: not yet, or somebody else has taken it. The loop comes
                again while there is one.
        """
        now = monotonic()
        if self._rounds == 0:
            self._since = now
        wanted = min(self._crowd.size.bit_length(), _MOST_ROUNDS)
        if self._rounds < wanted and now - self._since < _MOST_SECONDS:
            self._rounds += 1
            raise BlockingIOError
        self._rounds = 0
        return super().accept()

"""How many connections to PostgreSQL there may be, and whether all of them fit.

Each process keeps to what is its own, so that the sum can be known before there is a
rush. A few are left for whoever has to look when all others are taken.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

THREADS = 8
"""Of a server process, unless it is told otherwise."""
CONSOLE = 4
"""Of the support console in each server process, with a login of its own."""
OPERATOR = 3
"""What is kept for the owner's login: a command or a migration, and a backup."""
_BESIDE = 12
"""Of a process beside its threads: polls that no thread waits for (8), heartbeat,
figures, the count of records, and a callback in between."""
_READERS_AT_MOST, _SHARE_OF_READERS = 50, 8
_NAME = re.compile(r"qbwc (web|worker) (\d+) \S+")


def of_process(threads: int = THREADS) -> int:
    """Return how many a process with so many threads takes at most."""
    return threads + _BESIDE


def needed(servers: int, workers: int, *, processes: int = 2) -> int:
    """Return how many servers, of so many processes each, and workers take at most."""
    return (servers * processes + workers) * of_process()


def name(kind: str, most: int) -> str:
    """Return what a process calls itself to PostgreSQL, and so to the doctor."""
    return f"qbwc {kind} {most} {socket.gethostname()[:24]}/{os.getpid()}"


def taken_by(names: Iterable[str]) -> list[int]:
    """Return how many each process may take, of the names of their connections."""
    found = {one: _NAME.fullmatch(one) for one in set(names)}
    return sorted(int(match[2]) for match in found.values() if match is not None)


@dataclass(frozen=True, slots=True)
class Limits:
    """What PostgreSQL allows.

    `most` is its max_connections, of which `reserved` are a superuser's; `readers` is
    what logins of support may have together, `serving` the limit of the login of server
    and worker, None without.
    """

    most: int
    reserved: int
    readers: int
    serving: int | None

    @property
    def for_serving(self) -> int:
        """Return how many server and worker can have with three left to operators."""
        return max(self.most - self.reserved - OPERATOR - self.readers, 1)

    @property
    def fits(self) -> int:
        """Return how many server and worker have."""
        own = self.for_serving
        return own if self.serving is None else min(own, self.serving)


def of_readers(most: int) -> int:
    """Return the limit of the console's login under a max_connections."""
    return min(_READERS_AT_MOST, most // _SHARE_OF_READERS)


def least(wanted: int, reserved: int = 3) -> int:
    """Return the max_connections under which so many fit, rounded up to tens."""
    most = 0
    while Limits(most, reserved, of_readers(most), None).for_serving < max(wanted, 2):
        most += 10
    return most

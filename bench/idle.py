"""Idle polls: a company with nothing to do, its last-seen kept durably all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bench.firm import Firm
from bench.stand import Stand
from bench.wire import Times, Wire, body
from qbwc_server import models

_CALLS = [
    ("serverVersion", body("serverVersion")),
    ("clientVersion", body("clientVersion", ("strVersion", "34.0.10010.76"))),
    (
        "authenticate",
        body("authenticate", ("strUserName", "nobody"), ("strPassword", "none")),
    ),
]


def floor_poll(port: int, times: Times) -> Callable[[], object]:
    """Return a poll of a floor: the same three calls."""
    wire = Wire(port, times)

    def poll() -> None:
        for method, content in _CALLS:
            wire.send(method, content)

    return poll


def together(polls: Sequence[Callable[[], object]], seconds: float) -> float:
    """Poll on each connection at once for so long; return polls per second in all."""
    counts = [0] * len(polls)
    begun = time.perf_counter()
    until = begun + seconds

    def work(number: int) -> None:
        while time.perf_counter() < until:
            polls[number]()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(one,)) for one in range(len(polls))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sum(counts) / (time.perf_counter() - begun)


def idle_firms(made: Stand, count: int, times: Times) -> list[Firm]:
    """Return companies that were read a moment ago."""
    firms = []
    for number in range(count):
        new, application = made.add(f"Idle {number} {time.time_ns()}")
        firms.append(Firm(new, application, made.port, times))
    rest = datetime.now(UTC) + timedelta(minutes=14)
    with made.engine.begin() as connection:
        connection.execute(models.company.update().values(next_read_at=rest))
    return firms

"""Idle polls: a company with nothing to do, its last-seen kept durably all the same."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bench.firm import Firm
from bench.stand import Stand
from bench.wire import Times, Wire, body
from qbwc_server.storage import tables

_CALLS = [
    ("serverVersion", body("serverVersion")),
    ("clientVersion", body("clientVersion", ("strVersion", "34.0.10010.76"))),
    (
        "authenticate",
        body("authenticate", ("strUserName", "nobody"), ("strPassword", "none")),
    ),
]

_TURNS = 5


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


def in_turns(
    polls: Mapping[str, Sequence[Callable[[], object]]], seconds: float
) -> dict[str, float]:
    """Poll each service for so long, in turns; return the median of its turns."""
    turns: dict[str, list[float]] = {kind: [] for kind in polls}
    for own in polls.values():
        together(own, seconds / _TURNS)
    for _ in range(_TURNS):
        for kind, own in polls.items():
            turns[kind].append(together(own, seconds / _TURNS))
    return {kind: statistics.median(found) for kind, found in turns.items()}


def idle_firms(made: Stand, count: int, times: Times) -> list[Firm]:
    """Return companies that were read a moment ago."""
    firms = []
    for number in range(count):
        new, application = made.add(f"Idle {number} {time.time_ns()}")
        firms.append(Firm(new, application, made.port, times))
    rest = datetime.now(UTC) + timedelta(minutes=14)
    with made.engine.begin() as connection:
        connection.execute(tables.company.update().values(next_read_at=rest))
    return firms

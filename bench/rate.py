"""Mosaic's rate limit: how much of what it allows is used, and whether it is kept.

The limit is real, its window shorter than Mosaic's five minutes: 300 requests in each
window, counted by the stand-in as strictly as Mosaic counts, refused requests too.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

from bench.pair import SETTINGS, agree, go, mosaic, pair, read_now, utc, worker
from bench.stand import Stand, stand
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.storage import tables

REQUESTS = 300
_MORE = 1.3
"""Entries for each request that is allowed: there is always something to send."""


class _Counting(MosaicSandbox):
    """A Mosaic that remembers when it was asked, and how often that was too much."""

    def __init__(self, window: float) -> None:
        super().__init__(
            clock=utc,
            requests_per_window=REQUESTS,
            window_seconds=window,
            answer_mode="body",
        )
        self.asked: list[float] = []
        self.refused = 0
        self.guard = threading.Lock()

    def over_limit(self, api_key: str) -> float | None:
        """Count a request; gives the seconds to wait when it is one too many."""
        wait = super().over_limit(api_key)
        with self.guard:
            self.asked.append(time.perf_counter())
            self.refused += wait is not None
        return wait

    def forget(self) -> None:
        """Forget who has asked, as a new key has it that nothing is spent of."""
        with self.lock:
            self._asked.clear()


def rate(window: float, windows: float) -> dict[str, float]:
    """Deliver time for so many windows of so many seconds each.

    Returns the share of what the limit allows in that time, and how often Mosaic said
    that it was too much (429).
    """
    sandbox = _Counting(window)
    settings: dict[str, Any] = SETTINGS | {
        "mosaic_requests": REQUESTS,
        "mosaic_window_seconds": window,
    }
    with (
        stand("postgresql", processes=1, **settings) as made,
        mosaic(sandbox) as running,
    ):
        return _measure(made, sandbox, running, window, windows)


def _measure(
    made: Stand,
    sandbox: _Counting,
    running: tuple[MosaicSandbox, str],
    window: float,
    windows: float,
) -> dict[str, float]:
    one = pair(made, running, "Rate")
    with worker(made):
        agree(made, [one])
    one.work(int(REQUESTS * (windows + 1) * _MORE))
    read_now(made, one)
    while one.firm.run():
        pass
    with worker(made):
        sandbox.forget()
        with made.engine.begin() as connection:
            connection.execute(tables.mosaic_budget.delete())
        before = len(sandbox.asked)
        go(made)
        seconds = window * windows
        while len(sandbox.asked) == before:
            time.sleep(0.01)
        time.sleep(seconds)
    asked = sandbox.asked[before:]
    counted = [at for at in asked if at - asked[0] <= seconds]
    pauses = [after - at for at, after in itertools.pairwise(counted)]
    allowed = REQUESTS * windows
    return {
        "window": window,
        "seconds": seconds,
        "calls": float(len(counted)),
        "allowed": allowed,
        "share": len(counted) / allowed,
        "longest_pause": max(pauses, default=0.0),
        "refused": float(sandbox.refused),
    }

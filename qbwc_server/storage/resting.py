"""Connections that rest: what a rush has opened is closed when it is long over.

Whoever is asked next is who was asked last, so that few are used while little is to be
done, and the others are seen to be idle.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty

IDLE_SECONDS = 300.0
_SINCE = "qbwc_rests_since"


# SQLAlchemy names the log of a pool by its class, and holds back that of its own alone.
logging.getLogger(f"{__name__}.RestingPool").setLevel(logging.WARNING)


class RestingPool(QueuePool):
    """A pool that remembers of each connection since when nobody uses it."""

    def _do_return_conn(self, record: Any) -> None:
        record.info[_SINCE] = time.monotonic()
        super()._do_return_conn(record)

    def rest(self, now: float) -> int:
        """Close those that nobody used for five minutes; return how many those were.

        `now` is in seconds of `time.monotonic`.
        """
        kept, closed = [], 0
        while True:
            try:
                record: Any = self._pool.get(block=False)
            except Empty:
                break
            if now - record.info.get(_SINCE, now) < IDLE_SECONDS:
                kept.append(record)
                continue
            try:
                record.close()
            finally:
                self._dec_overflow()
            closed += 1
        for record in reversed(kept):
            self._pool.put(record, block=False)
        return closed


def rest(engine: Engine, now: float | None = None) -> int:
    """Close an engine's connections that nobody used for five minutes.

    SQLite's file is nobody else's: there nothing is closed.
    """
    pool = engine.pool
    if not isinstance(pool, RestingPool):
        return 0
    return pool.rest(time.monotonic() if now is None else now)

"""The rate budget of a Mosaic key: one token bucket in the database, for all workers.

Mosaic allows 300 requests in five minutes. A bucket of B tokens that is refilled at R
lets through B + R x window at most, so B is small and R is what is left.

Rule 1: a token is taken when its request is sent, never in advance: tokens kept for
later would come on top of what the bucket lets through, and survive a 429.
Rule 2: the bucket's time only goes forward, whatever several machines' clocks say;
but what lies further ahead than a clock can be wrong unseen is not waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.storage import tables
from qbwc_server.storage.database import transaction
from qbwc_server.storage.statements import upsert

_BURST, _MOST = 10, 500
"""Requests that may leave at once: few, or a thirtieth of a large limit."""
_SHORTEST_WAIT = 0.05
"""Seconds; less than this would be asking again at once."""

_PATIENCE = 5.0
"""Seconds; who must wait longer than this for one token is to come again."""

_LONGEST_BLOCK = timedelta(hours=1)
"""Longer is never waited after a 429; what says so was written by a wrong clock."""

_TABLE = tables.mosaic_budget


class BudgetSpent(Exception):
    """No request may be made before `wait` seconds have passed."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"the budget is spent for {wait:.1f} s")
        self.wait = wait


class Budget:
    """Takes tokens for one key.

    `requests` in `window` seconds is Mosaic's limit; `key_hash` names the key; `pause`
    waits some seconds for what cannot be cut short, see `patient`. `spent_any` says
    whether this one has taken a token yet.
    """

    def __init__(
        self,
        engine: Engine,
        key_hash: str,
        *,
        requests: int,
        window: float,
        clock: Callable[[], datetime],
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._engine = engine
        self._key_hash = key_hash
        self._burst, self._rate = _bucket(requests, window)
        self._window = timedelta(seconds=window)
        self._clock = clock
        self._pause = pause
        self._patient = False
        self._reserved = 0
        self._lock = threading.Lock()
        self.spent_any = False

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Wait for tokens in here, a little while each.

        A list is of use only when it was read to its end, and a long one takes more
        requests than the bucket ever holds.
        """
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    @contextmanager
    def reserved(self, count: int) -> Iterator[None]:
        """Take as many tokens as there are of so many at once, to be spent in here.

        What was not spent is given back; a process that dies keeps none of Mosaic's
        requests from anybody, the bucket fills up again.
        """
        if count > 1:
            self._reserve(count)
        try:
            yield
        finally:
            with self._lock:
                left, self._reserved = self._reserved, 0
            if left:
                self._give_back(left)

    def spend(self) -> None:
        """Take one token.

        Raises:
            BudgetSpent: there is none now.
        """
        with self._lock:
            if self._reserved:
                self._reserved -= 1
                self.spent_any = True
                return
        while True:
            try:
                self._take()
            except BudgetSpent as spent:
                if self._pause is None or not self._patient or spent.wait > _PATIENCE:
                    raise
                self._pause(spent.wait)
            else:
                self.spent_any = True
                return

    def _take(self) -> None:
        tokens, until, now = self._from_bucket(1)
        if tokens < 1:
            ready = until + timedelta(seconds=(1 - tokens) / self._rate)
            raise BudgetSpent(max((ready - now).total_seconds(), _SHORTEST_WAIT))

    def _reserve(self, count: int) -> None:
        try:
            tokens, _, _ = self._from_bucket(count)
        except BudgetSpent:
            return  # whoever spends hears it
        with self._lock:
            self._reserved = min(int(tokens), count)

    def _from_bucket(self, count: int) -> tuple[float, datetime, datetime]:
        """Take up to so many whole tokens; return how many there were, and when.

        Raises:
            BudgetSpent: Mosaic has said that nobody is to ask for a while.
        """
        now = self._clock()
        with transaction(self._engine) as connection:
            row = connection.execute(
                sa.select(_TABLE)
                .where(_TABLE.c.key_hash == self._key_hash)
                .with_for_update()
            ).first()
            if row is None:
                tokens, until = float(self._burst), now
                upsert(
                    connection,
                    _TABLE,
                    [{"key_hash": self._key_hash, "tokens": 0, "refilled_at": now}],
                    key=("key_hash",),
                )
            else:
                wait = _blocked(row.blocked_until, now)
                if wait:
                    raise BudgetSpent(wait)
                refilled_at = row.refilled_at
                if refilled_at > now + self._window:
                    refilled_at = now
                until = max(now, refilled_at)
                passed = (until - refilled_at).total_seconds()
                tokens = min(self._burst, row.tokens + passed * self._rate)
            if tokens >= 1 or (row is not None and until < row.refilled_at):
                left = tokens - min(int(tokens), count)
                connection.execute(
                    _TABLE.update()
                    .where(_TABLE.c.key_hash == self._key_hash)
                    .values(tokens=left, refilled_at=until, blocked_until=None)
                )
        return tokens, until, now

    def _give_back(self, count: int) -> None:
        with transaction(self._engine) as connection:
            connection.execute(
                _TABLE.update()
                .where(
                    _TABLE.c.key_hash == self._key_hash,
                    _TABLE.c.blocked_until.is_(None),
                )
                .values(tokens=_TABLE.c.tokens + count)
            )

    def soon(self, seconds: float) -> int:
        """Return how many requests can leave within so many seconds, about."""
        now = self._clock()
        with transaction(self._engine) as connection:
            row = connection.execute(
                sa.select(_TABLE).where(_TABLE.c.key_hash == self._key_hash)
            ).first()
        if row is None:
            return int(self._burst + seconds * self._rate)
        if _blocked(row.blocked_until, now):
            return 0
        passed = max((now - row.refilled_at).total_seconds(), 0.0)
        tokens: float = min(self._burst, row.tokens + passed * self._rate)
        return int(tokens + seconds * self._rate)

    def block(self, seconds: float) -> None:
        """Let nobody ask for a while, because Mosaic said so (429)."""
        now = self._clock()
        until = now + timedelta(seconds=seconds)
        with transaction(self._engine) as connection:
            connection.execute(
                _TABLE.update()
                .where(_TABLE.c.key_hash == self._key_hash)
                .values(
                    tokens=0,
                    refilled_at=sa.case(
                        (
                            _TABLE.c.refilled_at.between(now, now + self._window),
                            _TABLE.c.refilled_at,
                        ),
                        else_=now,
                    ),
                    blocked_until=sa.case(
                        (
                            _TABLE.c.blocked_until.between(until, now + _LONGEST_BLOCK),
                            _TABLE.c.blocked_until,
                        ),
                        else_=until,
                    ),
                )
            )


def left(
    connection: Connection, now: datetime, *, requests: int, window: float
) -> dict[str, float | None]:
    """Return how many requests may leave at once, by the hash of the key.

    None: Mosaic has said that nobody is to ask for a while. A key that is not used is
    forgotten after a day, and has all of it.
    """
    burst, rate = _bucket(requests, window)
    found: dict[str, float | None] = {}
    for row in connection.execute(sa.select(_TABLE)):
        passed = max((now - row.refilled_at).total_seconds(), 0.0)
        blocked = _blocked(row.blocked_until, now)
        found[row.key_hash] = (
            None if blocked else min(burst, row.tokens + passed * rate)
        )
    return found


def _bucket(requests: int, window: float) -> tuple[int, float]:
    """Return how many tokens a bucket holds, and how many come in a second."""
    burst = max(min(_BURST, requests // 2), min(requests // 30, _MOST))
    return burst, (requests - burst) / window


def _blocked(until: datetime | None, now: datetime) -> float:
    """Return for how many seconds nobody may ask."""
    if until is None or not now < until <= now + _LONGEST_BLOCK:
        return 0.0
    return (until - now).total_seconds()

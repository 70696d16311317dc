"""The rate budget of a Mosaic key: one token bucket in the database, for all workers.

Mosaic allows 300 requests in five minutes. A bucket of B tokens that is refilled at R
lets through B + R x window at most, so B is small and R is what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import models
from qbwc_server.database import transaction

_BURST = 10
_AT_ONCE = 5
_TABLE = models.mosaic_budget


class BudgetSpent(Exception):
    """No request may be made before `wait` seconds have passed."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"the budget is spent for {wait:.1f} s")
        self.wait = wait


class Budget:
    """Takes tokens for one key; a few at a time, to ask the database less often.

    `requests` in `window` seconds is Mosaic's limit; `key_hash` names the key.
    """

    def __init__(
        self,
        engine: Engine,
        key_hash: str,
        *,
        requests: int,
        window: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._key_hash = key_hash
        self._burst = min(_BURST, requests // 2)
        self._rate = (requests - self._burst) / window
        self._clock = clock
        self._held = 0

    def spend(self) -> None:
        """Take one token.

        Raises:
            BudgetSpent: there is none now.
        """
        if self._held == 0:
            self._held = self._take()
        self._held -= 1

    def block(self, seconds: float) -> None:
        """Let nobody ask for a while, because Mosaic said so (429)."""
        self._held = 0
        now = self._clock()
        with transaction(self._engine) as connection:
            connection.execute(
                _TABLE.update()
                .where(_TABLE.c.key_hash == self._key_hash)
                .values(
                    tokens=0,
                    refilled_at=now,
                    blocked_until=now + timedelta(seconds=seconds),
                )
            )

    def _take(self) -> int:
        now = self._clock()
        with transaction(self._engine) as connection:
            row = connection.execute(
                sa.select(_TABLE)
                .where(_TABLE.c.key_hash == self._key_hash)
                .with_for_update()
            ).first()
            if row is None:
                tokens = float(self._burst)
                connection.execute(
                    _TABLE.insert(),
                    {"key_hash": self._key_hash, "tokens": 0, "refilled_at": now},
                )
            else:
                if row.blocked_until is not None and row.blocked_until > now:
                    raise BudgetSpent((row.blocked_until - now).total_seconds())
                passed = max(0.0, (now - row.refilled_at).total_seconds())
                tokens = min(self._burst, row.tokens + passed * self._rate)
            taken = min(_AT_ONCE, int(tokens))
            connection.execute(
                _TABLE.update()
                .where(_TABLE.c.key_hash == self._key_hash)
                .values(tokens=tokens - taken, refilled_at=now, blocked_until=None)
            )
        if taken == 0:
            raise BudgetSpent((1 - tokens) / self._rate)
        return taken

"""Processes that die: a server and a worker, at the n-th of their transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy.engine import Connection, Engine


class Killed(BaseException):
    """The process is gone; nothing of ours may catch it."""


class Mortal:
    """An engine whose process dies at its n-th transaction, before or after it ended.

    `at` 0 is never. What was not committed is lost, as with a real process.
    """

    def __init__(self, engine: Engine, at: int, *, committed: bool) -> None:
        self._engine = engine
        self._left = at
        self._committed = committed

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Begin a transaction."""
        self._left -= 1
        dies = self._left == 0
        with self._engine.begin() as connection:
            yield connection
            if dies and not self._committed:
                raise Killed
        if dies:
            raise Killed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def mortal(engine: Engine, at: int, *, committed: bool) -> Engine:
    """Return an engine that is such a process' own."""
    return cast("Engine", Mortal(engine, at, committed=committed))

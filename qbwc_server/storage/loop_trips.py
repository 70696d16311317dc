"""One statement on a company's data, in one trip for which no thread waits.

For the call that is by far the most frequent: having a thread wait for the database
costs more than asking it. Beginning, binding, statement and commit leave together
(libpq's pipeline), as in `one_trip` and with the same walls; the statement is prepared,
so that PostgreSQL plans it once for each connection, unless a pooler stands between.

Rule 1: nothing is waited for long but the answer, and nothing is said of what went
wrong: None means that a thread is to do it by `one_trip`, which tells. So a statement
given here must be one that may be done twice.
Rule 2: a connection on which anything went wrong is thrown away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from psycopg import pq
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.storage.poolers import prepares
from qbwc_server.storage.resting import IDLE_SECONDS
from qbwc_server.storage.walls import bound_to

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

_MOST = 8
"""Connections that are kept for this, of those that the engine may have."""
_PATIENCE = 0.1
"""Seconds until one of them is free; longer only where rows are held by somebody."""
_SECONDS_BETWEEN_RESTS = 60.0
_DIALECT = dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class LoopTrips:
    """Connections of one event loop, opened as they are needed; none on SQLite."""

    def __init__(self, engine: Engine, most: int = _MOST) -> None:
        self._engine = engine
        self._most = most if engine.dialect.name == "postgresql" else 0
        self._may_open = self._most
        # The latest first, so that there are no more than are needed.
        self._free: asyncio.LifoQueue[_Line] = asyncio.LifoQueue()
        self._resting: asyncio.TimerHandle | None = None

    async def change(
        self, company_id: int, statement: sa.Update, values: Mapping[str, object]
    ) -> int | None:
        """Run a statement as a transaction of its own, bound to the company.

        Returns how many rows it changed. None: it may not have been done, and somebody
        else must do it.
        """
        line = await self._line()
        if line is None:
            return None
        try:
            return await line.change(company_id, statement, values)
        except psycopg.Error:
            return None
        finally:
            # Also where nobody waits any more for what it answers.
            self._give_back(line)

    def close(self) -> None:
        """Close those that are free."""
        if self._resting is not None:
            self._resting.cancel()
        while not self._free.empty():
            self._end(self._free.get_nowait())

    def rest(self) -> None:
        """Close those that nobody used for five minutes, now and from now on."""
        loop, kept = asyncio.get_running_loop(), []
        while not self._free.empty():
            line = self._free.get_nowait()
            if loop.time() - line.used_at < IDLE_SECONDS:
                kept.append(line)
            else:
                self._end(line)
        for line in reversed(kept):
            self._free.put_nowait(line)
        there = self._may_open < self._most
        again = loop.call_later(_SECONDS_BETWEEN_RESTS, self.rest) if there else None
        self._resting = again

    async def _line(self) -> _Line | None:
        """Return one that is free, None if none is."""
        while not self._free.empty():
            line = self._free.get_nowait()
            if line.is_free():
                return line
            self._end(line)
        if self._may_open:
            self._may_open -= 1
            loop = asyncio.get_running_loop()
            opening = loop.run_in_executor(None, self._engine.raw_connection)
            opening.add_done_callback(self._opened)
        elif not self._most:
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                return await self._free.get()
        return None

    def _opened(self, opening: asyncio.Future[PoolProxiedConnection]) -> None:
        try:
            self._free.put_nowait(_Line(opening.result()))
            if self._resting is None:
                self.rest()
        except (SQLAlchemyError, psycopg.Error, asyncio.CancelledError):
            self._may_open += 1

    def _give_back(self, line: _Line) -> None:
        if line.is_free():
            self._free.put_nowait(line)
        else:
            self._end(line)

    def _end(self, line: _Line) -> None:
        line.close()
        self._may_open += 1


class _Line:
    """One connection, which does one thing at a time."""

    def __init__(self, kept: PoolProxiedConnection) -> None:
        raw: Any = kept.driver_connection
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._server: pq.abc.PGconn = raw.pgconn
        self._encoding: str = raw.info.encoding
        self._prepares = prepares(raw)
        self._prepared: dict[sa.Update, bytes] = {}
        self.used_at = self._loop.time()
        """In seconds of the loop's clock."""
        self._answer: asyncio.Future[int] | None = None
        self._changed = 0
        self._is_read = True
        """Whether what comes on it is looked at."""
        self._socket = self._server.socket
        self._server.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)

    def is_free(self) -> bool:
        """Tell whether something may be asked."""
        return self._answer is None and self._is_read

    async def change(
        self, company_id: int, statement: sa.Update, values: Mapping[str, object]
    ) -> int:
        """Run a statement; return how many rows it changed.

        Raises:
            psycopg.Error: nobody knows whether it was done.
        """
        text, order = _numbered(statement)
        given = [_written(values[name]).encode(self._encoding) for name in order]
        self._answer = self._loop.create_future()
        server, name = self._server, self._prepared.get(statement)
        self.used_at = self._loop.time()
        if name is None and self._prepares:
            name = self._prepared[statement] = b"qbwc_%d" % len(self._prepared)
            server.send_prepare(name, text.encode(self._encoding))
        server.send_query_params(b"BEGIN", None)
        server.send_query_params(bound_to(company_id).encode(), None)
        if name is None:
            server.send_query_params(text.encode(self._encoding), given)
        else:
            server.send_query_prepared(name, given)
        server.send_query_params(b"COMMIT", None)
        server.pipeline_sync()
        if server.flush():
            raise psycopg.OperationalError("the server does not take what is sent")
        changed = await self._answer
        self._answer = None
        return changed

    def close(self) -> None:
        """Close it; what is on its way is nobody's any more."""
        self._loop.remove_reader(self._socket)
        self._kept.invalidate()

    def _read(self) -> None:
        try:
            self._server.consume_input()
            nothing = False  # twice in a row: there is no more to come
            while not self._server.is_busy():
                result = self._server.get_result()
                if self._answer is None or self._answer.done():
                    break
                if result is not None:
                    self._take(result, self._answer)
                elif nothing:
                    break
                nothing = result is None
        except psycopg.Error as error:
            # It stays readable, which would be told again and again.
            self._loop.remove_reader(self._socket)
            self._is_read = False
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(error)

    def _take(self, result: pq.abc.PGresult, answer: asyncio.Future[int]) -> None:
        """Look at what one of the statements was answered."""
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            answer.set_result(self._changed)
        elif result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(f"it was answered {result.status}")
        elif result.command_tuples is not None:
            self._changed = result.command_tuples


@lru_cache(maxsize=16)
def _numbered(statement: sa.Update) -> tuple[str, tuple[str, ...]]:
    """Return a statement with $1, $2 and so on, and the names of these."""
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

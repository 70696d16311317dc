"""What the database tells Prometheus: how much there is of what, and how old.

Rule 1: only numbers. They come from views that hold nothing else, so that who may see
one company's data at a time (`database`) may still count all.
Rule 2: asked often, it costs little: what was read is told again for 15 seconds, and
for twenty times as long as reading it took. Records may be millions: they are
counted beside the scrape, which tells what the last count found.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server import logs
from qbwc_server.delivery import rate_budget
from qbwc_server.metrics import Figure
from qbwc_server.settings import Settings
from qbwc_server.storage import away, schema, tables
from qbwc_server.storage.database import UTCDateTime, transaction
from qbwc_server.storage.room import is_full, look_last

_LEAST_SECONDS = 15.0
_TIMES_AS_LONG = 20.0
_KEYS_SHOWN = 20
_KEY_SHOWN = 12
_LOG = structlog.get_logger(__name__)
_work = sa.table(
    "figures_of_work",
    sa.column("what"),
    sa.column("state"),
    sa.column("number"),
    sa.column("oldest", UTCDateTime()),
)
_companies = sa.table(
    "figures_of_companies", sa.column("what"), sa.column("name"), sa.column("number")
)
_records = sa.table(
    "figures_of_records", sa.column("kind"), sa.column("state"), sa.column("number")
)
_OF_WORK = {
    "job": ("qbwc_jobs_open", "qbwc_jobs_oldest_seconds"),
    "session": ("qbwc_sessions_live", None),
    "call": ("qbwc_mosaic_writes_open", "qbwc_mosaic_writes_oldest_seconds"),
    "callback": ("qbwc_callbacks_waiting", None),
    "answer": ("qbwc_answers_unused", None),
}
_STATES = {
    "job": tuple(one for one in tables.JOB_STATES if one not in tables.JOB_FINAL),
    "session": tuple(one for one in tables.SESSION_STATES if one != "closed"),
    "call": ("sent", "accepted", "unsure"),
    "callback": ("",),
    "answer": ("",),
}

_NOT_READ = (SQLAlchemyError, schema.SchemaDiffers)

Read = Callable[[Connection], Iterator[Figure]]


class Figures:
    """Reads the figures of a database, and keeps them for a while."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        clock: Callable[[], datetime],
        *,
        watch: Callable[[], float] = time.monotonic,
        beside: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._beside = beside or _in_a_thread
        self._counting = threading.Lock()
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, list[Figure]]] = {}

    def read(self) -> list[Figure]:
        """Return the figures; without a usable database only that it is not."""
        with self._lock:
            try:
                found = self._some("all", self._all)
            except _NOT_READ as error:
                _not_read(error, "figures")
                full = isinstance(error, SQLAlchemyError) and is_full(error)
                return [
                    Figure("qbwc_database_ready", 0),
                    Figure("qbwc_database_full", int(full)),
                ]
        self._beside(self._count_records)
        _, records = self._kept.get("records", (0.0, []))
        return [*found, *records, Figure("qbwc_database_ready", 1)]

    def _count_records(self) -> None:
        """Count them unless that is being done, or was a while ago."""
        if not self._counting.acquire(blocking=False):
            return
        try:
            self._some("records", _of_records)
        except _NOT_READ as error:
            _not_read(error, "count of records")
        finally:
            self._counting.release()

    def _some(self, what: str, read: Read) -> list[Figure]:
        until, found = self._kept.get(what, (0.0, []))
        began = self._watch()
        if found and began < until:
            return found
        schema.require_head(self._engine)
        with transaction(self._engine) as connection:
            if self._engine.dialect.name == "sqlite":
                # Its transactions begin as writers: others would wait for the count.
                connection.exec_driver_sql("COMMIT")
            found = list(read(connection))
        took = self._watch() - began
        found.append(Figure("qbwc_figures_seconds", took, (what,)))
        keep = max(_LEAST_SECONDS, _TIMES_AS_LONG * took)
        self._kept[what] = (began + keep, found)
        return found

    def _all(self, connection: Connection) -> Iterator[Figure]:
        now = self._clock()
        yield from _of_companies(connection)
        yield from _of_work(connection, now)
        yield from _of_heartbeats(connection, now)
        yield from self._of_budgets(connection, now)
        mark = sa.select(tables.database_mark.c.epoch)
        yield Figure("qbwc_database_epoch", connection.execute(mark).scalar() or 0)
        yield Figure("qbwc_database_full", int(look_last(connection).is_full))

    def _of_budgets(self, connection: Connection, now: datetime) -> Iterator[Figure]:
        settings = self._settings
        left = rate_budget.left(
            connection,
            now,
            requests=settings.mosaic_requests,
            window=settings.mosaic_window_seconds,
        )
        states = {"blocked": 0, "spent": 0, "some": 0}
        for one in left.values():
            states["blocked" if one is None else "some" if one >= 1 else "spent"] += 1
        for state, number in states.items():
            yield Figure("qbwc_mosaic_budget_keys", number, (state,))
        least = sorted((one or 0.0, key) for key, one in left.items())
        for tokens, key in least[:_KEYS_SHOWN]:
            # Before the colon stands which of our secret keys made it: that of all.
            shown = key.rpartition(":")[2][:_KEY_SHOWN]
            yield Figure("qbwc_mosaic_budget_left", tokens, (shown,))


def _not_read(error: Exception, what: str) -> None:
    if not away.told(error, by=what):
        why = str(error).splitlines()[0]
        logs.seldom(_LOG.warning, "not read", what, what=what, why=why)


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="figures", daemon=True).start()


def _of_companies(connection: Connection) -> Iterator[Figure]:
    found: dict[str, dict[str, int]] = {"mode": {}, "late": {}, "attention": {}}
    for row in connection.execute(sa.select(_companies)):
        found[row.what][row.name] = row.number
    for mode in tables.MODES:
        yield Figure("qbwc_companies", found["mode"].get(mode, 0), (mode,))
    yield Figure("qbwc_companies_late", found["late"].get("", 0))
    hindered: Counter[str] = Counter()
    for why, number in found["attention"].items():
        # The codes that QuickBooks gives are many: quickbooks-0x80040400 and others.
        hindered[why.partition("-0x")[0].rstrip("-0123456789")] += number
    for why, number in hindered.items():
        yield Figure("qbwc_companies_attention", number, (why,))


def _of_work(connection: Connection, now: datetime) -> Iterator[Figure]:
    rows = {(row.what, row.state): row for row in connection.execute(sa.select(_work))}
    for what, states in _STATES.items():
        number, age = _OF_WORK[what]
        for state in states:
            row = rows.get((what, state))
            labels = (state,) if state else ()
            yield Figure(number, 0 if row is None else row.number, labels)
            if age is not None:
                oldest = now if row is None or row.oldest is None else row.oldest
                passed = max((now - oldest).total_seconds(), 0.0)
                yield Figure(age, passed, labels)


def _of_heartbeats(connection: Connection, now: datetime) -> Iterator[Figure]:
    for row in connection.execute(sa.select(tables.heartbeat)):
        passed = max((now - row.at).total_seconds(), 0.0)
        yield Figure("qbwc_heartbeat_age_seconds", passed, (row.name,))


def _of_records(connection: Connection) -> Iterator[Figure]:
    for row in connection.execute(sa.select(_records)):
        yield Figure("qbwc_records", row.number, (row.kind, row.state))

"""The only maker of engines, and the only place where transactions begin.

Rule 1: whoever writes a company's data does so inside `company_transaction`, which
first locks that company. Sessions, workers and webhooks of one company therefore take
turns, two companies never wait for each other, and no two transactions can deadlock.
Rule 2: a transaction is never open while something is awaited from outside.
Rule 3: a transaction sees the data of one company or of none. On PostgreSQL server and
worker log in as a role that owns nothing, and row-level security holds it to the
company that its transaction is bound to, whatever a statement forgets to say; a
statement on a company's data in a transaction bound to none is an error. Only the
owner's login sees all (`operator_transaction`); server and worker refuse to have it
(`require_serving`).

SQLite needs `BEGIN IMMEDIATE`, WAL and a busy timeout: with the driver's defaults most
concurrent read-then-write updates were lost without an error.
"""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import (
    DisconnectionError,
    InterfaceError,
    InternalError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import PoolProxiedConnection

from qbwc_server import private
from qbwc_server.errors import QbwcError
from qbwc_server.storage import connections, poolers, which_copy
from qbwc_server.storage.resting import RestingPool
from qbwc_server.storage.walls import READ_ONLY, bound_to, held, say

NOT_USABLE = (
    *(OperationalError, InterfaceError, InternalError, NoConnectionFree),
    which_copy.OlderCopy,
)
"""The database went away, is full, made nothing of a transaction, or is an older copy
of itself: nobody's fault in this program, nothing was decided, and the same may be done
again later."""

JSON = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
_sequence = sa.table(
    "company_sequence",
    *(sa.column(name) for name in ("company_id", "last_id", "moves", "epoch")),
)


class SeesOneCompany(QbwcError):
    """All companies were asked for with a login that sees one at a time."""

    id: ClassVar[str] = "sees-one-company"


class UTCDateTime(sa.TypeDecorator[datetime]):
    """A moment, aware and in UTC on both databases; naive ones are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: sa.Dialect,  # noqa: ARG002 - the base class' signature
    ) -> datetime | None:
        """Take an aware datetime to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: sa.Dialect,  # noqa: ARG002 - the base class' signature
    ) -> datetime | None:
        """Return it in UTC: SQLite has no zones, PostgreSQL answers in its own."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


def make_engine(
    url: str, *, most: int = connections.of_process(), kind: str = ""
) -> Engine:
    """Return an engine for a SQLAlchemy URL of SQLite or PostgreSQL (psycopg).

    It has `most` connections and never more; what is not used for long is closed by
    `resting.rest`. `kind`, web or worker, is how PostgreSQL and the doctor know it.
    Its errors, which are logged, do not tell the values: those are people's names.
    """
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args=_EMBEDDED, hide_parameters=True)
        sa.event.listen(engine, "do_connect", _close_to_others)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        # Not as a listener: an engine with one asks at each statement who listens.
        setattr(engine.dialect, "do_begin", _begin_immediate)  # noqa: B010 - a method
        return engine
    engine = sa.create_engine(
        url,
        poolclass=RestingPool,
        pool_size=most,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={**_PATIENCE, **_named(kind, most)},
    )
    sa.event.listen(engine, "connect", poolers.look)
    sa.event.listen(engine, "checkout", _refuse_dead)
    which_copy.listen(engine)
    return engine


_EMBEDDED = {"check_same_thread": False, "cached_statements": 1000}
"""We have some hundred statements; of more than 128 the driver parses most anew."""
_PATIENCE = {"keepalives_idle": 30, "tcp_user_timeout": 30_000}
"""Seconds and milliseconds for a server that does not answer at all."""


def _named(kind: str, most: int) -> dict[str, str]:
    if not kind:
        return {"fallback_application_name": "qbwc-server"}
    return {"application_name": connections.name(kind, most)}


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """Have all connections made anew when one was closed by the server.

    A kept connection on which something has come is looked at. That costs a hundredth
    of a ping, which asks the server before each of our many small transactions. One
    that was left in autocommit is made anew too: nothing would bind it.
    """
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        while poll.poll(0):  # first what it says, then that it has ended
            connection.pgconn.consume_input()
    except psycopg.Error as error:
        raise InvalidatePoolError(str(error)) from error
    if connection.closed:
        raise InvalidatePoolError("closed by the server")
    if connection.autocommit:
        raise DisconnectionError("left as if each statement were a transaction")


def _close_to_others(
    _dialect: object, _record: object, arguments: list[Any], _options: object
) -> None:
    """Have the file be ours alone; what SQLite puts beside it has the same rights."""
    path = str(arguments[0]) if arguments else ""
    if path and path != ":memory:" and not path.startswith("file:"):
        private.close(Path(path), make=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "synchronous=FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: PoolProxiedConnection) -> None:
    connection.driver_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]


@contextmanager
def begun(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction of server and worker, bound to nobody yet.

    The tests' own login may see everything: there this is where it becomes another.
    """
    with engine.begin() as connection:
        yield connection


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """Yield a connection of server and worker that begins its transactions itself."""
    with engine.connect() as connection:
        yield connection


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in one transaction: committed at the end, or nothing of it.

    It is bound to no company: for what is everybody's, and for finding out who calls.
    """
    with begun(engine) as connection:
        yield connection


@contextmanager
def company_transaction(engine: Engine, company_id: int) -> Iterator[Connection]:
    """Yield a connection whose transaction holds this company's lock."""
    with (
        which_copy.comparing(engine, company_id),
        begun(engine) as connection,
        _holding(connection, company_id) as locked,
    ):
        yield locked


@contextmanager
def _holding(connection: Connection, company_id: int) -> Iterator[Connection]:
    last, is_older = _lock(connection, company_id)
    if last is None:
        yield connection
        return
    if is_older:
        which_copy.refuse(company_id)
    ids = _Ids(company_id, last)
    yield connection.execution_options(**{_IDS: ids})
    if ids.moved or ids.last != last:
        taken = _TAKEN_AND_MOVED if ids.moved else _TAKEN
        connection.execute(taken, {"company": company_id, "last": ids.last})


@contextmanager
def company_reading(engine: Engine, company_id: int) -> Iterator[Connection]:
    """Yield a connection that sees this company's data and waits for no lock.

    On PostgreSQL it cannot write.
    """
    with begun(engine) as connection:
        if connection.dialect.name == "postgresql":
            say(connection, READ_ONLY + bound_to(company_id))
        yield connection


@contextmanager
def operator_transaction(
    engine: Engine, company_id: int | None = None
) -> Iterator[Connection]:
    """Yield a connection that sees all companies, for operators' commands alone.

    With a number it holds that company's lock, too.

    Raises:
        SeesOneCompany: the database's login is held to one company at a time.
    """
    with which_copy.comparing(engine, company_id), engine.begin() as connection:
        if held(connection):
            raise SeesOneCompany(
                "This database login sees one company at a time, as server and worker "
                "do. Give QBWC_DATABASE_URL the login that owns the tables; with "
                "docker-compose: `docker-compose run --rm operator ...`."
            )
        if company_id is None:
            yield connection
            return
        with _holding(connection, company_id) as locked:
            yield locked


def clock_of(engine: Engine) -> datetime | None:
    """Return what time it is in the database; None: it has no clock but ours.

    Nothing but a login is needed for that: no role, no schema.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(sa.select(1))
            return None
        now: datetime = connection.execute(
            sa.select(sa.func.clock_timestamp())
        ).scalar_one()
        return now


def lock_company(connection: Connection, company_id: int) -> bool:
    """Bind a transaction to a company, and hold its lock until the transaction ends.

    False if there is no such company: then there is nothing to lock, and nothing to
    see. SQLite has no row-level security and leaves out FOR UPDATE: its one writer took
    its lock at BEGIN IMMEDIATE.
    """
    last, _ = _lock(connection, company_id)
    return last is not None


def _lock(connection: Connection, company_id: int) -> tuple[int | None, bool]:
    """Do so; return its last id, and whether it was not compared in this epoch."""
    row: Sequence[Any] | None
    if connection.dialect.name != "postgresql":
        row = connection.execute(_LOCKED, {"company": company_id}).first()
    else:
        row = say(connection, bound_to(company_id) + _LOCK.format(int(company_id)))
    return (None, False) if row is None else (int(row[0]), bool(row[1]))


_LOCK = (
    "SELECT s.last_id, s.epoch < (SELECT m.epoch FROM database_mark m) "
    "FROM company_sequence s WHERE s.company_id = {} FOR UPDATE OF s"
)
_MARK = sa.table("database_mark", sa.column("epoch"))


_OF_COMPANY = _sequence.c.company_id == sa.bindparam("company", type_=sa.BigInteger)
_LOCKED = sa.select(
    _sequence.c.last_id,
    _sequence.c.epoch < sa.select(_MARK.c.epoch).scalar_subquery(),
).where(_OF_COMPANY)
_TAKEN = sa.update(_sequence).where(_OF_COMPANY).values(last_id=sa.bindparam("last"))
_MOVED = {"moves": _sequence.c.moves + 1}
_TAKEN_AND_MOVED = _TAKEN.values(_MOVED)
MOVES = sa.select(_sequence.c.moves).where(_OF_COMPANY)
_IDS = "qbwc_ids"


@dataclass(slots=True)
class _Ids:
    """The ids of a company whose lock is held: nobody else takes one meanwhile.

    They are counted here and written down once, at the end of the transaction.
    """

    company_id: int
    last: int
    moved: bool = False


def moved(connection: Connection, company_id: int) -> None:
    """Note that something changed which a write that is planned already may mind.

    See `moves`. It is written once, at the end of the transaction.
    """
    ids = connection.get_execution_options().get(_IDS)
    if ids is not None and ids.company_id == company_id:
        ids.moved = True
        return
    of_company = _sequence.c.company_id == company_id
    connection.execute(sa.update(_sequence).where(of_company).values(_MOVED))


def moves(connection: Connection, company_id: int) -> int:
    """Return how often something changed in a company that a planned write may mind.

    What changed in this transaction is counted already.
    """
    found: int = connection.execute(MOVES, {"company": company_id}).scalar_one()
    ids = connection.get_execution_options().get(_IDS)
    return found + int(ids is not None and ids.moved)


def next_ids(connection: Connection, company_id: int, count: int = 1) -> range:
    """Return fresh ids, unique and rising within the company across all its tables."""
    ids = connection.get_execution_options().get(_IDS)
    if ids is not None and ids.company_id == company_id:
        ids.last += count
        last: int = ids.last
        return range(last - count + 1, last + 1)
    last = connection.execute(
        sa.update(_sequence)
        .where(_sequence.c.company_id == company_id)
        .values(last_id=_sequence.c.last_id + count)
        .returning(_sequence.c.last_id)
    ).scalar_one()
    return range(last - count + 1, last + 1)


def next_id(connection: Connection, company_id: int) -> int:
    """Return one fresh id; see `next_ids`."""
    return next_ids(connection, company_id)[0]

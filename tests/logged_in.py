"""Who tests are on PostgreSQL: they look as the owner, server and worker as they do.

A test and what it tests share an engine, so that a test may look at all companies with
it. Where server and worker begin a transaction (`database.begun`, `connected`) its
connection becomes their login: `SET SESSION AUTHORIZATION`, which a superuser may say
and which is a login in all that PostgreSQL asks about. So both walls are in all tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from qbwc_server.storage import database, one_trip

SERVING, READING = "qbwc_web", "qbwc_reader"
_BEGIN = f"BEGIN; SET LOCAL SESSION AUTHORIZATION {SERVING}"
_BECOME = f"SET SESSION AUTHORIZATION {SERVING}"
_BE_ONESELF = "RESET SESSION AUTHORIZATION"
_OF = {SERVING: "qbwc_app", READING: "qbwc_support"}


def make_logins(engine: Engine) -> None:
    """Make the logins of server and worker, and of the console, on a new server."""
    for name, group in _OF.items():
        with engine.begin() as connection:
            found = connection.exec_driver_sql(
                f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"
            )
            if found.first() is None:
                connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN IN ROLE {group}")


def url_as(url: str, login: str) -> str:
    """Return the URL of a PostgreSQL database with another login, any other as it is.

    Our test servers trust whoever comes by their socket.
    """
    if not url.startswith("postgres"):
        return url
    made = make_url(url).set(username=login, password=None)
    return made.render_as_string(hide_password=False)


def reading(engine: Engine) -> Engine:
    """Return what a console reads the same database with; it keeps no connection."""
    if engine.dialect.name == "sqlite":
        return engine
    url = engine.url.set(username=READING, password=None)
    return sa.create_engine(url, poolclass=sa.pool.NullPool)


def as_server_and_worker() -> None:
    """Have each transaction of server and worker be of their login."""
    database.begun = _begun
    database.connected = _connected
    setattr(one_trip, "connected", _connected)  # noqa: B010 - it is imported there


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        if _may_become_another(engine):
            with _unless_it_ended(raw := _driver(connection)):
                _in_one_trip(raw, _BEGIN)
        yield connection


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        if not _may_become_another(engine):
            yield connection
            return
        raw = _driver(connection)
        with _unless_it_ended(raw):
            raw.rollback()
            _in_one_trip(raw, _BECOME)
        try:
            yield connection
        finally:
            if not raw.closed and not connection.invalidated:
                raw.rollback()
                _in_one_trip(raw, _BE_ONESELF)


@contextmanager
def _unless_it_ended(raw: Any) -> Iterator[None]:
    """Leave it to what is tested to find that its connection has ended."""
    try:
        yield
    except psycopg.Error:
        if not raw.closed:
            raise


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _in_one_trip(raw: Any, text: str) -> None:
    """Say it past the driver, which would say BEGIN first, on a trip of its own.

    There are tens of thousands of transactions; the driver asks what state one is in.
    """
    result = raw.pgconn.exec_(text.encode())
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)


def _may_become_another(engine: Engine) -> bool:
    if engine.dialect.name != "postgresql":
        return False
    url = engine.url
    # A login is the server's: each test has a database of its own, and the same login.
    login = (url.username, url.host, url.port, *url.query.items())
    if login not in _SUPER:
        _SUPER[login] = _is_super(url)
    return _SUPER[login]


_SUPER: dict[tuple[object, ...], bool] = {}


def _is_super(url: URL) -> bool:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return bool(
            connection.exec_driver_sql(
                "SELECT rolsuper FROM pg_roles WHERE rolname = session_user"
            ).scalar_one()
        )

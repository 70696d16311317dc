"""Whether a pooler stands between us and PostgreSQL, and what is left undone then.

A pooler that gives each transaction another connection (PgBouncer's pool_mode
transaction) runs a prepared statement by its name, and every client of the driver has
the same names: before PgBouncer 1.21, and later without max_prepared_statements, one
client was answered with another's statement, and without an error. So through a pooler,
whatever it pools by, nothing is prepared. Everything else we say holds for one
transaction, which every pooler but one by statement takes.

A pooler is told from PostgreSQL by the number of the process at the other end: at its
beginning a connection is given one with which it may be cancelled, and a pooler gives
one of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Engine

_WHO = b"SELECT pg_backend_pid()"


def look(raw: Any, _record: object = None) -> None:
    """Have a new connection prepare nothing if a pooler is at its other end.

    That is one trip for each new connection, and nothing for what is asked on it.
    """
    answer = raw.pgconn.exec_(_WHO)
    value = answer.get_value(0, 0) if answer.ntuples else None
    if value is None or int(value) != raw.info.backend_pid:
        raw.prepare_threshold = None


def prepares(raw: Any) -> bool:
    """Tell whether statements may be prepared on a connection."""
    return raw.prepare_threshold is not None


def stands_between(engine: Engine) -> bool:
    """Tell whether an engine's connections go through a pooler; SQLite has none.

    Raises:
        SQLAlchemyError: the database is not usable.
    """
    if engine.dialect.name != "postgresql":
        return False
    with engine.connect() as connection:
        return not prepares(connection.connection.driver_connection)

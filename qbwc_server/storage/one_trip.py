"""One statement on a company's data as a transaction of its own, in one trip.

For what is done at every call: binding, statement and commit travel together, past
SQLAlchemy's own connection, with the same walls as in `database`.

Rule: whatever goes wrong meanwhile, the connection is thrown away. One that went back
to the pool in autocommit would run later transactions as none, bound to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine

from qbwc_server.storage.database import MOVES, connected
from qbwc_server.storage.walls import READ_ONLY, bound_to, failed


def at_once(
    engine: Engine, company_id: int, statement: sa.Update, values: Mapping[str, object]
) -> int:
    """Run one statement on a company's data as a transaction of its own, in one trip.

    It is bound to the company and takes no lock but that of the rows it changes.
    Returns how many those were.

    Raises:
        DBAPIError: as from any other statement; nothing was changed.
    """
    with connected(engine) as connection:
        if connection.dialect.name != "postgresql":
            with connection.begin():
                return connection.execute(statement, values).rowcount
        return int(_in_one_trip(connection, company_id, statement, values).rowcount)


def first_at_once(
    engine: Engine,
    company_id: int,
    statement: sa.Select[Any],
    values: Mapping[str, object],
) -> Sequence[Any] | None:
    """Return the first row of a statement on a company's data, None if there is none.

    It is read as in `company_reading`, in one trip.

    Raises:
        DBAPIError: as from any other statement.
    """
    with connected(engine) as connection:
        if connection.dialect.name != "postgresql":
            with connection.begin():
                return connection.execute(statement, values).first()
        cursor = _in_one_trip(connection, company_id, statement, values)
        row = cursor.fetchone()
        if row is None:
            return None
        made = _made_of(connection.dialect, statement)
        return [
            value if of is None else of(value)
            for value, of in zip(row, made, strict=True)
        ]


def moves_now(engine: Engine, company_id: int) -> int:
    """Return `database.moves` as it is now, in a transaction of its own."""
    row = first_at_once(engine, company_id, MOVES, {"company": company_id})
    if row is None:
        raise LookupError(company_id)
    return int(row[0])


def _in_one_trip(
    connection: Connection,
    company_id: int,
    statement: sa.Update | sa.Select[Any],
    values: Mapping[str, object],
) -> psycopg.Cursor[Any]:
    compiled = _compiled(connection.dialect, statement)
    raw: psycopg.Connection[Any] | Any = connection.connection.driver_connection
    cursor = psycopg.ClientCursor(raw)
    first = READ_ONLY if isinstance(statement, sa.Select) else ""
    try:
        # What is sent together is one transaction of its own.
        raw.autocommit = True
        cursor.execute(first + bound_to(company_id) + compiled, values)
        while cursor.nextset():
            pass
        raw.autocommit = False
    except BaseException as error:
        connection.invalidate(error)
        if not isinstance(error, psycopg.Error):
            raise
        # As SQLAlchemy would have done it, for who decides by its type.
        raise failed(connection, compiled, error) from error
    return cursor


@lru_cache(maxsize=64)
def _compiled(dialect: Dialect, statement: sa.Update | sa.Select[Any]) -> str:
    return str(statement.compile(dialect=dialect))


@lru_cache(maxsize=64)
def _made_of(
    dialect: Dialect, statement: sa.Select[Any]
) -> Sequence[Callable[[Any], Any] | None]:
    """Return what makes our value of the driver's, for each column."""
    columns = statement.selected_columns
    return [one.type.result_processor(dialect, None) for one in columns]

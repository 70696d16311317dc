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
from sqlalchemy.exc import DBAPIError

from qbwc_server.storage.database import APPLICATION, MOVES


def at_once(
    engine: Engine, company_id: int, statement: sa.Update, values: Mapping[str, object]
) -> int:
    """Run one statement on a company's data as a transaction of its own, in one trip.

    It is bound to the company and takes no lock but that of the rows it changes.
    Returns how many those were.

    Raises:
        DBAPIError: as from any other statement; nothing was changed.
    """
    with engine.connect() as connection:
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
    with engine.connect() as connection:
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
    read_only = "on" if isinstance(statement, sa.Select) else "off"
    bound = {"read_only": read_only, "role": APPLICATION, "named": str(company_id)}
    try:
        # What is sent together is one transaction of its own.
        raw.autocommit = True
        cursor.execute(_BIND + compiled, {**bound, **values})
        cursor.nextset()
        raw.autocommit = False
    except BaseException as error:
        connection.invalidate(error)
        if not isinstance(error, psycopg.Error):
            raise
        # As SQLAlchemy would have done it, for who decides by its type.
        raise DBAPIError.instance(
            compiled, None, error, psycopg.Error, hide_parameters=True
        ) from error
    return cursor


_BIND = (
    "SELECT set_config('transaction_read_only', %(read_only)s, true), "
    "set_config('role', %(role)s, true), set_config('qbwc.company', %(named)s, true); "
)


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

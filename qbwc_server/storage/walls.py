"""The walls between companies on PostgreSQL: who is held by them, and to whom bound.

Server and worker log in as a role that owns nothing, so row-level security holds them
without a word of theirs: no statement makes it so, and a connection in whatever state
cannot be without. What a transaction says is to which company it is bound, in one
`SET LOCAL`, which a pooler and a distributed PostgreSQL pass on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from qbwc_server.errors import QbwcError

APPLICATION = "qbwc_app"
"""The role of logins that are held to one company; the second revision makes it."""
READ_ONLY = "SET LOCAL transaction_read_only = on; "


class SeesEverything(QbwcError):
    """A server or worker was started with a login that no wall holds."""

    id: ClassVar[str] = "sees-everything"


def bound_to(company_id: int) -> str:
    """Return the statement that binds a transaction of PostgreSQL to a company.

    SET LOCAL and not `set_config`: a pooler and a distributed PostgreSQL know it.
    """
    return f"SET LOCAL qbwc.company = '{int(company_id)}'; "


def bind_company(connection: Connection, company_id: int) -> None:
    """Bind a transaction to a company without its lock.

    For a row that is nobody's plan: what others decide by is changed under the lock.
    """
    if connection.dialect.name == "postgresql":
        say(connection, bound_to(company_id))


def say(connection: Connection, text: str) -> Sequence[Any] | None:
    """Send statements of ours in one trip; return the first row of the last.

    Raises:
        DBAPIError: as from any other statement.
    """
    raw: Any = connection.connection.driver_connection
    try:
        cursor = psycopg.ClientCursor(raw)
        cursor.execute(text)
        while cursor.nextset():
            pass
        row: Sequence[Any] | None = cursor.fetchone() if cursor.description else None
    except psycopg.Error as error:
        raise failed(connection, text, error) from error
    except BaseException as error:
        connection.invalidate(error)  # nobody knows in which state it is
        raise
    return row


def failed(connection: Connection, text: str, error: psycopg.Error) -> DBAPIError:
    """Return an error of the driver as SQLAlchemy would have raised it.

    A connection that has ended with it takes all kept ones along, as there.
    """
    driver: Any = error
    gone = connection.dialect.is_disconnect(
        driver, connection.connection.dbapi_connection, None
    )
    if gone:
        connection.invalidate(error)
    found = DBAPIError.instance(
        text,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=gone,
        dialect=connection.dialect,
    )
    return cast(DBAPIError, found)


def is_held(engine: Engine) -> bool | None:
    """Tell whether row-level security holds a login; None where there is none."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        return held(connection)


def require_serving(engine: Engine) -> None:
    """Refuse to serve with a login that sees the data of all companies at once.

    Raises:
        SeesEverything: it does; says what to run.
    """
    if is_held(engine) is not False:
        return
    with engine.connect() as connection:
        found = connection.execute(_WHO).one()
    why = (
        "is a superuser, whom no wall holds"
        if found.super
        else "may pass by row-level security"
        if found.bypasses
        else "owns the tables, or is a member of who does"
    )
    raise SeesEverything(
        f"The database login {found.login} {why}: server and worker would see all "
        "companies at once. As an administrator run: CREATE ROLE qbwc_web LOGIN "
        f"PASSWORD '...' IN ROLE {APPLICATION}; GRANT CONNECT ON DATABASE "
        f'"{found.place}" TO {APPLICATION}; and give QBWC_DATABASE_URL that login. '
        "Migrations and operators' commands go on with the owner's."
    )


def serving_logins(engine: Engine) -> list[str]:
    """Return the logins that may serve: in `qbwc_app`, and held by the walls."""
    with engine.connect() as connection:
        return list(connection.execute(_MAY_SERVE).scalars())


def held(connection: Connection) -> bool:
    """Tell whether row-level security holds the login of a connection."""
    if connection.dialect.name != "postgresql":
        return False
    active: bool = connection.execute(_HELD).scalar_one()
    return active


_HELD = sa.select(sa.func.row_security_active("record"))
_MAY_SERVE = sa.text(
    "SELECT r.rolname FROM pg_roles r, pg_class c WHERE c.oid = 'record'::regclass"
    " AND r.rolcanlogin AND pg_has_role(r.oid, :application, 'USAGE')"
    " AND NOT r.rolsuper AND NOT r.rolbypassrls"
    " AND NOT pg_has_role(r.oid, c.relowner, 'USAGE') ORDER BY 1"
).bindparams(application=APPLICATION)
_WHO = sa.text(
    "SELECT rolname AS login, rolsuper AS super, rolbypassrls AS bypasses,"
    " current_database() AS place FROM pg_roles WHERE rolname = session_user"
)

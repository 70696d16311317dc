"""How the schema is changed while others work: one at a time, waiting for nobody long.

A change of a table waits until whoever reads it is done, and all who come meanwhile
wait behind it. So it waits a few seconds, gives up, lets the others go on, and tries
again. Who reads with a login of support alone never stops it: such a session is ended
where it stands in the way. The lock by which there is one at a time is on a table that
no other login may lock; an advisory lock could be taken by anybody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any, ClassVar

import psycopg
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from qbwc_server.errors import QbwcError
from qbwc_server.storage.support_rights import READS_ONLY

_LOG = structlog.get_logger(__name__)
PATIENCE = 3.0
"""Seconds that a change waits for a lock, and that all others may wait behind it."""
PAUSE = 5.0
"""Seconds between two tries, in which the others go on."""
TRIES = 12
_LOOK = 0.1

_HELD = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_VERSIONS = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it, which finds it made."""
_IN_THE_WAY = sa.text(
    f"""
    SELECT a.pid, a.usename AS login, {READS_ONLY.format("a.usesysid")} AS reads_only,
        pg_has_role(a.usesysid, 'USAGE')
            OR pg_has_role('pg_signal_backend', 'USAGE') AS may_end
    FROM pg_stat_activity a
    WHERE a.pid = ANY (pg_blocking_pids(:pid)) AND a.usesysid IS NOT NULL
    """  # noqa: S608 - our own words
)
_END = sa.text("SELECT pg_terminate_backend(:pid)")


class SchemaInUse(QbwcError):
    """Somebody holds a table that a migration has to change, and does not let it go."""

    id: ClassVar[str] = "schema-in-use"


def alone(
    engine: Engine,
    work: Callable[[Connection], None],
    *,
    pause: Callable[[float], object] = sleep,
) -> None:
    """Do what changes the schema, whole or not at all, with nobody else beside.

    `work` is done again from its beginning where a table could not be had in time.

    Raises:
        SchemaInUse: nor after all tries; tells whose sessions hold it.
    """
    for left in reversed(range(TRIES)):
        met: dict[int, str] = {}
        try:
            with migrating(engine, met) as connection:
                work(connection)
        except DBAPIError as error:
            if not _may_pass(error.orig):
                raise
            if not left:
                raise SchemaInUse(_told(met)) from error
            _LOG.info("the schema is in use", by=sorted(met.values()), tries_left=left)
            pause(PAUSE)
        else:
            return


def _may_pass(error: BaseException | None) -> bool:
    """Tell whether another try may go well."""
    if isinstance(error, psycopg.errors.UniqueViolation):
        # Two made the table of revisions at the same moment.
        return error.diag.schema_name == "pg_catalog"
    return isinstance(error, _HELD)


def _told(met: dict[int, str]) -> str:
    who = ", ".join(f"{login} (process {pid})" for pid, login in sorted(met.items()))
    return (
        f"Nothing was changed: the tables are held by {who or 'somebody'}. End what "
        "they do, or as an administrator: SELECT pg_terminate_backend(process); then "
        "run the command again. `qbwc-server doctor` says which logins of support it "
        "cannot end by itself."
    )


@contextmanager
def migrating(
    engine: Engine, met: dict[int, str] | None = None
) -> Iterator[Connection]:
    """Yield a connection that nobody else migrates beside, in one transaction.

    Who else holds what it waits for is noted in `met`, login by process. SQLite
    changes a table by copying it, and dropping the old one would delete what refers to
    it: foreign keys are off meanwhile.

    Raises:
        DBAPIError: also where a table could not be had in time.
    """
    with engine.connect() as connection:
        try:
            _foreign_keys(connection, "OFF")
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    with _by_turns(connection, engine, {} if met is None else met):
                        yield connection
                else:
                    yield connection
        finally:
            _foreign_keys(connection, "ON")


@contextmanager
def _by_turns(
    connection: Connection, engine: Engine, met: dict[int, str]
) -> Iterator[None]:
    """Wait for another migration as long as it takes, and for nobody else."""
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        connection.execute(CreateTable(_VERSIONS, if_not_exists=True))
    connection.exec_driver_sql(
        f"LOCK TABLE {_VERSIONS.name} IN SHARE ROW EXCLUSIVE MODE"
    )
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(PATIENCE * 1000)}")
    driver: Any = connection.connection.driver_connection
    done = threading.Event()
    beside = threading.Thread(
        target=_clear_the_way, args=(engine, driver.info.backend_pid, met, done)
    )
    beside.start()
    try:
        yield
    finally:
        done.set()
        beside.join()


def _clear_the_way(
    engine: Engine, pid: int, met: dict[int, str], done: threading.Event
) -> None:
    """End what logins of support hold while a process waits for it; note all others.

    Who comes after that waits behind the process, so it gets what it waits for.
    """
    at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with at_once.connect() as connection:
            while not done.wait(_LOOK):
                for row in connection.execute(_IN_THE_WAY, {"pid": pid}).all():
                    if row.reads_only and row.may_end:
                        connection.execute(_END, {"pid": row.pid})
                        _LOG.warning("a session of support is ended", login=row.login)
                    else:
                        met[row.pid] = row.login
    except DBAPIError:
        # The migration goes on without; its patience ends by itself.
        _LOG.exception("sessions in the way of a migration are not looked at")


def _foreign_keys(connection: Connection, switch: str) -> None:
    """Switch them on SQLite, past SQLAlchemy: not possible within a transaction."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        driver.execute(f"PRAGMA foreign_keys={switch}")

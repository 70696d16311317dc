"""A company is forgotten: everything of it goes, and what is left is counted.

Rule: which tables those are is not written down anywhere, but read from the tables
themselves, so that one that is added later cannot be forgotten here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.companies import sessions
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import missed_time, time_claims
from qbwc_server.errors import QbwcError
from qbwc_server.keys import Keys
from qbwc_server.kinds import time_entry
from qbwc_server.records.one_or_two import meanwhile
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import operator_transaction

_COMPANY, _DUTY = tables.company, tables.duty
_BATCH = 500
_LOG = structlog.get_logger(__name__)
_ROWS = (
    "The rows are gone, and the database was told to write over them. What backups and "
    "replicas hold goes with those."
)
_LATER = (
    "The rows are gone. Their bytes stay in the database's files until it writes over "
    "them: run VACUUM later."
)


class CompanyBusy(QbwcError):
    """A Web Connector or a worker is working with the company now."""

    id: ClassVar[str] = "company-busy"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed and what is left, by table; `bytes_gone` tells what of the file.

    Where anything is left, it was not forgotten.
    """

    removed: dict[str, int]
    left: dict[str, int]
    bytes_gone: str


def of_company() -> list[tuple[sa.Table, sa.Column[int]]]:
    """Return every table with rows of companies, and its column that names one.

    Parts come before what they belong to.
    """
    found = [
        (table, table.c[name])
        for table in reversed(tables.metadata.sorted_tables)
        for name in ("company_id", "holder")
        if name in table.c
    ]
    return [*found, (_COMPANY, _COMPANY.c.id)]


def require_idle(
    connection: Connection, company: Company, settings: Settings, now: datetime
) -> None:
    """Refuse while somebody is working with a company.

    Raises:
        CompanyBusy: a session or a worker's lease is alive, or time is on its way to
            a Mosaic team of several files; says which.
    """
    session = sessions.live(connection, company.id)
    idle = timedelta(minutes=settings.session_idle_minutes)
    if session is not None and now - session.last_call_at < idle:
        raise CompanyBusy(
            f"A Web Connector is at work for {company.name}. Pause the company and try "
            "again when its session has ended, or add --even-if-running."
        )
    leased = connection.execute(
        sa.select(_DUTY.c.leased_until).where(_DUTY.c.company_id == company.id)
    ).scalar()
    if leased is not None and leased > now:
        raise CompanyBusy(
            f"A worker is at work for {company.name}. Pause the company and try again "
            "in a minute, or add --even-if-running."
        )
    if company.time_claims == time_claims.NONE:
        return
    if _is_making_time(connection, company, now):
        raise CompanyBusy(
            f"Time of {company.name} was sent to Mosaic, and it is not known yet what "
            "became of it. Forgotten now, it may be taken for new and enter another "
            "company file of the team. Wait until that is known, at most a day, or "
            "look in Mosaic for it and add --even-if-running."
        )

    if missed_time.asks(connection, company.id):
        raise CompanyBusy(
            f"A person is asked whether an hour in Mosaic is one of {company.name}. "
            "Forgotten now, it enters another company file of the team. Answer it "
            "first (`records list NAME --state refused` shows it, `records one` or "
            "`records two` answers), or add --even-if-running."
        )


def _is_making_time(connection: Connection, company: Company, now: datetime) -> bool:
    """Tell whether time is created in Mosaic of which nobody knows the number yet.

    Or that was missed, and may still come.
    """
    if connection.execute(
        meanwhile.missed(company.id, now - meanwhile.LATE).limit(1)
    ).first():
        return True
    call = tables.mosaic_call
    found = connection.execute(
        sa.select(call.c.id)
        .where(
            call.c.company_id == company.id,
            call.c.data_type == time_entry.NAME,
            call.c.operation == "create",
            call.c.settled_at.is_(None),
        )
        .limit(1)
    ).first()
    return found is not None


def forget(
    engine: Engine,
    company: Company,
    settings: Settings,
    *,
    now: datetime,
    who: str,
    even_if_running: bool = False,
) -> Forgotten:
    """Remove everything of a company: all of it, or nothing.

    Who was at work with it meanwhile finds no company any more: calls of its Web
    Connector get the protocol's "no", and nothing can be added to it. Neither
    QuickBooks nor Mosaic is touched. A row with its number, when and who stays, and a
    line in the log.

    Raises:
        CompanyBusy: somebody is at work with it, and `even_if_running` was not said.
        SeesOneCompany: the database's login is held to one company at a time.
    """
    removed: dict[str, int] = {}
    with operator_transaction(engine, company.id) as connection:
        if not even_if_running:
            require_idle(connection, company, settings, now)
        _leave_claims(connection, company, Keys(settings.keys()), now)
        for table, column in of_company():
            found = connection.execute(table.delete().where(column == company.id))
            removed[table.name] = found.rowcount
        row = {"number": company.id, "at": now, "who": who}
        connection.execute(tables.forgotten_company.insert(), row)
    _LOG.warning("company forgotten", company=company.id, at=now.isoformat(), by=who)
    told = _overwrite(engine)
    with operator_transaction(engine, company.id) as connection:
        left = {
            table.name: connection.execute(
                sa.select(sa.func.count()).where(column == company.id)
            ).scalar_one()
            for table, column in of_company()
        }
    return Forgotten(removed, left, told)


def forgotten(engine: Engine) -> list[sa.Row[Any]]:
    """Return the companies that were forgotten: number, when and by whom.

    Raises:
        SeesOneCompany: the database's login is held to one company at a time.
    """
    table = tables.forgotten_company
    with operator_transaction(engine) as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.at)))


def _leave_claims(
    connection: Connection, company: Company, keys: Keys, now: datetime
) -> None:
    """Keep which entries of Mosaic were this company's, so that they enter no other.

    By number, and by a keyed hash of the TxnID: no name, nothing of what they say.
    """
    record, after = tables.record, 0
    while True:
        rows = connection.execute(
            sa.select(record.c.id, record.c.mosaic_id, record.c.quickbooks_id)
            .where(
                record.c.company_id == company.id,
                record.c.kind == time_entry.NAME,
                record.c.mosaic_id.is_not(None),
                record.c.quickbooks_id.is_not(None),
                record.c.id > after,
            )
            .order_by(record.c.id)
            .limit(_BATCH)
        ).all()
        if not rows:
            break
        after = rows[-1].id
        hashed = {row.mosaic_id: keys.hash("time", row.quickbooks_id) for row in rows}
        time_claims.leave(connection, company.team, company.id, hashed, now=now)
    time_claims.forget(connection, company.id)


def _overwrite(engine: Engine) -> str:
    """Have the database overwrite what deleted rows held; return how far that went."""
    try:
        if engine.dialect.name == "sqlite":
            return _rewrite_sqlite(engine)
        with engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            for table, _ in of_company():
                connection.exec_driver_sql(f"VACUUM {table.name}")
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return f"{_LATER} VACUUM was not possible: {cause}."
    return _ROWS


def _rewrite_sqlite(engine: Engine) -> str:
    """Write the file anew without free pages, and empty its journal."""
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = (cursor.fetchone() or [1])[0]
    return f"{_LATER} Another process reads the file now." if busy else _ROWS

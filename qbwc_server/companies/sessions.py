"""Sessions: one run of one Web Connector, from authenticate to closeConnection."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Self

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server import logs, metrics
from qbwc_server.keys import Keys
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import next_id
from qbwc_server.storage.one_trip import first_at_once

_TABLE = tables.session
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its row has it."""

    id: int
    company_id: int
    state: str
    summary: str
    last_error: str
    started_at: datetime
    last_call_at: datetime
    identified: bool
    checked: bool
    exchange_id: int | None
    done: int
    waits: int
    percent: int
    access_errors: int
    file_path: str
    peer: str
    tally: dict[str, int] | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the session of a row of `session`."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})


_OF_COMPANY = sa.select(*(_TABLE.c[part.name] for part in fields(Session))).where(
    statements.equal(_TABLE.c.company_id, "company")
)
_CHECKED = sa.select(_TABLE.c.checked).where(
    statements.equal(_TABLE.c.company_id, "company"),
    statements.equal(_TABLE.c.id, "session"),
)


def company_of(ticket: str) -> int | None:
    """Return the company that a ticket claims to be of; its hash decides.

    A ticket begins with the company's number so that every look-up is within one
    company; it ends with 160 random bits.
    """
    number, _, secret = ticket.partition("-")
    if not (secret and number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return int(number)


def begin(
    connection: Connection,
    keys: Keys,
    company_id: int,
    *,
    now: datetime,
    file_path: str,
    peer: str,
) -> str:
    """Make a session and return its ticket, which is stored only as a hash."""
    ticket = f"{company_id}-{secrets.token_hex(20)}"
    session_id = next_id(connection, company_id)
    connection.execute(
        _TABLE.insert(),
        {
            "company_id": company_id,
            "id": session_id,
            "state": "authenticated",
            "started_at": now,
            "last_call_at": now,
            "ticket_hash": keys.hash("ticket", ticket),
            "file_path": file_path,
            "peer": peer,
        },
    )
    metrics.session_begun()
    logs.about(company=company_id, session=session_id)
    _LOG.info("run began")
    return ticket


def find(engine: Engine, keys: Keys, company_id: int, ticket: str) -> Session | None:
    """Return the session of a ticket, also when it is closed; None if there is none."""
    hashes = keys.hashes("ticket", ticket)
    given = {f"hash_{number}": one for number, one in enumerate(hashes)}
    asked = _of_ticket(len(hashes))
    row = first_at_once(engine, company_id, asked, {"company": company_id, **given})
    return None if row is None else Session(*row)


@cache
def _of_ticket(hashes: int) -> sa.Select[Any]:
    names = (f"hash_{number}" for number in range(hashes))
    given = [statements.said(_TABLE.c.ticket_hash, name) for name in names]
    return _OF_COMPANY.where(_TABLE.c.ticket_hash.in_(given))


def live(connection: Connection, company_id: int) -> Session | None:
    """Return the company's one session that is not closed."""
    row = connection.execute(
        sa.select(_TABLE).where(
            _TABLE.c.company_id == company_id, _TABLE.c.state != "closed"
        )
    ).first()
    return None if row is None else Session.of(row)


def may_write(connection: Connection, session: Session) -> bool:
    """Tell whether QuickBooks has said in it that no backup was restored."""
    given = {"company": session.company_id, "session": session.id}
    return bool(connection.execute(_CHECKED, given).scalar_one())


def change(connection: Connection, session: Session, **values: object) -> None:
    """Change columns of a session."""
    key = {"company_id": session.company_id, "id": session.id}
    statements.change(connection, _TABLE, key, values)


def close(connection: Connection, session: Session, *, now: datetime, why: str) -> None:
    """End a session; its ticket is dead from here on."""
    change(
        connection,
        session,
        state="closed",
        ended_at=now,
        ended_why=why,
        exchange_id=None,
    )
    metrics.session_ended(why)
    _LOG.info(
        "run ended",
        company=session.company_id,
        session=session.id,
        why=why,
        answers=session.done,
    )

"""What Web Connector's Status column shows of a run: at its end, and at trouble."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from qbwc_server import words
from qbwc_server.companies import registry
from qbwc_server.companies.sessions import Session
from qbwc_server.quickbooks.job_answers import WRITTEN
from qbwc_server.standing import filling, reasons, who_must_act

NOTHING_TO_DO = "Nothing to do now."
NO_ERROR = "No error."
WAIT = "NoOp"


def at_trouble(connection: Connection, session: Session, url: str) -> str:
    """Return what getLastError says: ASCII, under 200 characters, never empty."""
    if session.last_error not in {"", NOTHING_TO_DO}:
        return session.last_error
    waiting = who_must_act.count(connection, session.company_id)
    said = session.last_error or NO_ERROR
    return f"{said} {words.needs_you(waiting, url)}".strip()


def at_close(connection: Connection, session: Session, url: str, now: datetime) -> str:
    """Return what closeConnection says: what ended the run, or what it did."""
    if session.last_error not in {"", WAIT, NOTHING_TO_DO}:
        return session.last_error
    tally = session.tally or {}
    went = {
        what.removesuffix(WRITTEN): count
        for what, count in tally.items()
        if what.endswith(WRITTEN)
    }
    came = {what: n for what, n in tally.items() if not what.endswith(WRITTEN)}
    waiting = who_must_act.count(connection, session.company_id)
    first = reasons.first(connection, session.company_id)
    company = registry.get(connection, session.company_id)
    filled = filling.of(connection, company, now)
    told = ""
    if filled is not None:
        told = words.filling(
            filled.there,
            filled.total,
            filled.ends_at,
            now=now,
            offset_minutes=company.offset_minutes,
        )
    return words.summary(came, went, waiting, url, attention=first, filling=told)

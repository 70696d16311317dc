"""A connection that has not called for too long is late: found once, told once.

A connection is late after three of its intervals, ten minutes at least, in which our
servers were up without a gap and it neither logged in nor called within a run. Who is
paused, or has never called, is not late.

`duty.check_at` says when it could be late at the earliest; that is an index, so a
minute in which nobody is late reads nothing. `company.notice` is what is to be told:
`late`, or `back` to who was told `late`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import heartbeat, registry, sessions
from qbwc_server.companies.registry import Company
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, transaction

LEAST = timedelta(minutes=10)
_INTERVALS = 3
_LOG = structlog.get_logger(__name__)


def patience(company: Company) -> timedelta:
    """Return after how long without a call a connection is late."""
    return max(LEAST, timedelta(minutes=_INTERVALS * company.poll_every))


def heard(connection: Connection, company: Company, now: datetime) -> None:
    """Note that a connection called: it is missed from now on, and late no longer.

    Who was not yet told that it is late is not told that it is back.
    """
    waits = company.check_at is not None or company.mode == "paused"
    if company.late_at is None and waits:
        return  # by far the most calls: nothing is written
    values: dict[str, object] = {"check_at": now + patience(company), "late_at": None}
    if company.late_at is not None:
        values["alert_at"] = now
        if company.notice == "late" and company.notice_tries == 0:
            values |= {"notice": None, "notice_at": None}
        else:
            values |= {**_notice(company.id, "back", now)}
        registry.audit(
            connection, company.id, now, who="server", what="Web Connector calls again"
        )
    registry.change(connection, company.id, **values)


def look(engine: Engine, now: datetime) -> int:
    """Find who is late by now; return how many that were not before."""
    with transaction(engine) as connection:
        since = heartbeat.up_since(connection, now)
        if since is None:
            return 0  # our outage: nobody could call
        due = registry.due(connection, tables.duty.c.check_at, now)
    late = 0
    for company_id in due:
        with company_transaction(engine, company_id) as connection:
            late += _judge(connection, company_id, since, now)
    return late


def _notice(company_id: int, what: str, now: datetime) -> dict[str, object]:
    return {
        "notice": what,
        "notice_id": f"{company_id}-{now:%Y%m%dT%H%M%S}-{what}",
        "notice_at": now,
        "notice_left": None,
        "notice_tries": 0,
    }


def _judge(
    connection: Connection, company_id: int, up_since: datetime, now: datetime
) -> bool:
    company = registry.get(connection, company_id)
    if company.check_at is None or company.check_at > now:
        return False  # it has called, or another worker was here
    if company.mode == "paused" or company.last_seen_at is None:
        registry.change(connection, company_id, check_at=None)
        return False
    run = sessions.live(connection, company_id)
    heard_at = (
        max(run.last_call_at, company.last_seen_at) if run else company.last_seen_at
    )
    latest = max(heard_at, up_since) + patience(company)
    if now < latest:
        registry.change(connection, company_id, check_at=latest)
        return False
    registry.change(
        connection,
        company_id,
        check_at=None,
        late_at=now,
        alert_at=now,
        **_notice(company_id, "late", now),
    )
    registry.audit(
        connection,
        company_id,
        now,
        who="server",
        what="Web Connector is late",
        detail={"last_seen_at": heard_at.isoformat()},
    )
    _LOG.warning("connection is late", company=company_id)
    return True

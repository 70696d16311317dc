"""Reads for support how our own parts are, and what was the matter at a moment."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.standing import health
from qbwc_server.standing.health import Outage, Part, Seen, Then
from qbwc_server.support import views

_LATE, _AGAIN = "Web Connector is late", "Web Connector calls again"
_MOST = 2_000


def now(connection: Connection, at: datetime) -> list[Part]:
    """Return how each part of ours is, what is not well first."""
    table = views.view("health")
    rows = connection.execute(sa.select(*(table.c[one.name] for one in fields(Seen))))
    return health.of((Seen(*row) for row in rows), at)


def then(connection: Connection, company_id: int, at: datetime) -> list[Then]:
    """Return what was the matter with a company at a moment, ours first."""
    table = views.view("outages")
    rows = connection.execute(
        sa.select(table.c.part, table.c.why, table.c.since, table.c.until)
        .where(
            sa.or_(table.c.company_id == company_id, table.c.company_id.is_(None)),
            table.c.reason != "late",
            table.c.since <= at,
        )
        .order_by(table.c.since.desc())
        .limit(_MOST)
    )
    found = [Outage(*row) for row in rows]
    audit, companies = views.view("audit"), views.view("companies")
    notes = connection.execute(
        sa.select(audit.c.at, audit.c.what, audit.c.detail)
        .where(audit.c.company_id == company_id, audit.c.what.in_((_LATE, _AGAIN)))
        .order_by(audit.c.audit_id.desc())
        .limit(_MOST)
    ).all()
    company = connection.execute(
        sa.select(companies.c.late_since, companies.c.last_seen_at).where(
            companies.c.company_id == company_id
        )
    ).one()
    told = [
        (
            row.at,
            datetime.fromisoformat(row.detail["last_seen_at"])
            if row.what == _LATE
            else None,
        )
        for row in reversed(notes)
    ]
    found += health.silences(told, company.late_since, company.last_seen_at)
    return health.then(found, at)

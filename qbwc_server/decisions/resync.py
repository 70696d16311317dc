"""A person has something read again from both sides, and planned anew.

It changes nothing on either side by itself, and may be said as often as one likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.records import due
from qbwc_server.storage import tables

_RECORD, _READING = tables.record, tables.reading
_FINAL = ("do_not_link", "gone")


def company(
    connection: Connection,
    company_id: int,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> None:
    """Have everything of a company compared as a whole."""
    _read_again(connection, company_id, None, now)
    due.look_at_all(connection, company_id, now)
    registry.audit(
        connection, company_id, now, who=who, what="company read again", why=why
    )


def some(
    connection: Connection,
    company_id: int,
    record_ids: Sequence[int],
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> list[int]:
    """Have records looked at again, and their kinds read as a whole.

    Return those that there are. What was taken out by a person stays out.
    """
    rows = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.kind, _RECORD.c.state).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id.in_(record_ids)
        )
    ).all()
    if not rows:
        return []
    _read_again(connection, company_id, sorted({row.kind for row in rows}), now)
    woken = [row.id for row in rows if row.state not in _FINAL]
    due.make_due(connection, company_id, woken, now)
    detail = {"records": [row.id for row in rows], "before": [r.state for r in rows]}
    registry.audit(
        connection,
        company_id,
        now,
        who=who,
        what="records read again",
        why=why,
        detail=detail,
    )
    return [row.id for row in rows]


def _read_again(
    connection: Connection, company_id: int, kinds: list[str] | None, now: datetime
) -> None:
    reading = _READING.update().where(_READING.c.company_id == company_id)
    if kinds is not None:
        reading = reading.where(_READING.c.kind.in_(kinds))
    connection.execute(reading.values(full_due=True))
    registry.change(
        connection,
        company_id,
        next_read_at=now,
        mosaic_read_at=None,
        time_hot_at=now,
        time_window_at=now,
        deliver_at=now,
    )

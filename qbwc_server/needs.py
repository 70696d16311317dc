"""How many records wait for a person: counted by an index, and never all of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server import models, words
from qbwc_server.kinds import KINDS, time_entry

_RECORD = models.record


def count(connection: Connection, company_id: int) -> int:
    """Return in how many records a person acts next; above `words.MANY` one more.

    Each kind and state is looked up in `ix_record_state` and read only up to that
    number, so a million records cost no more than a few thousand. What waits for
    another record is not counted beside it, nor is time that has no counterpart: its
    person, job or item is, and time that stays in Mosaic by rule needs nobody.
    """
    parts = [
        _some(company_id, kind, state)
        for kind in (*KINDS, time_entry.NAME)
        for state in words.NEEDS_YOU
        if (kind, state) != (time_entry.NAME, "unlinked")
    ]
    every = sa.union_all(*parts).subquery()
    found: int = connection.execute(
        sa.select(sa.func.count()).where(every.c.waits_for.is_(None))
    ).scalar_one()
    return min(found, words.MANY + 1)


def _some(company_id: int, kind: str, state: str) -> sa.Select[tuple[str]]:
    rows = (
        sa.select(_RECORD.c.waits_for)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == kind,
            _RECORD.c.state == state,
        )
        .order_by(_RECORD.c.id)
        .limit(words.MANY + 1)
        .subquery()
    )
    return sa.select(rows.c.waits_for)

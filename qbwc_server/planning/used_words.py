"""Takes away what a person said, or is asked, about a conflict that is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import conflict
from qbwc_server.kinds.two_way import Entry
from qbwc_server.records import store
from qbwc_server.storage import tables

_RECORD = tables.record


def taken_away(
    connection: Connection, row: Row[Any], entry: Entry, now: datetime
) -> bool:
    """Leave a record those words and questions that still stand; tell if any went.

    `entry` is what both sides of the record have now. What goes stays in its history.
    """
    left, over = conflict.with_used_up(row.conflict, entry)
    if not over:
        return False
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == row.company_id, _RECORD.c.id == row.id)
        .values(conflict=left or sa.null())
    )
    store.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=conflict.OVER,
        by="plan",
        detail=over,
    )
    return True

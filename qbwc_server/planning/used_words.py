"""Takes away what a person said, or is asked, about a conflict that is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import conflict
from qbwc_server.kinds.two_way import Entry
from qbwc_server.records import history, transitions


def taken_away(
    connection: Connection, row: Row[Any], entry: Entry, now: datetime
) -> bool:
    """Leave a record those words and questions that still stand; tell if any went.

    `entry` is what both sides of the record have now. What goes stays in its history.
    """
    left, over = conflict.with_used_up(row.conflict, entry)
    if left == (row.conflict or {}):
        return False
    transitions.keep_conflict(connection, row.company_id, row.id, left)
    if not over:
        return True
    history.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=conflict.OVER,
        by="plan",
        detail=over,
    )
    return True

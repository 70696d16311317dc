"""Changes of ours in Mosaic that may have come late, over what was sent after them.

A request may arrive long after it was sent, as from a machine that slept. It was not
seen when it was looked for, and the entry was changed again since. What Mosaic has by
it looks like a person's change, and would be carried to QuickBooks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.delivery import outbox
from qbwc_server.kinds import edited
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.records.one_or_two.meanwhile import LATE
from qbwc_server.storage import tables

_CALL = tables.mosaic_call
_NOT_ANSWERED = outbox.KNOWN_FROM.format("list")


def of(connection: Connection, row: Row[Any], now: datetime) -> frozenset[str]:
    """Return in which fields Mosaic has what such a change of a record wanted.

    What was asked about stays so, however long nobody answers. Where Mosaic has what
    both sides agreed on, nothing is asked of the database.
    """
    agreed = (row.agreed or {}).get("mosaic") or {}
    there = row.mosaic or {}
    changed = {
        name for name, value in agreed.items() if name in there and there[name] != value
    }
    if not changed or row.mosaic_gone:
        return frozenset()
    came_at = edited.in_mosaic(there) or now
    sent = connection.execute(
        sa.select(_CALL.c.basis).where(
            _CALL.c.company_id == row.company_id,
            _CALL.c.record_id == row.id,
            _CALL.c.data_type == NAME,
            _CALL.c.operation == "update",
            (_CALL.c.state == "absent") | (_CALL.c.reason == _NOT_ANSWERED),
            _CALL.c.settled_at > came_at - LATE,
        )
    ).scalars()
    here, asked = row.quickbooks or {}, row.conflict or {}
    wanted = [
        *({name: both[1] for name, both in (basis or {}).items()} for basis in sent),
        {
            name: one["mosaic"]
            for name, one in asked.items()
            if one.get("late") and one["quickbooks"] == here.get(name)
        },
    ]
    return frozenset(
        name
        for one in wanted
        for name in changed & one.keys()
        if one[name] == there[name]
    )

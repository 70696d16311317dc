"""Which entries complete reads of Mosaic did not show, and how often."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds import time_entry
from qbwc_server.kinds.gate import Reading
from qbwc_server.kinds.tombstone import Stone
from qbwc_server.mosaic_reading.time_mosaic import believed_there
from qbwc_server.records import time_of_mosaic, tombstones
from qbwc_server.storage import tables

_RECORD, _CALL = tables.record, tables.mosaic_call


def count(
    connection: Connection,
    company_id: int,
    read: Reading,
    shown: Collection[int],
    often: int,
) -> list[int]:
    """Count what a complete read did not show; return what was missed often enough.

    Of what we deleted ourselves it is counted too, if the read began after that.
    """
    rows = connection.execute(
        sa.select(
            *(_RECORD.c.id, _RECORD.c.mosaic_id, _RECORD.c.misses),
            *(_RECORD.c.mosaic_gone, _RECORD.c.gone),
            _RECORD.c.mosaic["date"].as_string().label("date"),
        ).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == time_entry.NAME,
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.mosaic_gone.is_(False) | (_RECORD.c.misses == 0),
            _RECORD.c.day >= read.first,
            _RECORD.c.day <= read.last,
        )
    )
    missed = [
        row
        for row in rows
        if row.mosaic_id not in shown
        and read.first <= (row.date or "") <= read.last
        and not (row.mosaic_gone and _lost_since(row, read.begun_at))
    ]
    busy = _with_open_calls(connection, company_id) if missed else set()
    missed = [row for row in missed if row.id not in busy]
    time_of_mosaic.were_missed(connection, company_id, [row.id for row in missed])
    there = [row for row in missed if not row.mosaic_gone]
    first_time = [row.id for row in there if row.misses == 0]
    tombstones.note_first_missed(connection, company_id, first_time, read.begun_at)
    return [row.mosaic_id for row in there if row.misses + 1 >= often]


def often(connection: Connection, company_id: int, times: int) -> list[int]:
    """Return what was missed often enough, whatever its day."""
    busy = _with_open_calls(connection, company_id)
    rows = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.mosaic_id).where(
            *believed_there(company_id), _RECORD.c.misses >= times
        )
    )
    return [row.mosaic_id for row in rows if row.id not in busy]


def only_in_mosaic(
    connection: Connection, company_id: int, mosaic_ids: Collection[int]
) -> set[int]:
    """Return those of some numbers of which QuickBooks has nothing."""
    rows = connection.execute(
        sa.select(_RECORD.c.mosaic_id).where(
            *believed_there(company_id),
            _RECORD.c.quickbooks_id.is_(None),
            _RECORD.c.mosaic_id.in_(sorted(mosaic_ids)),
        )
    )
    return set(rows.scalars())


def _lost_since(row: Any, began: datetime) -> bool:
    """Tell whether an entry was lost only after a read had begun."""
    stone = Stone.of(row.gone, "mosaic")
    return stone is None or stone.at > began


def _with_open_calls(connection: Connection, company_id: int) -> set[int | None]:
    rows = connection.execute(
        sa.select(_CALL.c.record_id).where(
            _CALL.c.company_id == company_id, _CALL.c.settled_at.is_(None)
        )
    )
    return {row.record_id for row in rows}

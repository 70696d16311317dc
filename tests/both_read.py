"""A company of which both sides were read whole: its preview is there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Connection

from qbwc_server.standing.who_must_act import SHOWN
from qbwc_server.storage import tables

_KINDS: Final = (*SHOWN, "class", "payroll_item")


def both_read(connection: Connection, company_id: int, now: datetime) -> None:
    """Have every list and all time of a company be read on both sides."""
    read: dict[str, Any] = {"file_name": "Vale", "mosaic_read_at": now}
    read["mosaic_time_from"] = "2024-01-01"
    own = tables.company.c.id == company_id
    connection.execute(tables.company.update().where(own).values(**read))
    reading = tables.reading
    connection.execute(reading.delete().where(reading.c.company_id == company_id))
    row = {"company_id": company_id, "last_full_at": now}
    connection.execute(reading.insert(), [{**row, "kind": kind} for kind in _KINDS])

"""Ids that a record had and has no more: whoever names one finds the record by it.

An invoice, a paycheck or a mail may name an entry as it was called before it was made
again, joined or linked anew. These are few, so they have a table and an index of their
own, and no write of what is as it was costs more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.storage import tables
from qbwc_server.storage.statements import upsert

_FORMER = tables.former_id
_SIDES = {
    "quickbooks": "quickbooks_id",
    "mosaic": "mosaic_id",
    "guid": "external_guid",
}


def leaves(
    connection: Connection,
    row: Row[Any],
    at: datetime,
    *,
    to: int | None = None,
    **now: object,
) -> None:
    """Keep the ids that a record has in `row`, and is to have no more.

    `now` has its new ones, by the columns of `record` that change: quickbooks_id,
    mosaic_id, external_guid. `to` is the record that they lead to, if not to itself.
    """
    former = [
        (side, str(getattr(row, column)))
        for side, column in _SIDES.items()
        if column in now
        and getattr(row, column) is not None
        and getattr(row, column) != now[column]
    ]
    keep(connection, row.company_id, to or row.id, former, at)


def keep(
    connection: Connection,
    company_id: int,
    record_id: int,
    former: Iterable[tuple[str, str]],
    at: datetime,
) -> None:
    """Keep ids that lead to a record: each with its side, as the table has it."""
    rows = [
        {
            "company_id": company_id,
            "side": side,
            "value": value,
            "record_id": record_id,
            "at": at,
        }
        for side, value in former
    ]
    if rows:
        key = ("company_id", "side", "value", "record_id")
        upsert(connection, _FORMER, rows, key=key)


def move(
    connection: Connection, company_id: int, record_id: int, at: datetime, *, to: int
) -> None:
    """Have what led to a record, and its number, lead to what takes its place."""
    here = (_FORMER.c.company_id == company_id, _FORMER.c.record_id == record_id)
    rows = connection.execute(
        sa.select(_FORMER.c.side, _FORMER.c.value).where(*here)
    ).all()
    connection.execute(_FORMER.delete().where(*here))
    former = [(row.side, row.value) for row in rows]
    keep(connection, company_id, to, [*former, ("record", str(record_id))], at)


def of(connection: Connection, company_id: int, record_id: int) -> list[Row[Any]]:
    """Return what a record was called, and until when: the latest first."""
    query = sa.select(_FORMER.c.side, _FORMER.c.value, _FORMER.c.at)
    query = query.where(
        _FORMER.c.company_id == company_id, _FORMER.c.record_id == record_id
    )
    return list(connection.execute(query.order_by(_FORMER.c.at.desc())))


def took(connection: Connection, company_id: int, record_id: int) -> int | None:
    """Return the record that took the place of one that is not there any more."""
    found: int | None = connection.execute(
        sa.select(_FORMER.c.record_id).where(
            _FORMER.c.company_id == company_id,
            _FORMER.c.side == "record",
            _FORMER.c.value == str(record_id),
        )
    ).scalar()
    return found

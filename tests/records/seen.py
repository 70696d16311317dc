"""Customers as an answer of QuickBooks shows them, and their records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.storage import tables

CUSTOMER: Kind = KINDS["customer"]
CLASS: Kind = KINDS["class"]
RECORD = tables.record


def seen(
    quickbooks_id: str,
    full_name: str,
    parent_id: str | None = None,
    *,
    version: int = 1,
    **snapshot: Any,
) -> Seen:
    """Return an object of a name such as "Customer:Job"."""
    return Seen(
        quickbooks_id=quickbooks_id,
        name=full_name,
        snapshot={
            "name": full_name.rpartition(":")[2],
            "is_active": True,
            "parent_id": parent_id,
            **snapshot,
        },
        edit_sequence=str(version),
        time_modified=f"2026-03-02T10:00:{version:02}-05:00",
        parent_id=parent_id,
        rank=20 + full_name.count(":"),
    )


def rows(connection: Connection, company_id: int) -> dict[str, Row[Any]]:
    """Return a company's records by their id in QuickBooks."""
    found = connection.execute(
        sa.select(RECORD).where(RECORD.c.company_id == company_id)
    )
    return {row.quickbooks_id: row for row in found}


def change(
    connection: Connection,
    company_id: int,
    quickbooks_ids: Iterable[str],
    **values: Any,
) -> None:
    """Change records as the worker or a person does."""
    connection.execute(
        RECORD.update()
        .where(
            RECORD.c.company_id == company_id,
            RECORD.c.quickbooks_id.in_(list(quickbooks_ids)),
        )
        .values(**values)
    )


def deliver_all(connection: Connection, company_id: int) -> None:
    """Take every record as delivered: nothing of it is due any more."""
    connection.execute(
        RECORD.update()
        .where(RECORD.c.company_id == company_id)
        .values(state="in_sync", due_at=None, reason=None)
    )
    connection.execute(
        tables.duty.update()
        .where(tables.duty.c.company_id == company_id)
        .values(deliver_at=None)
    )


def due(connection: Connection, company_id: int) -> set[str]:
    """Return the QuickBooks ids of the records that the worker will look at."""
    found = rows(connection, company_id).values()
    return {row.quickbooks_id for row in found if row.due_at is not None}


def deliver_at(connection: Connection, company_id: int) -> object:
    """Return when a worker will look at the company."""
    return connection.execute(
        sa.select(tables.duty.c.deliver_at).where(
            tables.duty.c.company_id == company_id
        )
    ).scalar_one()

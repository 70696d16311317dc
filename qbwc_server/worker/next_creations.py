"""Which entries are made in Mosaic next: their days are read there with the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.time_entry import NAME
from qbwc_server.storage import tables

_RECORD = tables.record
_MOST = 300
"""Entries whose people one question to Mosaic may name."""
_PEOPLE = ("employee", "vendor", "other_name")


def next_creations(connection: Connection, company_id: int) -> list[tuple[str, int]]:
    """Return day and member of entries that Mosaic does not have, the next first.

    One read for them all costs no more than for the first. What cannot be made because
    its person is not linked is left out.
    """
    rows = connection.execute(
        sa.select(_RECORD.c.quickbooks)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.due_at.is_not(None),
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.quickbooks_gone.is_(False),
            _RECORD.c.unread.is_(None),
            _RECORD.c.mosaic_id.is_(None) | _RECORD.c.mosaic_gone.is_(True),
        )
        .order_by(_RECORD.c.delivery_rank, _RECORD.c.due_at, _RECORD.c.id)
        .limit(_MOST)
    )
    entries = [row.quickbooks for row in rows]
    members = _members(connection, company_id, entries)
    return [
        (entry["date"], members[entry["person"]])
        for entry in entries
        if entry["person"] in members
    ]


def _members(
    connection: Connection, company_id: int, entries: Sequence[dict[str, Any]]
) -> dict[str, int]:
    """Return the members that people of QuickBooks are linked to."""
    rows = connection.execute(
        sa.select(_RECORD.c.quickbooks_id, _RECORD.c.mosaic_id).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind.in_(_PEOPLE),
            _RECORD.c.quickbooks_id.in_({str(entry["person"]) for entry in entries}),
            _RECORD.c.mosaic_id.is_not(None),
        )
    )
    return {row.quickbooks_id: row.mosaic_id for row in rows}

"""Which entries are made in Mosaic next: their days are read there before."""

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


def next_creations(
    connection: Connection, company_id: int, first: Sequence[int]
) -> list[tuple[str, int]]:
    """Return day and member of entries that Mosaic does not have and that are due.

    Those of the records `first` come first, in that order, without what cannot be made
    because its person is not linked; then those that are next.
    """
    due = (
        _RECORD.c.company_id == company_id,
        _RECORD.c.kind == NAME,
        _RECORD.c.due_at.is_not(None),
        _RECORD.c.quickbooks_id.is_not(None),
        _RECORD.c.quickbooks_gone.is_(False),
        _RECORD.c.mosaic_id.is_(None) | _RECORD.c.mosaic_gone.is_(True),
    )
    wanted = sa.select(_RECORD.c.id, _RECORD.c.quickbooks).where(*due)
    now = connection.execute(wanted.where(_RECORD.c.id.in_(first))).all()
    then = connection.execute(
        wanted.where(_RECORD.c.id.not_in(first))
        .order_by(_RECORD.c.delivery_rank, _RECORD.c.due_at, _RECORD.c.id)
        .limit(_MOST)
    ).all()
    place = {record_id: number for number, record_id in enumerate(first)}
    entries = [row.quickbooks for row in sorted(now, key=lambda row: place[row.id])]
    entries += [row.quickbooks for row in then]
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
            _RECORD.c.quickbooks_id.in_({entry["person"] for entry in entries}),
            _RECORD.c.mosaic_id.is_not(None),
        )
    )
    return {row.quickbooks_id: row.mosaic_id for row in rows}

"""Between which moments a side changed the fields of a time entry, as they are seen.

`kinds.edited` decides what that tells; here is when the former values were still seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.kinds import edited
from qbwc_server.kinds.edited import Edited
from qbwc_server.kinds.gate import Reading
from qbwc_server.kinds.kind import Seen
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.storage import tables

_READING = tables.reading


class InMosaic:
    """When Mosaic's entries were changed, by what of them was read lately."""

    def __init__(self, connection: Connection, company_id: int, now: datetime) -> None:
        kept = connection.execute(
            sa.select(_READING.c.lately).where(
                _READING.c.company_id == company_id,
                _READING.c.kind == registry.MOSAIC_TIME,
            )
        ).scalar()
        self._readings = [Reading.kept(one) for one in kept or ()]
        self._now = now

    def after(self, row: Row[Any], found: Mapping[str, Any]) -> Edited | None:
        """Return when each field was changed, now that Mosaic shows an entry so."""
        return (
            edited.noted(
                row.edited,
                "mosaic",
                row.mosaic,
                found,
                after=self._read_before(row) or edited.in_mosaic(row.mosaic),
                by=edited.in_mosaic(found),
                now=self._now,
            )
            or None
        )

    def _read_before(self, row: Row[Any]) -> datetime | None:
        before = row.mosaic or {}
        return max(
            (
                one.begun_at
                for one in self._readings
                if before and one.covers(before["date"], before["person"])
            ),
            default=None,
        )


class InQuickBooks:
    """When QuickBooks' entries were changed, by when what had changed was read."""

    def __init__(self, connection: Connection, company_id: int, now: datetime) -> None:
        begun_at = connection.execute(
            sa.select(_READING.c.begun_at).where(
                _READING.c.company_id == company_id, _READING.c.kind == NAME
            )
        ).scalar()
        self._begun_at: datetime | None = begun_at
        self._offset = registry.get(connection, company_id).offset_minutes
        self._now = now

    def after(self, row: Row[Any], seen: Seen, *, ours: bool = False) -> Edited | None:
        """Return when each field was changed, now that QuickBooks shows an entry so.

        `ours` says that the last change of it was a write of ours.
        """
        before = edited.in_quickbooks(
            row.time_modified, row.edit_sequence, self._offset
        )
        stamp = edited.in_quickbooks(
            seen.time_modified, seen.edit_sequence, self._offset
        )
        return (
            edited.noted(
                row.edited,
                "quickbooks",
                row.quickbooks,
                seen.snapshot,
                after=self._begun_at or before,
                by=stamp,
                now=self._now,
                exact=not ours,
            )
            or None
        )

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
        self._connection, self._company_id, self._now = connection, company_id, now
        self._known: list[Reading] | None = None

    def after(self, row: Row[Any], found: Mapping[str, Any]) -> Edited | None:
        """Return when each field was changed, now that Mosaic shows an entry so."""
        if row.mosaic is None:
            return row.edited or None
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
        before = row.mosaic
        if before is None:
            return None
        covering = (
            one.begun_at
            for one in self._readings()
            if one.covers(before["date"], before["person"])
        )
        return max(covering, default=None)

    def _readings(self) -> list[Reading]:
        if self._known is None:
            kept = self._connection.execute(
                sa.select(_READING.c.lately).where(
                    _READING.c.company_id == self._company_id,
                    _READING.c.kind == registry.MOSAIC_TIME,
                )
            ).scalar()
            self._known = [Reading.kept(one) for one in kept or ()]
        return self._known


class InQuickBooks:
    """When QuickBooks' entries were changed, by when what had changed was read."""

    def __init__(self, connection: Connection, company_id: int, now: datetime) -> None:
        self._connection, self._company_id, self._now = connection, company_id, now
        self._known: tuple[datetime | None, int | None] | None = None

    def after(self, row: Row[Any], seen: Seen, *, ours: bool = False) -> Edited | None:
        """Return when each field was changed, now that QuickBooks shows an entry so.

        `ours` says that the last change of it was a write of ours.
        """
        if row.quickbooks is None:
            return row.edited or None
        begun_at, offset = self._read()
        before = edited.in_quickbooks(row.time_modified, row.edit_sequence, offset)
        stamp = edited.in_quickbooks(seen.time_modified, seen.edit_sequence, offset)
        return (
            edited.noted(
                row.edited,
                "quickbooks",
                row.quickbooks,
                seen.snapshot,
                after=begun_at or before,
                by=stamp,
                now=self._now,
                exact=not ours,
            )
            or None
        )

    def _read(self) -> tuple[datetime | None, int | None]:
        """Return when the last reading was begun, and the offset of the computer."""
        if self._known is None:
            begun_at = self._connection.execute(
                sa.select(_READING.c.begun_at).where(
                    _READING.c.company_id == self._company_id,
                    _READING.c.kind == NAME,
                )
            ).scalar()
            company = registry.get(self._connection, self._company_id)
            self._known = begun_at, company.offset_minutes
        return self._known

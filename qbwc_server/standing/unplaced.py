"""Hours of Mosaic that wait for a job, person or service item QuickBooks does not have.

Nothing makes those in QuickBooks from Mosaic, so somebody has to: once for each of
them, however many hours wait for it.

Rule: nothing here grows with the company; what is counted is read up to a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.time_entry import NAME, in_hours
from qbwc_server.records import mosaic_objects
from qbwc_server.storage import tables

_RECORD = tables.record
_WHAT: Final = {
    "project": "job",
    "phase": "job",
    "employee": "employee",
    "standard_work_category": "service item",
}
"""What stands for an object of Mosaic in QuickBooks."""
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Something of Mosaic that QuickBooks does not have, and what waits for it."""

    what: str
    name: str
    mosaic_id: int
    entries: int
    minutes: int

    @property
    def told(self) -> str:
        """What is missing, in a sentence."""
        many = "1 entry" if self.entries == 1 else f"{self.entries:,} entries"
        waits = "waits" if self.entries == 1 else "wait"
        a = "an" if self.what == "employee" else "a"
        return (
            f"{self.name} of Mosaic is not linked to {a} {self.what} in QuickBooks: "
            f"{many}, {in_hours(self.minutes)} hours, {waits} for it."
        )


def of(connection: Connection, company_id: int) -> list[Unplaced]:
    """Return what is missing, that for which most hours wait first."""
    rows = connection.execute(
        sa.select(_RECORD.c.waits_for, _RECORD.c.mosaic)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.state == "unlinked",
            _RECORD.c.quickbooks_id.is_(None),
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.mosaic_gone.is_(False),
            sa.or_(*(_RECORD.c.waits_for.startswith(f"{one}:") for one in _WHAT)),
        )
        .order_by(_RECORD.c.day.desc())
        .limit(_MOST)
    )
    minutes: dict[str, list[int]] = {}
    for row in rows:
        minutes.setdefault(row.waits_for, []).append(_minutes(row.mosaic))
    found = [
        _unplaced(connection, company_id, name, waiting)
        for name, waiting in minutes.items()
    ]
    return sorted(found, key=lambda one: (-one.minutes, one.name))


def _unplaced(
    connection: Connection, company_id: int, waits_for: str, waiting: list[int]
) -> Unplaced:
    data_type, _, number = waits_for.partition(":")
    there = mosaic_objects.get(connection, company_id, data_type, int(number))
    name = mosaic_objects.called(there) if there else number
    return Unplaced(_WHAT[data_type], name, int(number), len(waiting), sum(waiting))


def _minutes(mosaic: Any) -> int:
    return int((mosaic or {}).get("minutes") or 0)

"""Hours that both sides had, and that differ only in whether they are billable.

They are joined by what they are; which side is right about billable is one question for
all of them, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from qbwc_server.decisions import conflicts
from qbwc_server.kinds import conflict
from qbwc_server.kinds.time_entry import is_billable


@dataclass(frozen=True, slots=True)
class Differing:
    """How many entries are asked about, and their minutes, by where they are billable.

    `more` says that not all were counted.
    """

    sides: dict[str, tuple[int, int]]
    more: bool

    @property
    def entries(self) -> int:
        """How many there are in all."""
        return sum(entries for entries, _ in self.sides.values())


def differing(
    connection: Connection, company_id: int, *, limit: int | None = None
) -> Differing:
    """Return what is asked, of at most `limit` conflicts."""
    rows = conflicts.asking(connection, company_id, limit=limit)
    minutes: dict[str, list[int]] = {"QuickBooks": [], "Mosaic": []}
    for row in _of(rows):
        here = is_billable(row.quickbooks["billable"])
        minutes["QuickBooks" if here else "Mosaic"].append(row.quickbooks["minutes"])
    sides = {side: (len(found), sum(found)) for side, found in minutes.items()}
    return Differing(sides, len(rows) == limit)


def settle(
    connection: Connection,
    company_id: int,
    side: str,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
) -> int:
    """Say for all of them which side is right; return how many they are."""
    found = _of(conflicts.asking(connection, company_id))
    for row in found:
        conflicts.settle(connection, row, side, by=by, now=now, why=why)
    return len(found)


def _of(rows: list[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if conflict.of_billable_alone(row.conflict, row.agreed)]

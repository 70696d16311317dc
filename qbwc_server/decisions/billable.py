"""Hours that both sides had, and that differ only in whether they are billable.

They are joined by what they are; which side is right about billable is one question for
all of them, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
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
    looked = 0
    rows = islice(conflicts.asking(connection, company_id), limit)
    minutes: dict[str, list[int]] = {"QuickBooks": [], "Mosaic": []}
    for row in rows:
        looked += 1
        if not _is_of_it(row):
            continue
        here = is_billable(row.quickbooks["billable"])
        minutes["QuickBooks" if here else "Mosaic"].append(row.quickbooks["minutes"])
    sides = {side: (len(found), sum(found)) for side, found in minutes.items()}
    return Differing(sides, looked == limit)


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
    settled = 0
    for row in filter(_is_of_it, conflicts.asking(connection, company_id)):
        conflicts.settle(connection, row, side, by=by, now=now, why=why)
        settled += 1
    return settled


def _is_of_it(row: Row[Any]) -> bool:
    return conflict.of_billable_alone(row.conflict, row.agreed)

"""Hours that were sent under a link which is another one now: moved, or left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.decisions import conflicts
from qbwc_server.kinds import conflict
from qbwc_server.kinds.time_plan import LEFT
from qbwc_server.records import mosaic_objects
from qbwc_server.storage import tables

_RECORD = tables.record
_KINDS = {
    "person": (("employee", "vendor", "other_name"), "employee"),
    "job": (("customer",), "project"),
    "item": (("service_item",), "standard_work_category"),
}
"""Where the names of a field's values are: lists of QuickBooks, type in Mosaic."""


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that one changed link left behind: what each side has, and how many."""

    what: str
    in_quickbooks: str
    in_mosaic: str
    entries: int
    minutes: int


def groups(connection: Connection, company_id: int) -> list[Group]:
    """Return what waits for a word, by the values of both sides."""
    counted: dict[tuple[str, str, str], list[int]] = {}
    for row in _asked(connection, company_id):
        for name, one in conflict.asked(row.conflict).items():
            values = _named(connection, company_id, name, one)
            counted.setdefault((name, *values), []).append(row.quickbooks["minutes"])
    return [
        Group(name, here, there, len(minutes), sum(minutes))
        for (name, here, there), minutes in sorted(counted.items())
    ]


def settle(
    connection: Connection,
    company_id: int,
    *,
    move: bool,
    by: str,
    now: datetime,
    why: str | None = None,
) -> int:
    """Move all such hours to where the links lead now, or leave them; return how many.

    What moves is the copy: in QuickBooks what we added there, else what is in Mosaic.
    """
    settled = 0
    for row in _asked(connection, company_id):
        of_mosaic = "mosaic" if row.external_guid is not None else "quickbooks"
        side = of_mosaic if move else LEFT
        conflicts.settle(connection, row, side, by=by, now=now, why=why)
        settled += 1
    return settled


def _asked(connection: Connection, company_id: int) -> Iterator[Row[Any]]:
    for row in conflicts.asking(connection, company_id):
        if conflict.is_of_links(conflict.asked(row.conflict)):
            yield row


def _named(
    connection: Connection, company_id: int, name: str, one: Mapping[str, Any]
) -> tuple[str, str]:
    """Return what people call the two values of a field."""
    kinds, data_type = _KINDS[name]
    here = connection.execute(
        sa.select(_RECORD.c.name).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind.in_(kinds),
            _RECORD.c.quickbooks_id == one["quickbooks"],
        )
    ).scalar()
    number = one["mosaic"]
    if isinstance(number, list):
        project, phase = number
        number, data_type = (project, "project") if phase is None else (phase, "phase")
    there = mosaic_objects.get(connection, company_id, data_type, number)
    called = mosaic_objects.called(there) if there else str(number)
    return str(here or one["quickbooks"]), called

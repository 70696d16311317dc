"""A time entry in words: day, person, job, item, minutes, billable, and of which side.

It is told as QuickBooks has it; where that has none, as Mosaic has it. What neither has
any more is told as it was last known, without minutes, so that no sum counts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import time_entry
from qbwc_server.kinds.restored import NOT_THERE, Mark
from qbwc_server.records import mosaic_objects
from qbwc_server.standing import places
from qbwc_server.standing.places import Places

_TAKEN: Final = NOT_THERE | {Mark.LEFT}
_CATEGORY: Final = "standard_work_category"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry in words; `side` is the one that it is told of, None if neither has it.

    `billable` is "yes", "no" or "billed", what stands on an invoice.
    """

    day: str | None
    person: str | None
    job: str | None
    item: str | None
    minutes: int | None
    billable: str
    side: str | None


def minutes_in_quickbooks(row: Row[Any]) -> int | None:
    """Return the minutes that QuickBooks has, None if it has not the entry.

    What a restored backup took is not there, though it is known.
    """
    if row.quickbooks is None or row.restored in _TAKEN:
        return None
    if row.quickbooks_gone and row.restored != Mark.AGAIN:
        return None
    return int(row.quickbooks["minutes"])


def of(
    connection: Connection, company_id: int, rows: Sequence[Row[Any]]
) -> dict[int, Entry]:
    """Return the time entries among records by their numbers, all looked up at once."""
    time = [row for row in rows if row.kind == time_entry.NAME]
    if not time:
        return {}
    named = Places(connection, company_id, time)
    items = Items(connection, company_id, time)
    return {row.id: _entry(row, named, items) for row in time}


def _entry(row: Row[Any], named: Places, items: Items) -> Entry:
    here = minutes_in_quickbooks(row)
    there: Mapping[str, Any] | None = None if row.mosaic_gone else row.mosaic
    if here is not None or (there is None and row.quickbooks is not None):
        at, had = named.in_quickbooks(row), row.quickbooks
        item, status = items.in_quickbooks(had), had.get("billable")
        billable = time_entry.is_billable(status)
        said = "billed" if status == time_entry.BILLED else _yes(is_so=billable)
        side = None if here is None else "QuickBooks"
        return Entry(at.day, at.person, at.job, item, here, said, side)
    last = there or row.mosaic
    if last is None:
        return Entry(row.day, None, None, None, None, "", None)
    at = named.in_mosaic(row, last["date"])
    return Entry(
        at.day,
        at.person,
        at.job,
        items.in_mosaic(last),
        None if there is None else int(there["minutes"]),
        _yes(is_so=bool(last.get("billable"))),
        None if there is None else "Mosaic",
    )


def _yes(*, is_so: bool) -> str:
    return "yes" if is_so else "no"


class Items:
    """What the items of entries are called, on either side."""

    def __init__(
        self, connection: Connection, company_id: int, rows: Sequence[Row[Any]]
    ) -> None:
        here = {row.quickbooks.get("item") for row in rows if row.quickbooks}
        there = {row.mosaic.get("item") for row in rows if row.mosaic}
        read = places.records_here(connection, company_id, ("service_item",), here)
        self._here = {row.quickbooks_id: row.name for row in read}
        read = places.records_there(connection, company_id, _CATEGORY, there)
        self._there = {row.mosaic_id: row.name for row in read}
        unknown = {one for one in there if one is not None} - set(self._there)
        found = mosaic_objects.several(connection, company_id, _CATEGORY, unknown)
        self._there |= {one: mosaic_objects.called(it) for one, it in found.items()}

    def in_quickbooks(self, quickbooks: Mapping[str, Any]) -> str | None:
        """Return the item of an entry as QuickBooks has it."""
        item = quickbooks.get("item")
        return self._here.get(item, item)

    def in_mosaic(self, mosaic: Mapping[str, Any]) -> str | None:
        """Return the work category of an entry as Mosaic has it."""
        item = mosaic.get("item")
        return None if item is None else self._there.get(item, str(item))

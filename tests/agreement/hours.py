"""Hours as people see them: who worked when, how long and on what, on either side.

People repeat notes, minutes and names, so nothing here tells entries apart by a mark.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from qbwc_server.decisions import gone
from qbwc_server.kinds.tombstone import Word
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import House
from tests.agreement.test_findings import day, mosaic, quickbooks

Hour: TypeAlias = tuple[str, str, int, str]
"""Who, the day, minutes, notes."""


def object_of(house: House, data_type: str, **wanted: Any) -> int:
    """Return the number of an object of Mosaic that has some values."""
    for one in house.sandbox.team.store.objects[data_type].values():
        if all(one.get(name) == value for name, value in wanted.items()):
            return int(one["mosaic_id"])
    raise KeyError((data_type, wanted))


def typed_in_mosaic(
    house: House,
    who: str = "Ann",
    *,
    ago: int = 0,
    hours: float = 8.0,
    notes: str = "",
    item: str = "Design",
) -> int:
    """Have a person enter time in Mosaic's own pages; return its number."""
    return house.people.add_time(
        object_of(house, "employee", first_name=who),
        day(house, ago),
        hours,
        project=object_of(house, "project", title="House"),
        category=object_of(house, "standard_work_category", title=item),
        text=notes,
    )


def hours_in_quickbooks(house: House) -> list[Hour]:
    """Return all time of the company file."""
    people = {list_id: name for name, list_id in house.persons.items()}
    return sorted(
        (people[one["entity_id"]], one["txn_date"], one["minutes"], one["notes"] or "")
        for one in quickbooks(house)
    )


def hours_in_mosaic(house: House) -> list[Hour]:
    """Return all time of the team."""
    names = {
        one["mosaic_id"]: f"{one['first_name']} {one['last_name']}"
        for one in house.sandbox.team.store.objects["employee"].values()
    }
    return sorted(
        (
            names[one["member_id"]],
            str(one["date"]),
            round(float(one["hours"]) * 60),
            one["description"] or "",
        )
        for one in mosaic(house)
    )


def they_are_deleted(house: House) -> None:
    """Say, as a person does, that what Mosaic does not show is deleted."""
    for row in time_records(house):
        if row.mosaic_gone and not row.quickbooks_gone:
            with company_transaction(house.engine, house.company.id) as connection:
                gone.say(connection, row, Word.DELETED, by="person", now=house.clock())


def time_records(house: House) -> list[Any]:
    """Return the records of time, oldest first."""
    return house.rows(tables.record, tables.record.c.kind == "time_entry")

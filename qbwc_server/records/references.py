"""What stands for what on the other side: a time entry's references, translated.

One `Links` serves one transaction: what it looked up stays true until that ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.kinds.list_plan import Snapshot
from qbwc_server.kinds.time_entry import (
    billable_status,
    is_billable,
    notes_for_quickbooks,
)
from qbwc_server.kinds.two_way import Missing
from qbwc_server.records import mosaic_objects
from qbwc_server.storage import tables

_RECORD = tables.record
PEOPLE = ("employee", "vendor", "other_name")
_DEEPEST = 12
"""QuickBooks has five levels; more than this is a circle in what was read."""
_LISTS = {"person": PEOPLE, "job": ("customer",), "item": ("service_item",)}
"""Where that stands in QuickBooks to which a field refers."""
_HOLDS_TIME = {"client": 1, "project": 0}
"""By structure, the level of a customer from which on Mosaic can hold its time."""


class Links:
    """Translates time entries of one company within one transaction."""

    def __init__(self, connection: Connection, company: Company) -> None:
        self._connection = connection
        self._company = company
        self._known: dict[tuple[str, Any], Any] = {}
        self._rows: dict[tuple[str, Any], Row[Any] | None] = {}

    def prepare(self, entries: Sequence[Row[Any]]) -> None:
        """Look up at once what many records of time entries refer to."""
        here = [one.quickbooks for one in entries if one.quickbooks]
        there = [one.mosaic for one in entries if one.mosaic]
        self._fetch("employee", {one.get("person") for one in here})
        self._fetch("service_item", {one.get("item") for one in here})
        jobs = {one.get("job") for one in here}
        while read := self._fetch("customer", jobs):
            jobs = {row.parent_id for row in read}
        booked = [one.get("job") or (None, None) for one in there]
        self._fetch("mosaic employee", {one.get("person") for one in there})
        self._fetch("mosaic standard_work_category", {one.get("item") for one in there})
        self._fetch("mosaic project", {project for project, _ in booked})
        self._fetch("mosaic phase", {phase for _, phase in booked})

    def facing(self, quickbooks: Snapshot) -> dict[str, Any]:
        """Return QuickBooks' entry in Mosaic's terms, each field or why not."""
        return {
            "date": quickbooks["date"],
            "minutes": quickbooks["minutes"],
            "person": self._once("member", quickbooks["person"], self._member),
            "job": self._once("project", quickbooks["job"], self._project),
            "item": self._once("category", quickbooks["item"], self._category),
            "notes": quickbooks["notes"],
            "billable": is_billable(quickbooks["billable"]),
        }

    def back(self, mosaic: Snapshot) -> dict[str, Any]:
        """Return Mosaic's entry in QuickBooks' terms, each field or why not."""
        return {
            "date": mosaic["date"],
            "minutes": mosaic["minutes"],
            "person": self._once("person", mosaic["person"], self._person),
            "job": self._once("job", tuple(mosaic["job"]), self._job),
            "item": self._once("item", mosaic["item"], self._item),
            "notes": notes_for_quickbooks(mosaic["notes"]),
            "billable": billable_status(billable=mosaic["billable"]),
        }

    def unlisted(self, quickbooks: Snapshot) -> dict[str, Missing]:
        """Return what an entry refers to that is not in QuickBooks' lists any more."""
        found: dict[str, Missing] = {}
        for name, kinds in _LISTS.items():
            for kind in kinds:
                row = self._of_quickbooks(kind, quickbooks.get(name) or "")
                if row is not None and row.quickbooks_gone:
                    reason = f"{row.name} is not in QuickBooks any more: make it again."
                    found[name] = Missing(reason, state="refused")
        return found

    def named(self, quickbooks: Snapshot) -> tuple[str, str]:
        """Return the names of who worked and of the job, as QuickBooks has them."""
        # Two lists of QuickBooks may have the same ListID.
        found: dict[str, str] = {}
        for name, kinds in (("person", PEOPLE), ("job", ("customer",))):
            rows = (
                self._of_quickbooks(one, quickbooks.get(name) or "") for one in kinds
            )
            found[name] = next((row.name for row in rows if row is not None), "")
        return found["person"], found["job"]

    def _once(self, what: str, key: Any, find: Callable[[Any], Any]) -> Any:
        if (what, key) not in self._known:
            self._known[what, key] = find(key)
        return self._known[what, key]

    # Into Mosaic

    def _member(self, list_id: str) -> int | Missing:
        for kind in PEOPLE if self._company.contractors else PEOPLE[:1]:
            row = self._of_quickbooks(kind, list_id)
            if row is not None:
                return self._linked(row, "member")
        return Missing(
            "Whoever worked is not among the employees. Time of vendors and others is "
            "taken only if that is switched on: ask whoever operates this server.",
            f"employee:{list_id}",
        )

    def _project(self, list_id: str | None) -> list[int] | Missing:
        if list_id is None:
            return Missing("Has no customer or job in QuickBooks, and no project.")
        row = self._of_quickbooks("customer", list_id)
        if row is None:
            return Missing(
                "Its customer or job is not read from QuickBooks yet.",
                f"customer:{list_id}",
            )
        line = self._line(row)
        top = _HOLDS_TIME[self._company.structure]
        if line[0].parent_id is not None:
            waits_for = f"customer:{line[0].parent_id}"
            return Missing("Its job's customer is not read yet.", waits_for)
        if len(line) - 1 < top:
            return Missing(
                f"Is on the customer {row.name} itself. Mosaic keeps time on projects: "
                "choose a job in QuickBooks."
            )
        # What is deeper than phases belongs to the nearest phase. A phase is linked
        # with its project alone: where somebody took that link away, nothing is sent.
        there = line[min(len(line) - 1, top + 1)]
        project = self._linked(line[top], "project")
        found = self._linked(there, "project")
        if isinstance(project, Missing):
            return project
        if isinstance(found, Missing):
            return found
        if there.mosaic_type == "phase":
            return [int(there.mosaic["parent"]), found]
        main = there.mosaic.get("main_phase_id")
        if there.mosaic_type != "project" or main is None:
            reason = f"The main phase of {there.name} in Mosaic is not known yet."
            return Missing(reason, f"customer:{there.quickbooks_id}")
        return [found, int(main)]

    def _category(self, list_id: str | None) -> int | Missing:
        if list_id is None:
            return Missing("Has no service item in QuickBooks, and no work category.")
        row = self._of_quickbooks("service_item", list_id)
        if row is None:
            return Missing(
                "Its item is not among the service items read from QuickBooks.",
                f"service_item:{list_id}",
            )
        return self._linked(row, "work category")

    def _linked(self, row: Row[Any], what: str) -> int | Missing:
        if row.state == "do_not_link":
            reason = f"{row.name} is not to be linked; somebody said so."
            waits_for = f"{row.kind}:{row.quickbooks_id}"
            return Missing(reason, waits_for, state="do_not_link")
        if row.mosaic_id is None or row.mosaic is None:
            # Why something is on its way changes by the minute, and says nothing here.
            why = f" {row.reason}" if row.reason and row.state != "pending" else ""
            return Missing(
                f"{row.name} has no {what} in Mosaic yet.{why}",
                f"{row.kind}:{row.quickbooks_id}",
            )
        return int(row.mosaic_id)

    # Into QuickBooks

    def _person(self, member_id: int | None) -> str | Missing:
        if member_id is None:
            return Missing("Has no person in Mosaic; to go to QuickBooks it needs one.")
        row = self._of_mosaic("employee", member_id)
        others = PEOPLE[1:]
        if row is not None and row.kind in others and not self._company.contractors:
            return Missing(
                f"{row.name} is no employee. Time of vendors and others is taken only "
                "if that is switched on: ask whoever operates this server."
            )
        return self._counterpart("employee", member_id, "Mosaic's member", "employee")

    def _job(self, key: tuple[int | None, int | None]) -> str | Missing:
        project_id, phase_id = key
        if project_id is None:
            return Missing(
                "Has no project in Mosaic; to go to QuickBooks it needs one."
            )
        project = self._of_mosaic("project", project_id)
        if project is None or project.quickbooks_id is None:
            # Phases are linked with their project, and a main phase is of no record.
            return self._counterpart("project", project_id, "The project", "job")
        main = (project.mosaic or {}).get("main_phase_id")
        if phase_id is None or phase_id == main or self._is_main(phase_id):
            return self._counterpart("project", project_id, "The project", "job")
        return self._counterpart("phase", phase_id, "The phase", "job")

    def _item(self, category_id: int | None) -> str | Missing:
        if category_id is None:
            return Missing("Has no work category in Mosaic, and no service item.")
        return self._counterpart(
            "standard_work_category", category_id, "The work category", "service item"
        )

    def _is_main(self, phase_id: int) -> bool:
        found = mosaic_objects.get(
            self._connection, self._company.id, "phase", phase_id
        )
        return bool((found or {}).get("is_main"))

    def _counterpart(
        self, data_type: str, mosaic_id: int, noun: str, what: str
    ) -> str | Missing:
        row = self._of_mosaic(data_type, mosaic_id)
        if row is None or row.quickbooks_id is None:
            name = self._name(data_type, mosaic_id)
            return Missing(
                f"{noun} {name} is not linked to a {what} in QuickBooks.".replace(
                    "a employee", "an employee"
                ),
                f"{data_type}:{mosaic_id}",
            )
        if row.state == "do_not_link":
            reason = f"{row.name} is not to be linked; somebody said so."
            return Missing(reason, f"{data_type}:{mosaic_id}", state="do_not_link")
        if row.quickbooks_gone:
            return Missing(
                f"{row.name} was deleted in QuickBooks.", f"{data_type}:{mosaic_id}"
            )
        return str(row.quickbooks_id)

    def _name(self, data_type: str, mosaic_id: int) -> str:
        found = mosaic_objects.get(
            self._connection, self._company.id, data_type, mosaic_id
        )
        if found is None:
            return str(mosaic_id)
        return str(found.get("name") or found.get("email"))

    def _line(self, row: Row[Any]) -> list[Row[Any]]:
        """Return a job and all above it, the topmost that is known first."""
        line = [row]
        while line[0].parent_id is not None and len(line) < _DEEPEST:
            above = self._of_quickbooks("customer", line[0].parent_id)
            if above is None or above.quickbooks_gone:
                break
            line.insert(0, above)
        return line

    def _of_quickbooks(self, kind: str, list_id: str) -> Row[Any] | None:
        self._fetch(kind, {list_id})
        return self._rows[kind, list_id]

    def _of_mosaic(self, data_type: str, mosaic_id: int) -> Row[Any] | None:
        self._fetch(f"mosaic {data_type}", {mosaic_id})
        return self._rows[f"mosaic {data_type}", mosaic_id]

    def _fetch(self, what: str, ids: Collection[Any]) -> list[Row[Any]]:
        """Look up records by their ids on one side; return those that are new here."""
        new = {one for one in ids if one is not None and (what, one) not in self._rows}
        if not new:
            return []
        self._rows |= {(what, one): None for one in new}
        _, mosaic, data_type = what.rpartition("mosaic ")
        column = _RECORD.c.mosaic_id if mosaic else _RECORD.c.quickbooks_id
        named = _RECORD.c.mosaic_type == data_type if mosaic else _RECORD.c.kind == what
        rows = self._connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self._company.id, named, column.in_(new)
            )
        ).all()
        for row in rows:
            key = row.mosaic_id if mosaic else row.quickbooks_id
            self._rows[what, key] = row
        return list(rows)

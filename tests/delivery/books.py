"""A few lines of QuickBooks' lists, as reading them would give them to the records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qbwc_server.kinds.kind import Seen


@dataclass
class Entry:
    """One object of a list: a customer or job, an employee, a service item."""

    kind: str
    name: str
    parent: str | None = None
    active: bool = True
    company_name: str = ""
    email: str | None = None
    edits: int = 0


@dataclass
class Books:
    """What QuickBooks has now. `changed` are the ids that were not read since."""

    entries: dict[str, Entry] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    deleted: set[tuple[str, str]] = field(default_factory=set)

    def add(self, key: str, kind: str, name: str, **values: Any) -> str:
        """Add an object under an id and return the id."""
        self.entries[key] = Entry(kind, name, **values)
        self.changed.add(key)
        return key

    def customer(self, key: str, name: str, parent: str | None = None, **v: Any) -> str:
        """Add a customer, or a job below `parent`."""
        return self.add(key, "customer", name, parent=parent, **v)

    def employee(self, key: str, name: str, email: str | None, **v: Any) -> str:
        """Add an employee."""
        return self.add(key, "employee", name, email=email, **v)

    def item(self, key: str, name: str, parent: str | None = None) -> str:
        """Add a service item."""
        return self.add(key, "service_item", name, parent=parent)

    def edit(self, key: str, **values: Any) -> None:
        """Change an object."""
        for name, value in values.items():
            setattr(self.entries[key], name, value)
        self.entries[key].edits += 1
        self.changed.add(key)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.deleted.add((self.entries.pop(key).kind, key))
        self.changed.discard(key)

    def line(self, key: str) -> list[str]:
        """Return the ids from the topmost ancestor down to an object."""
        found = [key]
        while (above := self.entries[found[0]].parent) is not None:
            found.insert(0, above)
        return found

    def seen(self, key: str) -> Seen:
        """Return an object as it is read."""
        one = self.entries[key]
        line = self.line(key)
        snapshot: dict[str, Any] = {"name": one.name, "is_active": one.active}
        if one.kind == "customer":
            snapshot |= {"company_name": one.company_name, "job_status": None}
        if one.kind == "employee":
            first, _, last = one.name.rpartition(" ")
            snapshot |= {"first_name": first, "last_name": last, "email": one.email}
        else:
            snapshot["parent_id"] = one.parent
        ranks = {"customer": 20, "service_item": 30, "employee": 40}
        return Seen(
            quickbooks_id=key,
            name=":".join(self.entries[each].name for each in line),
            snapshot=snapshot,
            edit_sequence=str(one.edits),
            time_modified=f"2026-03-02T15:00:{one.edits % 60:02d}",
            rank=ranks[one.kind] + len(line) - 1,
            parent_id=one.parent,
        )

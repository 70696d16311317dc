"""The hands of the people at the PC: what they can do to a company file.

Nothing here goes through qbXML and nothing asks for permission; what QuickBooks' own
screens would refuse raises `NotPossible`. A list is named as in requests: "Customer",
"Employee", "Vendor", "OtherName", "ItemService", "Class", "PayrollItemWage".
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from qbwc_server.sandbox.quickbooks.answer import Field, kept
from qbwc_server.sandbox.quickbooks.deletions import remember_deletion
from qbwc_server.sandbox.quickbooks.list_changes import (
    NotPossible,
    change_record,
    children,
    existing,
    place,
    put,
    remove,
)
from qbwc_server.sandbox.quickbooks.lists import KINDS, in_order, stored_fields
from qbwc_server.sandbox.quickbooks.new_records import (
    NewRecord,
    NewTime,
    insert_records,
    insert_times,
    new_list_id,
)
from qbwc_server.sandbox.quickbooks.store import Store
from qbwc_server.sandbox.quickbooks.time_entries import REFS, time_entry
from qbwc_server.sandbox.quickbooks.time_writes import change_time

_COLUMN = {kind: column for _, kind, column in REFS}


class Hands:
    """What a person at the PC does; every method is one act and one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        kind: str,
        name: str,
        *,
        parent: str | None = None,
        is_active: bool = True,
        **fields: str | Sequence[Field],
    ) -> str:
        """Add a record to a list.

        Args:
            kind: The list.
            name: Its own name, without its parents'.
            parent: The ListID of its parent, for customers, items and classes.
            is_active: Whether it shows in the lists of QuickBooks' screens.
            **fields: Further elements by their qbXML names, such as Email="a@b.c".

        Returns:
            Its ListID.

        Raises:
            NotPossible: The name is taken, too long or holds a colon.
        """
        with self._store.transaction():
            full_name, sublevel = place(self._store, kind, name, parent)
            now = self._store.now()
            time = self._store.printed(now)
            list_id = new_list_id(self._store, kind, now)
            new = NewRecord(
                kind,
                list_id,
                kept(name),
                full_name,
                created=time,
                modified=time,
                edit_sequence=str(now),
                parent_id=parent,
                sublevel=sublevel,
                is_active=is_active,
                fields=_sorted(kind, _defaults(kind) | fields),
            )
            insert_records(self._store, [new])
            return list_id

    def edit(self, kind: str, list_id: str, **fields: str | Sequence[Field]) -> None:
        """Change elements of a record; an empty text takes the element away."""
        with self._store.transaction():
            row = existing(self._store, kind, list_id)
            both = dict(stored_fields(row)) | fields
            left = {name: value for name, value in both.items() if value}
            text = json.dumps(_sorted(kind, left))
            change_record(self._store, kind, list_id, "fields = ?", text)

    def set_active(self, kind: str, list_id: str, *, is_active: bool) -> None:
        """Make a record active or inactive; its jobs keep their own flag."""
        with self._store.transaction():
            existing(self._store, kind, list_id)
            change_record(self._store, kind, list_id, "is_active = ?", is_active)

    def rename(self, kind: str, list_id: str, name: str) -> None:
        """Give a record another name; what is below it changes no time of its own."""
        with self._store.transaction():
            row = existing(self._store, kind, list_id)
            put(self._store, row, name, row["parent_id"])

    def move(self, kind: str, list_id: str, parent: str | None) -> None:
        """Put a record below another one, or at the top."""
        with self._store.transaction():
            row = existing(self._store, kind, list_id)
            put(self._store, row, row["name"], parent)

    def merge(self, kind: str, loser: str, winner: str) -> None:
        """Make two records one: the loser is gone, its time and jobs are the winner's.

        The moved time entries keep their EditSequence and their times.
        """
        with self._store.transaction():
            gone = existing(self._store, kind, loser)
            existing(self._store, kind, winner)
            for child in children(self._store, kind, loser):
                put(self._store, child, child["name"], winner)
            column, where = _use_in_time(kind)
            sql = f"UPDATE time_entry SET {column} = ? WHERE {where}"  # noqa: S608 - our own columns
            self._store.run(sql, winner, loser)
            remove(self._store, gone)

    def delete(self, kind: str, list_id: str) -> None:
        """Delete a record nothing refers to; in multi-user mode it is only hidden.

        Hiding instead of deleting was reported from a real multi-user company.

        Raises:
            NotPossible: It has jobs below it or time on it.
        """
        with self._store.transaction():
            row = existing(self._store, kind, list_id)
            used = children(self._store, kind, list_id)
            _, where = _use_in_time(kind)
            sql = f"SELECT 1 FROM time_entry WHERE {where} LIMIT 1"  # noqa: S608 - our own columns
            if used or self._store.one(sql, list_id):
                raise NotPossible(f"{row['full_name']} is used")
            if self._store.setting("file_mode") == "MultiUser":
                change_record(self._store, kind, list_id, "is_active = ?", False)
            else:
                remove(self._store, row)

    def touch(self, kind: str, list_id: str) -> None:
        """Move TimeModified alone, as a sale or a child's change does."""
        time = self._store.printed(self._store.now())
        with self._store.transaction():
            self._store.run(
                "UPDATE record SET modified = ?, modified_wall = ? "
                "WHERE kind = ? AND list_id = ?",
                time,
                time[:19],
                kind,
                list_id,
            )

    def add_time(
        self,
        person: str,
        txn_date: str,
        minutes: int,
        *,
        person_kind: str = "Employee",
        customer: str | None = None,
        item: str | None = None,
        class_: str | None = None,
        notes: str = "",
        billable: str = "",
    ) -> str:
        """Enter time and return its TxnID.

        Args:
            person: The ListID of who worked.
            txn_date: The day, "YYYY-MM-DD".
            minutes: How long.
            person_kind: The list the person is in.
            customer: The ListID of the customer or job.
            item: The ListID of the service item.
            class_: The ListID of the class.
            notes: The notes.
            billable: "Billable", "NotBillable", "HasBeenBilled", or "" for none.
        """
        with self._store.transaction():
            entry = NewTime(
                self._store.now(),
                txn_date,
                person_kind,
                person,
                minutes,
                customer,
                item,
                class_,
                notes=kept(notes),
                billable=billable,
            )
            return insert_times(self._store, [entry])[0]

    def edit_time(self, txn_id: str, **columns: str | int | None) -> None:
        """Change a time entry.

        Args:
            txn_id: Which.
            **columns: txn_date, entity_id, customer_id, item_id, class_id, payroll_id,
                minutes, notes or billable.

        Raises:
            NotPossible: There is no such entry.
        """
        with self._store.transaction():
            self._time(txn_id)
            change_time(self._store, txn_id, dict(columns))

    def delete_time(self, txn_id: str) -> None:
        """Delete a time entry."""
        with self._store.transaction():
            created = self._time(txn_id)["created"]
            self._store.run("DELETE FROM time_entry WHERE txn_id = ?", txn_id)
            remember_deletion(
                self._store, "txn", "TimeTracking", txn_id, created=created
            )

    def mark_billed(self, txn_id: str, *, is_billed: bool = True) -> None:
        """Put time on an invoice, or delete that invoice again."""
        self.edit_time(txn_id, billable="HasBeenBilled" if is_billed else "Billable")

    def touch_time(self, txn_id: str) -> None:
        """Move an entry's TimeModified alone."""
        time = self._store.printed(self._store.now())
        with self._store.transaction():
            self._store.run(
                "UPDATE time_entry SET modified = ?, modified_wall = ? "
                "WHERE txn_id = ?",
                time,
                time[:19],
                txn_id,
            )

    def set(self, preference: str, value: object) -> None:
        """Change a preference or the state of QuickBooks on the PC.

        Args:
            preference: class_tracking, time_tracking, payroll, payroll_subscription,
                personal_data, may_write_time, read_only_access, dialog_open or
                quickbooks_running (True or False); closing_date or
                dividing_date, of an Accountant's Copy ("YYYY-MM-DD" or "");
                company_name, file_name or zone (text); file_mode ("SingleUser" or
                "MultiUser"); access ("allowed", "not_asked", "denied" or
                "no_automatic_login"); unknown_message_set (9002 or 600);
                last_condense (Unix second).
            value: What it becomes.

        Raises:
            KeyError: There is no such preference.
        """
        with self._store.transaction():
            self._store.set(preference, value)

    def lock(self, record_id: str) -> None:
        """Open a record in a form, so that nobody else can change it."""
        with self._store.transaction():
            self._store.run("INSERT OR IGNORE INTO in_use VALUES (?)", record_id)

    def unlock(self, record_id: str) -> None:
        """Close the form again."""
        with self._store.transaction():
            self._store.run("DELETE FROM in_use WHERE id = ?", record_id)

    def back_up(self, path: Path) -> None:
        """Write a backup of the company file."""
        with self._store.lock:
            copy = sqlite3.connect(path)
            self._store.connection.backup(copy)
            copy.close()

    def restore(self, path: Path) -> None:
        """Put a backup in the place of the company file.

        All that came after it is gone, what was remembered of deletions and message
        sets too; LastRestoreTime tells.
        """
        with self._store.lock:
            copy = sqlite3.connect(path)
            copy.backup(self._store.connection)
            copy.close()
        self.set("last_restore", self._store.now())

    def _time(self, txn_id: str) -> sqlite3.Row:
        row = time_entry(self._store, txn_id)
        if row is None:
            raise NotPossible(f"there is no time entry {txn_id}")
        return row


def _use_in_time(kind: str) -> tuple[str, str]:
    """Return the column of a time entry for a list, and how to find an ID in it."""
    if kind in _COLUMN:
        return _COLUMN[kind], f"{_COLUMN[kind]} = ?"
    # Two lists can have the same ID, so the list of the person counts too.
    return "entity_id", f"entity_kind = '{kind}' AND entity_id = ?"


def _defaults(kind: str) -> dict[str, str | Sequence[Field]]:
    match kind:
        case "Customer":
            return {"Balance": "0.00", "TotalBalance": "0.00", "JobStatus": "None"}
        case "Vendor":
            return {"IsVendorEligibleFor1099": "false", "Balance": "0.00"}
        case "PayrollItemWage":
            account: list[Field] = [("FullName", "Payroll Expenses")]
            return {"WageType": "HourlyRegular", "ExpenseAccountRef": account}
        case _:
            return {}


def _sorted(kind: str, fields: dict[str, str | Sequence[Field]]) -> list[Field]:
    unknown = fields.keys() - set(KINDS[kind].order)
    if unknown:
        raise NotPossible(f"{kind} has no {sorted(unknown)}")
    pairs: list[Field] = [
        (name, kept(value) if isinstance(value, str) else value)
        for name, value in fields.items()
    ]
    return in_order(KINDS[kind], pairs)

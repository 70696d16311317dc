"""Writing time entries: Add, Mod and Delete with QuickBooks' rules.

The rules come from Intuit's guide (who can work, what billable time needs), from
statuses seen in real answers, and from its schema (a Mod repeats the person and the
duration; an element left out stays as it was, an empty one is cleared).
"""

from __future__ import annotations

import re
import sqlite3
from typing import Final

from lxml import etree

from qbwc_server.qbxml.values import minutes_from_duration
from qbwc_server.sandbox.quickbooks.answer import Refused, Reply, kept
from qbwc_server.sandbox.quickbooks.deletions import remember_deletion
from qbwc_server.sandbox.quickbooks.list_queries import NOT_ENABLED
from qbwc_server.sandbox.quickbooks.lists import (
    PEOPLE_WITH_TIME,
    record,
    record_named,
    stored_fields,
)
from qbwc_server.sandbox.quickbooks.store import Store
from qbwc_server.sandbox.quickbooks.time_entries import (
    REFS,
    printed_time,
    require_time_tracking,
    time_entry,
)

_ID: Final = re.compile(r"[0-9A-F]+-[0-9]+")
_BILLED: Final = "HasBeenBilled"
_TAIL: Final = "QuickBooks error message:"
_NO_RECORD: Final = "Invalid argument. The specified record does not exist in the list."
_COLUMNS: Final = (
    "txn_date, entity_kind, entity_id, customer_id, item_id, class_id, payroll_id, "
    "minutes, notes, billable"
)


def add_time(store: Store, request: etree._Element) -> Reply:
    """Answer TimeTrackingAddRq.

    Raises:
        Refused: Nothing was added; the status tells why.
    """
    _require_rights(store)
    body = request[0]
    values = _values(store, body, None)
    _require_open_period(store, 3171, str(values["txn_date"]))
    _count_if_billed(store, values["billable"])
    number = store.next_number("time")
    now = store.now()
    txn_id = f"{number:X}-{now}"
    time = store.printed(now)
    store.run(
        "INSERT INTO time_entry (number, txn_id, created, modified, modified_wall, "  # noqa: S608 - our own columns
        f"edit_sequence, {_COLUMNS}, external_guid) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        number,
        txn_id,
        time,
        time,
        time[:19],
        str(now),
        *values.values(),
        body.findtext("ExternalGUID"),
    )
    return _returned(store, request, txn_id)


def modify_time(store: Store, request: etree._Element) -> Reply:
    """Answer TimeTrackingModRq.

    Raises:
        Refused: Nothing was changed; the status tells why.
    """
    _require_rights(store)
    body = request[0]
    row = _existing(store, body.findtext("TxnID") or "")
    told = body.findtext("EditSequence") or ""
    if told != row["edit_sequence"]:
        message = f'The provided edit sequence "{told}" is out-of-date.'
        raise Refused(3200, message)
    _require_free(store, row["txn_id"], 3175)
    values = _values(store, body, row)
    _require_open_period(store, 3171, row["txn_date"], str(values["txn_date"]))
    _count_if_billed(store, row["billable"], values["billable"])
    change_time(store, row["txn_id"], values)
    return _returned(store, request, row["txn_id"])


def delete_time(store: Store, request: etree._Element) -> Reply:
    """Answer TxnDelRq, for time entries; a company of the sandbox has nothing else.

    Raises:
        Refused: Nothing was deleted; the status tells why.
    """
    kind, txn_id = request.findtext("TxnDelType") or "", request.findtext("TxnID") or ""
    if kind != "TimeTracking":
        raise Refused(3120, _not_found(txn_id))
    _require_rights(store)
    row = _existing(store, txn_id)
    _require_free(store, txn_id, 3175)
    _require_open_period(store, 3161, row["txn_date"])
    _count_if_billed(store, row["billable"])
    store.run("DELETE FROM time_entry WHERE txn_id = ?", txn_id)
    deleted = remember_deletion(store, "txn", kind, txn_id, created=row["created"])
    return Reply(
        rows=[("TxnDelType", kind), ("TxnID", txn_id), ("TimeDeleted", deleted)]
    )


def change_time(store: Store, txn_id: str, values: dict[str, object]) -> None:
    """Write columns of a time entry as an edit, with new times and EditSequence."""
    now = store.now()
    time = store.printed(now)
    columns = ", ".join(f"{name} = ?" for name in values)
    store.run(
        f"UPDATE time_entry SET {columns}, modified = ?, modified_wall = ?, "  # noqa: S608 - our own columns
        "edit_sequence = ? WHERE txn_id = ?",
        *values.values(),
        time,
        time[:19],
        str(now),
        txn_id,
    )


def _count_if_billed(store: Store, *statuses: object) -> None:
    """Count a write to time that is on an invoice: QuickBooks allows what nobody wants.

    An application that respects invoices leaves `Store.billed_touched` at 0.
    """
    if _BILLED in statuses:
        store.next_number("billed_touched")


def _values(
    store: Store, body: etree._Element, old: sqlite3.Row | None
) -> dict[str, object]:
    """Read the columns of an entry from a request, the old ones where it is silent."""
    today = store.today()
    person = _person(store, body)
    values: dict[str, object] = {
        "txn_date": body.findtext("TxnDate") or (old["txn_date"] if old else today),
        "entity_kind": person["kind"],
        "entity_id": person["list_id"],
    }
    for element, kind, column in REFS:
        node = body.find(element)
        kept_id = old[column] if old and node is None else None
        values[column] = kept_id or _referenced(store, body, element, kind)
    values["minutes"] = _minutes(body)
    for element, column in (("Notes", "notes"), ("BillableStatus", "billable")):
        text = body.findtext(element)
        values[column] = old[column] if old and text is None else kept(text or "")
    _require_sense(store, body, person, values)
    return values


def _require_sense(
    store: Store, body: etree._Element, person: sqlite3.Row, values: dict[str, object]
) -> None:
    if values["class_id"] and not store.setting("class_tracking"):
        raise Refused(3250, NOT_ENABLED)
    if values["billable"] == "Billable":
        if not values["customer_id"]:
            raise _invalid("Customer", "", "This line item requires a customer or job.")
        if not values["item_id"]:
            raise _invalid("Item", "", "Billable time requires a service item.")
    if values["payroll_id"]:
        # One that was there stays, and has to suit whoever the time belongs to now.
        if body.find("PayrollItemWageRef") is not None and not store.setting("payroll"):
            raise Refused(3250, NOT_ENABLED)
        if not _is_paid_by_time(person):
            reason = "A payroll item is only for an employee paid from time data."
            raise _invalid("PayrollItemWage", str(values["payroll_id"]), reason)


def _is_paid_by_time(person: sqlite3.Row) -> bool:
    payroll = dict(stored_fields(person)).get("EmployeePayrollInfo", ())
    inside = {} if isinstance(payroll, str) else dict(payroll)
    return inside.get("UseTimeDataToCreatePaychecks") == "UseTimeData"


def _person(store: Store, body: etree._Element) -> sqlite3.Row:
    list_id = body.findtext("EntityRef/ListID")
    name = body.findtext("EntityRef/FullName") or ""
    for kind in PEOPLE_WITH_TIME:
        row = (
            record(store, kind, list_id) if list_id else record_named(store, kind, name)
        )
        if row:
            _require_free(store, row["list_id"], 3176)
            return row
    customer = record(store, "Customer", list_id) or record_named(
        store, "Customer", name
    )
    reason = "A customer cannot have worked." if customer else _NO_RECORD
    raise _invalid("Entity", list_id or name, reason)


def _referenced(
    store: Store, body: etree._Element, element: str, kind: str
) -> str | None:
    list_id = body.findtext(f"{element}/ListID")
    name = body.findtext(f"{element}/FullName")
    if not list_id and not name:
        return None
    row = (
        record(store, kind, list_id)
        if list_id
        else record_named(store, kind, name or "")
    )
    if row is None:
        raise _invalid(kind, list_id or name or "", _NO_RECORD)
    _require_free(store, row["list_id"], 3176)
    return str(row["list_id"])


def _minutes(body: etree._Element) -> int:
    text = body.findtext("Duration") or ""
    if not text or text.startswith("-"):
        raise Refused(3035, f'The time interval "{text}" is not valid.')
    # Its timesheet has no seconds, so none are kept.
    whole = re.sub(r"\d+S$", "", text)
    return 0 if whole == "PT" else minutes_from_duration(whole)


def _existing(store: Store, txn_id: str) -> sqlite3.Row:
    if not _ID.fullmatch(txn_id):
        raise Refused(3000, f'The given object ID "{txn_id}" in the field is invalid.')
    row = time_entry(store, txn_id)
    if row is None:
        raise Refused(3120, _not_found(txn_id))
    return row


def _require_rights(store: Store) -> None:
    require_time_tracking(store)
    if store.setting("read_only_access"):
        raise Refused(3263, "The application has read-only access to QuickBooks.")
    if not store.setting("may_write_time"):
        raise Refused(3260, "Insufficient permission level to perform this action.")


def _require_free(store: Store, record_id: str, code: int) -> None:
    if store.one("SELECT 1 FROM in_use WHERE id = ?", record_id):
        message = f'There was an error when locking the object "{record_id}". {_TAIL} '
        raise Refused(code, message + "The list element is in use by another user.")


def _require_open_period(store: Store, code: int, *days: str) -> None:
    closing = store.setting("closing_date")
    if closing and any(day <= closing for day in days):
        verb = "delete" if code == 3161 else "modify"
        message = (
            f"An attempt was made to {verb} a time entry with a date that is on or "
            "before the closing date of the company."
        )
        raise Refused(code, message)
    dividing = store.setting("dividing_date")
    if dividing and any(day <= dividing for day in days):
        message = (
            f"There was an error when modifying a TimeTracking. {_TAIL} You cannot "
            "modify transactions dated on or before the dividing date while an "
            "Accountant's Copy exists."
        )
        raise Refused({3161: 3160, 3171: 3170}.get(code, 3180), message)


def _returned(store: Store, request: etree._Element, txn_id: str) -> Reply:
    names = [node.text or "" for node in request.findall("IncludeRetElement")]
    row = time_entry(store, txn_id)
    return Reply(rows=[printed_time(store, row, names)] if row else [])


def _invalid(kind: str, text: str, reason: str) -> Refused:
    message = (
        f'There is an invalid reference to QuickBooks {kind} "{text}" in the '
        f"TimeTracking. {_TAIL} {reason}"
    )
    return Refused(3140, message)


def _not_found(txn_id: str) -> str:
    message = f'Object "{txn_id}" specified in the request cannot be found. {_TAIL} '
    return message + _NO_RECORD

"""Time entries: how they are printed, and the answer to a query about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from lxml import etree

from qbwc_server.qbxml.values import duration_from_minutes
from qbwc_server.sandbox.quickbooks.answer import Field, Refused, Reply, found, only
from qbwc_server.sandbox.quickbooks.list_queries import NOT_ENABLED, modified_range
from qbwc_server.sandbox.quickbooks.lists import (
    PEOPLE_WITH_TIME,
    record,
    record_named,
    ref,
)
from qbwc_server.sandbox.quickbooks.paging import (
    Iterators,
    Selection,
    page,
    returns_no_rows,
    with_count,
)
from qbwc_server.sandbox.quickbooks.store import Store

_KEY: Final = ("txn_date", "number")
REFS: Final = (
    ("CustomerRef", "Customer", "customer_id"),
    ("ItemServiceRef", "ItemService", "item_id"),
    ("ClassRef", "Class", "class_id"),
    ("PayrollItemWageRef", "PayrollItemWage", "payroll_id"),
)
"""A reference of a time entry: its element, the list it points into, our column."""


def time_query(store: Store, request: etree._Element, iterators: Iterators) -> Reply:
    """Answer TimeTrackingQueryRq.

    Raises:
        Refused: Time tracking is off, the iterator is dead, a filter makes no sense.
    """
    require_time_tracking(store)
    names = [node.text or "" for node in request.findall("IncludeRetElement")]
    ids = [node.text or "" for node in request.findall("TxnID")]
    if ids:
        return _named_ones(store, request, ids, names)
    rows, attributes = page(store, request, iterators, lambda: _select(store, request))
    if returns_no_rows(request):
        return Reply(attributes=tuple(attributes.items()))
    return found([printed_time(store, row, names) for row in rows], **attributes)


def require_time_tracking(store: Store) -> None:
    """Refuse with 3250 when the company file does not track time."""
    if not store.setting("time_tracking"):
        raise Refused(3250, NOT_ENABLED)


def printed_time(store: Store, row: sqlite3.Row, names: Sequence[str] = ()) -> Field:
    """Return a time entry as an element, with the names its records have now."""
    fields: list[Field] = [
        ("TxnID", row["txn_id"]),
        ("TimeCreated", row["created"]),
        ("TimeModified", row["modified"]),
        ("EditSequence", row["edit_sequence"]),
        ("TxnNumber", str(row["number"])),
        ("TxnDate", row["txn_date"]),
    ]
    person = record(store, row["entity_kind"], row["entity_id"])
    if person:
        fields.append(ref("EntityRef", person))
    for name, kind, column in REFS:
        if name == "ClassRef":
            fields.append(("Duration", duration_from_minutes(row["minutes"])))
        other = record(store, kind, row[column]) if row[column] else None
        if other:
            fields.append(ref(name, other))
    for name, column in (
        ("Notes", "notes"),
        ("BillableStatus", "billable"),
        ("ExternalGUID", "external_guid"),
    ):
        if row[column]:
            fields.append((name, row[column]))
    return ("TimeTrackingRet", only(fields, names))


def time_entry(store: Store, txn_id: str) -> sqlite3.Row | None:
    """Return one time entry, or None."""
    return store.one("SELECT * FROM time_entry WHERE txn_id = ?", txn_id)


def _named_ones(
    store: Store, request: etree._Element, ids: Sequence[str], names: Sequence[str]
) -> Reply:
    rows: dict[str, sqlite3.Row] = {}
    missing = ""
    for txn_id in ids:
        row = time_entry(store, txn_id)
        if row is None:
            missing = missing or txn_id
        else:
            rows[txn_id] = row
    printed: list[Field] = []
    if not returns_no_rows(request):
        printed = [printed_time(store, row, names) for row in rows.values()]
    attributes = tuple(with_count(request, len(rows), {}).items())
    if not missing:
        return Reply(rows=printed, attributes=attributes)
    message = (
        "The query request has not been fully completed. There was a required element "
        f'("{missing}") that could not be found in QuickBooks.'
    )
    return Reply(500, message, printed, attributes)


def _select(store: Store, request: etree._Element) -> Selection:
    where, values = ["1"], list[object]()
    modified = request.find("ModifiedDateRangeFilter")
    limits: list[tuple[str, str | None]] = []
    if modified is not None:
        since, until = modified_range(
            store, modified, "FromModifiedDate", "ToModifiedDate"
        )
        limits = [("modified_wall >= ?", since), ("modified_wall <= ?", until)]
    worked = request.find("TxnDateRangeFilter")
    if worked is not None:
        first, last = _days(store, worked)
        limits = [("txn_date >= ?", first), ("txn_date <= ?", last)]
    for condition, limit in limits:
        if limit:
            where.append(condition)
            values.append(limit)
    people = request.find("TimeTrackingEntityFilter")
    index = "time_by_date"
    if people is not None:
        ids = _people(store, people)
        where.append(f"entity_id IN ({', '.join('?' * len(ids))})")
        values += ids
        index = "time_by_entity"
    return Selection(
        f"time_entry INDEXED BY {index}", _KEY, " AND ".join(where), tuple(values)
    )


def _days(store: Store, worked: etree._Element) -> tuple[str | None, str | None]:
    macro = worked.findtext("DateMacro")
    if macro is None:
        first, last = worked.findtext("FromTxnDate"), worked.findtext("ToTxnDate")
        if first and last and first > last:
            raise Refused(3030, f'The date range "{first}" to "{last}" is not valid.')
        return first, last
    today = date.fromisoformat(store.today())
    match macro:
        case "All":
            return None, None
        case "Today":
            return today.isoformat(), today.isoformat()
        case "Yesterday":
            yesterday = (today - timedelta(days=1)).isoformat()
            return yesterday, yesterday
        case _:
            raise Refused(3250, NOT_ENABLED)


def _people(store: Store, people: etree._Element) -> list[str]:
    """Return the IDs of the people a filter names.

    Raises:
        Refused: Status 3140 for somebody who is in none of the lists.
    """
    ids = []
    for node in people:
        text = node.text or ""
        look_up = record if node.tag == "ListID" else record_named
        rows = [look_up(store, kind, text) for kind in PEOPLE_WITH_TIME]
        row = next((row for row in rows if row), None)
        if row is None:
            message = (
                f'There is an invalid reference to QuickBooks Entity "{text}" in the '
                "TimeTrackingEntityFilter. QuickBooks error message: Invalid argument. "
                "The specified record does not exist in the list."
            )
            raise Refused(3140, message)
        ids.append(row["list_id"])
    return ids

"""Answers to the queries about lists: customers, people, items, classes.

Rules seen in real answers or told by Intuit: ActiveStatus is ActiveOnly unless said
otherwise, a list of IDs or names is answered with those found and status 500 for the
first one missing, modified dates are inclusive and wall clock, order is by full name
whatever the case.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import Field, Refused, Reply, found, only
from qbwc_server.sandbox.quickbooks.data_extensions import extension_fields
from qbwc_server.sandbox.quickbooks.lists import (
    KINDS,
    ListKind,
    printed_record,
    record,
    record_named,
)
from qbwc_server.sandbox.quickbooks.paging import (
    Iterators,
    Selection,
    page,
    returns_no_rows,
    with_count,
)
from qbwc_server.sandbox.quickbooks.store import Store
from qbwc_server.sandbox.quickbooks.wall_time import wall_of_filter

NOT_ENABLED: Final = (
    "This feature is not enabled or not available in this version of QuickBooks."
)
_FEW: Final = 2000
_KEY: Final = ("sort_name", "list_id")


def list_query(store: Store, request: etree._Element, iterators: Iterators) -> Reply:
    """Answer a query about a list.

    Raises:
        Refused: The feature is off, the iterator is dead, or a filter makes no sense.
    """
    kind = KINDS[str(request.tag).removesuffix("QueryRq")]
    _require_feature(store, kind)
    ids = [node.text or "" for node in request.findall("ListID")]
    names = [node.text or "" for node in request.findall("FullName")]
    if ids or names:
        return _named_ones(store, kind, request, ids, names)
    rows, attributes = page(
        store, request, iterators, lambda: _selection(store, kind, request)
    )
    if returns_no_rows(request):
        return Reply(attributes=tuple(attributes.items()))
    return found([_printed(store, kind, row, request) for row in rows], **attributes)


def modified_range(
    store: Store, parent: etree._Element, first: str, last: str
) -> tuple[str | None, str | None]:
    """Read a range of times as wall clocks, None where it is open.

    Raises:
        Refused: Status 3020 for a day that does not exist, 3030 for a range upside
            down.
    """
    texts = (parent.findtext(first), parent.findtext(last))
    try:
        since = wall_of_filter(texts[0], store.zone) if texts[0] else None
        until = wall_of_filter(texts[1], store.zone, end=True) if texts[1] else None
    except ValueError as error:
        message = f'There was an error when converting the date value "{error}".'
        raise Refused(3020, message) from error
    if since and until and since > until:
        raise Refused(3030, f'The date range "{since}" to "{until}" is not valid.')
    return since, until


def _require_feature(store: Store, kind: ListKind) -> None:
    if kind.name == "Class" and not store.setting("class_tracking"):
        raise Refused(3250, NOT_ENABLED)
    if kind.name == "PayrollItemWage":
        if not store.setting("payroll"):
            raise Refused(3250, NOT_ENABLED)
        if not store.setting("payroll_subscription"):
            raise Refused(3262, "A payroll subscription is needed for this request.")
        if not store.setting("personal_data"):
            raise Refused(
                3261, "The application may not access sensitive personal data."
            )


def _named_ones(
    store: Store,
    kind: ListKind,
    request: etree._Element,
    ids: list[str],
    names: list[str],
) -> Reply:
    rows: dict[str, sqlite3.Row] = {}
    missing = ""
    for text in ids or names:
        row = (record if ids else record_named)(store, kind.name, text)
        if row is None:
            missing = missing or text
        else:
            rows[row["list_id"]] = row
    printed = [_printed(store, kind, row, request) for row in rows.values()]
    attributes = tuple(with_count(request, len(rows), {}).items())
    if returns_no_rows(request):
        printed = []
    if not missing:
        return Reply(rows=printed, attributes=attributes)
    message = (
        "The query request has not been fully completed. There was a required element "
        f'("{missing}") that could not be found in QuickBooks.'
    )
    return Reply(500, message, printed, attributes)


def _selection(store: Store, kind: ListKind, request: etree._Element) -> Selection:
    for unmodelled in ("TotalBalanceFilter", "CurrencyFilter", "ClassFilter"):
        if request.find(unmodelled) is not None:
            raise Refused(3250, NOT_ENABLED)
    where, values = ["kind = ?"], [kind.name]
    status = request.findtext("ActiveStatus") or "ActiveOnly"
    if status != "All":
        where.append(f"is_active = {1 if status == 'ActiveOnly' else 0}")
    since, until = modified_range(store, request, "FromModifiedDate", "ToModifiedDate")
    for limit, comparison in ((since, ">="), (until, "<=")):
        if limit:
            where.append(f"modified_wall {comparison} ?")
            values.append(limit)
    for condition, value in _name_conditions(request):
        where.append(condition)
        values.append(value)
    index = "record_by_name"
    if since and _few_since(store, kind, since):
        index = "record_by_time"
    return Selection(
        f"record INDEXED BY {index}", _KEY, " AND ".join(where), tuple(values)
    )


def _few_since(store: Store, kind: ListKind, since: str) -> bool:
    """Tell whether so little changed that sorting it beats walking the whole list."""
    sql = (
        "SELECT count(*) AS n FROM (SELECT 1 FROM record INDEXED BY record_by_time "
        "WHERE kind = ? AND modified_wall >= ? LIMIT ?)"
    )
    row = store.one(sql, kind.name, since, _FEW)
    return row is not None and row["n"] < _FEW


def _name_conditions(request: etree._Element) -> list[tuple[str, str]]:
    name = (request.findtext("NameFilter/Name") or "").casefold()
    match request.findtext("NameFilter/MatchCriterion"):
        case "StartsWith":
            return [("sort_name LIKE ? ESCAPE '\\'", _like(name) + "%")]
        case "EndsWith":
            return [("sort_name LIKE ? ESCAPE '\\'", "%" + _like(name))]
        case "Contains":
            return [("instr(sort_name, ?) > 0", name)]
        case _:
            pass
    limits = []
    for element, comparison in (("FromName", ">="), ("ToName", "<=")):
        text = request.findtext(f"NameRangeFilter/{element}")
        if text:
            limits.append((f"sort_name {comparison} ?", text.casefold()))
    return limits


def _like(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return text


def _printed(
    store: Store, kind: ListKind, row: sqlite3.Row, request: etree._Element
) -> Field:
    owners = [node.text or "" for node in request.findall("OwnerID")]
    names = [node.text or "" for node in request.findall("IncludeRetElement")]
    extensions = extension_fields(store, kind.name, row["list_id"], owners)
    return (kind.ret, only(printed_record(kind, row, extensions), names))

"""What a company file remembers of deleted records: 90 days, no more.

The answer holds the kinds named and no other, grouped by kind, oldest first (checked by
a third party on Enterprise 24).
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import Field, Reply, found, only
from qbwc_server.sandbox.quickbooks.list_queries import modified_range
from qbwc_server.sandbox.quickbooks.paging import returns_no_rows, with_count
from qbwc_server.sandbox.quickbooks.store import Store

_MEMORY_SECONDS: Final = 90 * 86_400


def remember_deletion(
    store: Store,
    what: str,
    kind: str,
    record_id: str,
    *,
    created: str,
    name: str | None = None,
) -> str:
    """Note a deletion and return its time as printed.

    Args:
        store: The company file.
        what: "list" or "txn".
        kind: The kind as the deleted queries name it.
        record_id: The ListID or TxnID.
        created: When it was made, as printed.
        name: The full name of a list record, None for a transaction.
    """
    now = store.now()
    time = store.printed(now)
    store.run(
        "INSERT INTO deleted VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        what,
        kind,
        record_id,
        created,
        time,
        time[:19],
        now,
        name,
    )
    return time


def deleted_query(store: Store, request: etree._Element) -> Reply:
    """Answer ListDeletedQueryRq or TxnDeletedQueryRq.

    Raises:
        Refused: The range of times makes no sense.
    """
    what = "list" if request.tag == "ListDeletedQueryRq" else "txn"
    element = "ListDelType" if what == "list" else "TxnDelType"
    names = [node.text or "" for node in request.findall("IncludeRetElement")]
    since, until = None, None
    dates = request.find("DeletedDateRangeFilter")
    if dates is not None:
        since, until = modified_range(store, dates, "FromDeletedDate", "ToDeletedDate")
    kinds = dict.fromkeys(node.text or "" for node in request.findall(element))
    rows: list[Field] = []
    for kind in kinds:
        for row in store.all(
            "SELECT * FROM deleted WHERE what = ? AND kind = ? AND deleted_at >= ? "
            "AND deleted_wall >= ? AND deleted_wall <= ? ORDER BY deleted_at, rowid",
            what,
            kind,
            store.now() - _MEMORY_SECONDS,
            since or "",
            until or "9999",
        ):
            fields: list[Field] = [
                (element, kind),
                ("ListID" if what == "list" else "TxnID", row["id"]),
                ("TimeCreated", row["created"]),
                ("TimeDeleted", row["deleted"]),
            ]
            if row["full_name"]:
                fields.append(("FullName", row["full_name"]))
            ret = "ListDeletedRet" if what == "list" else "TxnDeletedRet"
            rows.append((ret, only(fields, names)))
    attributes = with_count(request, len(rows), {})
    if returns_no_rows(request):
        return Reply(attributes=tuple(attributes.items()))
    return found(rows, **attributes)

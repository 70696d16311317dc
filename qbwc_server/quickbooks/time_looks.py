"""Questions about single time entries: those of a person's day, and those by TxnID."""

from __future__ import annotations

from collections.abc import Sequence

from qbwc_server.kinds import time_entry
from qbwc_server.qbxml.request import Body, Request

QUERY = "TimeTrackingQuery"
_ELEMENTS: Body = tuple(
    ("IncludeRetElement", element) for element in time_entry.ELEMENTS
)


def by_ids(txn_ids: Sequence[str]) -> Request:
    """Return the question for entries by TxnID.

    Status 500 tells that one of them is not there; the others are returned.
    """
    return Request(
        f"{QUERY}Rq", (*(("TxnID", txn_id) for txn_id in txn_ids), *_ELEMENTS)
    )


def of_day(day: str, person: str | None) -> Request:
    """Return the question for all entries of a day, of one person or of everybody.

    Without MaxReturned nothing is cut off, so what is not in the answer is not there.
    """
    worked: Body = (("FromTxnDate", day), ("ToTxnDate", day))
    who: Body = ()
    if person is not None:
        who = (("TimeTrackingEntityFilter", (("ListID", person),)),)
    return Request(f"{QUERY}Rq", (("TxnDateRangeFilter", worked), *who, *_ELEMENTS))


def changed_since(wall: str) -> Request:
    """Return the question for all entries changed since a wall-clock time."""
    limit: Body = (("FromModifiedDate", wall),)
    return Request(f"{QUERY}Rq", (("ModifiedDateRangeFilter", limit), *_ELEMENTS))

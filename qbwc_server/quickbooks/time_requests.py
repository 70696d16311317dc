"""Reading time entries: what is asked, slice by slice.

Rule 1: the first load and each complete compare go back from today in slices of days,
the newest first. A slice is read by an iterator; a lost iterator costs its slice only.
Rule 2: what changed since is asked for by modification date alone, so that an edit to
an entry of any age arrives.
Rule 3: what a complete compare did not meet is asked for by its TxnID before it counts
as gone: its date may have moved while the slices were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import watermark
from qbwc_server.kinds.time_entry import ELEMENTS, NAME
from qbwc_server.qbxml.request import Body, Request
from qbwc_server.quickbooks import list_requests
from qbwc_server.quickbooks.list_requests import PREFERENCES, TIME_DELETIONS, Rules

NAMES = frozenset({NAME, TIME_DELETIONS, PREFERENCES})
"""The kinds of job that this module asks for."""
VERIFY = "verify"
MOST_IDS = 100
"""TxnIDs in one question."""
_MESSAGES = {
    NAME: "TimeTrackingQuery",
    TIME_DELETIONS: "TxnDeletedQuery",
    PREFERENCES: "PreferencesQuery",
}
_FIRST_SLICE_DAYS = 31
_WIDER = 3
_SMALLEST_PAGE = 10


def message_name(kind: str) -> str:
    """Return the message that reads a kind, without "Rq"."""
    return _MESSAGES[kind]


def verify(
    connection: Connection,
    company_id: int,
    txn_ids: Sequence[str],
    *,
    now: datetime,
    by: str,
    summary: str,
    priority: int = 50,
) -> list[int]:
    """Have entries asked for by TxnID: what is found is kept, the others are gone.

    Returns the ids of the jobs, one for each hundred entries. One that is more urgent
    than others is not the same as theirs.
    """
    found: list[int] = []
    for start in range(0, len(txn_ids), MOST_IDS):
        part = list(txn_ids[start : start + MOST_IDS])
        job_id = queue.enqueue(
            connection,
            company_id,
            kind=NAME,
            action=VERIFY,
            summary=summary,
            now=now,
            by=by,
            dedupe_key=f"verify:{part[0]}"
            if len(part) == 1 and priority == 50
            else None,
            priority=priority,
            payload={"txn_ids": part},
        )
        found += [job_id] if job_id is not None else []
    return found


def request(
    connection: Connection,
    company: Company,
    job: Job,
    *,
    known: Row[Any] | None,
    session_id: int,
    now: datetime,
    rules: Rules,
) -> tuple[Request, dict[str, Any] | None]:
    """Return the request of a job and the cursor to remember with it.

    `known` is how far its kind was read.
    """
    if job.kind == PREFERENCES:
        wanted = ("AccountingPreferences", "TimeTrackingPreferences")
        return Request("PreferencesQueryRq", _only(wanted), request_id=str(job.id)), {}
    if job.kind == TIME_DELETIONS:
        return _deletions(job, known), {}
    if job.action == VERIFY:
        return _by_id(job, (job.payload or {})["txn_ids"]), job.cursor
    cursor = job.cursor
    if cursor is None or cursor["restore"] != company.last_restore:
        cursor = _begin(company, known, session_id, now, rules)
        if cursor["full"]:
            # From here on it is done; what comes now asks for the next one.
            list_requests.remember(connection, company.id, NAME, full_due=False)
    elif cursor["session"] != session_id or cursor["asked"] == cursor["pages"]:
        cursor = again(cursor) | {"session": session_id}
    cursor = {**cursor, "asked": cursor["pages"]}
    if cursor["ids"]:
        return _by_id(job, cursor["ids"]), cursor
    cursor["page_size"] = max(
        min(_SMALLEST_PAGE, rules.page_size), rules.page_size >> min(job.attempt, 5)
    )
    return _page(job, cursor), cursor


def _begin(
    company: Company,
    state: Row[Any] | None,
    session_id: int,
    now: datetime,
    rules: Rules,
) -> dict[str, Any]:
    full = list_requests.is_full_due(state, now, rules)
    today = now.date()
    reached = state.watermark if state is not None else None
    first: dict[str, Any] = {"since": None, "from": None, "to": None, "days": 0}
    start = today - timedelta(days=round(365.25 * rules.history_years))
    if full:
        days = _FIRST_SLICE_DAYS
        begins = max(start, today - timedelta(days=days))
        first |= {"from": begins.isoformat(), "days": days}
    elif state is not None:
        first["since"] = watermark.changed_from(state, now, company.offset_minutes)
    return {
        "session": session_id,
        "began": now.isoformat(),
        "restore": company.last_restore,
        "full": full,
        "start": start.isoformat(),
        **first,
        "ids": [],
        "after": "",
        "page_size": rules.page_size,
        "pages": 0,
        "asked": None,
        "iterator": "",
        "remaining": None,
        "met": 0,
        "watermark": reached,
        "number": None,
        "number_at": None,
    }


def again(cursor: dict[str, Any]) -> dict[str, Any]:
    """Return the cursor with its slice to be read anew; finished ones stay so."""
    return {
        **cursor,
        "pages": 0,
        "asked": None,
        "iterator": "",
        "remaining": None,
        "met": 0,
    }


def next_slice(cursor: dict[str, Any]) -> dict[str, Any] | None:
    """Return the cursor at the slice before its own, None if there is none.

    Where a page had room for more, the next slice is wider.
    """
    if not cursor["full"] or cursor["from"] <= cursor["start"]:
        return None
    last = date.fromisoformat(cursor["from"]) - timedelta(days=1)
    wider = _WIDER if cursor["met"] < cursor["page_size"] else 1
    days = cursor["days"] * wider
    begins = max(date.fromisoformat(cursor["start"]), last - timedelta(days=days - 1))
    return again(cursor) | {
        "from": begins.isoformat(),
        "to": last.isoformat(),
        "days": days,
    }


def _page(job: Job, cursor: dict[str, Any]) -> Request:
    filtered: Body = ()  # where nothing was ever met, everything is asked for
    if cursor["since"]:
        limits: Body = (("FromModifiedDate", cursor["since"]),)
        filtered = (("ModifiedDateRangeFilter", limits),)
    elif cursor["from"]:
        limits = (("FromTxnDate", cursor["from"]),)
        limits += (("ToTxnDate", cursor["to"]),) if cursor["to"] else ()
        filtered = (("TxnDateRangeFilter", limits),)
    return Request(
        "TimeTrackingQueryRq",
        (("MaxReturned", str(cursor["page_size"])), *filtered, *_only(ELEMENTS)),
        request_id=str(job.id),
        iterator="Continue" if cursor["iterator"] else "Start",
        iterator_id=cursor["iterator"],
    )


def _by_id(job: Job, txn_ids: Sequence[str]) -> Request:
    named: Body = tuple(("TxnID", txn_id) for txn_id in txn_ids)
    return Request(
        "TimeTrackingQueryRq", (*named, *_only(ELEMENTS)), request_id=str(job.id)
    )


def _deletions(job: Job, state: Row[Any] | None) -> Request:
    reach: Body = ()
    if state is not None and state.deleted_watermark is not None:
        earlier = watermark.since(state.deleted_watermark)
        reach = (("DeletedDateRangeFilter", (("FromDeletedDate", earlier),)),)
    return Request(
        "TxnDeletedQueryRq",
        (("TxnDelType", "TimeTracking"), *reach),
        request_id=str(job.id),
    )


def _only(elements: Sequence[str]) -> Body:
    return tuple(("IncludeRetElement", element) for element in elements)

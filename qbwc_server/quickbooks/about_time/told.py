"""What the history of a time entry tells of a write of ours to QuickBooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Connection, Row

from qbwc_server.jobs.queue import Job
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.records import history
from qbwc_server.records.told import seen
from qbwc_server.records.told.seen import Change

_DONE: Final = {
    "add": "added to QuickBooks",
    "mod": "changed in QuickBooks to what Mosaic has",
}


def done(
    connection: Connection, job: Job, row: Row[Any], one: SeenTime, now: datetime
) -> None:
    """Keep that an Add or a Mod was done: under which TxnID, and what it changed.

    `row` is the record as it was before.
    """
    after = one.seen.snapshot
    change = Change(row.id, row.quickbooks, after, NAME)
    (changed,) = seen.told(connection, row.company_id, "quickbooks", [change])
    event(
        connection,
        job,
        row,
        _DONE[job.action],
        now,
        by=history.US,
        after=after,
        changed=changed,
        entry=one.seen.name,
        txn_id=one.txn_id,
        number=one.number,
    )


def event(
    connection: Connection,
    job: Job,
    row: Row[Any],
    what: str,
    now: datetime,
    *,
    by: str = "quickbooks",
    **detail: object,
) -> None:
    """Keep what came of a write, with which it was and what was there before."""
    history.event(
        connection,
        job.company_id,
        row.id,
        at=now,
        what=what,
        by=by,
        detail=of(job, row) | detail,
    )


def of(job: Job, row: Row[Any]) -> dict[str, object]:
    """Return which write it was, and what it was about as that was before."""
    return {
        "job": job.id,
        "exchange": job.exchange_id,
        "txn_id": row.quickbooks_id,
        "before": row.quickbooks,
    }

"""What QuickBooks lists as deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from qbwc_server.companies import copied
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.qbxml.response import Answer
from qbwc_server.qbxml.values import believed
from qbwc_server.quickbooks import list_requests, time_records
from qbwc_server.quickbooks.about_time.asking import accepted, ask_a_person
from qbwc_server.quickbooks.list_answers import too_many
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import tables


def apply(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> int:
    """Believe the list of deletions, unless it has too many; return how many are."""
    ids = [ret.text("TxnID") for ret in answer.rets if ret.text("TxnID")]
    latest = max(
        (believed(ret.text("TimeDeleted"), now) for ret in answer.rets), default=""
    )
    _tell_copy(connection, company, answer, ids, now)
    alive = time_records.alive(connection, company.id, ids, also_taken=True)
    # All are counted only where it matters: a company may have a million.
    known = time_records.count(connection, company.id) if alive else 0
    reason = None
    if not accepted(connection, company.id) and too_many(len(alive), known):
        reason = ask_a_person(connection, company.id, len(alive), known, now)
    else:
        time_records.mark_gone(connection, company.id, alive, now=now)
        if job.sent_at is not None:
            joined.stood(connection, company.id, "quickbooks", job.sent_at)
    state = list_requests.state(connection, company.id, job.kind)
    before = (state.deleted_watermark if state is not None else None) or ""
    list_requests.remember(
        connection,
        company.id,
        job.kind,
        deleted_watermark=max(before, latest) or None,
        last_read_at=now,
        last_full_at=now,
        full_due=False,
        **({} if reason else {"begun_at": job.sent_at}),
    )
    queue.move(connection, job, "done", by="answer", now=now, reason=reason)
    return len(alive)


def _tell_copy(
    connection: Connection,
    company: Company,
    answer: Answer,
    txn_ids: Sequence[str],
    now: datetime,
) -> None:
    """Tell a restored copy of our database what was deleted that it does not know."""
    if company.copied is None:
        return
    known = time_records.known(connection, company.id, txn_ids)
    unknown = [
        believed(ret.text("TimeDeleted"), now)
        for ret in answer.rets
        if ret.text("TxnID") not in known
    ]
    copied.were_deleted(connection, company, unknown)
    waiting = tables.record.c.waits_for == time_records.FOR_QUICKBOOKS
    time_records.wake_where(connection, company.id, waiting, now)

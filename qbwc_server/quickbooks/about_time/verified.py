"""Entries that were asked for by TxnID: seen, or gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.engine import Connection

from qbwc_server.companies.registry import Company
from qbwc_server.jobs import doubt, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.qbxml.response import Answer
from qbwc_server.quickbooks import time_records, time_requests
from qbwc_server.quickbooks.about_time.asking import accepted, ask_a_person
from qbwc_server.quickbooks.about_time.seen import keep_told, see
from qbwc_server.quickbooks.list_answers import (
    too_many,
)
from qbwc_server.quickbooks.restores import signs
from qbwc_server.storage import tables

_NOT_FOUND = 3120


def apply(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    now: datetime,
    *,
    one_by_one: bool,
) -> int:
    """Keep entries that were asked for; what is not found is gone.

    Returns how many are new or differ.
    """
    asked: list[str] = (job.payload or {})["txn_ids"]
    if answer.status_code == _NOT_FOUND and len(asked) > 1:
        # One missing entry had all refused: they are asked for one by one.
        for txn_id in asked:
            time_requests.verify(
                connection,
                company.id,
                [txn_id],
                now=now,
                by="answer",
                summary=job.summary,
                priority=job.priority,
            )
        queue.move(connection, job, "done", by="answer", now=now)
        return 0
    seen, unread = see(answer.rets)
    seen, new = keep_told(connection, job, seen, unread, now, one_by_one=one_by_one)
    there = {one.txn_id for one in seen} | unread.keys()
    gone = time_records.alive(connection, company.id, set(asked) - there)
    told = "; ".join(one.told for one in unread.values())
    reason = f"Not read: {told}." if unread else None
    known = time_records.count(connection, company.id) if gone else 0
    if not accepted(connection, company.id) and too_many(len(gone), known):
        reason = ask_a_person(connection, company.id, len(gone), known, now)
    elif not signs.stands(connection, company.id):
        time_records.mark_gone(connection, company.id, gone, now=now)
    _seen(connection, company.id, set(asked) - unread.keys())
    queue.move(connection, job, "done", by="answer", now=now, reason=reason)
    return new + len(gone)


def _seen(connection: Connection, company_id: int, txn_ids: Iterable[str]) -> None:
    """Note with writes that their entries were seen, in the session that asked."""
    rows = time_records.known(connection, company_id, txn_ids)
    ids = [row.id for row in rows.values()]
    for job in queue.select(
        connection,
        company_id,
        tables.job.c.record_id.in_(ids),
        tables.job.c.state == "ready",
    ):
        asked_in = doubt.asked_in(job.cursor)
        if asked_in is not None:
            queue.note(connection, job, cursor=doubt.as_seen(asked_in))

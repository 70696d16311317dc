"""What a person decides about a job: to try it again, or to let it be.

Of an entry of which nobody knows whether QuickBooks has it: that it is there, that it
is not, or that it is to be left. Each may be said while it is still being looked for,
and another one later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import attention, registry
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import queue
from qbwc_server.jobs.doubt import Doubt, Question
from qbwc_server.jobs.queue import Job
from qbwc_server.records import choices, due, history
from qbwc_server.storage import tables

_ON_THEIR_WAY = ("ready", "sent", "unsure")
_CANCELLABLE = ("waiting", "ready", "failed")
_LONGEST_ID = 36
LEFT = "Somebody said that it is to be left as it is, on both sides."


class NotDecidable(QbwcError):
    """A job is not in a state in which a person can decide about it."""

    id: ClassVar[str] = "job-not-decidable"


def retry(
    connection: Connection, job: Job, *, by: str, now: datetime, why: str | None = None
) -> str:
    """Have a failed job tried again; return in words what happens.

    One that is on its way already stays so.

    One of which nobody knows whether QuickBooks did it is looked for again first.

    Raises:
        NotDecidable: it has not failed.
    """
    if job.state in _ON_THEIR_WAY:
        return "It is on its way already."
    if job.state != "failed":
        raise NotDecidable(
            f"Job {job.id} is {job.state}; only a failed one is retried."
        )
    _decided(connection, job, "job retried", by=by, now=now, why=why)
    if job.in_doubt:
        # Its stored answer was asked for already.
        again = Doubt(question=Question.ENTRY)
        queue.move(connection, job, "unsure", by=by, now=now, cursor=again.kept())
        _taken_up(connection, job, now, by=by, why=why)
        return "It is looked for in QuickBooks again with the next run."
    queue.move(
        connection,
        job,
        "ready",
        by=by,
        now=now,
        run_at=now,
        attempt=0,
        cursor=None,
    )
    return "It goes to QuickBooks with the next run."


def cancel(
    connection: Connection, job: Job, *, by: str, now: datetime, why: str | None = None
) -> str:
    """Take a job back; return in words what happens. Its record is planned anew.

    One that is taken back already stays so.

    Raises:
        NotDecidable: it is with QuickBooks now, or finished.
    """
    if job.state == "cancelled":
        return "It is taken back already."
    if job.state not in _CANCELLABLE:
        raise NotDecidable(f"Job {job.id} is {job.state}; it cannot be taken back.")
    _decided(connection, job, "job taken back", by=by, now=now, why=why)
    in_doubt = job.in_doubt
    queue.move(connection, job, "cancelled", by=by, now=now, reason="Taken back.")
    if in_doubt:
        _taken_up(connection, job, now, by=by, why=why)
    if job.record_id is None:
        return "It is taken back."
    due.make_due(connection, job.company_id, [job.record_id], now)
    registry.change(connection, job.company_id, deliver_at=now)
    return "It is taken back, and its record is planned anew."


def found(
    connection: Connection,
    job: Job,
    txn_id: str,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
) -> str:
    """Take a person's word for which entry of QuickBooks it is; return what happens.

    The entry is asked for with the next run, and taken if QuickBooks shows it.

    Raises:
        NotDecidable: nothing is in doubt about it, or the entry is another one's.
    """
    _require_doubt(job)
    named = txn_id.strip()
    if not 0 < len(named) <= _LONGEST_ID or not named.isascii():
        raise NotDecidable("Say the TxnID that QuickBooks has for the entry.")
    record = tables.record
    taken = connection.execute(
        sa.select(record.c.id).where(
            record.c.company_id == job.company_id,
            record.c.quickbooks_id == named,
            record.c.mosaic_id.is_not(None),
            record.c.id != job.record_id,
        )
    ).first()
    if taken is not None:
        raise NotDecidable(f"{named} is the entry of record {taken.id} already.")
    what = "job said to be done"
    _decided(connection, job, what, by=by, now=now, why=why, txn_id=named)
    asked = Doubt(question=Question.NAMED, txn_id=named).kept()
    if job.state == "unsure":
        queue.note(connection, job, cursor=asked)
    else:
        queue.move(connection, job, "unsure", by=by, now=now, cursor=asked)
    _taken_up(connection, job, now, by=by, why=why)
    return "It is asked for in QuickBooks with the next run, and taken if it is there."


def missing(
    connection: Connection, job: Job, *, by: str, now: datetime, why: str | None = None
) -> str:
    """Take a person's word that QuickBooks does not have it; return what happens.

    Its record is planned anew.

    Raises:
        NotDecidable: nothing is in doubt about it.
    """
    _require_doubt(job)
    _decided(connection, job, "job said not to be done", by=by, now=now, why=why)
    reason = "Somebody said that QuickBooks does not have it."
    if job.state == "unsure":
        queue.abandon(connection, job, by=by, now=now, reason=reason)
    else:
        queue.move(connection, job, "cancelled", by=by, now=now, reason=reason)
    _taken_up(connection, job, now, by=by, why=why)
    return "It is not in QuickBooks then; its record is planned anew."


def leave(
    connection: Connection, job: Job, *, by: str, now: datetime, why: str | None = None
) -> str:
    """Take a person's word that nothing more is to be done; return what happens.

    The entry is left out; one of the other words may be said later.

    Raises:
        NotDecidable: nothing is in doubt about it.
    """
    _require_doubt(job)
    _audit(connection, job, "job left", by=by, now=now, why=why)
    left = replace(job.doubt, given_up=True, left=True).kept()
    if job.state == "unsure":
        queue.move(connection, job, "failed", by=by, now=now, reason=LEFT, cursor=left)
    else:
        queue.note(connection, job, reason=LEFT, cursor=left)
    if job.record_id is not None:
        choices.leave_out(
            connection,
            job.company_id,
            job.record_id,
            LEFT,
            now,
            by=by,
            detail={"job": job.id, "why": why},
        )
    queue.wake_waiting_for(connection, job, now)
    _calm(connection, job.company_id, now)
    return "It is left as it is, and the entry takes no part any more."


def _require_doubt(job: Job) -> None:
    if job.action != "add" or not (job.state == "unsure" or job.in_doubt):
        raise NotDecidable(
            f"Job {job.id} is {job.state}: it is not in doubt whether QuickBooks added "
            "it."
        )


def _taken_up(
    connection: Connection, job: Job, now: datetime, *, by: str, why: str | None
) -> None:
    """Have the record of a job wait for nobody any more."""
    if job.record_id is not None:
        if job.doubt.left:
            choices.take_in(
                connection,
                job.company_id,
                job.record_id,
                now,
                by=by,
                detail={"job": job.id, "why": why},
            )
        due.make_due(connection, job.company_id, [job.record_id], now)
        registry.change(connection, job.company_id, deliver_at=now)
    _calm(connection, job.company_id, now)


def _calm(connection: Connection, company_id: int, now: datetime) -> None:
    """Take back what is said of writes in doubt when none waits for a person."""
    failed = queue.select(
        connection,
        company_id,
        tables.job.c.state == "failed",
        tables.job.c.finished_at.is_(None),
    )
    if not any(job.in_doubt and not job.doubt.left for job in failed):
        attention.over(connection, company_id, attention.IN_DOUBT, now=now)


def _decided(
    connection: Connection,
    job: Job,
    what: str,
    *,
    by: str,
    now: datetime,
    why: str | None,
    txn_id: str | None = None,
) -> None:
    """Keep in the audit, and in the history of the record, what a person decided."""
    says = {} if txn_id is None else {"says": txn_id}
    _audit(connection, job, what, by=by, now=now, why=why, **says)
    if job.record_id is not None:
        detail = {"job": job.id, "txn_id": txn_id, "why": why}
        history.event(
            connection,
            job.company_id,
            job.record_id,
            at=now,
            what=what,
            by=by,
            detail=detail,
        )


def _audit(
    connection: Connection,
    job: Job,
    what: str,
    *,
    by: str,
    now: datetime,
    why: str | None,
    **more: object,
) -> None:
    detail = {"job": job.id, "summary": job.summary, "before": job.state, **more}
    registry.audit(
        connection, job.company_id, now, who=by, what=what, why=why, detail=detail
    )


def find(connection: Connection, company_id: int, job_id: int) -> Job | None:
    """Return a job by its number within its company."""
    found = queue.select(connection, company_id, tables.job.c.id == job_id)
    return found[0] if found else None

"""What a person decides about a job: to try it again, or to let it be."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import queue
from qbwc_server.jobs.doubt import Doubt, Question
from qbwc_server.jobs.queue import Job
from qbwc_server.records import store
from qbwc_server.storage import tables

_ON_THEIR_WAY = ("ready", "sent", "unsure")
_CANCELLABLE = ("waiting", "ready", "failed")


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
    _audit(connection, job, "job retried", by=by, now=now, why=why)
    if job.in_doubt:
        # Its stored answer was asked for already.
        again = Doubt(question=Question.ENTRY).kept()
        queue.move(connection, job, "unsure", by=by, now=now, cursor=again)
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
    _audit(connection, job, "job taken back", by=by, now=now, why=why)
    queue.move(connection, job, "cancelled", by=by, now=now, reason="Taken back.")
    if job.record_id is None:
        return "It is taken back."
    store.make_due(connection, job.company_id, [job.record_id], now)
    registry.change(connection, job.company_id, deliver_at=now)
    return "It is taken back, and its record is planned anew."


def _audit(
    connection: Connection,
    job: Job,
    what: str,
    *,
    by: str,
    now: datetime,
    why: str | None,
) -> None:
    detail = {"job": job.id, "summary": job.summary, "before": job.state}
    registry.audit(
        connection, job.company_id, now, who=by, what=what, why=why, detail=detail
    )


def find(connection: Connection, company_id: int, job_id: int) -> Job | None:
    """Return a job by its number within its company."""
    found = queue.select(connection, company_id, tables.job.c.id == job_id)
    return found[0] if found else None

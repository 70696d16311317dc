"""Reads that QuickBooks did not answer: asked for again, or ended and told by name.

What becomes of them says `trouble`; here it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from qbwc_server.companies import attention
from qbwc_server.jobs import queue, trouble
from qbwc_server.jobs.queue import Job
from qbwc_server.jobs.trouble import Do, Trouble
from qbwc_server.storage import tables


def met(jobs: Sequence[Job], answered: tuple[bool, ...], *, refused: bool) -> Trouble:
    """Return the trouble that a set of reads met; `answered` is as there."""
    return Trouble(
        many=len(jobs),
        again=any(job.attempt > 1 or job.was_split for job in jobs),
        refused=refused,
        tries_left=any(job.attempt < job.max_attempts for job in jobs),
        answered=answered,
    )


def settle(
    connection: Connection,
    jobs: Sequence[Job],
    what: Trouble,
    now: datetime,
    *,
    by: str,
    reason: str,
    said: str,
) -> bool:
    """Do with reads what their trouble asks for; tell whether the run goes on.

    `said` is for the customer, where one of them ends.
    """
    do, goes_on = trouble.judge(what)
    if do is Do.APART:
        queue.split(connection, jobs, by=by, now=now, reason=reason)
        return goes_on
    for job in jobs:
        if do is Do.FAIL:
            end(connection, job, by=by, now=now, reason=reason, said=said)
        elif do is Do.LAST:
            queue.move(
                connection,
                job,
                "ready",
                by=by,
                now=now,
                reason=reason,
                batch_limit=1,
                priority=queue.LAST,
            )
        elif what.refused:
            queue.move(connection, job, "ready", by=by, now=now, reason=reason)
        else:
            queue.retry_later(connection, job, by=by, now=now, reason=reason)
    return goes_on


def end(
    connection: Connection, job: Job, *, by: str, now: datetime, reason: str, said: str
) -> None:
    """Move a read to failed that stands alone and is not answered; tell it by name.

    `said` is for the customer. The next schedule tries it once, after all others.
    """
    queue.move(
        connection,
        job,
        "failed",
        by=by,
        now=now,
        reason=reason,
        batch_limit=1,
        priority=queue.LAST,
    )
    text = f"{job.summary}: {said}"
    attention.attend(
        connection, job.company_id, error_id=attention.NOT_READ, text=text, now=now
    )


def answered(connection: Connection, job: Job, now: datetime) -> None:
    """Take back what was told of reads, if this one was the last with trouble."""
    if job.priority != queue.LAST:
        return
    table = tables.job
    left = queue.select(
        connection,
        job.company_id,
        table.c.priority == queue.LAST,
        table.c.finished_at.is_(None),
    )
    if not left:
        attention.over(connection, job.company_id, attention.NOT_READ, now=now)

"""Jobs for the tests: made, sent, and brought into any state by legal steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.jobs import exchanges, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.storage import tables

SESSION = 1


def add(connection: Connection, company_id: int, now: datetime, **values: Any) -> Job:
    """Add a job, a write of a time entry if nothing else is said, and return it."""
    wanted: dict[str, Any] = {
        "kind": "time_entry",
        "action": "add",
        "summary": "Add two hours",
        **values,
    }
    job_id = queue.enqueue(connection, company_id, now=now, by="test", **wanted)
    assert job_id is not None
    return get(connection, company_id, job_id)


def get(connection: Connection, company_id: int, job_id: int) -> Job:
    """Return a job as it is now."""
    return queue.select(connection, company_id, tables.job.c.id == job_id)[0]


def send(
    connection: Connection,
    jobs: Sequence[Job],
    now: datetime,
    cursor: dict[str, Any] | None = None,
    request: str = "<QBXML/>",
) -> int:
    """Send jobs in one exchange and return its id."""
    return exchanges.send(
        connection,
        jobs[0].company_id,
        session_id=SESSION,
        jobs=jobs,
        cursors=[cursor for _ in jobs],
        request=request,
        purpose="work",
        now=now,
    )


def into(
    connection: Connection, company_id: int, now: datetime, state: str, **values: Any
) -> Job:
    """Return a new job that came into a state by legal steps only."""
    first = "waiting" if state == "waiting" else "ready"
    job = add(connection, company_id, now, state=first, **values)
    if state in {"sent", "unsure", "done"}:
        send(connection, [job], now)
        job = get(connection, company_id, job.id)
    if state not in {"waiting", "ready", "sent"}:
        queue.move(connection, job, state, by="test", now=now)
    job = get(connection, company_id, job.id)
    assert job.state == state
    return job


def history(connection: Connection, job: Job) -> list[Row[Any]]:
    """Return the events of a job, the first one first."""
    event = tables.job_event
    rows = connection.execute(
        sa.select(event)
        .where(event.c.company_id == job.company_id, event.c.job_id == job.id)
        .order_by(event.c.id)
    )
    return list(rows)

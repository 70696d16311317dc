"""Which jobs may go to QuickBooks now, together and in which order, and how many.

Statements that are made once: these run at every call of a Web Connector.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.jobs.queue import COLUMNS, WRITES, Job
from qbwc_server.storage import statements, tables

_JOB = tables.job
_READY: sa.ColumnElement[str] = sa.literal_column("'ready'")
"""Written out, for SQLite takes a partial index only for what it sees in the text."""


def claimable(
    connection: Connection,
    company_id: int,
    now: datetime,
    *,
    write_batch: int,
    writes: bool = True,
    adds: bool = True,
) -> list[Job]:
    """Return the jobs that may go out together now, the most urgent first.

    Reads of all kinds travel together; writes of one kind do, at most `write_batch`;
    none of them together with more than its own batch limit. Without `writes` only
    reads are returned, without `adds` nothing that makes something.
    """
    given = {"company": company_id, "now": now, "most": max(write_batch, 100)}
    claimed = _CLAIMABLE if writes else _CLAIMABLE_READS
    if writes and not adds:
        claimed = _CLAIMABLE_BUT_ADDS
    jobs = [Job(*row) for row in connection.execute(claimed, given)]
    if not jobs:
        return []
    first = jobs[0]
    if first.writes:
        alike = [one for one in jobs if one.writes and one.kind == first.kind]
        most = write_batch
    else:
        alike, most = [one for one in jobs if not one.writes], len(jobs)
    chosen: list[Job] = []
    for one in alike:
        most = min(most, one.batch_limit)
        if len(chosen) >= most:
            break
        chosen.append(one)
    return chosen


def ready_by(
    connection: Connection, company_id: int, moment: datetime, *, writes: bool = True
) -> int:
    """Return how many jobs may be handed out at or before a moment.

    Without `writes` only reads are counted, because the others are held back.
    """
    given = {"company": company_id, "now": moment}
    counted = _COUNT if writes else _COUNT_READS
    found: int = connection.execute(counted, given).scalar_one()
    return found


def writes_ready(connection: Connection, company_id: int, moment: datetime) -> bool:
    """Tell whether a job that changes QuickBooks may be handed out by a moment."""
    given = {"company": company_id, "now": moment}
    return connection.execute(_WRITE_READY, given).first() is not None


def _going(*, writes: bool) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for what may go `now`; without `writes` only reads.

    A write whose record waits to be planned was planned from what is no longer so.
    """
    now = statements.said(_JOB.c.run_at, "now")
    reads = _JOB.c.action.not_in(sorted(WRITES))
    ready = (
        statements.equal(_JOB.c.company_id, "company"),
        _JOB.c.state == _READY,
        _JOB.c.run_at <= now,
    )
    if not writes:
        return (*ready, reads)
    record = tables.record
    overtaken = sa.exists().where(
        record.c.company_id == _JOB.c.company_id,
        record.c.id == _JOB.c.record_id,
        record.c.due_at <= now,
    )
    return (*ready, sa.or_(reads, ~overtaken))


def _claim(*, writes: bool) -> sa.Select[Any]:
    return (
        sa.select(*COLUMNS)
        .where(*_going(writes=writes))
        .order_by(_JOB.c.priority, _JOB.c.run_at, _JOB.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update()
    )


def _count(*, writes: bool) -> sa.Select[Any]:
    counted = sa.select(sa.func.count()).select_from(_JOB)
    return counted.where(*_going(writes=writes))


_CLAIMABLE, _CLAIMABLE_READS = _claim(writes=True), _claim(writes=False)
_CLAIMABLE_BUT_ADDS = _CLAIMABLE.where(_JOB.c.action != "add")
_COUNT, _COUNT_READS = _count(writes=True), _count(writes=False)
_WRITE_READY = (
    sa.select(_JOB.c.id)
    .where(
        statements.equal(_JOB.c.company_id, "company"),
        _JOB.c.state == _READY,
        _JOB.c.run_at <= statements.said(_JOB.c.run_at, "now"),
        _JOB.c.action.in_(sorted(WRITES)),
    )
    .limit(1)
)
_CURSORS = sa.select(_JOB.c.cursor).where(*_going(writes=False))
_UNSURE = (
    # With both conditions the index of open jobs serves, however many are finished.
    sa.select(*COLUMNS)
    .where(
        statements.equal(_JOB.c.company_id, "company"),
        _JOB.c.state == sa.literal_column("'unsure'"),
        _JOB.c.finished_at.is_(None),
    )
    .order_by(_JOB.c.id)
)


def rounds_left(
    connection: Connection,
    company_id: int,
    moment: datetime,
    *,
    page_size: int,
    write_batch: int,
    writes: bool = True,
) -> int:
    """Return how many round trips the work takes that is ready by a moment.

    Without `writes` only reads are counted, because the others are held back.
    """
    given = {"company": company_id, "now": moment}
    reads = connection.execute(_CURSORS, given).all()
    pages = [
        -(-((row.cursor or {}).get("remaining") or 1) // page_size) for row in reads
    ]
    going = ready_by(connection, company_id, moment) - len(reads) if writes else 0
    # The reads of all kinds travel together, so the longest decides.
    return max(pages, default=0) + -(-going // write_batch)


def unsure(connection: Connection, company_id: int) -> list[Job]:
    """Return the writes of which nobody knows whether they were done."""
    found = connection.execute(_UNSURE, {"company": company_id})
    return [Job(*row) for row in found]

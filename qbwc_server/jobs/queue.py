"""Jobs for QuickBooks: what they are, and the one way in which they change state.

Rule 1: a state changes only through `move`, one row at a time, guarded by the state it
is in, with its `job_event` in the same transaction.
Rule 2: a read whose answer was lost may simply be handed out again; a write may not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from qbwc_server import metrics
from qbwc_server.errors import QbwcError
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import next_id

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "waiting": ("ready", "cancelled"),
    "ready": ("sent", "failed", "cancelled"),
    "sent": ("done", "ready", "unsure", "failed"),
    "unsure": ("done", "ready", "failed"),
    "failed": ("ready", "unsure", "cancelled"),
    "done": (),
    "cancelled": (),
}
"""From each state, the states it may go to. `ready` to `failed` is for a request that
our own check refuses: it never leaves. `failed` to `unsure` is for a person who has a
write looked for again of which nobody knows whether it was done."""

WRITES = frozenset({"add", "mod", "del"})

_JOB = tables.job
_LOG = structlog.get_logger(__name__)
_READY: sa.ColumnElement[str] = sa.literal_column("'ready'")
"""Written out, for SQLite takes a partial index only for what it sees in the text."""


class IllegalTransition(QbwcError):
    """A job is not in a state from which that change is possible."""

    id: ClassVar[str] = "job-illegal-transition"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for QuickBooks, as its row has it."""

    id: int
    company_id: int
    state: str
    kind: str
    action: str
    record_id: int | None
    summary: str
    reason: str | None
    attempt: int
    max_attempts: int
    created_at: datetime
    run_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    priority: int
    dedupe_key: str | None
    exchange_id: int | None
    batch_limit: int
    cursor: dict[str, Any] | None
    payload: dict[str, Any] | None
    due_since: datetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the job of a row of `job`."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})

    @property
    def writes(self) -> bool:
        """Whether doing it twice would do harm."""
        return self.action in WRITES

    @property
    def in_doubt(self) -> bool:
        """Whether it failed without anybody having found out if it was done."""
        return self.state == "failed" and bool((self.cursor or {}).get("in_doubt"))


def enqueue(
    connection: Connection,
    company_id: int,
    *,
    kind: str,
    action: str,
    summary: str,
    now: datetime,
    by: str,
    dedupe_key: str | None = None,
    record_id: int | None = None,
    priority: int = 50,
    run_at: datetime | None = None,
    payload: dict[str, Any] | None = None,
    state: str = "ready",
    due_since: datetime | None = None,
) -> int | None:
    """Add a job and return its id; None if an open one has the same dedupe key.

    `due_since` is, for a write, when what it brings became due.
    The caller holds the company's lock.
    """
    if dedupe_key is not None:
        there = sa.select(_JOB.c.id).where(
            _JOB.c.company_id == company_id,
            _JOB.c.dedupe_key == dedupe_key,
            _JOB.c.finished_at.is_(None),
        )
        if connection.execute(there).first() is not None:
            return None
    job_id = next_id(connection, company_id)
    connection.execute(
        _JOB.insert(),
        {
            "company_id": company_id,
            "id": job_id,
            "state": state,
            "kind": kind,
            "action": action,
            "record_id": record_id,
            "summary": summary,
            "created_at": now,
            "run_at": run_at or now,
            "priority": priority,
            "dedupe_key": dedupe_key,
            "payload": payload,
            "due_since": due_since,
        },
    )
    event = _event(
        connection, company_id, job_id, None, state, at=now, by=by, reason=None
    )
    connection.execute(_INSERT_EVENT, event)
    return job_id


def move(
    connection: Connection,
    job: Job,
    to: str,
    *,
    by: str,
    now: datetime,
    reason: str | None = None,
    **values: object,
) -> None:
    """Change a job's state, and keep that it was changed.

    Raises:
        IllegalTransition: the job is, or has come to be, in another state. Nothing is
            changed.
    """
    if to not in TRANSITIONS[job.state]:
        raise IllegalTransition(f"Job {job.id} cannot go from {job.state} to {to}.")
    if to in tables.JOB_FINAL:
        values["finished_at"] = now
    if to == "ready":
        values.setdefault("exchange_id", None)
    event = _event(
        connection, job.company_id, job.id, job.state, to, at=now, by=by, reason=reason
    )
    changed = statements.change_and_tell(
        connection,
        _JOB,
        {"company_id": job.company_id, "id": job.id, "state": job.state},
        {"state": to, "reason": reason, **values},
        history=tables.job_event,
        event=event,
    )
    if not changed:
        raise IllegalTransition(f"Job {job.id} is no longer {job.state}.")
    _LOG.debug("job moved", company=job.company_id, job=job.id, state=to, by=by)
    if to == "done" and job.due_since is not None:
        passed = (now - job.due_since).total_seconds()
        metrics.arrived(metrics.TO_QUICKBOOKS, passed)


def note(connection: Connection, job: Job, **values: object) -> None:
    """Change what is remembered with a job, its state staying as it is."""
    key = {"company_id": job.company_id, "id": job.id}
    statements.change(connection, _JOB, key, values)


def retry_later(
    connection: Connection, job: Job, *, by: str, now: datetime, reason: str
) -> None:
    """Make a job ready again after a growing pause, or failed when it was tried enough.

    The pause is 1, 4, 9, ... minutes, at most an hour.
    """
    if job.attempt >= job.max_attempts:
        move(connection, job, "failed", by=by, now=now, reason=reason)
        return
    pause = timedelta(minutes=min(job.attempt**2, 60))
    move(connection, job, "ready", by=by, now=now, reason=reason, run_at=now + pause)


def abandon(
    connection: Connection, job: Job, *, by: str, now: datetime, reason: str
) -> None:
    """End a job that was not done and is not to be: failed, then cancelled.

    What is to happen instead is planned anew from its record.
    """
    move(connection, job, "failed", by=by, now=now, reason=reason)
    ended = replace(job, state="failed")
    move(connection, ended, "cancelled", by=by, now=now, reason=reason)


def claimable(
    connection: Connection,
    company_id: int,
    now: datetime,
    *,
    write_batch: int,
    writes: bool = True,
) -> list[Job]:
    """Return the jobs that may go out together now, the most urgent first.

    Reads of all kinds travel together; writes of one kind do, at most `write_batch`;
    none of them together with more than its own batch limit. Without `writes` only
    reads are returned.
    """
    given = {"company": company_id, "now": now, "most": max(write_batch, 100)}
    claimed = _CLAIMABLE if writes else _CLAIMABLE_READS
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
    return (
        connection.execute(
            sa.select(_JOB.c.id)
            .where(
                _JOB.c.company_id == company_id,
                _JOB.c.state == _READY,
                _JOB.c.run_at <= moment,
                _JOB.c.action.in_(sorted(WRITES)),
            )
            .limit(1)
        ).first()
        is not None
    )


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


COLUMNS = tuple(_JOB.c[part.name] for part in fields(Job))
"""What a `Job` is made of, in its order."""
_CLAIMABLE, _CLAIMABLE_READS = _claim(writes=True), _claim(writes=False)
_COUNT, _COUNT_READS = _count(writes=True), _count(writes=False)
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
_INSERT_EVENT = tables.job_event.insert()


def split(
    connection: Connection, jobs: Iterable[Job], *, by: str, now: datetime, reason: str
) -> None:
    """Halve a message set that QuickBooks refused as a whole.

    The jobs go out again in batches of half the size, until the guilty one stands
    alone and fails with the reason while the others go on. Nothing of a refused set
    was executed (0x80040400: the text could not be parsed), so it was no try.
    """
    together = list(jobs)
    if len(together) == 1:
        move(connection, together[0], "failed", by=by, now=now, reason=reason)
        return
    half = (len(together) + 1) // 2
    for job in together:
        counted = 0 if (job.cursor or {}).get("pages", 0) else 1
        move(
            connection,
            job,
            "ready",
            by=by,
            now=now,
            reason=reason,
            batch_limit=half,
            attempt=max(0, job.attempt - counted),
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


def select(connection: Connection, company_id: int, *conditions: Any) -> list[Job]:
    """Return jobs of a company by condition, in the order of their ids."""
    rows = connection.execute(
        sa.select(_JOB)
        .where(_JOB.c.company_id == company_id, *conditions)
        .order_by(_JOB.c.id)
    )
    return [Job.of(row) for row in rows]


def unsure(connection: Connection, company_id: int) -> list[Job]:
    """Return the writes of which nobody knows whether they were done."""
    found = connection.execute(_UNSURE, {"company": company_id})
    return [Job(*row) for row in found]


def mermaid(label: Callable[[str], str] = str) -> str:
    """Return the transition table as a Mermaid state chart, for the documentation."""
    lines = ["stateDiagram-v2"]
    for start, ends in TRANSITIONS.items():
        lines += [f"    {label(start)} --> {label(end)}" for end in ends]
        if not ends:
            lines.append(f"    {label(start)} --> [*]")
    return "\n".join(lines)


def _event(
    connection: Connection,
    company_id: int,
    job_id: int,
    before: str | None,
    after: str,
    *,
    at: datetime,
    by: str,
    reason: str | None,
) -> dict[str, object]:
    """Return the row of an event, with its id."""
    return {
        "company_id": company_id,
        "id": next_id(connection, company_id),
        "job_id": job_id,
        "at": at,
        "from_state": before,
        "to_state": after,
        "by": by,
        "reason": reason,
    }

"""Jobs for QuickBooks: what they are, and the one way in which they change state.

Rule 1: a state changes only through `move`, one row at a time, guarded by the state it
is in, with its `job_event` in the same transaction.
Rule 2: a read whose answer was lost may simply be handed out again; a write may not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from qbwc_server import metrics
from qbwc_server.companies import registry
from qbwc_server.errors import QbwcError
from qbwc_server.jobs.doubt import Doubt
from qbwc_server.records import waiting
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import next_id, next_ids

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
UNLIMITED = 1_000_000
"""The `batch_limit` of what may travel with any number of others."""
LAST = 90
"""The priority of a read that all others go before."""

_JOB = tables.job
_LOG = structlog.get_logger(__name__)


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
    def was_split(self) -> bool:
        """Whether it was in a set that was made smaller."""
        return self.batch_limit < UNLIMITED

    @property
    def in_doubt(self) -> bool:
        """Whether it failed without anybody having found out if it was done."""
        return self.state == "failed" and self.writes and self.doubt.given_up

    @property
    def doubt(self) -> Doubt:
        """How far the finding out has come, of a write whose answer was lost."""
        return Doubt.of(self.cursor)


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
        alike = {"company": company_id, "key": dedupe_key}
        if connection.execute(_ALIKE, alike).first() is not None:
            return None
    job_id = next_id(connection, company_id)
    connection.execute(
        _INSERT,
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


def enqueue_reads(
    connection: Connection,
    company_id: int,
    reads: Sequence[tuple[str, str, int]],
    *,
    now: datetime,
    by: str,
) -> None:
    """Add a read for each kind that has none open: (kind, summary, priority).

    They are looked for, and added, all at once. The caller holds the company's lock.
    """
    keys = {f"read:{kind}": (kind, summary, at) for kind, summary, at in reads}
    open_ = connection.execute(_ALL_ALIKE, {"company": company_id, "keys": [*keys]})
    known = set(open_.scalars())
    wanted = [(key, *told) for key, told in keys.items() if key not in known]
    if not wanted:
        return
    # A job and what is kept of it have numbers side by side, as with `enqueue`.
    ids = next_ids(connection, company_id, 2 * len(wanted))
    jobs = [
        {
            "company_id": company_id,
            "id": job_id,
            "state": "ready",
            "kind": kind,
            "action": "read",
            "record_id": None,
            "summary": summary,
            "created_at": now,
            "run_at": now,
            "priority": priority,
            "dedupe_key": key,
            "payload": None,
            "due_since": None,
        }
        for job_id, (key, kind, summary, priority) in zip(ids[::2], wanted, strict=True)
    ]
    connection.execute(_INSERT, jobs)
    connection.execute(
        _INSERT_EVENT,
        [
            _event_row(company_id, event, job, None, "ready", at=now, by=by)
            for job, event in zip(ids[::2], ids[1::2], strict=True)
        ],
    )


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
    doubted = job.action == "add" and (job.state == "unsure" or job.in_doubt)
    if doubted and to not in {"unsure", "failed"}:
        wake_waiting_for(connection, job, now)
    if to == "done" and job.due_since is not None:
        passed = (now - job.due_since).total_seconds()
        metrics.arrived(metrics.TO_QUICKBOOKS, passed)


def waits_for(job: Job) -> str:
    """Return what a record waits for until a job is not in doubt any more."""
    return f"job:{job.id}"


def wake_waiting_for(connection: Connection, job: Job, now: datetime) -> None:
    """Have the records planned that wait for a job, which is in doubt no more."""
    if waiting.wake_one(connection, job.company_id, waits_for(job), now):
        registry.change(connection, job.company_id, deliver_at=now)


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


COLUMNS = tuple(_JOB.c[part.name] for part in fields(Job))
"""What a `Job` is made of, in its order."""
_INSERT, _INSERT_EVENT = _JOB.insert(), tables.job_event.insert()
_ALIKE = sa.select(_JOB.c.id).where(
    statements.equal(_JOB.c.company_id, "company"),
    statements.equal(_JOB.c.dedupe_key, "key"),
    _JOB.c.finished_at.is_(None),
)
_ALL_ALIKE = sa.select(_JOB.c.dedupe_key).where(
    statements.equal(_JOB.c.company_id, "company"),
    _JOB.c.dedupe_key.in_(sa.bindparam("keys", expanding=True)),
    _JOB.c.finished_at.is_(None),
)


def split(
    connection: Connection, jobs: Iterable[Job], *, by: str, now: datetime, reason: str
) -> None:
    """Halve a message set that QuickBooks refused as a whole.

    The jobs go out again in batches of half the size, until the guilty one stands
    alone and fails with the reason while the others go on. Nothing of a refused set
    was executed (0x80040400: the text could not be parsed), so it was no try.
    Reads go behind those that were not in such a set.
    """
    together = list(jobs)
    if len(together) == 1:
        move(connection, together[0], "failed", by=by, now=now, reason=reason)
        return
    half = (len(together) + 1) // 2
    for job in together:
        counted = 0 if (job.cursor or {}).get("pages", 0) else 1
        later = job.priority if job.writes else min(job.priority + 1, LAST)
        move(
            connection,
            job,
            "ready",
            by=by,
            now=now,
            reason=reason,
            batch_limit=half,
            priority=later,
            attempt=max(0, job.attempt - counted),
        )


def select(connection: Connection, company_id: int, *conditions: Any) -> list[Job]:
    """Return jobs of a company by condition, in the order of their ids."""
    rows = connection.execute(
        sa.select(_JOB)
        .where(_JOB.c.company_id == company_id, *conditions)
        .order_by(_JOB.c.id)
    )
    return [Job.of(row) for row in rows]


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
    event_id = next_id(connection, company_id)
    told = {"at": at, "by": by, "reason": reason}
    return _event_row(company_id, event_id, job_id, before, after, **told)


def _event_row(
    company_id: int,
    event_id: int,
    job_id: int,
    before: str | None,
    after: str,
    **told: object,
) -> dict[str, object]:
    return {
        "company_id": company_id,
        "id": event_id,
        "job_id": job_id,
        "from_state": before,
        "to_state": after,
        "reason": None,
        **told,
    }

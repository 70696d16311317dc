"""Reading QuickBooks: what is asked for, and from where on.

Rule 1: the watermark of a kind is the greatest wall-clock TimeModified of a *completed*
read, less the time that the read took.
Rule 2: filters are sent without an offset, in the file's own wall clock, because the
offset that QuickBooks prints is wrong for half of the year.
Rule 3: an iterator lives in its session only; in another one the read starts again.
Rule 4: an iterator's page is given out once. One whose answer was lost or could not be
read cannot be asked for again, "Continue" gives the next: the read starts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import claiming, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import KINDS, time_entry, watermark
from qbwc_server.kinds.kind import Kind
from qbwc_server.qbxml.request import Body, Request
from qbwc_server.records import restored
from qbwc_server.storage import statements, tables

ACTIVITY, DELETIONS = "company", "deletions"
TIME_DELETIONS, PREFERENCES = "time_deletions", "preferences"
_FIRST_PRIORITY, _BEFORE_WRITES, _USUAL = 1, 2, 50
_RESTORED = "Ask whether a backup was restored"
_OF_TIME = (
    (time_entry.NAME, f"Read {time_entry.PLURAL}", _USUAL),
    (TIME_DELETIONS, f"Ask which {time_entry.PLURAL} were deleted", _USUAL),
)
_READING = tables.reading
_DELETIONS_REACH_BACK = timedelta(days=85)
"""QuickBooks remembers deletions for 90 days."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that reading needs."""

    page_size: int
    full_compare: timedelta
    history_years: int = 10


def kinds_of(company: Company) -> list[Kind]:
    """Return the kinds of list that are read for a company, in their order."""
    return [
        kind
        for kind in KINDS.values()
        if kind.by_setting is None or getattr(company, kind.by_setting)
    ]


def schedule(connection: Connection, company: Company, now: datetime) -> None:
    """Queue the reads of all kinds if they are due; the company's lock is held."""
    following = now + timedelta(minutes=company.read_every)
    # Further ahead than ever it is where a clock was wrong, or reads were rarer.
    if company.next_read_at is not None and now < company.next_read_at <= following:
        return
    reads = [
        (ACTIVITY, _RESTORED, _FIRST_PRIORITY),
        (PREFERENCES, "Read the preferences", _USUAL),
        *((kind.name, f"Read {kind.plural}", _USUAL) for kind in kinds_of(company)),
        (DELETIONS, "Ask what was deleted", _USUAL),
        *(_OF_TIME if company.time_tracking else ()),
    ]
    _enqueue(connection, company.id, reads, now)
    for job in queue.select(
        connection,
        company.id,
        tables.job.c.state == "failed",
        tables.job.c.action == "read",
    ):
        # One that stood alone has one try: it is not worth a run of its own.
        attempt = job.max_attempts - 1 if job.priority == queue.LAST else 0
        queue.move(
            connection,
            job,
            "ready",
            by="schedule",
            now=now,
            run_at=now,
            attempt=attempt,
        )
    registry.change(connection, company.id, next_read_at=following)


def schedule_time(connection: Connection, company_id: int, now: datetime) -> None:
    """Queue the reads of time entries.

    Where it is not known whether the company tracks time, its preferences are read
    first, and their answer comes here.
    """
    _enqueue(connection, company_id, _OF_TIME, now)


def read_time_first(
    connection: Connection,
    company_id: int,
    now: datetime,
    *,
    unless_since: datetime | None = None,
) -> bool:
    """Have time read before anything is written; False if it cannot be just now.

    One that was tried waits for its next try. One that ended after `unless_since` and
    did not help is not asked for again.
    """
    name = time_entry.NAME
    job = tables.job
    if unless_since is not None and queue.select(
        connection,
        company_id,
        job.c.kind == name,
        job.c.action == "read",
        job.c.finished_at >= unless_since,
    ):
        return False
    summary = f"Read {time_entry.PLURAL}"
    _enqueue(connection, company_id, [(name, summary, _BEFORE_WRITES)], now)
    for one in queue.select(
        connection,
        company_id,
        job.c.dedupe_key == f"read:{name}",
        job.c.state == "ready",
    ):
        if one.attempt == 0 or one.run_at <= now:
            queue.note(connection, one, priority=_BEFORE_WRITES, run_at=now)
            return True
    return False


def ask_before_writing(connection: Connection, company: Company, now: datetime) -> None:
    """Queue the question for a restored backup if something may be written now.

    A lost write may: it goes out again in the session that finds it was not done. The
    question goes by itself then: it harms nothing, and shows that QuickBooks answers.
    Else time is read with it, which the gate wants before any is added.
    """
    if claiming.unsure(connection, company.id):
        _ask_about_restore(connection, company.id, now)
        for job in queue.select(
            connection,
            company.id,
            tables.job.c.dedupe_key == f"read:{ACTIVITY}",
            tables.job.c.state == "ready",
        ):
            queue.note(connection, job, batch_limit=1)
    elif restored.writes_quickbooks(connection, company) and claiming.writes_ready(
        connection, company.id, now
    ):
        _ask_about_restore(connection, company.id, now)
        if company.time_tracking:
            read_time_first(connection, company.id, now)


def _ask_about_restore(connection: Connection, company_id: int, now: datetime) -> None:
    _enqueue(connection, company_id, [(ACTIVITY, _RESTORED, _FIRST_PRIORITY)], now)


def _enqueue(
    connection: Connection,
    company_id: int,
    reads: Sequence[tuple[str, str, int]],
    now: datetime,
) -> None:
    queue.enqueue_reads(connection, company_id, reads, now=now, by="schedule")


def message_name(kind: str) -> str:
    """Return the message that reads a kind, without "Rq"."""
    other = {ACTIVITY: "CompanyActivityQuery", DELETIONS: "ListDeletedQuery"}
    return other[kind] if kind in other else KINDS[kind].query


def request(
    connection: Connection,
    company: Company,
    job: Job,
    *,
    known: Row[Any] | None,
    session_id: int,
    now: datetime,
    rules: Rules,
) -> tuple[Request, dict[str, Any]]:
    """Return the request of a read and the cursor to remember with its job.

    `known` is how far its kind was read.
    """
    if job.kind == ACTIVITY:
        return Request("CompanyActivityQueryRq", request_id=str(job.id)), {}
    if job.kind == DELETIONS:
        return _deletions(connection, company, job, known), {}
    cursor = job.cursor
    if (
        cursor is None
        or cursor["session"] != session_id
        # Rule 4: the page was asked for already and its answer did nothing.
        or cursor.get("asked") == cursor["pages"]
    ):
        cursor = _begin(company.offset_minutes, known, job, session_id, now, rules)
    return _page(KINDS[job.kind], job, cursor), {**cursor, "asked": cursor["pages"]}


def is_full_due(state: Row[Any] | None, now: datetime, rules: Rules) -> bool:
    """Tell whether a kind must be read whole."""
    return (
        state is None
        or bool(state.full_due)
        or state.last_full_at is None
        or now - state.last_full_at > rules.full_compare
        or now - state.last_read_at > _DELETIONS_REACH_BACK
    )


def _begin(
    offset: int | None,
    state: Row[Any] | None,
    job: Job,
    session_id: int,
    now: datetime,
    rules: Rules,
) -> dict[str, Any]:
    full = is_full_due(state, now, rules)
    start = (
        None if full or state is None else watermark.changed_from(state, now, offset)
    )
    return {
        "session": session_id,
        "began": now.isoformat(),
        "full": full,
        "since": start,
        # An answer that did not come may have been too large to come.
        "page_size": max(
            min(10, rules.page_size), rules.page_size >> min(job.attempt, 5)
        ),
        "pages": 0,
        "iterator": "",
        "remaining": None,
        "from_name": None,
        "watermark": state.watermark if state is not None else None,
    }


def _page(kind: Kind, job: Job, cursor: dict[str, Any]) -> Request:
    ranged: Body = ()
    if cursor["from_name"] is not None:
        ranged = (("NameRangeFilter", (("FromName", cursor["from_name"]),)),)
    limit: Body = ()
    if cursor["page_size"]:
        limit = (("MaxReturned", str(cursor["page_size"])),)
    start: Body = (("FromModifiedDate", cursor["since"]),) if cursor["since"] else ()
    return Request(
        f"{kind.query}Rq",
        (
            *limit,
            ("ActiveStatus", "All"),
            *start,
            *ranged,
            *(("IncludeRetElement", element) for element in kind.elements),
        ),
        request_id=str(job.id),
        iterator=(
            ("Continue" if cursor["iterator"] else "Start") if kind.iterable else ""
        ),
        iterator_id=cursor["iterator"],
    )


def _deletions(
    connection: Connection, company: Company, job: Job, state: Row[Any] | None
) -> Request:
    # A list that may not be read would have the whole question refused.
    closed = connection.execute(
        sa.select(_READING.c.kind).where(
            _READING.c.company_id == job.company_id, _READING.c.problem.is_not(None)
        )
    )
    left_out = {row.kind for row in closed}
    types = tuple(
        ("ListDelType", kind.deleted_as)
        for kind in kinds_of(company)
        if not (kind.optional and kind.name in left_out)
    )
    reach: Body = ()
    if state is not None and state.deleted_watermark is not None:
        earlier = watermark.since(state.deleted_watermark)
        reach = (("DeletedDateRangeFilter", (("FromDeletedDate", earlier),)),)
    return Request("ListDeletedQueryRq", (*types, *reach), request_id=str(job.id))


def state(connection: Connection, company_id: int, kind: str) -> Row[Any] | None:
    """Return how far a kind was read, None if it never was."""
    return connection.execute(_STATE, {"company": company_id, "kind": kind}).first()


def states(connection: Connection, company_id: int) -> dict[str, Row[Any]]:
    """Return how far each kind was read that ever was."""
    rows = connection.execute(_STATES, {"company": company_id})
    return {row.kind: row for row in rows}


_STATES = sa.select(_READING).where(statements.equal(_READING.c.company_id, "company"))
_STATE = sa.select(_READING).where(
    statements.equal(_READING.c.company_id, "company"),
    statements.equal(_READING.c.kind, "kind"),
)


def remember(
    connection: Connection, company_id: int, kind: str, **values: object
) -> None:
    """Keep how far a kind was read."""
    key = {"company_id": company_id, "kind": kind}
    changed = statements.change(connection, _READING, key, values)
    if changed == 0:
        connection.execute(
            _READING.insert(), {"company_id": company_id, "kind": kind, **values}
        )

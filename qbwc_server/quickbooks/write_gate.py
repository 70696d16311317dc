"""What the gate is told of writes of time that are ready, and what follows.

All that go together are looked at together. A write that may not leave is taken back,
and its record planned anew: there the same hour is joined, or the new link is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.jobs import doubt, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import gate
from qbwc_server.kinds.crossed import Step
from qbwc_server.kinds.gate import Verdict
from qbwc_server.kinds.identity import Word, Words
from qbwc_server.kinds.restored import GOING_BACK, NOT_THERE, Mark
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.quickbooks import list_requests, time_records, time_requests
from qbwc_server.records.choices import takes_part
from qbwc_server.records.one_or_two import said
from qbwc_server.records.one_or_two.crossed import Crossed
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD, _SESSION = tables.record, tables.session
_BEFORE_ALL = 1
_ASKED_AGAIN = timedelta(minutes=5)
_LOOKED_AT = frozenset({"add", "mod", "del"})
_ANEW = (
    "Something changed since it was planned: a link, or the same hour is in QuickBooks "
    "already, or an equal one was deleted there. It is planned anew."
)


def adds_may_go(
    connection: Connection, company: Company, session_id: int, now: datetime
) -> bool | None:
    """Tell whether time may be added to QuickBooks now: it was read just before.

    None if it is to be read for that first. Where time tracking is off there is nothing
    to read: QuickBooks refuses what is added, and that is told.
    """
    if company.time_tracking is False:
        return True
    known = list_requests.state(connection, company.id, NAME)
    began = connection.execute(
        sa.select(_SESSION.c.started_at).where(
            _SESSION.c.company_id == company.id, _SESSION.c.id == session_id
        )
    ).scalar_one()
    if gate.quickbooks_was_read(known.begun_at if known else None, began, now):
        return True
    since = max(began, now - gate.FRESH)
    asked = list_requests.read_time_first(
        connection, company.id, now, unless_since=since
    )
    return None if asked else False


def look_first(
    connection: Connection,
    company: Company,
    jobs: Sequence[Job],
    session_id: int,
    now: datetime,
) -> bool:
    """Have entries that are to be written to looked at in this session; True if so.

    What was asked for and not answered does not leave: it is asked for again later. A
    deletion has no EditSequence: QuickBooks would do it to an entry that was edited
    since it was planned. And what QuickBooks does itself, as putting time on an
    invoice, need not move EditSequence (seen in real purchase orders and items), so a
    change might go to invoiced time. What differs is planned anew.
    """
    unseen = [
        job
        for job in jobs
        if job.action in {"mod", "del"} and doubt.seen_in(job.cursor) != session_id
    ]
    if not unseen:
        return False
    new = [job for job in unseen if doubt.asked_in(job.cursor) != session_id]
    for job in unseen:
        if job not in new:
            queue.note(connection, job, run_at=now + _ASKED_AGAIN)
    if not new:
        return True
    time_requests.verify(
        connection,
        company.id,
        [(job.payload or {})["txn_id"] for job in new],
        now=now,
        by="before writing",
        summary="Look at what is to be changed",
        priority=_BEFORE_ALL,
    )
    for job in new:
        queue.note(connection, job, cursor=doubt.as_asked(session_id))
    return True


def take_back(
    connection: Connection, company: Company, jobs: Sequence[Job], now: datetime
) -> list[Job]:
    """Take back what may not leave any more; return the jobs that may."""
    of_time = [job for job in jobs if job.kind == NAME and job.action in _LOOKED_AT]
    if not of_time:
        return list(jobs)
    links = Links(connection, company)
    rows = _records(connection, company.id, of_time)
    links.prepare(list(rows.values()))
    alone = _only_in_quickbooks(connection, company.id, of_time)
    words = said.words_of(
        connection,
        company.id,
        mosaic_ids={row.mosaic_id for row in rows.values() if row.mosaic_id and alone},
    )
    crossed = _crossed(connection, company, links, of_time, rows, now)
    back = []
    for job in of_time:
        row = rows.get(job.record_id or 0)
        if row is None:
            continue
        if job.action == "del":
            verdict = Verdict.PLAN if row.id in crossed else Verdict.GO
        elif not company.two_way and row.restored not in GOING_BACK:
            verdict = Verdict.PLAN
        else:
            verdict = _verdict(job, row, links, alone, words)
        if verdict is Verdict.PLAN:
            back.append(job)
    for job in back:
        queue.move(connection, job, "cancelled", by="gate", now=now, reason=_ANEW)
    time_records.wake(connection, company.id, [one.record_id or 0 for one in back], now)
    return [job for job in jobs if job not in back]


def _crossed(
    connection: Connection,
    company: Company,
    links: Links,
    jobs: Sequence[Job],
    rows: Mapping[int, Row[Any]],
    now: datetime,
) -> set[int]:
    """Return the records to be deleted of which an equal one was deleted meanwhile.

    Somebody may have meant one of the two, and deleted one on each side.
    """
    of_deletions = {job.record_id for job in jobs if job.action == "del"}
    lost = [row for row in rows.values() if row.id in of_deletions]
    if not lost:
        return set()
    ids = [row.quickbooks_id for row in lost if row.quickbooks_id]
    words = said.words_of(connection, company.id, quickbooks_ids=ids)
    days = {row.day for row in lost if row.day}
    found = Crossed(connection, company, links, days, now)
    return {
        row.id
        for row in lost
        if found.beside(row, "mosaic", words)[0] in {Step.JOIN, Step.WAIT}
    }


def _verdict(
    job: Job,
    row: Row[Any],
    links: Links,
    alone: Mapping[tuple[str, str], Sequence[Row[Any]]],
    words: Words,
) -> Verdict:
    payload = job.payload or {}
    planned, names = payload["fields"], list(payload.get("basis") or {})
    if row.restored == Mark.ADD:
        there = alone.get((planned["person"], planned["date"]), ())
        others = [one.quickbooks for one in there if one.id != row.id]
        return gate.back_into_quickbooks(planned, others)
    if row.mosaic is None:
        return Verdict.GO
    back = links.back(row.mosaic)
    if job.action == "mod":
        return gate.into_quickbooks(planned, names, back)
    typed = [
        one.quickbooks
        for one in alone.get((planned["person"], planned["date"]), ())
        if one.id != row.id
        and words.get((one.quickbooks_id, row.mosaic_id), Word.ONE) is Word.ONE
    ]
    # However that is linked by now.
    if gate.back_into_quickbooks(planned, typed) is Verdict.PLAN:
        return Verdict.PLAN
    facing = [links.facing(one) for one in typed]
    return gate.into_quickbooks(
        planned, names, back, facing, row.mosaic, misses=row.misses
    )


def _records(
    connection: Connection, company_id: int, jobs: Sequence[Job]
) -> dict[int, Row[Any]]:
    found = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.id.in_([job.record_id for job in jobs]),
        )
    )
    return {row.id: row for row in found}


def _only_in_quickbooks(
    connection: Connection, company_id: int, jobs: Sequence[Job]
) -> dict[tuple[str, str], list[Row[Any]]]:
    """Return what QuickBooks alone has of the people and days of Adds."""
    wanted = {
        ((job.payload or {})["fields"]["person"], (job.payload or {})["fields"]["date"])
        for job in jobs
        if job.action == "add"
    }
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.parent_id.in_({person for person, _ in wanted}),
            _RECORD.c.day.in_({day for _, day in wanted}),
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.quickbooks_gone.is_(False),
            _RECORD.c.mosaic_id.is_(None),
            _RECORD.c.unread.is_(None),
            takes_part(),
            ~sa.func.coalesce(_RECORD.c.restored, "").in_(sorted(NOT_THERE)),
        )
    )
    found: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.parent_id, row.day), []).append(row)
    return found

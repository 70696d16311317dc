"""Reading QuickBooks: what is asked for, page by page, and up to where it was read.

Rule 1: the watermark of a kind is the greatest wall-clock TimeModified of a *completed*
read; it moves with its last page, in the same transaction.
Rule 2: filters are sent without an offset, in the file's own wall clock, because the
offset that QuickBooks prints is wrong for half of the year.
Rule 3: an iterator lives in its session only; in another one the read starts again.
Rule 4: what a complete read does not meet is gone, unless that is too much to believe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from qbwc_server import companies, models, queue, records
from qbwc_server.companies import Company
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.qbxml.request import Body, Request
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.qbxml.values import (
    InvalidValue,
    true_offset_minutes,
    wall_clock,
    wall_clock_minus,
    wall_datetime,
)
from qbwc_server.queue import Job

ACTIVITY, DELETIONS = "company", "deletions"
_READING = models.reading
_OVERLAP_MINUTES = 5
_REPEATED_HOUR = 60
_DELETIONS_REACH_BACK = timedelta(days=85)
"""QuickBooks remembers deletions for 90 days."""
_ITERATOR_LOST = 3391
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that reading needs."""

    page_size: int
    full_compare: timedelta


def schedule(connection: Connection, company: Company, now: datetime) -> None:
    """Queue the reads of all kinds if they are due; the company's lock is held."""
    if company.next_read_at is not None and company.next_read_at > now:
        return
    everything = (
        (ACTIVITY, "Ask whether a backup was restored"),
        *((kind.name, f"Read {kind.plural}") for kind in KINDS.values()),
        (DELETIONS, "Ask what was deleted"),
    )
    for name, summary in everything:
        queue.enqueue(
            connection,
            company.id,
            kind=name,
            action="read",
            summary=summary,
            now=now,
            by="schedule",
            dedupe_key=f"read:{name}",
        )
    for job in queue.select(
        connection,
        company.id,
        models.job.c.state == "failed",
        models.job.c.action == "read",
    ):
        queue.move(connection, job, "ready", by="schedule", now=now, run_at=now)
    following = now + timedelta(minutes=company.read_every)
    companies.change(connection, company.id, next_read_at=following)


def message_name(kind: str) -> str:
    """Return the message that reads a kind, without "Rq"."""
    other = {ACTIVITY: "CompanyActivityQuery", DELETIONS: "ListDeletedQuery"}
    return other[kind] if kind in other else KINDS[kind].query


def request(
    connection: Connection,
    company: Company,
    job: Job,
    *,
    session_id: int,
    now: datetime,
    rules: Rules,
) -> tuple[Request, dict[str, Any]]:
    """Return the request of a read and the cursor to remember with its job."""
    state = _state(connection, company.id, job.kind)
    if job.kind == ACTIVITY:
        return Request("CompanyActivityQueryRq", request_id=str(job.id)), {}
    if job.kind == DELETIONS:
        return _deletions(job, state), {}
    cursor = job.cursor
    if cursor is None or cursor["session"] != session_id:
        cursor = _begin(state, job, session_id, now, rules)
    return _page(KINDS[job.kind], job, cursor), cursor


def apply(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    *,
    now: datetime,
) -> None:
    """Take the answer to a read: keep what it holds and move the job on."""
    verdict = status(answer.status_code, answer.message)
    if verdict.verdict not in {Verdict.DONE, Verdict.EMPTY, Verdict.PARTIAL}:
        _refused(connection, job, answer, now)
    elif job.kind == ACTIVITY:
        _apply_activity(connection, company, answer, now)
        queue.move(connection, job, "done", by="answer", now=now)
    elif job.kind == DELETIONS:
        _apply_deletions(connection, company, job, answer, now)
    else:
        _apply_page(connection, company, job, answer, now)


def _begin(
    state: Row[Any] | None, job: Job, session_id: int, now: datetime, rules: Rules
) -> dict[str, Any]:
    full = (
        state is None
        or state.watermark is None
        or bool(state.full_due)
        or state.last_full_at is None
        or now - state.last_full_at > rules.full_compare
        or now - state.last_read_at > _DELETIONS_REACH_BACK
    )
    since = None
    if not full and state is not None:
        since = wall_clock_minus(state.watermark, _overlap(state.watermark))
    return {
        "session": session_id,
        "full": full,
        "since": since,
        # An answer that did not come may have been too large to come.
        "page_size": max(10, rules.page_size >> min(job.attempt, 5)),
        "pages": 0,
        "iterator": "",
        "remaining": None,
        "from_name": None,
        "watermark": state.watermark if state is not None else None,
    }


def _overlap(watermark: str) -> int:
    """Return by how many minutes a watermark is moved back.

    Clocks go back at weekends, and then an hour of wall-clock time comes twice: what
    changed in its second run carries a smaller time than what was read in its first.
    """
    moment = wall_datetime(watermark)
    weekend = moment.isoweekday() >= 6 or (
        moment.isoweekday() == 1 and moment.hour < 12
    )
    return _OVERLAP_MINUTES + (_REPEATED_HOUR if weekend else 0)


def _page(kind: Kind, job: Job, cursor: dict[str, Any]) -> Request:
    ranged: Body = ()
    if cursor["from_name"] is not None:
        ranged = (("NameRangeFilter", (("FromName", cursor["from_name"]),)),)
    limit: Body = ()
    if cursor["page_size"]:
        limit = (("MaxReturned", str(cursor["page_size"])),)
    since: Body = (("FromModifiedDate", cursor["since"]),) if cursor["since"] else ()
    return Request(
        f"{kind.query}Rq",
        (
            *limit,
            ("ActiveStatus", "All"),
            *since,
            *ranged,
            *(("IncludeRetElement", element) for element in kind.elements),
        ),
        request_id=str(job.id),
        iterator=(
            ("Continue" if cursor["iterator"] else "Start") if kind.iterable else ""
        ),
        iterator_id=cursor["iterator"],
    )


def _deletions(job: Job, state: Row[Any] | None) -> Request:
    types = tuple(("ListDelType", kind.deleted_as) for kind in KINDS.values())
    since: Body = ()
    if state is not None and state.deleted_watermark is not None:
        earlier = wall_clock_minus(
            state.deleted_watermark, _overlap(state.deleted_watermark)
        )
        since = (("DeletedDateRangeFilter", (("FromDeletedDate", earlier),)),)
    return Request("ListDeletedQueryRq", (*types, *since), request_id=str(job.id))


def _refused(connection: Connection, job: Job, answer: Answer, now: datetime) -> None:
    found = status(answer.status_code, answer.message)
    reason = f"QuickBooks answered {answer.status_code}: {answer.message}"[:500]
    kind = KINDS.get(job.kind)
    if answer.status_code == _ITERATOR_LOST:
        queue.move(
            connection, job, "ready", by="answer", now=now, reason=reason, cursor=None
        )
    elif kind is not None and kind.optional and found.verdict is Verdict.CUSTOMER:
        _remember(connection, job, now, problem=found.customer, last_read_at=now)
        queue.move(
            connection, job, "done", by="answer", now=now, reason=reason, cursor=None
        )
    elif found.verdict in {Verdict.RETRY, Verdict.REFETCH, Verdict.RECOVER}:
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
    else:
        queue.move(connection, job, "failed", by="answer", now=now, reason=reason)


def _apply_page(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    now: datetime,
) -> None:
    kind = KINDS[job.kind]
    cursor = dict(job.cursor or {})
    seen, unread = _see(kind, answer.rets)
    records.keep_seen(
        connection,
        company.id,
        kind,
        seen,
        now=now,
        full_read=job.id if cursor.get("full") else None,
    )
    if unread:
        _LOG.warning(
            "objects not read", company=company.id, kind=kind.name, reasons=unread[:5]
        )
        cursor["unread"] = [*cursor.get("unread", []), *unread][:20]
    cursor["watermark"] = _greatest(cursor.get("watermark"), seen, now)
    cursor["pages"] = cursor.get("pages", 0) + 1
    _learn_offset(connection, company, seen)
    if kind.iterable and answer.iterator_remaining:
        cursor |= {
            "iterator": answer.iterator_id,
            "remaining": answer.iterator_remaining,
        }
        queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor)
    elif not kind.iterable and _next_range(kind, answer, cursor):
        queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor)
    else:
        _finish(connection, company, job, cursor, now)


def _next_range(kind: Kind, answer: Answer, cursor: dict[str, Any]) -> bool:
    """Move the cursor to the next range of names; False when all were read.

    A full page may have more behind it, beginning with its last name again. Names out
    of order, or a page of one name only, cannot be continued: then all is asked for
    at once.
    """
    size = cursor["page_size"]
    if not size or len(answer.rets) < size:
        return False
    names = [ret.text(kind.range_by) for ret in answer.rets]
    folded = [name.casefold() for name in names]
    in_order = folded == sorted(folded)
    if in_order and names[-1] and folded[-1] != folded[0]:
        cursor["from_name"] = names[-1]
    else:
        cursor |= {"from_name": None, "page_size": 0}
    return True


def _finish(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    now: datetime,
) -> None:
    values: dict[str, object] = {
        "watermark": cursor["watermark"],
        "last_read_at": now,
        "problem": None,
    }
    reason = None
    if cursor["full"]:
        values |= {"last_full_at": now, "full_due": False}
        reason = _compare(connection, company, job, now)
    if cursor.get("unread"):
        reason = "Not read: " + "; ".join(cursor["unread"])
    _remember(connection, job, now, **values)
    queue.move(
        connection, job, "done", by="answer", now=now, reason=reason, cursor=cursor
    )


def _compare(
    connection: Connection, company: Company, job: Job, now: datetime
) -> str | None:
    kind = KINDS[job.kind]
    missed, known = records.unseen(connection, company.id, kind, job.id)
    if not missed:
        return None
    state = _state(connection, company.id, job.kind)
    accepted = state is not None and bool(state.deletions_accepted)
    if not accepted and too_many(len(missed), known):
        text = (
            f"{len(missed)} of {known} {kind.plural} are no longer in the company file."
            " Nothing was removed from Mosaic. If that is right, tell us."
        )
        companies.attend(connection, company.id, error_id="too-many-gone", text=text)
        return text
    records.mark_gone(connection, company.id, kind, missed, now=now)
    _remember(connection, job, now, deletions_accepted=False)
    return f"{len(missed)} {kind.plural} are no longer in the company file."


def too_many(gone: int, known: int) -> bool:
    """Tell whether so many objects gone at once need a person's word.

    An emptied, swapped or restored file looks like a great many deletions.
    """
    return gone > max(10, known // 5) or (gone == known and known > 3)


def _apply_activity(
    connection: Connection, company: Company, answer: Answer, now: datetime
) -> None:
    for ret in answer.rets:
        restored = ret.text("LastRestoreTime")
        if restored and company.last_restore not in {None, restored}:
            connection.execute(
                _READING.update()
                .where(_READING.c.company_id == company.id)
                .values(full_due=True)
            )
            companies.change(connection, company.id, next_read_at=now)
            companies.audit(
                connection,
                company.id,
                now,
                who="quickbooks",
                what="backup restored",
                detail={"before": company.last_restore, "now": restored},
            )
        if restored:
            companies.change(connection, company.id, last_restore=restored)


def _apply_deletions(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> None:
    by_type = {kind.deleted_as: kind for kind in KINDS.values()}
    gone: dict[str, list[str]] = {}
    latest = ""
    for ret in answer.rets:
        kind = by_type.get(ret.text("ListDelType"))
        if kind is not None and ret.text("ListID"):
            gone.setdefault(kind.name, []).append(ret.text("ListID"))
        latest = max(latest, _wall(ret.text("TimeDeleted")))
    for name, ids in gone.items():
        found = records.mark_gone(connection, company.id, KINDS[name], ids, now=now)
        if found:
            # A merge looks like a deletion and moves what belonged to the loser
            # without touching it, so the whole list is read again.
            _remember_kind(connection, company.id, name, full_due=True)
            companies.change(connection, company.id, next_read_at=now)
    state = _state(connection, company.id, DELETIONS)
    before = (state.deleted_watermark if state is not None else None) or ""
    _remember(
        connection,
        job,
        now,
        deleted_watermark=max(before, latest) or None,
        last_read_at=now,
    )
    queue.move(connection, job, "done", by="answer", now=now)


def _see(kind: Kind, rets: Sequence[Ret]) -> tuple[list[Seen], list[str]]:
    """Return what could be read, and why the rest could not: it stops nothing else."""
    seen: list[Seen] = []
    unread: list[str] = []
    for ret in rets:
        if ret.type != kind.ret:
            continue
        try:
            seen.append(kind.see(ret))
        except ValueError as error:
            unread.append(f"{ret.text('ListID') or 'no ListID'}: {error}")
    return seen, unread


def _greatest(before: str | None, seen: Sequence[Seen], now: datetime) -> str | None:
    """Return the new watermark; times that no clock shows yet are not believed."""
    latest_anywhere = (now.astimezone(UTC) + timedelta(hours=15)).replace(tzinfo=None)
    limit = latest_anywhere.isoformat(timespec="seconds")
    times = [wall for one in seen if (wall := _wall(one.time_modified)) <= limit]
    return max([before or "", *times]) or None


def _wall(text: str) -> str:
    try:
        return wall_clock(text)
    except InvalidValue:
        return ""


def _learn_offset(
    connection: Connection, company: Company, seen: Sequence[Seen]
) -> None:
    latest = max(seen, key=lambda one: _wall(one.time_modified), default=None)
    if latest is None or not _wall(latest.time_modified):
        return
    offset = true_offset_minutes(latest.time_modified, latest.edit_sequence)
    if offset is not None and offset != company.offset_minutes:
        companies.change(connection, company.id, offset_minutes=offset)


def _state(connection: Connection, company_id: int, kind: str) -> Row[Any] | None:
    return connection.execute(
        sa.select(_READING).where(
            _READING.c.company_id == company_id, _READING.c.kind == kind
        )
    ).first()


def _remember(
    connection: Connection, job: Job, now: datetime, **values: object
) -> None:
    values.setdefault("last_read_at", now)
    _remember_kind(connection, job.company_id, job.kind, **values)


def _remember_kind(
    connection: Connection, company_id: int, kind: str, **values: object
) -> None:
    changed = connection.execute(
        _READING.update()
        .where(_READING.c.company_id == company_id, _READING.c.kind == kind)
        .values(**values)
    ).rowcount
    if changed == 0:
        connection.execute(
            _READING.insert(), {"company_id": company_id, "kind": kind, **values}
        )

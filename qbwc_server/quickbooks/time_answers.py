"""What the answers about time do: slice by slice, by TxnID, deletions, preferences.

Rule 1: the watermark moves with the end of a completed read; how far back the first
load has come moves with each finished slice, and wakes who waits for it.
Rule 2: an entry is gone when QuickBooks says that it was deleted, or when a complete
compare missed it and it is not found by its TxnID; too many at once need a person.
Rule 3: an entry that cannot be read is named with the job and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from qbwc_server import words
from qbwc_server.companies import attention, copied, registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import watermark
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.qbxml.response import Answer
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.qbxml.values import (
    InvalidValue,
    believed,
    boolean,
    wall,
)
from qbwc_server.quickbooks import (
    list_requests,
    time_records,
    time_requests,
)
from qbwc_server.quickbooks.about_time import compared, deleted, verified
from qbwc_server.quickbooks.about_time.asking import accepted
from qbwc_server.quickbooks.about_time.seen import keep_told, see
from qbwc_server.quickbooks.list_answers import (
    ITERATOR_LOST,
    next_in_turn,
    refused,
)
from qbwc_server.quickbooks.restores import numbers
from qbwc_server.records import store
from qbwc_server.standing import pace
from qbwc_server.storage import tables

_NOT_FOUND = 3120
_SWITCHED_OFF = 3250
_CLOCKS_DIFFER = timedelta(hours=2)
_OFF = words.attention(attention.TIME_OFF).said
_LOG = structlog.get_logger(__name__)


def apply(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    *,
    now: datetime,
    one_by_one: bool = False,
) -> int:
    """Take the answer to a question about time and move its job on.

    Returns how many entries are new or differ. `one_by_one` is as with other reads.
    """
    found = status(answer.status_code, answer.message)
    asked_by_id = job.action == time_requests.VERIFY or (job.cursor or {}).get("ids")
    missing = answer.status_code == _NOT_FOUND and asked_by_id
    if found.verdict not in {Verdict.DONE, Verdict.EMPTY, Verdict.PARTIAL} and not (
        missing
    ):
        _refused(connection, company, job, answer, now)
    elif job.kind == list_requests.PREFERENCES:
        _apply_preferences(connection, company, answer, now)
        queue.move(connection, job, "done", by="answer", now=now)
    elif job.kind == list_requests.TIME_DELETIONS:
        return deleted.apply(connection, company, job, answer, now)
    elif job.action == time_requests.VERIFY:
        each = one_by_one
        return verified.apply(connection, company, job, answer, now, one_by_one=each)
    else:
        return _apply_page(connection, company, job, answer, now, one_by_one=one_by_one)
    return 0


def _refused(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> None:
    reason = f"QuickBooks answered {answer.status_code}: {answer.message}"[:500]
    if job.kind == list_requests.PREFERENCES:
        # Without them all else is read as ever; whether time is kept shows itself.
        queue.move(connection, job, "done", by="answer", now=now, reason=reason)
        if company.time_tracking is None:
            list_requests.schedule_time(connection, company.id, now)
    elif answer.status_code == _SWITCHED_OFF:
        queue.move(connection, job, "done", by="answer", now=now, reason=reason)
        _switched_off(connection, company, now)
    elif answer.status_code == ITERATOR_LOST and job.attempt < job.max_attempts:
        cursor = time_requests.again(dict(job.cursor or {}))
        queue.move(
            connection, job, "ready", by="answer", now=now, reason=reason, cursor=cursor
        )
    else:
        refused(connection, job, answer, now)


def _switched_off(connection: Connection, company: Company, now: datetime) -> None:
    """Say once that no time is read, when it was not known yet."""
    if company.time_tracking is not False:
        registry.change(connection, company.id, time_tracking=False)
        attention.attend(
            connection, company.id, error_id=attention.TIME_OFF, text=_OFF, now=now
        )


def _apply_preferences(
    connection: Connection, company: Company, answer: Answer, now: datetime
) -> None:
    for ret in answer.rets:
        if "AccountingPreferences" in ret.fields:
            closing = ret.text("AccountingPreferences", "ClosingDate") or None
            classes = ret.text("AccountingPreferences", "IsUsingClassTracking")
            registry.change(
                connection,
                company.id,
                closing_date=closing,
                class_tracking=_flag(classes),
            )
            if closing != company.closing_date:
                job = tables.job
                going = sa.select(job.c.record_id).where(
                    job.c.company_id == company.id,
                    job.c.state == "ready",
                    job.c.action.in_(queue.WRITES),
                )
                # What is about to be written may lie in the closed period now.
                affected = sa.or_(
                    tables.record.c.state == "locked", tables.record.c.id.in_(going)
                )
                time_records.wake_where(connection, company.id, affected, now)
        # The whole group is missing while time tracking is off (Intuit's schema).
        if "TimeTrackingPreferences" not in ret.fields:
            _switched_off(connection, company, now)
        elif not company.time_tracking:
            registry.change(connection, company.id, time_tracking=True)
            attention.over(connection, company.id, attention.TIME_OFF, now=now)
            list_requests.schedule_time(connection, company.id, now)


def _flag(text: str) -> bool | None:
    try:
        return boolean(text)
    except InvalidValue:
        return None


def _apply_page(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    now: datetime,
    *,
    one_by_one: bool,
) -> int:
    """Keep a page and ask for the next; return how many entries are new or differ."""
    cursor = dict(job.cursor or {})
    if not next_in_turn(answer, cursor):
        reason = "The answer is not the next page of the list; it is read anew."
        queue.note(connection, job, cursor=time_requests.again(cursor))
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
        return 0
    seen, unread = see(answer.rets)
    full_read = job.id if cursor["full"] else None
    begun = numbers.look_for_restore(connection, company, seen, now)
    seen, new = keep_told(
        connection, job, seen, unread, now, full_read, one_by_one=one_by_one
    )
    if begun:
        queue.move(connection, job, "ready", by="answer", now=now, cursor=None)
        return new
    if unread:
        told = [one.told for one in unread.values()]
        cursor["unread"] = [*cursor.get("unread", []), *told][:20]
        if full_read is not None:
            store.mark_met(connection, company.id, NAME, unread, full_read)
    _remember_greatest(cursor, seen, now)
    cursor["pages"] += 1
    cursor["met"] += len(answer.rets)
    pace.note_numbers(cursor, [one.number for one in seen if one.number is not None])
    pace.note(cursor, pace.of_time(cursor, now.date()), now)
    if cursor["ids"]:
        cursor |= {"after": cursor["ids"][-1]}
        _ask_or_finish(connection, company, job, cursor, now)
    elif answer.iterator_remaining:
        cursor |= {
            "iterator": answer.iterator_id,
            "remaining": answer.iterator_remaining,
        }
        queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor)
    else:
        _next_slice(connection, company, job, cursor, now)
    return new


def _next_slice(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    now: datetime,
) -> None:
    if not cursor["full"]:
        _finish(connection, company, job, cursor, now)
        return
    state = list_requests.state(connection, company.id, NAME)
    if state is None or state.reach is None or cursor["from"] < state.reach:
        list_requests.remember(connection, company.id, NAME, reach=cursor["from"])
        waiting = tables.record.c.waits_for == time_records.FOR_QUICKBOOKS
        time_records.wake_where(connection, company.id, waiting, now)
    following = time_requests.next_slice(cursor)
    if following is None:
        _ask_or_finish(connection, company, job, cursor, now)
    else:
        queue.move(
            connection, job, "ready", by="answer", now=now, cursor=following, attempt=0
        )


def _ask_or_finish(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    now: datetime,
) -> None:
    """Have the next entries asked for by TxnID that no slice showed, if there are."""
    ids = time_records.unmet(
        connection,
        company.id,
        job.id,
        cursor["start"],
        after=cursor["after"],
        limit=time_requests.MOST_IDS,
    )
    if not ids:
        _finish(connection, company, job, cursor, now)
        return
    cursor = time_requests.again(cursor) | {"ids": ids}
    queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor, attempt=0)


def _finish(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    now: datetime,
) -> None:
    fresh = registry.get(connection, company.id)
    if fresh.last_restore != cursor["restore"]:
        # It was begun in another file than the one that is open now.
        queue.move(connection, job, "ready", by="answer", now=now, cursor=None)
        return
    state = list_requests.state(connection, company.id, NAME)
    believed_gone = accepted(connection, company.id)
    values: dict[str, object] = {
        "watermark": watermark.reached(state, cursor, now),
        "last_read_at": now,
        "begun_at": datetime.fromisoformat(cursor["began"]),
        "problem": None,
    }
    number = state.greatest_number if state is not None else None
    if cursor["number"] is not None and cursor["number"] > (number or 0):
        values |= {
            "greatest_number": cursor["number"],
            "greatest_number_at": cursor["number_at"],
        }
    if cursor["full"]:
        values |= {"last_full_at": now, "deletions_accepted": False}
    list_requests.remember(connection, company.id, NAME, **values)
    reason = None
    if cursor["full"]:
        copied.was_read(connection, fresh, "quickbooks")
        reason = compared.settle(
            connection, fresh, job, cursor, is_accepted=believed_gone, now=now
        )
    if cursor.get("unread"):
        reason = f"Not read: {'; '.join(cursor['unread'])}."
    queue.move(
        connection,
        job,
        "done",
        by="answer",
        now=now,
        reason=reason,
        cursor=cursor | {"ids": []},
    )


def _remember_greatest(
    cursor: dict[str, Any], seen: Sequence[SeenTime], now: datetime
) -> None:
    times = [believed(one.seen.time_modified, now) for one in seen]
    cursor["watermark"] = max([cursor["watermark"] or "", *times]) or None
    for one in seen:
        if one.number is not None and one.number > (cursor["number"] or 0):
            cursor |= {"number": one.number, "number_at": wall(one.created)}

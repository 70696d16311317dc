"""What the answers about time do: slice by slice, by TxnID, deletions, preferences.

Rule 1: the watermark moves with the end of a completed read; how far back the first
load has come moves with each finished slice, and wakes who waits for it.
Rule 2: an entry is gone when QuickBooks says that it was deleted, or when a complete
compare missed it and it is not found by its TxnID; too many at once need a person.
Rule 3: an entry that cannot be read is named with the job and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from qbwc_server import words
from qbwc_server.companies import attention, copied, registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import doubt, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.qbxml.values import (
    InvalidValue,
    believed,
    boolean,
    wall,
    wall_datetime,
)
from qbwc_server.quickbooks import list_requests, time_records, time_requests
from qbwc_server.quickbooks.list_answers import (
    ITERATOR_LOST,
    each_alone,
    next_in_turn,
    refused,
    tell_unread,
    too_many,
)
from qbwc_server.quickbooks.restores import comparing, signs
from qbwc_server.records import store
from qbwc_server.records.unread import Unread
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
) -> None:
    """Take the answer to a question about time and move its job on.

    `one_by_one` is as with other reads.
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
        _apply_deletions(connection, company, job, answer, now)
    elif job.action == time_requests.VERIFY:
        _apply_verify(connection, company, job, answer, now, one_by_one=one_by_one)
    else:
        _apply_page(connection, company, job, answer, now, one_by_one=one_by_one)


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
        _switched_off(connection, company)
    elif answer.status_code == ITERATOR_LOST and job.attempt < job.max_attempts:
        cursor = time_requests.again(dict(job.cursor or {}))
        queue.move(
            connection, job, "ready", by="answer", now=now, reason=reason, cursor=cursor
        )
    else:
        refused(connection, job, answer, now)


def _switched_off(connection: Connection, company: Company) -> None:
    """Say once that no time is read, when it was not known yet."""
    if company.time_tracking is not False:
        registry.change(connection, company.id, time_tracking=False)
        attention.attend(connection, company.id, error_id=attention.TIME_OFF, text=_OFF)


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
            _switched_off(connection, company)
        elif not company.time_tracking:
            registry.change(connection, company.id, time_tracking=True)
            if company.attention_id == attention.TIME_OFF:
                registry.change(
                    connection, company.id, attention=None, attention_id=None
                )
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
) -> None:
    cursor = dict(job.cursor or {})
    if not next_in_turn(answer, cursor):
        reason = "The answer is not the next page of the list; it is read anew."
        queue.note(connection, job, cursor=time_requests.again(cursor))
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
        return
    seen, unread = see(answer.rets)
    full_read = job.id if cursor["full"] else None
    begun = _look_for_restore(connection, company, seen, now)
    seen = _keep(connection, job, seen, unread, now, full_read, one_by_one=one_by_one)
    if begun:
        queue.move(connection, job, "ready", by="answer", now=now, cursor=None)
        return
    if unread:
        told = [one.told for one in unread.values()]
        cursor["unread"] = [*cursor.get("unread", []), *told][:20]
        if full_read is not None:
            store.mark_met(connection, company.id, NAME, unread, full_read)
    _remember_greatest(cursor, seen, now)
    cursor["pages"] += 1
    cursor["met"] += len(answer.rets)
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


def _keep(
    connection: Connection,
    job: Job,
    seen: list[SeenTime],
    unread: dict[str, Unread],
    now: datetime,
    full_read: int | None = None,
    *,
    one_by_one: bool,
) -> list[SeenTime]:
    """Keep entries and tell which could not be read; return those that were kept.

    What turns out not to be one of them is added to `unread`.
    """

    def keep_some(entries: Sequence[SeenTime]) -> None:
        keep(connection, job.company_id, entries, now=now, full_read=full_read)

    if one_by_one:
        seen, failed = each_alone(connection, seen, keep_some)
        unread |= {
            one.txn_id: Unread(one.txn_id, str(error), one.seen.name)
            for one, error in failed
        }
    else:
        keep_some(seen)
    if unread:
        tell_unread(connection, job, list(unread.values()), now)
    return seen


def keep(
    connection: Connection,
    company_id: int,
    seen: Sequence[SeenTime],
    *,
    now: datetime,
    full_read: int | None = None,
) -> None:
    """Keep entries that QuickBooks showed, whoever asked for them."""
    if signs.stands(connection, company_id):
        there = time_records.known(connection, company_id, [one.txn_id for one in seen])
        signs.note_befallen(connection, company_id, seen, there, now=now)
    time_records.keep_quickbooks(
        connection, company_id, seen, now=now, full_read=full_read
    )


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
    accepted = _accepted(connection, company.id)
    values: dict[str, object] = {
        "watermark": list_requests.reached(state, cursor, now),
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
        reason = _compare(connection, fresh, job, cursor, accepted=accepted, now=now)
    if cursor.get("unread"):
        reason = "Not read: " + "; ".join(cursor["unread"])
    queue.move(
        connection,
        job,
        "done",
        by="answer",
        now=now,
        reason=reason,
        cursor=cursor | {"ids": []},
    )


def _compare(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    *,
    accepted: bool,
    now: datetime,
) -> str | None:
    start = cursor["start"]
    missing = time_records.unmet(connection, company.id, job.id, start)
    known = time_records.count(connection, company.id, start)
    if company.attention_id in attention.RESTORED:
        way = (job.payload or {}).get("after_restore")
        return comparing.settle(connection, company, missing, known, way=way, now=now)
    if not missing:
        return None
    if not accepted and too_many(len(missing), known):
        return _ask_a_person(connection, company.id, len(missing), known)
    time_records.mark_gone(connection, company.id, missing, now=now)
    return f"{len(missing)} time entries are no longer in the company file."


def _accepted(connection: Connection, company_id: int) -> bool:
    """Tell whether a person said that what is gone is right.

    It is said to the next complete compare; what answers before it may believe it too.
    """
    state = list_requests.state(connection, company_id, NAME)
    return state is not None and bool(state.deletions_accepted)


def _ask_a_person(
    connection: Connection, company_id: int, gone: int, known: int
) -> str:
    text = (
        f"{gone} of {known} time entries are no longer in the company file."
        " Nothing was removed from Mosaic. If that is right, tell us."
    )
    attention.attend(connection, company_id, error_id="too-many-gone", text=text)
    return text


def _apply_verify(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    now: datetime,
    *,
    one_by_one: bool,
) -> None:
    asked: list[str] = (job.payload or {})["txn_ids"]
    if answer.status_code == _NOT_FOUND and len(asked) > 1:
        # One missing entry had all refused: they are asked for one by one.
        for txn_id in asked:
            time_requests.verify(
                connection,
                company.id,
                [txn_id],
                now=now,
                by="answer",
                summary=job.summary,
                priority=job.priority,
            )
        queue.move(connection, job, "done", by="answer", now=now)
        return
    seen, unread = see(answer.rets)
    seen = _keep(connection, job, seen, unread, now, one_by_one=one_by_one)
    there = {one.txn_id for one in seen} | unread.keys()
    gone = time_records.alive(connection, company.id, set(asked) - there)
    told = "; ".join(one.told for one in unread.values())
    reason = f"Not read: {told}" if unread else None
    known = time_records.count(connection, company.id) if gone else 0
    if not _accepted(connection, company.id) and too_many(len(gone), known):
        reason = _ask_a_person(connection, company.id, len(gone), known)
    elif not signs.stands(connection, company.id):
        time_records.mark_gone(connection, company.id, gone, now=now)
    _seen(connection, company.id, set(asked) - unread.keys())
    queue.move(connection, job, "done", by="answer", now=now, reason=reason)


def _seen(connection: Connection, company_id: int, txn_ids: Iterable[str]) -> None:
    """Note with writes that their entries were seen, in the session that asked."""
    rows = time_records.known(connection, company_id, txn_ids)
    ids = [row.id for row in rows.values()]
    for job in queue.select(
        connection,
        company_id,
        tables.job.c.record_id.in_(ids),
        tables.job.c.state == "ready",
    ):
        asked_in = doubt.asked_in(job.cursor)
        if asked_in is not None:
            queue.note(connection, job, cursor=doubt.as_seen(asked_in))


def _apply_deletions(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> None:
    ids = [ret.text("TxnID") for ret in answer.rets if ret.text("TxnID")]
    latest = max(
        (believed(ret.text("TimeDeleted"), now) for ret in answer.rets), default=""
    )
    _tell_copy(connection, company, answer, ids, now)
    alive = time_records.alive(connection, company.id, ids, also_taken=True)
    # All are counted only where it matters: a company may have a million.
    known = time_records.count(connection, company.id) if alive else 0
    reason = None
    if not _accepted(connection, company.id) and too_many(len(alive), known):
        reason = _ask_a_person(connection, company.id, len(alive), known)
    else:
        time_records.mark_gone(connection, company.id, alive, now=now)
    state = list_requests.state(connection, company.id, job.kind)
    before = (state.deleted_watermark if state is not None else None) or ""
    list_requests.remember(
        connection,
        company.id,
        job.kind,
        deleted_watermark=max(before, latest) or None,
        last_read_at=now,
        last_full_at=now,
        full_due=False,
    )
    queue.move(connection, job, "done", by="answer", now=now, reason=reason)


def _tell_copy(
    connection: Connection,
    company: Company,
    answer: Answer,
    txn_ids: Sequence[str],
    now: datetime,
) -> None:
    """Tell a restored copy of our database what was deleted that it does not know."""
    if company.copied is None:
        return
    known = time_records.known(connection, company.id, txn_ids)
    unknown = [
        believed(ret.text("TimeDeleted"), now)
        for ret in answer.rets
        if ret.text("TxnID") not in known
    ]
    copied.were_deleted(connection, company, unknown)
    waiting = tables.record.c.waits_for == time_records.FOR_QUICKBOOKS
    time_records.wake_where(connection, company.id, waiting, now)


def see(rets: Sequence[Ret]) -> tuple[list[SeenTime], dict[str, Unread]]:
    """Return what could be read, and why the rest could not, by TxnID."""
    seen: list[SeenTime] = []
    unread: dict[str, Unread] = {}
    for ret in rets:
        try:
            seen.append(time_records.see(ret))
        except ValueError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("time entry not read")
            why = repr(error)
        else:
            continue
        txn_id = ret.text("TxnID")
        unread[txn_id] = Unread(txn_id, why, time_entry.glimpse(ret))
    return seen, unread


def _remember_greatest(
    cursor: dict[str, Any], seen: Sequence[SeenTime], now: datetime
) -> None:
    times = [believed(one.seen.time_modified, now) for one in seen]
    cursor["watermark"] = max([cursor["watermark"] or "", *times]) or None
    for one in seen:
        if one.number is not None and one.number > (cursor["number"] or 0):
            cursor |= {"number": one.number, "number_at": wall(one.created)}


def _look_for_restore(
    connection: Connection, company: Company, seen: Sequence[SeenTime], now: datetime
) -> bool:
    """Notice a restore by numbers that begin again where the backup left off.

    QuickBooks numbers transactions upwards, so a new entry that was made later than
    the one with the greatest number has a greater number still. Two hours are left for
    clocks that go back and computers that do not agree.
    """
    state = list_requests.state(connection, company.id, NAME)
    if state is None or state.greatest_number is None or not state.greatest_number_at:
        return False
    limit = (wall_datetime(state.greatest_number_at) + _CLOCKS_DIFFER).isoformat()
    suspects = [
        one
        for one in seen
        if one.number is not None
        and one.number < state.greatest_number
        and limit < believed(one.created, now)
    ]
    there = time_records.known(connection, company.id, [one.txn_id for one in suspects])
    for one in suspects:
        if one.txn_id in there or signs.stands(connection, company.id):
            continue
        detail = {
            "number": one.number,
            "created": one.created,
            "greatest_number": state.greatest_number,
            "greatest_number_at": state.greatest_number_at,
        }
        signs.begin(connection, company.id, now=now, detail=detail)
        # The new counting starts here, or the same sign would be seen for ever.
        list_requests.remember(
            connection,
            company.id,
            NAME,
            greatest_number=None,
            greatest_number_at=None,
        )
        return True
    return False

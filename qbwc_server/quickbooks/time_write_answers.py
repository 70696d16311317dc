"""What the answers to our writes of time do to records.

Rule 1: a write that was done is kept with its record in the transaction that ends its
job, together with what was there before.
Rule 2: a write that was not done ends too; its record says why, and when it is planned
anew. Nothing waits without a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import attention, registry
from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import KINDS, time_entry, two_way
from qbwc_server.kinds.tombstone import Who
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Status, Verdict, is_lock
from qbwc_server.quickbooks import list_requests, time_jobs
from qbwc_server.quickbooks.about_time import told
from qbwc_server.quickbooks.time_requests import verify
from qbwc_server.records import (
    due,
    history,
    joining,
    time_of_quickbooks,
    tombstones,
    transitions,
)
from qbwc_server.records.one_or_two import meanwhile
from qbwc_server.storage import tables

_RECORD = tables.record
NOT_FOUND = 3120
_OUT_OF_DATE = 3200
_MOST_TRIES = 3
"""Writes in a row that did not help, after which a person must look."""
_READ_FIRST = timedelta(minutes=10)
"""How long a record waits for being read again, should nothing come of the reading."""
_LISTS_FIRST = timedelta(minutes=15)
_HOUR, _LONGEST = timedelta(hours=1), timedelta(hours=6)
_LIST_NAMED = re.compile(r'reference to (?:a |the )?QuickBooks (\w+) "')
_LISTS: Final = {
    "Customer": "customer",
    "CustomerJob": "customer",
    "Item": "service_item",
    "ItemService": "service_item",
    "Class": "class",
    "Employee": "employee",
    "PayrollItemWage": "payroll_item",
}


def kept(connection: Connection, job: Job, ret: Ret | None, now: datetime) -> None:
    """Keep what QuickBooks has after a write that it did.

    Raises:
        ValueError: an answer to an Add or Mod without a readable entry.
    """
    row = _record(connection, job)
    if row is None:
        return
    if job.action == "del":
        _deleted(connection, job, row, now)
        return
    if ret is None:
        raise ValueError("QuickBooks did not return the entry that it wrote.")
    one = time_entry.see_time(ret)
    seen = one.seen
    _join(connection, job, row, seen.quickbooks_id, now)
    basis = _kept_of(job.payload or {}, seen.snapshot)
    told.done(connection, job, row, one, now)
    edited = job.action == "add" and one.created != seen.time_modified
    agreed = two_way.agreed_after(
        row.agreed, basis, seen.snapshot, "quickbooks", edited=edited
    )
    time_of_quickbooks.written(connection, row, one, agreed, now)
    if job.action == "add" and job.state == "unsure":
        # What became known while nobody knew of this one was not compared with it.
        meanwhile.ask_in_quickbooks(connection, job.company_id, [one], now)
    registry.change(connection, job.company_id, deliver_at=now)


def see_again(
    connection: Connection, job: Job, ret: Ret | None, now: datetime, why: str
) -> None:
    """End a write that was not done, and have it planned from what is there now."""
    row = _record(connection, job)
    queue.abandon(connection, job, by="answer", now=now, reason=why)
    if row is None:
        return
    if ret is not None:
        time_of_quickbooks.shown(connection, row, time_entry.see_time(ret), now)
    else:
        _read_again(connection, job, row, now, why)
    registry.change(connection, job.company_id, deliver_at=now)


def refused(
    connection: Connection, job: Job, answer: Answer, status: Status, now: datetime
) -> None:
    """Decide what becomes of a write that QuickBooks refused, and of its record."""
    reason = f"QuickBooks answered {answer.status_code}: {answer.message}"[:500]
    row = _record(connection, job)
    if status.verdict is Verdict.RETRY:
        _retry(connection, job, row, _both(status, answer.message), reason, now)
        return
    if status.verdict is Verdict.BUG:
        queue.move(connection, job, "failed", by="answer", now=now, reason=reason)
        failed(connection, job, reason, now)
        return
    queue.abandon(connection, job, by="answer", now=now, reason=reason)
    if status.verdict is Verdict.CUSTOMER and not is_lock(status):
        attention.attend(
            connection,
            job.company_id,
            error_id=f"quickbooks-status-{status.code}",
            text=f"{job.summary}: {status.customer}",
            now=now,
        )
    if row is None:
        return
    told.event(connection, job, row, "refused by QuickBooks", now, answer=reason)
    if is_lock(status):
        said = _both(status, answer.message)
        _say(connection, row, "locked", said, now, due_at=now + _LONGEST)
    elif status.verdict is Verdict.REFETCH:
        _refetch(connection, job, row, answer, status, now)
    else:
        due = now + _HOUR if status.verdict is Verdict.CUSTOMER else None
        said = _both(status, answer.message)
        _say(connection, row, "refused", said, now, due_at=due)


def failed(connection: Connection, job: Job, reason: str, now: datetime) -> None:
    """Have a record tell that our own program cannot write it as it is."""
    row = _record(connection, job)
    if row is None:
        return
    told.event(connection, job, row, "not written", now, answer=reason)
    said = f"Our program could not write it; our support must look at it. {reason}"
    _say(connection, row, "refused", said, now, due_at=None)


def abandon_lost(connection: Connection, job: Job, now: datetime) -> None:
    """End a write that was lost each time and, as was seen, never done."""
    said = time_jobs.NEVER_DONE
    queue.abandon(connection, job, by="look", now=now, reason=said)
    row = _record(connection, job)
    if row is not None:
        told.event(connection, job, row, "not written", now, answer=said)
        _say(connection, row, "refused", said, now, due_at=now + _HOUR)


def in_doubt(connection: Connection, job: Job, now: datetime) -> None:
    """Have a record tell that nobody knows whether its write was done.

    Only an Add could be done twice. A change has its EditSequence and a deletion its
    TxnID: they are planned anew from what is there.
    """
    row = _record(connection, job)
    if job.action != "add":
        why = "Whether QuickBooks did it is not known; it is read again."
        ended = replace(job, state="failed")
        queue.move(connection, ended, "cancelled", by="look", now=now, reason=why)
        if row is not None:
            _read_again(connection, job, row, now, why)
        return
    if row is None:
        return
    said = (
        "QuickBooks did not say whether it did what we sent, and it could not be looked"
        " up. Nothing more is sent for this entry until our support has looked at it."
    )
    told.event(connection, job, row, "not known whether written", now)
    _say(connection, row, "refused", said, now, due_at=None)


def release_locked(connection: Connection, company_id: int, now: datetime) -> None:
    """Have every locked entry looked at again, because the closing date changed."""
    due.look_at_locked(connection, company_id, time_entry.NAME, now)
    registry.change(connection, company_id, deliver_at=now)


def _kept_of(
    payload: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """Return what both sides agree on after a write that QuickBooks did.

    With status 550 it saves an entry without its notes. Those are not agreed on, so
    that the next plan sends them again.
    """
    basis: dict[str, list[Any]] = dict(payload.get("basis") or {})
    sent = (payload.get("fields") or {}).get("notes")
    if sent and not found["notes"] and "notes" in basis:
        basis["notes"] = [found["notes"], found["notes"]]
    return basis


def _retry(
    connection: Connection,
    job: Job,
    row: Row[Any] | None,
    said: str,
    reason: str,
    now: datetime,
) -> None:
    if job.attempt < job.max_attempts:
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
        if row is not None:
            # Who had to act has to until QuickBooks says something else.
            state = "refused" if row.state == "refused" else "pending"
            _say(connection, row, state, said, now, due_at=None)
        return
    queue.abandon(connection, job, by="answer", now=now, reason=reason)
    if row is not None:
        told.event(connection, job, row, "refused by QuickBooks", now, answer=reason)
        _say(connection, row, "refused", said, now, due_at=now + _HOUR)


def _refetch(
    connection: Connection,
    job: Job,
    row: Row[Any],
    answer: Answer,
    status: Status,
    now: datetime,
) -> None:
    tries = row.attempt + 1
    stale = status.code in {_OUT_OF_DATE, NOT_FOUND} or job.action != "add"
    said = _both(status, answer.message)
    own = time_jobs.own_words(answer.message)
    if tries >= _MOST_TRIES and status.code == _OUT_OF_DATE:
        said = (
            f"QuickBooks refused it {tries} times in a row, because somebody or"
            f" something changes it there all the time.{own} Please decide which side"
            " is right, or change the entry on one of them."
        )
        _say(connection, row, "conflict", said, now, due_at=None, attempt=tries)
    elif tries >= _MOST_TRIES or row.state == "refused":
        said = (
            f"QuickBooks refused it {_MOST_TRIES} times in a row or more.{own} Please"
            " mend in QuickBooks what stands in the way, or take the change back where"
            " it was made; it is tried again every six hours."
        )
        # The next one is the last of a row again.
        again = _MOST_TRIES - 1
        _say(
            connection, row, "refused", said, now, due_at=now + _LONGEST, attempt=again
        )
    elif status.code == 3140:
        _read_lists(connection, job.company_id, answer.message, now)
        _say(
            connection,
            row,
            "pending",
            said,
            now,
            due_at=now + _LISTS_FIRST * 4 ** (tries - 1),
            attempt=tries,
        )
    elif stale and row.quickbooks_id is not None:
        _read_again(connection, job, row, now, said)
    else:
        _say(
            connection,
            row,
            "pending",
            said,
            now,
            due_at=now + _LISTS_FIRST,
            attempt=tries,
        )


def _read_again(
    connection: Connection, job: Job, row: Row[Any], now: datetime, why: str
) -> None:
    """Have an entry read by its TxnID; it is planned anew from what is found."""
    txn_id = (job.payload or {}).get("txn_id") or row.quickbooks_id
    verify(
        connection,
        job.company_id,
        [txn_id],
        now=now,
        by="answer",
        summary=f"Read again: {row.name}"[:200],
    )
    _say(
        connection,
        row,
        "pending",
        why,
        now,
        due_at=now + _READ_FIRST,
        attempt=row.attempt + 1,
    )


def _read_lists(
    connection: Connection, company_id: int, message: str, now: datetime
) -> None:
    """Have the list read whole that a refusal names; all of them if it names none."""
    named = _LIST_NAMED.search(message)
    kind = _LISTS.get(named[1]) if named else None
    for one in [kind] if kind else KINDS:
        list_requests.remember(connection, company_id, one, full_due=True)
    registry.change(connection, company_id, next_read_at=now)


def _deleted(connection: Connection, job: Job, row: Row[Any], now: datetime) -> None:
    time_of_quickbooks.deleted_by_us(connection, row, now)
    tombstones.note_lost(
        connection,
        job.company_id,
        [row.id],
        "quickbooks",
        Who.OURS,
        by=history.US,
        now=now,
        detail=told.of(job, row) | {"entry": row.name},
    )
    registry.change(connection, job.company_id, deliver_at=now)


def _join(
    connection: Connection, job: Job, row: Row[Any], txn_id: str, now: datetime
) -> None:
    """Take in the record of the same entry, if it was read as one of QuickBooks' own.

    Raises:
        ValueError: that record is linked to another entry of Mosaic.
    """
    other = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == row.company_id,
            _RECORD.c.kind == time_entry.NAME,
            _RECORD.c.quickbooks_id == txn_id,
            _RECORD.c.id != row.id,
        )
    ).first()
    if other is None:
        return
    if other.mosaic_id is not None:
        raise ValueError(f"{txn_id} belongs to record {other.id} already.")
    told.event(connection, job, row, "joined", now, joined=other.id)
    history.move(connection, row.company_id, other.id, now, to=row.id)
    joining.drop(connection, row.company_id, other.id)


def _record(connection: Connection, job: Job) -> Row[Any] | None:
    return connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == job.company_id, _RECORD.c.id == job.record_id
        )
    ).first()


def _say(
    connection: Connection,
    row: Row[Any],
    state: str,
    reason: str,
    now: datetime,
    *,
    due_at: datetime | None,
    attempt: int | None = None,
) -> None:
    transitions.say(connection, row, state, reason, now, due_at=due_at, attempt=attempt)
    if due_at is not None:
        registry.change(connection, row.company_id, deliver_at=now)


def _both(status: Status, message: str) -> str:
    """Return our words, and QuickBooks' own behind them."""
    return f"{status.customer}{time_jobs.own_words(message)}"

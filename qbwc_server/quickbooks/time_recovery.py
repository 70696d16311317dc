"""A write of time whose answer was lost: what to look for, and what it means.

An Add is looked for by the person and the day, then among all that was changed after
the last complete read, because somebody may have moved it since; it is known by its
ExternalGUID. A Mod and a Delete are looked for by their TxnID. What an answer cannot
tell for certain stays unsure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.jobs import queue
from qbwc_server.jobs.doubt import Heard, Question
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry, watermark
from qbwc_server.kinds.identity import Word, likeness
from qbwc_server.kinds.restored import Mark
from qbwc_server.qbxml.request import Request
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.quickbooks import list_requests
from qbwc_server.quickbooks.time_looks import by_ids, changed_since, of_day
from qbwc_server.quickbooks.time_write_answers import (
    NOT_FOUND,
    abandon_lost,
    kept,
    see_again,
)
from qbwc_server.records.one_or_two import said
from qbwc_server.storage import tables

_SOME_NOT_FOUND = 500
_CLOCKS_DIFFER = timedelta(minutes=10)
"""How far the clock of a customer's computer may be from ours."""
_ANYWHERE = timedelta(hours=26)
"""How much earlier a wall clock may be than ours, which is UTC: 12 hours and more."""
_ALONE_AFTER = 2
_NAMED = "A person said which entry it is."
_FOUND = "The answer was lost; the entry was looked for and found."
_NOT_DONE = "The answer was lost; QuickBooks had not done it."
_CHANGED = "The answer was lost, and the entry was changed in QuickBooks since."


def look(job: Job) -> Request:
    """Return the question that tells whether a write was done."""
    payload = job.payload or {}
    doubt = job.doubt
    if doubt.question is Question.NAMED:
        return by_ids([doubt.txn_id or ""])
    if job.action != "add":
        return by_ids([payload["txn_id"]])
    if doubt.question is Question.CHANGES and doubt.since:
        return changed_since(doubt.since)
    fields = payload["fields"]
    # Where the person is no longer found, as after a merge, everybody is asked for.
    person = None if doubt.question is Question.EVERYBODY else fields["person"]
    return of_day(fields["date"], person)


def looked(
    connection: Connection, job: Job, answer: Answer, now: datetime
) -> Heard | None:
    """Settle a write from the answer to `look`; what was heard where it does not."""
    verdict = status(answer.status_code, answer.message).verdict
    if job.doubt.question is Question.NAMED:
        return _settle_named(connection, job, answer, now)
    if job.action == "add":
        if verdict not in {Verdict.DONE, Verdict.EMPTY}:
            return Heard.REFUSED
        return _settle_add(connection, job, answer, now)
    rets = [one for one in answer.rets if _is(one, job)]
    absent = verdict is Verdict.EMPTY or answer.status_code in {
        _SOME_NOT_FOUND,
        NOT_FOUND,
    }
    if not rets and not absent:
        return Heard.REFUSED
    _settle_change(connection, job, rets[0] if rets else None, now)
    return None


def _settle_named(
    connection: Connection, job: Job, answer: Answer, now: datetime
) -> Heard | None:
    """Take the entry that a person says the Add made, if it is there."""
    named = [one for one in answer.rets if one.text("TxnID") == job.doubt.txn_id]
    if not named:
        verdict = status(answer.status_code, answer.message).verdict
        absent = verdict is Verdict.EMPTY or answer.status_code in {
            _SOME_NOT_FOUND,
            NOT_FOUND,
        }
        return Heard.ABSENT if absent else Heard.REFUSED
    kept(connection, job, named[0], now)
    queue.move(connection, job, "done", by="look", now=now, reason=_NAMED)
    return None


def _settle_add(
    connection: Connection, job: Job, answer: Answer, now: datetime
) -> Heard | None:
    guid = (job.payload or {})["guid"]
    ours = [one for one in answer.rets if time_entry.guid_of(one) == guid]
    ours = ours or [one for one in answer.rets if _could_be_ours(connection, job, one)]
    if ours:
        kept(connection, job, ours[0], now)
        queue.move(connection, job, "done", by="look", now=now, reason=_FOUND)
    elif _is_known(connection, job):
        # Somebody moved it to another day, and a read has met it there.
        see_again(connection, job, None, now, _FOUND)
    elif _ask_for_changes(connection, job):
        return Heard.ABSENT
    elif job.attempt >= job.max_attempts:
        abandon_lost(connection, job, now)
    else:
        _send_again(connection, job, now)
    return None


def _ask_for_changes(connection: Connection, job: Job) -> bool:
    """Have what changed since the Add was sent looked through too, once.

    Asked for is what changed since the last complete read, for what was read is known
    by its GUID, and since a day before it was sent, wherever on earth the clock is.
    """
    if job.doubt.question is Question.CHANGES or job.sent_at is None:
        return False
    since = (job.sent_at - _ANYWHERE).strftime("%Y-%m-%dT%H:%M:%S")
    state = list_requests.state(connection, job.company_id, time_entry.NAME)
    if state is not None and state.watermark is not None:
        since = min(since, watermark.since(state.watermark))
    queue.note(connection, job, cursor=replace(job.doubt, since=since).kept())
    return True


def _send_again(connection: Connection, job: Job, now: datetime) -> None:
    """Send the same bytes again: at once after the first loss, then after a pause.

    One that was lost twice goes alone: perhaps it is what brings QuickBooks down. What
    changed is read before: somebody may have moved the entry to another day.
    """
    list_requests.read_time_first(connection, job.company_id, now)
    later: dict[str, object] = {}
    if job.attempt >= _ALONE_AFTER:
        pause = timedelta(minutes=min(job.attempt**2, 60))
        later = {"batch_limit": 1, "run_at": now + pause}
    queue.move(
        connection,
        job,
        "ready",
        by="look",
        now=now,
        reason=_NOT_DONE,
        cursor=None,
        **later,
    )


def _settle_change(
    connection: Connection, job: Job, ret: Ret | None, now: datetime
) -> None:
    payload = job.payload or {}
    if job.action == "del" and ret is None:
        kept(connection, job, None, now)
    elif job.action == "mod" and ret is not None and _holds(payload["fields"], ret):
        kept(connection, job, ret, now)
    else:
        same = ret is not None and ret.text("EditSequence") == payload["edit_sequence"]
        why = _NOT_DONE if same else _CHANGED
        see_again(connection, job, ret, now, why)
        return
    queue.move(connection, job, "done", by="look", now=now, reason=_FOUND)


def _is(ret: Ret, job: Job) -> bool:
    txn_id: str = (job.payload or {})["txn_id"]
    return ret.text("TxnID") == txn_id


def _holds(fields: Mapping[str, Any], ret: Ret) -> bool:
    """Tell whether an entry has every field as it was written."""
    there = time_entry.see(ret).snapshot
    return all(_plain(one, there[one]) == _plain(one, fields[one]) for one in fields)


def _plain(field: str, value: Any) -> Any:
    if field == "notes":
        return time_entry.normal(value or "")
    if field == "billable":
        return time_entry.is_billable(value or "")
    return value or None


def _could_be_ours(connection: Connection, job: Job, ret: Ret) -> bool:
    """Tell whether an entry without a GUID is the one of a lost Add.

    It is if it is equal, was made since the Add was sent, and is nobody else's, unless
    a person said that they are two.
    """
    made = ret.text("EditSequence")
    untouched = ret.text("TimeCreated") == ret.text("TimeModified")
    if time_entry.guid_of(ret) or not (untouched and made.isdigit() and job.sent_at):
        return False
    since = (job.sent_at - _CLOCKS_DIFFER).timestamp()
    there = time_entry.see(ret).snapshot
    if int(made) < since or not likeness((job.payload or {})["fields"], there):
        return False
    record = tables.record
    wanted = connection.execute(
        sa.select(record.c.mosaic_id).where(
            record.c.company_id == job.company_id, record.c.id == job.record_id
        )
    ).scalar()
    told = said.words_of(connection, job.company_id, quickbooks_ids=[ret.text("TxnID")])
    if told.get((ret.text("TxnID"), wanted or 0)) is Word.TWO:
        return False
    claimed = connection.execute(
        sa.select(record.c.id).where(
            record.c.company_id == job.company_id,
            record.c.kind == time_entry.NAME,
            record.c.quickbooks_id == ret.text("TxnID"),
            record.c.mosaic_id.is_not(None),
            record.c.id != job.record_id,
        )
    ).first()
    return claimed is None


def _is_known(connection: Connection, job: Job) -> bool:
    record = tables.record
    return (
        connection.execute(
            sa.select(record.c.id).where(
                record.c.company_id == job.company_id,
                record.c.id == job.record_id,
                record.c.quickbooks_id.is_not(None),
                record.c.quickbooks_gone.is_(False),
                sa.func.coalesce(record.c.restored, "") != Mark.ADD,
            )
        ).first()
        is not None
    )

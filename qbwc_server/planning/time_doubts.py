"""Entries of which nobody knows whether a side has them: what equals one waits.

An equal entry of the same person and day that is made meanwhile, on either side, could
not be told from it afterwards. It goes on when the doubt ends; `queue` wakes it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds.identity import Word, Words, likeness
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import Action, Do, Entry
from qbwc_server.storage import tables

_REASON = (
    "Waits until it is known whether QuickBooks has an entry that equals it. {reason}"
)
_HELD = (
    "Waits until it is known whether an equal entry of Mosaic is what was just created "
    "there for another one."
)
_RECORD = tables.record


def doubted(connection: Connection, company_id: int) -> list[Job]:
    """Return the additions to QuickBooks of which nobody knows whether they were done.

    Those that a person said to leave are none any more.
    """
    job = tables.job
    found = queue.select(
        connection,
        company_id,
        job.c.kind == NAME,
        job.c.action == Do.ADD.value,
        job.c.state.in_(("unsure", "failed")),
        job.c.finished_at.is_(None),
    )
    return [
        one
        for one in found
        if one.state == "unsure" or (one.in_doubt and not one.doubt.left)
    ]


def held(jobs: list[Job], row: sa.Row[Any], action: Action) -> Action | None:
    """Return that an entry waits, if it equals one in doubt; None if it may be made.

    `row` is its record, `action` what is about to be done with it.
    """
    if action.do not in {Do.ADD, Do.CREATE}:
        return None
    fields = action.fields if action.do is Do.ADD else row.quickbooks
    for job in jobs:
        doubted = (job.payload or {})["fields"]
        if job.record_id != row.id and likeness(doubted, fields):
            reason = _REASON.format(reason=job.reason or "").strip()
            return Action(Do.NOTHING, reason, waits_for=queue.waits_for(job))
    return None


def held_in_mosaic(
    connection: Connection,
    row: sa.Row[Any],
    entry: Entry,
    action: Action,
    words: Words,
) -> Action | None:
    """Return that a creation waits: an equal entry of Mosaic may be another creation's.

    Made now, it could be neither joined with that one nor told from it; unless a
    person said that they are two.
    """
    if action.do is not Do.CREATE:
        return None
    there = connection.execute(
        sa.select(_RECORD.c.waits_for, _RECORD.c.mosaic, _RECORD.c.mosaic_id)
        .where(
            _RECORD.c.company_id == row.company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.day == row.day,
            _RECORD.c.quickbooks_id.is_(None),
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.waits_for.startswith("call:"),
        )
        .order_by(_RECORD.c.id)
    )
    for one in there:
        if words.get((row.quickbooks_id, one.mosaic_id)) is Word.TWO:
            continue
        if likeness(entry.facing, one.mosaic):
            return Action(Do.NOTHING, _HELD, "pending", waits_for=one.waits_for)
    return None

"""Signs that a backup of the company file was restored, and that nothing is written.

From the first sign on nothing is written on either side, until everything was compared
completely. What the restored file shows in an older form is marked as it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import exchanges, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds.kind import Seen
from qbwc_server.kinds.restored import OPEN, Mark
from qbwc_server.kinds.time_entry import SeenTime
from qbwc_server.kinds.tombstone import Who
from qbwc_server.qbxml import values
from qbwc_server.qbxml.response import Answer
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.quickbooks import list_answers
from qbwc_server.records import restored, time_of_mosaic, tombstones
from qbwc_server.records.restored import Befell
from qbwc_server.storage import statements, tables

NOTICED = "backup restored"
_COMPARING = (
    "A backup of the company file was restored. Everything is compared before anything "
    "is written again."
)
_READING, _SESSION = tables.reading, tables.session
_ATTENTION = sa.select(tables.company.c.attention_id).where(
    statements.equal(tables.company.c.id, "company")
)


def apply_activity(
    connection: Connection, company: Company, job: Job, answer: Answer, *, now: datetime
) -> None:
    """Take the answer to CompanyActivityQuery; without a restore, writing is free.

    LastRestoreTime is missing or the start of an epoch where nothing was restored.
    """
    if status(answer.status_code, answer.message).verdict not in {
        Verdict.DONE,
        Verdict.EMPTY,
        Verdict.PARTIAL,
    }:
        list_answers.refused(connection, job, answer, now)
        return
    queue.move(connection, job, "done", by="answer", now=now)
    before = company.last_restore
    for ret in answer.rets:
        restored = ret.text("LastRestoreTime")
        registry.change(connection, company.id, last_restore=restored)
        if before is not None and not _same_moment(before, restored):
            detail = {"before": before, "now": restored}
            begin(connection, company.id, now=now, detail=detail)
            return
    exchange = exchanges.get(connection, company.id, job.exchange_id or 0)
    connection.execute(
        _SESSION.update()
        .where(
            _SESSION.c.company_id == company.id, _SESSION.c.id == exchange.session_id
        )
        .values(checked=True)
    )


def begin(
    connection: Connection, company_id: int, *, now: datetime, detail: object
) -> None:
    """Stop writing and have everything compared, because of a sign of a restore."""
    connection.execute(
        _READING.update()
        .where(_READING.c.company_id == company_id)
        .values(
            full_due=True,
            last_full_at=None,
            deleted_watermark=None,
            deletions_accepted=False,
        )
    )
    attention.attend(
        connection, company_id, error_id=attention.COMPARING, text=_COMPARING, now=now
    )
    attention.over(connection, company_id, attention.WHICH_SIDE, now=now)
    registry.change(connection, company_id, next_read_at=now)
    connection.execute(
        _SESSION.update()
        .where(_SESSION.c.company_id == company_id, _SESSION.c.state != "closed")
        .values(checked=False)
    )
    registry.audit(
        connection, company_id, now, who="quickbooks", what=NOTICED, detail=detail
    )


def stands(connection: Connection, company_id: int) -> bool:
    """Tell whether a restore was noticed and is not yet settled."""
    return first(connection, company_id) in attention.RESTORED


def first(connection: Connection, company_id: int) -> str | None:
    """Return the attention of a company that goes first, None if there is none."""
    found: str | None = connection.execute(
        _ATTENTION, {"company": company_id}
    ).scalar_one()
    return found


def note_befallen(
    connection: Connection,
    company_id: int,
    entries: Sequence[SeenTime],
    there: Mapping[str, Row[Any]],
    *,
    now: datetime,
) -> None:
    """Mark entries that the restored file has in an older form, or has again.

    `there` are their records by TxnID, before they are brought up to what was read.
    """
    found = [
        Befell(row, mark, one.seen.snapshot)
        for one in entries
        if (row := there.get(one.txn_id)) is not None
        and (mark := _befell(row, one.seen)) is not None
    ]
    if found:
        company = registry.get(connection, company_id)
        restored.note(connection, company, found, now)


def _befell(row: Row[Any], seen: Seen) -> Mark | None:
    if row.restored in OPEN:
        return None
    return befell(row, seen, seen.snapshot)


def befell(
    row: Row[Any], seen: Seen | Row[Any], shown: Mapping[str, Any]
) -> Mark | None:
    """Return what a restored file did to a record that was as `row`: it has `shown`.

    What somebody has edited in the restored file is not as any backup had it. What was
    left so after another restore was deleted by nobody: see `let_go_on`.
    """
    if _went_for_a_restore(row):
        return None
    differs = row.quickbooks != shown
    if differs and not is_older(seen, row):
        return None
    if row.quickbooks_gone:
        return Mark.AGAIN if row.mosaic_gone else None
    return Mark.OLDER if differs else None


def let_go_on(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Have an entry that was left so after a restore be as before: it is there again.

    `row` is its record as it was. The word was for the file of then; where it was
    carried out in Mosaic, the entry is made there anew.
    """
    if _went_for_a_restore(row):
        time_of_mosaic.make_anew(connection, row, now)


def _went_for_a_restore(row: Row[Any]) -> bool:
    """Tell whether we took it away in Mosaic because a restored file lacked it."""
    stone = tombstones.mosaics(row)
    by_us = stone is not None and stone.who is not Who.NOT_SHOWN
    return row.restored == Mark.LEFT and by_us


def _same_moment(before: str, now: str) -> bool:
    """Tell whether LastRestoreTime says the same, perhaps in another time zone.

    It is printed in the computer's wall clock, which changes when that moves. Two zones
    may print summer an hour apart.
    """
    if before == now:
        return True
    try:
        one, other = datetime.fromisoformat(before), datetime.fromisoformat(now)
    except ValueError:
        return False
    if one.tzinfo is None or other.tzinfo is None:
        return False
    moved = one.utcoffset() != other.utcoffset()
    return moved and abs(one - other) <= timedelta(hours=1)


def is_older(seen: Seen | Row[Any], row: Row[Any]) -> bool:
    """Tell whether an entry was edited before what is known of it.

    EditSequence is the Unix second of the edit in nearly every real record, whatever
    the wall clock shows.
    """
    before, now = row.edit_sequence or "", seen.edit_sequence
    if before.isdigit() and now.isdigit():
        return int(now) < int(before)
    known = values.wall(row.time_modified or "")
    return values.wall(seen.time_modified) < known

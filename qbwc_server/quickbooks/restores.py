"""A restored backup: stop writing, compare everything, go on by itself or ask.

Rule 1: from the first sign of a restore nothing is written on either side.
Rule 2: what the restored file lacks or has in an older form is counted only when
everything was compared completely, and is settled by the read that counted it.
Rule 3: a small difference counts as lost: Mosaic's side is put back. For a great one a
person says which side is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import exchanges, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.kind import Seen
from qbwc_server.kinds.time_entry import SeenTime
from qbwc_server.kinds.tombstone import Who
from qbwc_server.qbxml import values
from qbwc_server.qbxml.response import Answer
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.quickbooks import list_answers, list_requests, time_jobs, time_records
from qbwc_server.records import (
    due,
    history,
    time_of_mosaic,
    time_of_quickbooks,
)
from qbwc_server.storage import statements, tables

Way: TypeAlias = Literal["mosaic", "quickbooks"]
WAYS: tuple[Way, ...] = ("mosaic", "quickbooks")
ATTENTION = "backup-restored"
_NOTICED = "backup restored"
_WENT_BACK = "older after a restored backup"
_CAME_BACK = "there again after a restored backup"
_COMPARING = (
    "A backup of the company file was restored. Everything is compared before anything "
    "is written again."
)
_READING, _RECORD, _SESSION = tables.reading, tables.record, tables.session
_ATTENTION = sa.select(tables.company.c.attention_id).where(
    statements.equal(tables.company.c.id, "company")
)


class NoRestore(QbwcError):
    """A company's file was not restored, so nobody needs to say how to go on."""

    id: ClassVar[str] = "no-restore"


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
    registry.change(
        connection,
        company_id,
        attention_id=ATTENTION,
        attention=_COMPARING,
        next_read_at=now,
    )
    connection.execute(
        _SESSION.update()
        .where(_SESSION.c.company_id == company_id, _SESSION.c.state != "closed")
        .values(checked=False)
    )
    registry.audit(
        connection, company_id, now, who="quickbooks", what=_NOTICED, detail=detail
    )


def stands(connection: Connection, company_id: int) -> bool:
    """Tell whether a restore was noticed and is not yet settled."""
    found = connection.execute(_ATTENTION, {"company": company_id})
    return bool(found.scalar_one() == ATTENTION)


def note_older(
    connection: Connection,
    company_id: int,
    entries: Sequence[SeenTime],
    there: Mapping[str, Row[Any]],
    *,
    now: datetime,
) -> None:
    """Keep which entries the restored file has in an older form, or has again.

    `there` are their records by TxnID, before they are brought up to what was read.
    """
    for one in entries:
        row = there.get(one.txn_id)
        if row is not None and row.quickbooks_gone and row.mosaic_gone:
            history.event(
                connection,
                company_id,
                row.id,
                at=now,
                what=_CAME_BACK,
                by="quickbooks",
                detail={"now": one.seen.snapshot},
            )
        if row is None or row.quickbooks_gone or row.quickbooks == one.seen.snapshot:
            continue
        if _older(one.seen, row):
            history.event(
                connection,
                company_id,
                row.id,
                at=now,
                what=_WENT_BACK,
                by="quickbooks",
                detail={"before": row.quickbooks, "now": one.seen.snapshot},
            )


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


def _older(seen: Seen, row: Row[Any]) -> bool:
    """Tell whether an entry was edited before what is known of it.

    EditSequence is the Unix second of the edit in nearly every real record, whatever
    the wall clock shows.
    """
    before, now = row.edit_sequence or "", seen.edit_sequence
    if before.isdigit() and now.isdigit():
        return int(now) < int(before)
    known = values.wall(row.time_modified or "")
    return values.wall(seen.time_modified) < known


def settle(
    connection: Connection,
    company_id: int,
    missing: Sequence[str],
    known: int,
    *,
    way: str | None,
    now: datetime,
) -> str:
    """Settle what a complete compare of time found, or ask; return it in words.

    `missing` are the TxnIDs that are neither in the file nor told as deleted, `known`
    is how many there might be, `way` what a person said.
    """
    older = _since(connection, company_id, _WENT_BACK)
    again = _since(connection, company_id, _CAME_BACK)
    text = (
        "A backup of the company file was restored. "
        f"{len(missing)} time entries are missing in it and {len(older)} are older "
        "than we knew them."
    )
    if again:
        text += f" {len(again)} that were deleted are there again."
    chosen = way
    undone = len(missing) + len(older) + len(again)
    if way is None and not list_answers.too_many(undone, known):
        chosen = "mosaic"
    if chosen is None:
        text += " Nothing is written until you say which side is right."
        registry.change(connection, company_id, attention=text)
        return text
    if chosen == "mosaic":
        _put_back(connection, company_id, missing, now)
        _give_mosaics_values(connection, company_id, older, now)
    else:
        time_records.mark_gone(
            connection, company_id, missing, now=now, who=Who.RESTORE
        )
        _make_again_in_mosaic(connection, company_id, again, now)
    list_requests.remember(
        connection, company_id, time_entry.NAME, deletions_accepted=True
    )
    registry.audit(
        connection,
        company_id,
        now,
        who="server" if way is None else "operator",
        what=f"after the restore, {chosen} is right",
        detail={"missing": len(missing), "older": len(older), "again": len(again)},
    )
    return text


def review(connection: Connection, company_id: int, now: datetime) -> None:
    """Go on when everything was compared since the restore, and time was settled."""
    if not stands(connection, company_id):
        return
    company = registry.get(connection, company_id)
    names = [kind.name for kind in list_requests.kinds_of(company)]
    times = list_requests.state(connection, company_id, time_entry.NAME)
    if company.time_tracking is not False:
        names += [time_entry.NAME, list_requests.TIME_DELETIONS]
        if times is not None and not times.deletions_accepted:
            return
    open_ones = connection.execute(
        sa.select(_READING.c.kind).where(
            _READING.c.company_id == company_id,
            _READING.c.kind.in_(names),
            _READING.c.problem.is_(None),
            _READING.c.last_full_at.is_(None),
        )
    ).first()
    if open_ones is not None:
        return
    list_requests.remember(
        connection, company_id, time_entry.NAME, deletions_accepted=False
    )
    # Lists of which too much was gone could not say so while this stood in front.
    connection.execute(
        _READING.update()
        .where(
            _READING.c.company_id == company_id,
            _READING.c.kind.in_(
                [kind.name for kind in list_requests.kinds_of(company)]
            ),
        )
        .values(full_due=True)
    )
    registry.change(
        connection, company_id, attention_id=None, attention=None, next_read_at=now
    )
    due.look_at_all(connection, company_id, now)


def decide(
    connection: Connection, company_id: int, way: Way, *, now: datetime, who: str
) -> None:
    """Take a person's word on which side is right after a restore.

    It is done by the next complete compare, so that it is about what is there then.

    Raises:
        NoRestore: nothing waits for that word.
    """
    company = registry.get(connection, company_id)
    if company.attention_id != ATTENTION:
        raise NoRestore(f"{company.name} waits for no word about a restored backup.")
    registry.audit(connection, company_id, now, who=who, what=f"after restore: {way}")
    payload = {"after_restore": way}
    waiting = queue.select(
        connection,
        company_id,
        tables.job.c.kind == time_entry.NAME,
        tables.job.c.action == "read",
        tables.job.c.finished_at.is_(None),
    )
    for job in waiting:
        queue.note(connection, job, payload=payload)
    if not waiting:
        queue.enqueue(
            connection,
            company_id,
            kind=time_entry.NAME,
            action="read",
            summary="Read time entries",
            now=now,
            by=who,
            dedupe_key=f"read:{time_entry.NAME}",
            payload=payload,
        )
    list_requests.remember(connection, company_id, time_entry.NAME, full_due=True)
    if way == "quickbooks":
        names = [kind.name for kind in list_requests.kinds_of(company)]
        connection.execute(
            _READING.update()
            .where(_READING.c.company_id == company_id, _READING.c.kind.in_(names))
            .values(deletions_accepted=True, full_due=True)
        )
    registry.change(connection, company_id, next_read_at=now)


def _since(connection: Connection, company_id: int, what: str) -> dict[int, Any]:
    """Return the snapshots of entries that something befell by the restore."""
    audit, event = tables.audit, tables.record_event
    noticed = sa.select(sa.func.max(audit.c.id)).where(
        audit.c.company_id == company_id, audit.c.what == _NOTICED
    )
    rows = connection.execute(
        sa.select(event.c.record_id, event.c.detail)
        .where(
            event.c.company_id == company_id,
            event.c.what == what,
            event.c.id > noticed.scalar_subquery(),
        )
        .order_by(event.c.id)
    )
    return {row.record_id: row.detail["now"] for row in rows}


def _put_back(
    connection: Connection, company_id: int, missing: Sequence[str], now: datetime
) -> None:
    """Have entries added to QuickBooks again from Mosaic; the others are gone."""
    rows = time_records.known(connection, company_id, missing)
    lost = [
        row.quickbooks_id
        for row in rows.values()
        if row.mosaic_id is None or row.mosaic_gone
    ]
    time_records.mark_gone(connection, company_id, lost, now=now, who=Who.RESTORE)
    again = [row for row in rows.values() if row.quickbooks_id not in set(lost)]
    for row in again:
        time_of_quickbooks.taken_by_restore(connection, row, now)
        history.event(
            connection,
            company_id,
            row.id,
            at=now,
            what=time_jobs.UNDONE,
            by="quickbooks",
            detail={"txn_id": row.quickbooks_id, "quickbooks": row.quickbooks},
        )
    time_records.wake(connection, company_id, [row.id for row in again], now)


def _make_again_in_mosaic(
    connection: Connection, company_id: int, again: Mapping[int, Any], now: datetime
) -> None:
    """Have entries that the restored file has again made in Mosaic as new ones."""
    woken = [
        one
        for one in again
        if time_of_mosaic.make_anew(connection, company_id, one, now)
    ]
    time_records.wake(connection, company_id, woken, now)


def _give_mosaics_values(
    connection: Connection, company_id: int, older: Mapping[int, Any], now: datetime
) -> None:
    """Take the older form as agreed, so that Mosaic's values count as the newer."""
    linked = [
        record_id
        for record_id, snapshot in older.items()
        if time_of_quickbooks.older_is_agreed(
            connection, company_id, record_id, snapshot
        )
    ]
    time_records.wake(connection, company_id, linked, now)

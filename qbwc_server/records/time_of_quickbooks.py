"""What QuickBooks has of time entries, written into their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import restored, time_entry
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.records import history
from qbwc_server.records.due import make_due
from qbwc_server.records.edits import InQuickBooks
from qbwc_server.records.row import change
from qbwc_server.records.told import changes, former, seen
from qbwc_server.records.told.seen import THERE_AGAIN, Change
from qbwc_server.records.waiting import FREE, chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved, next_ids
from qbwc_server.storage.statements import insert_many

_RECORD = tables.record
OVER: Final[Mapping[str, object]] = {"restored": None, "lost": sa.null()}
"""What is written of a record about which a restored backup is over."""
_TOLD = (Mark.OLDER, Mark.AGAIN)
"""What a restored backup did to an entry that is there is told when it is noticed."""
_WRITTEN = (Mark.ADD, Mark.CHANGE, Mark.LEFT)
"""What a restored backup did to an entry is over when it is written again."""


def add(
    connection: Connection,
    company_id: int,
    entries: Sequence[SeenTime],
    now: datetime,
    full_read: int | None,
    *,
    unknown_to_copy: bool = False,
) -> None:
    """Make records of entries that were unknown.

    `unknown_to_copy` marks them as what our own restored database did not know.
    """
    if not entries:
        return
    ids = next_ids(connection, company_id, len(entries))
    insert_many(
        connection,
        _RECORD,
        [
            {
                "id": record_id,
                "name": one.seen.name,
                "day": one.day,
                "quickbooks_id": one.txn_id,
                "quickbooks": one.seen.snapshot,
                "edit_sequence": one.seen.edit_sequence,
                "time_modified": one.seen.time_modified,
                "time_created": one.created,
                "txn_number": one.number,
                "parent_id": one.seen.parent_id,
                "delivery_rank": time_entry.delivery_rank(
                    one.day, now.date(), linked=False
                ),
                "lost": {"guid": one.guid} if unknown_to_copy else None,
            }
            for record_id, one in zip(ids, entries, strict=True)
        ],
        {
            "company_id": company_id,
            "kind": NAME,
            "state": "pending",
            "due_at": now,
            "seen_in": full_read,
            "restored": Mark.COPY.value if unknown_to_copy else None,
            "created_at": now,
            "changed_at": now,
        },
    )
    moved(connection, company_id)


def renew(
    connection: Connection,
    company_id: int,
    entries: Sequence[tuple[Row[Any], SeenTime]],
    now: datetime,
    *,
    sent: Mapping[int, Mapping[str, Any]],
) -> None:
    """Bring records up to entries that differ from what was known, and make them due.

    What was gone is there again. `sent` is by record what a change of ours carries that
    nobody has answered yet: who is the one that changed it depends on that.
    """
    if not entries:
        return
    _tell(connection, company_id, entries, now, sent)
    edits = InQuickBooks(connection, company_id, now)
    for row, one in entries:
        former.leaves(connection, row, now, quickbooks_id=one.txn_id)
    connection.execute(
        _one(company_id).values(
            {
                **_STAMPS,
                "quickbooks_id": sa.bindparam("txn_id"),
                "quickbooks": sa.bindparam("snapshot"),
                "edited": sa.bindparam("when"),
                "quickbooks_gone": False,
                "unread": None,
                "restored": sa.bindparam("mark"),
                "lost": sa.bindparam("known", type_=_RECORD.c.lost.type),
                "day": sa.bindparam("new_day"),
                "parent_id": sa.bindparam("parent"),
                "delivery_rank": sa.bindparam("new_rank"),
                "changed_at": now,
            }
        ),
        [
            {
                **_stamps(row.id, one),
                "txn_id": one.txn_id,
                "snapshot": one.seen.snapshot,
                "when": edits.after(row, one.seen),
                **_mark(row, one),
                "new_day": one.day,
                "parent": one.seen.parent_id,
                "new_rank": time_entry.delivery_rank(
                    one.day,
                    now.date(),
                    linked=row.mosaic_id is not None and not row.mosaic_gone,
                ),
            }
            for row, one in entries
        ],
    )
    make_due(connection, company_id, [row.id for row, _ in entries], now)
    moved(connection, company_id)


def _tell(
    connection: Connection,
    company_id: int,
    entries: Sequence[tuple[Row[Any], SeenTime]],
    now: datetime,
    sent: Mapping[int, Mapping[str, Any]],
) -> None:
    """Keep what somebody did to entries; what a restored backup did is told by that."""
    by_people = [
        (row, one.seen.snapshot)
        for row, one in entries
        if row.restored not in _TOLD or row.quickbooks != row.lost
    ]
    back = [
        history.Happened(row.id, THERE_AGAIN, "quickbooks", {"txn_id": one.txn_id})
        for row, one in entries
        if row.quickbooks_id == one.txn_id
        and (row.restored in restored.NOT_THERE or row.quickbooks_gone)
        and row.restored not in _TOLD
    ]
    history.events(connection, company_id, back, at=now)
    changed = [
        Change(
            row.id,
            row.quickbooks,
            after,
            NAME,
            ours=changes.are_sent(row.quickbooks, after, sent.get(row.id, {})),
        )
        for row, after in by_people
    ]
    seen.keep(connection, company_id, "quickbooks", changed, now)


def restamp(
    connection: Connection,
    company_id: int,
    entries: Sequence[tuple[Row[Any], SeenTime]],
) -> None:
    """Keep new stamps and names of entries that are else as they were."""
    if entries:
        connection.execute(
            _one(company_id).values(_STAMPS),
            [_stamps(row.id, one) for row, one in entries],
        )


def delete(
    connection: Connection, company_id: int, txn_ids: Iterable[str], now: datetime
) -> list[int]:
    """Note that entries are not in QuickBooks any more; return their records."""
    ids: list[int] = []
    for part in chunks(list(txn_ids)):
        ids += connection.execute(
            _RECORD.update()
            .where(*_here(company_id), _RECORD.c.quickbooks_id.in_(part))
            .values(
                quickbooks_gone=True,
                unread=None,
                changed_at=now,
                delivery_rank=time_entry.RANK_OF_EDITS,
                **OVER,
            )
            .returning(_RECORD.c.id)
        ).scalars()
    make_due(connection, company_id, ids, now)
    if ids:
        moved(connection, company_id)
    return ids


def wake_where(
    connection: Connection,
    company_id: int,
    condition: sa.ColumnElement[bool],
    now: datetime,
) -> int:
    """Have entries looked at for which a condition holds; return how many they are."""
    return connection.execute(
        _RECORD.update().where(*_here(company_id), condition).values(due_at=now, **FREE)
    ).rowcount


def written(
    connection: Connection,
    row: Row[Any],
    one: SeenTime,
    agreed: Mapping[str, Any],
    now: datetime,
) -> None:
    """Keep what QuickBooks has after a write of ours, and what both agree on by it."""
    rank = row.delivery_rank if row.mosaic_id is None else time_entry.RANK_OF_EDITS
    edits = InQuickBooks(connection, row.company_id, now)
    former.leaves(connection, row, now, quickbooks_id=one.txn_id)
    change(
        connection,
        row.company_id,
        row.id,
        **_side(one),
        edited=edits.after(row, one.seen, ours=True),
        agreed=agreed,
        delivery_rank=rank,
        attempt=row.attempt + 1,
        **(OVER if row.restored in _WRITTEN else {}),
        **_planned(row, now),
    )


def shown(connection: Connection, row: Row[Any], one: SeenTime, now: datetime) -> None:
    """Keep what QuickBooks has where a write of ours was not done."""
    former.leaves(connection, row, now, quickbooks_id=one.txn_id)
    if not row.quickbooks_gone and row.restored is None:
        change_seen = Change(row.id, row.quickbooks, one.seen.snapshot, NAME)
        seen.keep(connection, row.company_id, "quickbooks", [change_seen], now)
    edits = InQuickBooks(connection, row.company_id, now)
    change(
        connection,
        row.company_id,
        row.id,
        **_side(one),
        edited=edits.after(row, one.seen),
        **_planned(row, now),
    )
    moved(connection, row.company_id)


def deleted_by_us(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Keep that we deleted an entry, because Mosaic did not show its own any more.

    Nothing is agreed on after that: should Mosaic have it again, nobody deleted it in
    QuickBooks, and it is made there again.
    """
    change(
        connection,
        row.company_id,
        row.id,
        quickbooks_gone=True,
        agreed=sa.null(),
        attempt=row.attempt + 1,
        **_planned(row, now),
        **(OVER if row.restored == Mark.REMOVE else {}),
    )


def _mark(row: Row[Any], one: SeenTime) -> dict[str, Any]:
    mark = restored.when_shown(row.restored, row.lost, one.seen.snapshot)
    return {"mark": mark, "known": None if mark is None else row.lost}


def _one(company_id: int) -> sa.Update:
    return _RECORD.update().where(
        _RECORD.c.company_id == company_id, _RECORD.c.id == sa.bindparam("which")
    )


_STAMPS: Mapping[str, Any] = {
    "name": sa.bindparam("new_name"),
    "edit_sequence": sa.bindparam("sequence"),
    "time_modified": sa.bindparam("modified"),
    "time_created": sa.bindparam("created"),
    "txn_number": sa.bindparam("number"),
}


def _stamps(record_id: int, one: SeenTime) -> dict[str, Any]:
    return {
        "which": record_id,
        "new_name": one.seen.name,
        "sequence": one.seen.edit_sequence,
        "modified": one.seen.time_modified,
        "created": one.created,
        "number": one.number,
    }


def _side(one: SeenTime) -> dict[str, Any]:
    """Return the columns that hold QuickBooks' side."""
    seen = one.seen
    return {
        "name": seen.name,
        "day": one.day,
        "quickbooks_id": seen.quickbooks_id,
        "quickbooks": seen.snapshot,
        "quickbooks_gone": False,
        "unread": None,
        "edit_sequence": seen.edit_sequence,
        "time_modified": seen.time_modified,
        "time_created": one.created,
        "txn_number": one.number,
        "parent_id": seen.parent_id,
    }


def _planned(row: Row[Any], now: datetime) -> dict[str, Any]:
    told = row.state == "do_not_link"
    return {
        "due_at": now,
        "changed_at": now,
        **FREE,
        "state": row.state if told else "pending",
        "reason": row.reason if told else None,
    }


def _here(company_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (_RECORD.c.company_id == company_id, _RECORD.c.kind == NAME)

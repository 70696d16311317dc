"""Records: every object known on either side, and what each side has of it.

What must still go to Mosaic is derived from the snapshots, never queued: a record whose
QuickBooks side changed becomes due, however often it changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.kinds.tombstone import TOLD, Who
from qbwc_server.records import history, waiting
from qbwc_server.records.due import make_due, unless_told
from qbwc_server.records.row import change
from qbwc_server.records.told import seen
from qbwc_server.records.told.seen import THERE_AGAIN, Change
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved, next_ids
from qbwc_server.storage.statements import equal, insert_many, matching

_RECORD = tables.record
_DEEPEST = 12
"""QuickBooks has five levels; more than this is a circle in what was read."""
_SHAPES_BELOW = ("name", "parent_id", "is_active")
KEPT = "Read and kept; Mosaic has no such thing."


def keep_seen(
    connection: Connection,
    company_id: int,
    kind: Kind,
    objects: Sequence[Seen],
    *,
    now: datetime,
    full_read: int | None = None,
) -> int:
    """Bring the QuickBooks side of records up to what was read.

    Returns how many are new or differ from what was known. `full_read` is the id of the
    job that reads everything: objects that it does not meet are found by `unseen` when
    it is done.
    """
    wanted = {one.quickbooks_id: one for one in objects}
    there = {
        row.quickbooks_id: row
        for row in by_quickbooks_id(connection, company_id, kind.name, wanted)
    }
    new = [one for key, one in wanted.items() if key not in there]
    changed = [one for key, one in wanted.items() if _differs(there.get(key), one)]
    _insert(connection, company_id, kind, new, now, full_read)
    _update(connection, company_id, kind, changed, there, now)
    if full_read is not None:
        met = [row.id for row in there.values()]
        change(connection, company_id, met, seen_in=full_read)
    shaping = [
        one.quickbooks_id
        for one in changed
        if _shapes_below(there[one.quickbooks_id], one)
    ]
    awaited = waiting.awaited_new(connection, company_id, kind, new)
    shaping += awaited
    # A reason that says "not read yet" is not true of it any more.
    waiting.wake_waiting_for(
        connection, company_id, ((kind.name, one) for one in awaited), now
    )
    _refresh_below(connection, company_id, kind, shaping, now)
    if new or changed:
        moved(connection, company_id)
    if kind.mirror is not None and (new or changed):
        registry.change(connection, company_id, deliver_at=now)
    return len(new) + len(changed)


def mark_met(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_ids: Iterable[str],
    full_read: int,
) -> None:
    """Note that a full read met objects, whatever else is known of them."""
    for part in chunks(list(quickbooks_ids)):
        connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind,
                _RECORD.c.quickbooks_id.in_(part),
            )
            .values(seen_in=full_read)
        )


def _insert(
    connection: Connection,
    company_id: int,
    kind: Kind,
    objects: Sequence[Seen],
    now: datetime,
    full_read: int | None,
) -> None:
    if not objects:
        return
    ids = next_ids(connection, company_id, len(objects))
    mirrored = kind.mirror is not None
    insert_many(
        connection,
        _RECORD,
        [
            {
                "id": record_id,
                "name": one.name,
                "quickbooks_id": one.quickbooks_id,
                "quickbooks": one.snapshot,
                "edit_sequence": one.edit_sequence,
                "time_modified": one.time_modified,
                "parent_id": one.parent_id,
                "delivery_rank": one.rank,
            }
            for record_id, one in zip(ids, objects, strict=True)
        ],
        {
            "company_id": company_id,
            "kind": kind.name,
            "state": "pending" if mirrored else "in_sync",
            "reason": None if mirrored else KEPT,
            "due_at": now if mirrored else None,
            "seen_in": full_read,
            "created_at": now,
            "changed_at": now,
        },
    )


def _update(
    connection: Connection,
    company_id: int,
    kind: Kind,
    objects: Sequence[Seen],
    there: dict[str, Row[Any]],
    now: datetime,
) -> None:
    if not objects:
        return
    _tell(connection, company_id, kind, objects, there, now)
    same = _RECORD.update().where(
        _RECORD.c.company_id == company_id,
        _RECORD.c.id == sa.bindparam("which"),
    )
    connection.execute(
        same.values(
            {
                "name": sa.bindparam("new_name"),
                "quickbooks": sa.bindparam("snapshot"),
                "unread": None,
                "quickbooks_gone": False,
                "edit_sequence": sa.bindparam("sequence"),
                "time_modified": sa.bindparam("modified"),
                "parent_id": sa.bindparam("parent"),
                "delivery_rank": sa.bindparam("rank"),
                "changed_at": now,
            }
        ),
        [
            {
                "which": there[one.quickbooks_id].id,
                "new_name": one.name,
                "snapshot": one.snapshot,
                "sequence": one.edit_sequence,
                "modified": one.time_modified,
                "parent": one.parent_id,
                "rank": one.rank,
            }
            for one in objects
        ],
    )
    differing = [
        there[one.quickbooks_id].id
        for one in objects
        if there[one.quickbooks_id].quickbooks != one.snapshot
        or there[one.quickbooks_id].quickbooks_gone
        or there[one.quickbooks_id].unread is not None
    ]
    if kind.mirror is not None:
        make_due(connection, company_id, differing, now)
        return
    told = unless_told("in_sync")
    change(connection, company_id, differing, state=told, reason=KEPT)


def _tell(
    connection: Connection,
    company_id: int,
    kind: Kind,
    objects: Sequence[Seen],
    there: dict[str, Row[Any]],
    now: datetime,
) -> None:
    """Keep what somebody changed of objects in QuickBooks; we change none there."""
    pairs = [(there[one.quickbooks_id], one.snapshot) for one in objects]
    back = [
        history.Happened(row.id, THERE_AGAIN, "quickbooks")
        for row, _ in pairs
        if row.quickbooks_gone
    ]
    history.events(connection, company_id, back, at=now)
    changed = [Change(row.id, row.quickbooks, to, kind.name) for row, to in pairs]
    seen.keep(connection, company_id, "quickbooks", changed, now)


def count(connection: Connection, company_id: int) -> int:
    """Return how many records a company has."""
    found: int = connection.execute(
        sa.select(sa.func.count())
        .select_from(_RECORD)
        .where(_RECORD.c.company_id == company_id)
    ).scalar_one()
    return found


def mark_gone(
    connection: Connection,
    company_id: int,
    kind: Kind,
    quickbooks_ids: Iterable[str],
    *,
    now: datetime,
) -> int:
    """Note that objects were deleted in QuickBooks; return how many were not yet."""
    gone: list[int] = []
    for part in chunks(list(quickbooks_ids)):
        gone += connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind.name,
                _RECORD.c.quickbooks_id.in_(part),
                _RECORD.c.quickbooks_gone.is_(False),
            )
            .values(
                quickbooks_gone=True,
                changed_at=now,
                attempt=0,
                due_at=now if kind.mirror is not None else None,
                state=unless_told("pending" if kind.mirror is not None else "gone"),
                reason="Deleted in QuickBooks.",
            )
            .returning(_RECORD.c.id)
        ).scalars()
    told = TOLD["quickbooks", Who.PERSON]
    happened = [history.Happened(one, told, "quickbooks") for one in gone]
    history.events(connection, company_id, happened, at=now)
    if gone:
        moved(connection, company_id)
    if gone and kind.mirror is not None:
        registry.change(connection, company_id, deliver_at=now)
    return len(gone)


def alive(
    connection: Connection, company_id: int, kind: Kind, quickbooks_ids: Iterable[str]
) -> tuple[list[str], int]:
    """Return which of the ids are not known as gone, and how many there are in all."""
    here = (
        _RECORD.c.company_id == company_id,
        _RECORD.c.kind == kind.name,
        _RECORD.c.quickbooks_gone.is_(False),
    )
    found: list[str] = []
    for part in chunks(list(quickbooks_ids)):
        rows = connection.execute(
            sa.select(_RECORD.c.quickbooks_id).where(
                *here, _RECORD.c.quickbooks_id.in_(part)
            )
        )
        found += [row.quickbooks_id for row in rows]
    known: int = connection.execute(
        sa.select(sa.func.count()).select_from(_RECORD).where(*here)
    ).scalar_one()
    return found, known


def unseen(
    connection: Connection, company_id: int, kind: Kind, full_read: int
) -> tuple[list[str], int]:
    """Return the ids that a full read did not meet, and how many it might have met."""
    alive = (
        _RECORD.c.company_id == company_id,
        _RECORD.c.kind == kind.name,
        _RECORD.c.quickbooks_id.is_not(None),
        _RECORD.c.quickbooks_gone.is_(False),
    )
    missed = connection.execute(
        sa.select(_RECORD.c.quickbooks_id).where(
            *alive, sa.func.coalesce(_RECORD.c.seen_in, 0) != full_read
        )
    )
    known: int = connection.execute(
        sa.select(sa.func.count()).select_from(_RECORD).where(*alive)
    ).scalar_one()
    return [str(row.quickbooks_id) for row in missed], known


def quickbooks_ids(
    connection: Connection, company_id: int, record_ids: Iterable[int | None]
) -> dict[int, str | None]:
    """Return what records are in QuickBooks, by their ids."""
    rows = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.quickbooks_id).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id.in_(list(record_ids))
        )
    )
    return {row.id: row.quickbooks_id for row in rows}


def _differs(row: Row[Any] | None, one: Seen) -> bool:
    return row is not None and (
        row.quickbooks != one.snapshot
        or row.name != one.name
        or row.edit_sequence != one.edit_sequence
        or row.time_modified != one.time_modified
        or bool(row.quickbooks_gone)
        or row.unread is not None
    )


def _shapes_below(row: Row[Any], one: Seen) -> bool:
    before = row.quickbooks or {}
    return bool(row.quickbooks_gone) or any(
        before.get(name) != one.snapshot.get(name) for name in _SHAPES_BELOW
    )


def _refresh_below(
    connection: Connection,
    company_id: int,
    kind: Kind,
    quickbooks_ids: Sequence[str],
    now: datetime,
) -> None:
    """Rename and look again at all that stand below renamed or moved objects.

    QuickBooks need not touch TimeModified of the children, so they may not be read.
    """
    parents = list(quickbooks_ids)
    for _ in range(_DEEPEST):
        above = {
            row.quickbooks_id: row.name
            for row in by_quickbooks_id(connection, company_id, kind.name, parents)
        }
        children: list[Row[Any]] = []
        for part in chunks(list(above)):
            children += connection.execute(
                sa.select(_RECORD).where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.kind == kind.name,
                    _RECORD.c.parent_id.in_(part),
                )
            ).all()
        if not children:
            return
        for child in children:
            name = (
                f"{above[child.parent_id]}:{(child.quickbooks or {}).get('name', '')}"
            )
            change(connection, company_id, child.id, name=name)
        if kind.mirror is not None:
            make_due(connection, company_id, [child.id for child in children], now)
        parents = [child.quickbooks_id for child in children]


def by_quickbooks_id(
    connection: Connection, company_id: int, kind: str, ids: Iterable[str]
) -> Iterator[Row[Any]]:
    """Yield the records of a kind that have one of the ids in QuickBooks."""
    wanted = list(dict.fromkeys(ids))
    given = {"company": company_id, "kind": kind}
    return matching(connection, _OF_KIND, _RECORD.c.quickbooks_id, wanted, given)


_OF_KIND = sa.select(_RECORD).where(
    equal(_RECORD.c.company_id, "company"), equal(_RECORD.c.kind, "kind")
)

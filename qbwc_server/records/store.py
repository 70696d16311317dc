"""Records: every object known on either side, and what each side has of it.

What must still go to Mosaic is derived from the snapshots, never queued: a record whose
QuickBooks side changed becomes due, however often it changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.kinds.list_plan import Choice
from qbwc_server.storage import tables
from qbwc_server.storage.database import next_ids
from qbwc_server.storage.statements import equal, insert_many, matching

_RECORD = tables.record
_DEEPEST = 12
"""QuickBooks has five levels; more than this is a circle in what was read."""
_CHUNK = 500
_SHAPES_BELOW = ("name", "parent_id", "is_active")
_ALSO_WORK = frozenset({"vendor", "other_name"})
UNREAD = (
    "QuickBooks has a newer form of it that our program could not read. Support must "
    "look at it; it is read again after the fix."
)
_KEPT = "Read and kept; Mosaic has no such thing."
WAITS: Final = (
    _RECORD.c.waits_for,
    _RECORD.c.waits_for_second,
    _RECORD.c.waits_for_third,
)
"""A time entry has three references, and waits for as many things as are missing."""
FREE: Final[Mapping[str, object]] = {column.name: None for column in WAITS}
"""What is written of a record that waits for nothing any more."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a record, by whom; `detail` is what can be read of it later."""

    record_id: int
    what: str
    by: str
    detail: object = None


def keep_seen(
    connection: Connection,
    company_id: int,
    kind: Kind,
    objects: Sequence[Seen],
    *,
    now: datetime,
    full_read: int | None = None,
) -> None:
    """Bring the QuickBooks side of records up to what was read.

    `full_read` is the id of the job that reads everything: objects that it does not
    meet are found by `unseen` when it is done.
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
    if full_read is not None and there:
        for part in _chunks([row.id for row in there.values()]):
            connection.execute(
                _RECORD.update()
                .where(_RECORD.c.company_id == company_id, _RECORD.c.id.in_(part))
                .values(seen_in=full_read)
            )
    shaping = [
        one.quickbooks_id
        for one in changed
        if _shapes_below(there[one.quickbooks_id], one)
    ]
    awaited = _waited_for(connection, company_id, kind, new)
    shaping += awaited
    # A reason that says "not read yet" is not true of it any more.
    wake_waiting_for(connection, company_id, ((kind.name, one) for one in awaited), now)
    _refresh_below(connection, company_id, kind, shaping, now)
    if kind.mirror is not None and (new or changed):
        registry.change(connection, company_id, deliver_at=now)


def mark_met(
    connection: Connection,
    company_id: int,
    kind: Kind,
    quickbooks_ids: Iterable[str],
    full_read: int,
) -> None:
    """Note that a full read met objects, whatever else is known of them."""
    for part in _chunks(list(quickbooks_ids)):
        connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind.name,
                _RECORD.c.quickbooks_id.in_(part),
            )
            .values(seen_in=full_read)
        )


def note_unread(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_ids: Iterable[str],
    *,
    exchange_id: int | None,
    now: datetime,
) -> None:
    """Say of records that QuickBooks showed a form that our program could not read.

    They rest until it is read: what is known of them is no longer so.
    """
    decided = ("do_not_link", "gone", "conflict")
    for part in _chunks([one for one in quickbooks_ids if one]):
        rows = connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind,
                _RECORD.c.quickbooks_id.in_(part),
                _RECORD.c.state.not_in(decided),
            )
            .values(state="refused", reason=UNREAD, due_at=None)
            .returning(_RECORD.c.id)
        ).scalars()
        for record_id in list(rows):
            event(
                connection,
                company_id,
                record_id,
                at=now,
                what="not read",
                by="our program",
                detail={"exchange": exchange_id},
            )


def wake_unread(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_ids: Iterable[str],
    *,
    mirrored: bool,
    now: datetime,
) -> None:
    """Let records go on that rested because they could not be read; see `note_unread`.

    Those of a kind that is not `mirrored` are only kept.
    """
    resting: dict[str, object] = {"state": "pending", "reason": None, "due_at": now}
    if not mirrored:
        resting = {"state": "in_sync", "reason": _KEPT}
    for part in _chunks(list(quickbooks_ids)):
        connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind,
                _RECORD.c.quickbooks_id.in_(part),
                _RECORD.c.state == "refused",
                _RECORD.c.reason == UNREAD,
            )
            .values(**resting)
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
            "reason": None if mirrored else _KEPT,
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
    same = _RECORD.update().where(
        _RECORD.c.company_id == company_id,
        _RECORD.c.id == sa.bindparam("which"),
    )
    connection.execute(
        same.values(
            {
                "name": sa.bindparam("new_name"),
                "quickbooks": sa.bindparam("snapshot"),
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
    ]
    if kind.mirror is not None:
        make_due(connection, company_id, differing, now)
        return
    for part in _chunks(differing):
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == company_id, _RECORD.c.id.in_(part))
            .values(state=_unless_told("in_sync"), reason=_KEPT)
        )


def _unless_told(state: str) -> sa.Case[str]:
    """Return a state for a record, or that a person said it is not to be linked."""
    told = "do_not_link"
    return sa.case((_RECORD.c.state == told, told), else_=state)


def count(connection: Connection, company_id: int) -> int:
    """Return how many records a company has."""
    found: int = connection.execute(
        sa.select(sa.func.count())
        .select_from(_RECORD)
        .where(_RECORD.c.company_id == company_id)
    ).scalar_one()
    return found


def make_due(
    connection: Connection, company_id: int, record_ids: Iterable[int], now: datetime
) -> None:
    """Have records looked at by the worker; what a person decided stays."""
    for part in _chunks(list(record_ids)):
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == company_id, _RECORD.c.id.in_(part))
            .values(
                due_at=now,
                attempt=0,
                state=_unless_told("pending"),
                reason=None,
            )
        )


def leave_out(
    connection: Connection, company_id: int, record_id: int, reason: str, now: datetime
) -> None:
    """Have a record take no part, because a person said so."""
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.id == record_id)
        .values(
            choice=Choice.NONE.value,
            state="do_not_link",
            reason=reason,
            due_at=None,
            waits_for=None,
            changed_at=now,
        )
    )


def take_in(connection: Connection, company_id: int, record_id: int) -> None:
    """Have a record that was left out take part again; its caller makes it due."""
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.id == record_id)
        .values(choice=None, state="pending", reason=None)
    )


def wake_waiting(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_id: str,
    now: datetime,
) -> None:
    """Have those looked at that wait for a record, or stand directly below it."""
    wake_waiting_for(connection, company_id, [(kind, quickbooks_id)], now)


def wake_waiting_for(
    connection: Connection,
    company_id: int,
    objects: Iterable[tuple[str, str]],
    now: datetime,
) -> None:
    """Do the same for many, each a kind and an id in QuickBooks."""
    by_kind: dict[str, list[str]] = {}
    for kind, quickbooks_id in objects:
        by_kind.setdefault(kind, []).append(quickbooks_id)
    names = [name for kind, ids in by_kind.items() for name in _awaited_as(kind, ids)]
    wake_named(connection, company_id, names, now)
    for kind, ids in by_kind.items():
        for part in _chunks(ids):
            connection.execute(
                _RECORD.update()
                .where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.kind == kind,
                    _RECORD.c.parent_id.in_(part),
                    _RECORD.c.due_at.is_(None),
                )
                .values(due_at=now)
            )


def wake_named(
    connection: Connection, company_id: int, names: Iterable[str], now: datetime
) -> None:
    """Have those looked at that wait, besides others or alone, for one of the names.

    Each column has an index of its own, which a condition over all three would not use.
    """
    for part in _chunks(sorted(set(names))):
        for column in WAITS:
            connection.execute(
                _RECORD.update()
                .where(_RECORD.c.company_id == company_id, column.in_(part))
                .values(due_at=now, **FREE)
            )


def waiting(names: Iterable[str | None]) -> dict[str, str | None]:
    """Return the columns of a record that waits for some things, the first in its own.

    The first is None where a person must act before it can go.
    """
    columns = (column.name for column in WAITS)
    return dict(zip_longest(columns, names))


def _awaited_as(kind: str, quickbooks_ids: Iterable[str]) -> dict[str, str]:
    """Return by which names records of a kind are waited for, with their ids.

    Time does not tell in which list its person is: it waits for an employee.
    """
    known_as = (kind, "employee") if kind in _ALSO_WORK else (kind,)
    return {f"{name}:{one}": one for one in quickbooks_ids for name in known_as}


def mark_gone(
    connection: Connection,
    company_id: int,
    kind: Kind,
    quickbooks_ids: Iterable[str],
    *,
    now: datetime,
) -> int:
    """Note that objects were deleted in QuickBooks; return how many were not yet."""
    found = 0
    for part in _chunks(list(quickbooks_ids)):
        found += connection.execute(
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
                state=_unless_told("pending" if kind.mirror is not None else "gone"),
                reason="Deleted in QuickBooks.",
            )
        ).rowcount
    if found and kind.mirror is not None:
        registry.change(connection, company_id, deliver_at=now)
    return found


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
    for part in _chunks(list(quickbooks_ids)):
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


def event(
    connection: Connection,
    company_id: int,
    record_id: int,
    *,
    at: datetime,
    what: str,
    by: str,
    detail: object = None,
) -> None:
    """Keep what happened to a record."""
    one = Happened(record_id, what, by, detail)
    events(connection, company_id, [one], at=at)


def events(
    connection: Connection,
    company_id: int,
    happened: Sequence[Happened],
    *,
    at: datetime,
) -> None:
    """Keep what happened to records, in that order."""
    if not happened:
        return
    ids = next_ids(connection, company_id, len(happened))
    connection.execute(
        tables.record_event.insert(),
        [
            {
                "company_id": company_id,
                "id": event_id,
                "record_id": one.record_id,
                "at": at,
                "what": one.what,
                "by": one.by,
                "detail": one.detail,
            }
            for event_id, one in zip(ids, happened, strict=True)
        ],
    )


def _differs(row: Row[Any] | None, one: Seen) -> bool:
    return row is not None and (
        row.quickbooks != one.snapshot
        or row.name != one.name
        or row.edit_sequence != one.edit_sequence
        or row.time_modified != one.time_modified
        or bool(row.quickbooks_gone)
    )


def _shapes_below(row: Row[Any], one: Seen) -> bool:
    before = row.quickbooks or {}
    return bool(row.quickbooks_gone) or any(
        before.get(name) != one.snapshot.get(name) for name in _SHAPES_BELOW
    )


def _waited_for(
    connection: Connection, company_id: int, kind: Kind, new: Sequence[Seen]
) -> list[str]:
    """Return the ids of new objects that others, read before them, wait for."""
    names = _awaited_as(kind.name, (one.quickbooks_id for one in new))
    found: list[str] = []
    for part in _chunks(list(names)):
        for column in WAITS:
            waits = connection.execute(
                sa.select(column)
                .where(_RECORD.c.company_id == company_id, column.in_(part))
                .distinct()
            ).scalars()
            found += [names[name] for name in waits]
    return list(dict.fromkeys(found))


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
        for part in _chunks(list(above)):
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
            connection.execute(
                _RECORD.update()
                .where(_RECORD.c.company_id == company_id, _RECORD.c.id == child.id)
                .values(name=name)
            )
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


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]

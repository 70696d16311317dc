"""What Mosaic has of time entries, written into their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import time_entry
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.records import history
from qbwc_server.records.due import make_due
from qbwc_server.records.edits import InMosaic
from qbwc_server.records.row import change
from qbwc_server.records.told import former, seen
from qbwc_server.records.told.changes import differing
from qbwc_server.records.told.seen import Change
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved, next_ids

_RECORD = tables.record


@dataclass(frozen=True, slots=True)
class New:
    """An entry that was unknown, and why it waits for an open creation, if it does."""

    mosaic_id: int
    snapshot: Mapping[str, Any]
    name: str
    created_at: datetime | None = None
    """When Mosaic says that it was made."""
    call_id: int | None = None
    reason: str | None = None
    copy: Mapping[str, Any] | None = None
    """Of what our own restored database did not know: when it was created."""


def add(
    connection: Connection, company_id: int, entries: Sequence[New], now: datetime
) -> None:
    """Make records of entries that were unknown."""
    if not entries:
        return
    ids = next_ids(connection, company_id, len(entries))
    rows = [
        {
            "company_id": company_id,
            "id": record_id,
            "kind": NAME,
            "state": "pending",
            "reason": one.reason,
            "name": one.name,
            "day": one.snapshot["date"],
            "mosaic_type": NAME,
            "mosaic_id": one.mosaic_id,
            "mosaic": one.snapshot,
            "mosaic_created_at": one.created_at,
            "waits_for": None if one.call_id is None else f"call:{one.call_id}",
            "due_at": now if one.call_id is None else None,
            "delivery_rank": time_entry.delivery_rank(
                one.snapshot["date"], now.date(), linked=False
            ),
            "restored": None if one.copy is None else Mark.COPY.value,
            "lost": one.copy,
            "created_at": now,
            "changed_at": now,
        }
        for record_id, one in zip(ids, entries, strict=True)
    ]
    connection.execute(_RECORD.insert(), rows)
    moved(connection, company_id)


def renew(
    connection: Connection,
    company_id: int,
    entries: Sequence[tuple[Row[Any], Mapping[str, Any]]],
    now: datetime,
    *,
    sent: Mapping[int, Mapping[str, Any]],
) -> None:
    """Bring records up to snapshots that differ; its caller makes them due.

    What was gone is there again. `sent` is by record what a change of ours carries that
    is not known to be made yet, in Mosaic's own names.
    """
    if not entries:
        return
    found = [
        Change(row.id, row.mosaic, after, ours=_is_ours(row, after, sent))
        for row, after in entries
    ]
    seen.keep(connection, company_id, "mosaic", found, now)
    changes = []
    edits = InMosaic(connection, company_id, now)
    for row, snapshot in entries:
        linked = row.quickbooks_id is not None
        day = row.day if linked and row.day else snapshot["date"]
        changes.append(
            {
                "which": row.id,
                "snapshot": snapshot,
                "when": edits.after(row, snapshot),
                "on": day,
                "rank": time_entry.delivery_rank(day, now.date(), linked=linked),
            }
        )
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == sa.bindparam("which")
        )
        .values(
            {
                "mosaic": sa.bindparam("snapshot"),
                "edited": sa.bindparam("when"),
                "day": sa.bindparam("on"),
                "delivery_rank": sa.bindparam("rank"),
                "mosaic_gone": False,
                "changed_at": now,
            }
        ),
        changes,
    )
    moved(connection, company_id)


def _is_ours(
    row: Row[Any], after: Mapping[str, Any], sent: Mapping[int, Mapping[str, Any]]
) -> bool:
    carried = sent.get(row.id)
    if carried is None:
        return False
    fields = {name: after[name] for name in differing(row.mosaic, after)}
    return time_entry.mosaic_fields(fields).items() <= carried.items()


def not_readable(
    connection: Connection, company_id: int, record_ids: Sequence[int], reason: str
) -> None:
    """Say of records that Mosaic shows a form of them that cannot be read."""
    change(
        connection,
        company_id,
        record_ids,
        state="refused",
        reason=reason,
        due_at=None,
    )


def were_shown(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> None:
    """Forget how often complete reads missed entries: they are shown again."""
    change(connection, company_id, record_ids, misses=0)


def were_missed(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> None:
    """Count one more complete read that did not show entries."""
    change(connection, company_id, record_ids, misses=_RECORD.c.misses + 1)


def count_as_missed(
    connection: Connection, company_id: int, mosaic_ids: Iterable[int], misses: int
) -> None:
    """Have entries count as missed often enough, so that they are asked for."""
    for part in chunks(list(mosaic_ids)):
        connection.execute(
            _RECORD.update()
            .where(
                *_there(company_id, part),
                _RECORD.c.kind == NAME,
                _RECORD.c.mosaic_gone.is_(False),
            )
            .values(misses=misses)
        )


def delete(
    connection: Connection, company_id: int, mosaic_ids: Iterable[int], now: datetime
) -> list[int]:
    """Note that entries are not in Mosaic any more; return those that were, as records.

    They are due.
    """
    gone: list[int] = []
    for part in chunks(list(mosaic_ids)):
        gone += connection.execute(
            _RECORD.update()
            .where(*_there(company_id, part), _RECORD.c.mosaic_gone.is_(False))
            .values(mosaic_gone=True, changed_at=now)
            .returning(_RECORD.c.id)
        ).scalars()
    make_due(connection, company_id, gone, now)
    if gone:
        moved(connection, company_id)
    return gone


def written(
    connection: Connection,
    row: Row[Any],
    mosaic_id: int,
    found: Mapping[str, Any],
    created_at: datetime | None,
    agreed: Mapping[str, Any],
    now: datetime,
    *,
    in_mosaic: InMosaic | None = None,
) -> None:
    """Keep what Mosaic has after a write of ours, and what both agree on by it."""
    in_mosaic = in_mosaic or InMosaic(connection, row.company_id, now)
    former.leaves(connection, row, now, mosaic_id=mosaic_id)
    change(
        connection,
        row.company_id,
        row.id,
        mosaic_type=NAME,
        mosaic_id=mosaic_id,
        mosaic=found,
        mosaic_created_at=created_at,
        edited=in_mosaic.after(row, found),
        mosaic_gone=False,
        agreed=agreed,
        misses=0,
        attempt=row.attempt + 1,
        due_at=now,
    )


def given_away(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Take from a record the entry that another company file has for its own."""
    former.leaves(connection, row, now, mosaic_id=None)
    change(
        connection,
        row.company_id,
        row.id,
        mosaic_type=None,
        mosaic_id=None,
        mosaic=sa.null(),
        agreed=sa.null(),
    )
    moved(connection, row.company_id)


def make_anew(connection: Connection, row: Row[Any], now: datetime) -> bool:
    """Have an entry made in Mosaic as a new one, where only QuickBooks has it again.

    Returns whether that is so.
    """
    found = connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == row.company_id,
            _RECORD.c.id == row.id,
            _RECORD.c.quickbooks_gone.is_(False),
            _RECORD.c.mosaic_gone.is_(True),
        )
        .values(
            mosaic_type=None,
            mosaic_id=None,
            mosaic=sa.null(),
            mosaic_gone=False,
            agreed=sa.null(),
            changed_at=now,
        )
    ).rowcount
    if found:
        former.leaves(connection, row, now, mosaic_id=None)
    return bool(found)


# What may be a creation of ours


def hold(
    connection: Connection,
    company_id: int,
    mosaic_ids: Iterable[int],
    call_id: int,
    reason: str,
) -> None:
    """Have the records of unlinked entries wait until an open creation is settled."""
    for part in chunks(list(mosaic_ids)):
        connection.execute(
            _RECORD.update()
            .where(*_there(company_id, part), _RECORD.c.quickbooks_id.is_(None))
            .values(waits_for=f"call:{call_id}", due_at=None, reason=reason)
        )


def hold_for_other(
    connection: Connection, company_id: int, record_ids: Iterable[int], call_id: int
) -> None:
    """Have held records wait for another open creation instead."""
    change(connection, company_id, record_ids, waits_for=f"call:{call_id}")


def let_go(
    connection: Connection, company_id: int, record_ids: Iterable[int], now: datetime
) -> None:
    """Have held records planned: they are no creation of ours."""
    change(connection, company_id, record_ids, waits_for=None, due_at=now, reason=None)


def was_ours(
    connection: Connection, company_id: int, mosaic_id: int, at: datetime, *, by: int
) -> None:
    """Forget the held record of an entry that we created, as is known now: `by` one."""
    held = connection.execute(
        _RECORD.delete()
        .where(
            *_there(company_id, [mosaic_id]),
            _RECORD.c.waits_for.startswith("call:"),
            _RECORD.c.id != by,
        )
        .returning(_RECORD.c.id)
    ).scalars()
    for record_id in held.all():
        history.move(connection, company_id, record_id, at, to=by)


def not_this_files(
    connection: Connection, company_id: int, record_ids: Iterable[int]
) -> None:
    """Forget records of entries that are another company file's."""
    for part in chunks(sorted(record_ids)):
        connection.execute(
            _RECORD.delete().where(
                _RECORD.c.company_id == company_id, _RECORD.c.id.in_(part)
            )
        )


def _there(
    company_id: int, mosaic_ids: Sequence[int]
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _RECORD.c.company_id == company_id,
        _RECORD.c.mosaic_type == NAME,
        _RECORD.c.mosaic_id.in_(mosaic_ids),
    )

"""Entries of Mosaic that may be what a creation of ours made: held until it is settled.

Rule: while a creation of ours is open, an entry that nobody knows may be just that one,
if `identity` says so. It is kept, but waits until the creation is settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import time_entry
from qbwc_server.kinds.identity import Doubt, may_be_lost, was_edited_since
from qbwc_server.storage import tables

_RECORD = tables.record
_CALL = tables.mosaic_call


def creating(connection: Connection, company_id: int) -> list[Row[Any]]:
    """Return the open creations."""
    return list(
        connection.execute(
            sa.select(_CALL.c.id, _CALL.c.basis, _CALL.c.created_at, _CALL.c.looks)
            .where(
                _CALL.c.company_id == company_id,
                _CALL.c.data_type == time_entry.NAME,
                _CALL.c.operation == "create",
                _CALL.c.settled_at.is_(None),
            )
            .order_by(_CALL.c.id)
        )
    )


def doubt_of(call: Row[Any]) -> Doubt:
    """Return what an open creation wanted, and when it left."""
    wanted = {name: both[1] for name, both in (call.basis or {}).items()}
    return Doubt(wanted, call.created_at)


def claiming(calls: Sequence[Row[Any]], body: Mapping[str, Any]) -> int | None:
    """Return the open creation that may have made an entry, by `identity`.

    One that was not looked for yet may have made what somebody gave to another person.
    """
    for call in calls:
        if may_be_lost(doubt_of(call), body):
            return int(call.id)
    for call in calls:
        if call.looks == 0 and was_edited_since(doubt_of(call), body):
            return int(call.id)
    return None


def hold(
    connection: Connection, call: Row[Any], mosaic_ids: Iterable[int], now: datetime
) -> None:
    """Have the records of entries wait for the question whether one is a lost one.

    What waited for the creation besides is free: it is none of them.
    """
    _release(connection, call, now, but=set(mosaic_ids))
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == call.company_id,
            _RECORD.c.mosaic_type == time_entry.NAME,
            _RECORD.c.mosaic_id.in_(list(mosaic_ids)),
            _RECORD.c.quickbooks_id.is_(None),
        )
        .values(
            waits_for=f"call:{call.id}",
            due_at=None,
            reason=f"May be what was sent for record {call.record_id}, which was not "
            "answered; that record says what is asked. Nothing is done with it until "
            "that is known.",
        )
    )


def let_go(connection: Connection, call: Row[Any], now: datetime) -> None:
    """Go on with the entries that waited for a creation, now that it is settled.

    Where another one of that person is open, they wait for that.
    """
    _release(connection, call, now)


def _release(
    connection: Connection,
    call: Row[Any],
    now: datetime,
    *,
    but: AbstractSet[int] = frozenset(),
) -> None:
    rows = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.mosaic).where(
            _RECORD.c.company_id == call.company_id,
            _RECORD.c.waits_for == f"call:{call.id}",
            _RECORD.c.mosaic_id.not_in(list(but)),
        )
    ).all()
    if not rows:
        return
    others = [one for one in creating(connection, call.company_id) if one.id != call.id]
    for row in rows:
        values: dict[str, Any] = {"waits_for": None, "due_at": now, "reason": None}
        # When it was made is not kept: what was held for one may be the other's.
        for other in others:
            if doubt_of(other).wanted.get("person") == row.mosaic["person"]:
                values = {"waits_for": f"call:{other.id}"}
                break
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == call.company_id, _RECORD.c.id == row.id)
            .values(**values)
        )


def drop_waiting(connection: Connection, company_id: int, mosaic_id: int) -> None:
    """Forget the record of an entry that turned out to be one that we created."""
    connection.execute(
        _RECORD.delete().where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.mosaic_type == time_entry.NAME,
            _RECORD.c.mosaic_id == mosaic_id,
            _RECORD.c.waits_for.startswith("call:"),
        )
    )

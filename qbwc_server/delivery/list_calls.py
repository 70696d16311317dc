"""What becomes of writes to Mosaic's lists: clients, projects, members and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.delivery import outbox
from qbwc_server.kinds.mosaic_lists import snapshot
from qbwc_server.records import history, links, mosaic_objects, waiting
from qbwc_server.records.told import objects
from qbwc_server.storage import tables
from qbwc_server.storage.database import next_id

PORTFOLIO = "portfolio"
_CALL = tables.mosaic_call
_RECORD = tables.record
_DONE = {
    "update": "changed in Mosaic to what QuickBooks has",
    "archive": "archived in Mosaic, as QuickBooks has it",
    "unarchive": "taken out of Mosaic's archive, as QuickBooks has it",
}


def refused_portfolio(
    connection: Connection, company_id: int, key: str, since: datetime
) -> str | None:
    """Return why the portfolio is not asked for now: refused lately, or never seen."""
    if outbox.gave_up(connection, company_id, PORTFOLIO, [key]):
        return outbox.NEVER_APPEARED
    row = connection.execute(
        sa.select(_CALL.c.reason)
        .where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == PORTFOLIO,
            _CALL.c.state == "refused",
            _CALL.c.settled_at > since,
        )
        .order_by(_CALL.c.id.desc())
        .limit(1)
    ).first()
    reason: str | None = None if row is None else row.reason
    return reason


def done(
    connection: Connection,
    call: Row[Any],
    mosaic_id: int | None,
    body: Mapping[str, Any] | None,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Take a write as made; False if too little is known of the object to go on.

    Then the object's list must be read, and the call stays open until it was.
    """
    mosaic_id = mosaic_id or call.mosaic_id
    found = snapshot(call.data_type, body) if body is not None else None
    if mosaic_id is None or found is None:
        if mosaic_id is not None and call.mosaic_id is None:
            outbox.change(connection, call, mosaic_id=mosaic_id)
        return False
    if _taken(connection, call, mosaic_id, now):
        return True
    run = next_id(connection, call.company_id)
    mosaic_objects.keep(
        connection,
        call.company_id,
        call.data_type,
        [{**(body or {}), "mosaic_id": mosaic_id}],
        run=run,
        now=now,
    )
    _made(connection, call, mosaic_id, found, by=by, now=now)
    return True


def made_new(
    connection: Connection,
    company_id: int,
    calls: Sequence[tuple[Row[Any], dict[str, Any]]],
    *,
    by: str,
    now: datetime,
) -> None:
    """Take creations for records as made, each with the object as Mosaic has it now."""
    made = []
    run = next_id(connection, company_id)
    for data_type in {call.data_type for call, _ in calls}:
        bodies = [body for call, body in calls if call.data_type == data_type]
        mosaic_objects.keep(connection, company_id, data_type, bodies, run=run, now=now)
    for call, body in calls:
        found = snapshot(call.data_type, body)
        if found is not None:
            mosaic_id = int(body["mosaic_id"])
            made.append(links.Link(call.record_id, call.data_type, mosaic_id, found))
    connection.execute(
        _CALL.update()
        .where(
            _CALL.c.company_id == company_id,
            _CALL.c.id.in_([call.id for call, _ in calls]),
        )
        .values(state="done", settled_at=now, check_at=None)
    )
    links.link_all(connection, company_id, made, by=by, now=now)


def _taken(
    connection: Connection, call: Row[Any], mosaic_id: int, now: datetime
) -> bool:
    """Refuse a creation that came out as an object which another record has."""
    holder = connection.execute(
        sa.select(_RECORD.c.name).where(
            _RECORD.c.company_id == call.company_id,
            _RECORD.c.mosaic_type == call.data_type,
            _RECORD.c.mosaic_id == mosaic_id,
            _RECORD.c.id != call.record_id,
        )
    ).scalar()
    if call.operation != "create" or holder is None:
        return False
    outbox.refused(
        connection,
        call,
        f"it gave number {mosaic_id} for it, which is {holder} already.",
        now,
    )
    return True


def look(
    connection: Connection, call: Row[Any], *, now: datetime, settle: timedelta
) -> None:
    """Decide about an open call from the list that was just read whole."""
    if call.mosaic_id is not None:
        found = mosaic_objects.get(
            connection, call.company_id, call.data_type, call.mosaic_id
        )
        if found is not None:
            _from_list(connection, call, call.mosaic_id, found, now)
            return
    if call.operation == "create":
        same = mosaic_objects.unclaimed(
            connection, call.company_id, call.data_type, call.match_key
        )
        if same:
            # Several can only be there if somebody made others by hand meanwhile; the
            # oldest is taken, so that none is made in addition.
            _from_list(connection, call, same[0][0], same[0][1], now)
            return
    outbox.not_seen(connection, call, now=now, settle=settle)


def _from_list(
    connection: Connection,
    call: Row[Any],
    mosaic_id: int,
    found: dict[str, Any],
    now: datetime,
) -> None:
    if _taken(connection, call, mosaic_id, now):
        return
    _made(connection, call, mosaic_id, found, by="list", now=now)


def _made(
    connection: Connection,
    call: Row[Any],
    mosaic_id: int,
    found: dict[str, Any],
    *,
    by: str,
    now: datetime,
) -> None:
    """Settle a call as made, and give what it made to whom it was made for."""
    outbox.settle_as(connection, call, "done", outbox.KNOWN_FROM.format(by), now)
    if call.data_type == PORTFOLIO:
        take_portfolio(connection, call.company_id, mosaic_id, now)
    elif call.record_id is not None and call.operation == "create":
        links.link(
            connection,
            call.company_id,
            call.record_id,
            call.data_type,
            mosaic_id,
            found,
            by=by,
            now=now,
        )
    elif call.record_id is not None:
        _changed(connection, call, found, by=by, now=now)


def _changed(
    connection: Connection,
    call: Row[Any],
    found: dict[str, Any],
    *,
    by: str,
    now: datetime,
) -> None:
    """Take over what Mosaic has after a change."""
    row = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == call.company_id, _RECORD.c.id == call.record_id
        )
    ).one()
    agreed = {**(row.agreed or {})}
    if call.operation in {"archive", "unarchive"}:
        agreed["archived"] = found["archived"]
    links.written(connection, row, found, agreed, now)
    pair = (row.id, row.mosaic, found)
    (changed,) = objects.told(connection, call.company_id, call.data_type, [pair])
    history.event(
        connection,
        call.company_id,
        call.record_id,
        at=now,
        what=_DONE[call.operation],
        by=history.US,
        detail={
            "mosaic_id": row.mosaic_id,
            "call": call.id,
            "known_by": by,
            "changed": changed,
            "now": found,
        },
    )
    if call.data_type == "client":  # what is put under it waits for its name
        waiting.wake_waiting(
            connection, call.company_id, row.kind, row.quickbooks_id, now
        )


def take_portfolio(
    connection: Connection, company_id: int, mosaic_id: int, now: datetime
) -> None:
    """Take an object of Mosaic as the company's portfolio, and wake who waited."""
    registry.change(connection, company_id, mosaic_portfolio=mosaic_id)
    waiting.wake_named(connection, company_id, [PORTFOLIO], now)

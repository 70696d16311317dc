"""Writes to Mosaic, kept before they leave, and how their outcome is found.

Mosaic answers a write later, in one of four ways: in the body, by a callback, in its
request log, or only in that the object is there.

Rule 1: a write is a row before it is a request, and a record has at most one open.
Rule 2: a POST is never repeated on doubt. One that may have been received is looked
for; only what two complete reads of the list, a settling time apart, did not show, and
what Mosaic never acknowledged, counts as never made.
Rule 3: changing or archiving twice does no harm, so there doubt means: look, plan anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import companies, inventory, models, records
from qbwc_server.database import next_id
from qbwc_server.kinds.mosaic_shape import snapshot

PORTFOLIO = "portfolio"
LOOKS_BEFORE_ABSENT = 2
LOOKS_BEFORE_GIVING_UP = 6
NEVER_APPEARED = (
    "Mosaic took the request but the object never appeared. It is not sent again, or "
    "there may be two: create it in Mosaic by hand, and it is linked by its name."
)
_CALL = models.mosaic_call
_RECORD = models.record


def begin(
    connection: Connection,
    company_id: int,
    *,
    operation: str,
    data_type: str,
    record_id: int | None,
    mosaic_id: int | None,
    fields: Mapping[str, Any],
    key: str,
    reason: str | None,
    now: datetime,
    settle: timedelta,
) -> tuple[int, str]:
    """Keep a write that is about to be sent; return its id and its reference.

    The reference is random; it goes along and comes back in callbacks and the log.
    """
    ref = str(uuid.uuid4())
    call_id = next_id(connection, company_id)
    connection.execute(
        _CALL.insert(),
        {
            "company_id": company_id,
            "id": call_id,
            "state": "sent",
            "operation": operation,
            "data_type": data_type,
            "record_id": record_id,
            "mosaic_id": mosaic_id,
            "fields": dict(fields),
            "match_key": key,
            "ref": ref,
            "reason": reason,
            "created_at": now,
            "check_at": now + settle,
        },
    )
    if record_id is not None:
        _change_record(
            connection,
            company_id,
            record_id,
            state="pending",
            reason=reason,
            due_at=None,
            waits_for=None,
        )
    return call_id, ref


def get(connection: Connection, company_id: int, call_id: int) -> Row[Any]:
    """Return the row of a call."""
    return connection.execute(
        sa.select(_CALL).where(_CALL.c.company_id == company_id, _CALL.c.id == call_id)
    ).one()


def open_calls(
    connection: Connection, company_id: int, *conditions: Any
) -> list[Row[Any]]:
    """Return the calls whose outcome is not known yet."""
    return list(
        connection.execute(
            sa.select(_CALL)
            .where(
                _CALL.c.company_id == company_id,
                _CALL.c.settled_at.is_(None),
                *conditions,
            )
            .order_by(_CALL.c.id)
        )
    )


def gave_up(connection: Connection, company_id: int, data_type: str, key: str) -> bool:
    """Tell whether a creation under a key was acknowledged but never seen.

    It must not be repeated: the object may still come.
    """
    found = connection.execute(
        sa.select(_CALL.c.id)
        .where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == data_type,
            _CALL.c.match_key == key,
            _CALL.c.operation == "create",
            _CALL.c.state == "refused",
            _CALL.c.looks >= LOOKS_BEFORE_GIVING_UP,
        )
        .limit(1)
    )
    return found.first() is not None


def refused_portfolio(
    connection: Connection, company_id: int, key: str, since: datetime
) -> str | None:
    """Return why the portfolio is not asked for now: refused lately, or never seen."""
    if gave_up(connection, company_id, PORTFOLIO, key):
        return NEVER_APPEARED
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
    return None if row is None else f"Mosaic refused it: {row.reason}"


def accepted(
    connection: Connection, call: Row[Any], api_request_id: str | None
) -> None:
    """Note that Mosaic took a write and will say later what came of it."""
    _change(connection, call, state="accepted", api_request_id=api_request_id)


def unsure(connection: Connection, call: Row[Any], reason: str, now: datetime) -> None:
    """Note that a write may or may not have been made."""
    _change(connection, call, state="unsure", reason=reason)
    if call.record_id is not None:
        _change_record(connection, call.company_id, call.record_id, reason=reason)
    if call.operation != "create":
        _change(connection, call, check_at=now)


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
            _change(connection, call, mosaic_id=mosaic_id)
        return False
    if _taken(connection, call, mosaic_id, now):
        return True
    run = next_id(connection, call.company_id)
    inventory.keep(
        connection,
        call.company_id,
        call.data_type,
        [{**(body or {}), "mosaic_id": mosaic_id}],
        run=run,
        now=now,
    )
    _made(connection, call, mosaic_id, found, by=by, now=now)
    return True


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
    refused(
        connection,
        call,
        f"it gave number {mosaic_id} for it, which is {holder} already.",
        now,
    )
    return True


def refused(connection: Connection, call: Row[Any], reason: str, now: datetime) -> None:
    """Take a write as refused by Mosaic; its record says so until something changes."""
    _settle(connection, call, "refused", reason, now)
    if call.record_id is not None:
        _change_record(
            connection,
            call.company_id,
            call.record_id,
            state="refused",
            reason=f"Mosaic refused it: {reason}"[:500],
            due_at=None,
        )


def never_made(
    connection: Connection,
    call: Row[Any],
    reason: str,
    now: datetime,
    *,
    again_at: datetime,
) -> None:
    """Take a write as not made; its record is planned again."""
    _settle(connection, call, "absent", reason, now)
    if call.record_id is not None:
        _change_record(
            connection, call.company_id, call.record_id, due_at=again_at, reason=reason
        )


def look(
    connection: Connection, call: Row[Any], *, now: datetime, settle: timedelta
) -> None:
    """Decide about an open call from the list that was just read whole."""
    if call.mosaic_id is not None:
        found = inventory.get(
            connection, call.company_id, call.data_type, call.mosaic_id
        )
        if found is not None:
            _from_list(connection, call, call.mosaic_id, found, now)
            return
    if call.operation == "create":
        same = inventory.unclaimed(
            connection, call.company_id, call.data_type, call.match_key
        )
        if same:
            # Several can only be there if somebody made others by hand meanwhile; the
            # oldest is taken, so that none is made in addition.
            _from_list(connection, call, same[0][0], same[0][1], now)
            return
    looks = call.looks + 1
    acknowledged = call.state == "accepted"
    if not acknowledged and looks >= LOOKS_BEFORE_ABSENT:
        reason = "It never arrived in Mosaic; it is sent again."
        never_made(connection, call, reason, now, again_at=now)
    elif looks >= LOOKS_BEFORE_GIVING_UP:
        _change(connection, call, looks=looks)
        _settle(connection, call, "refused", NEVER_APPEARED, now)
        if call.record_id is not None:
            _change_record(
                connection,
                call.company_id,
                call.record_id,
                state="refused",
                reason=NEVER_APPEARED,
                due_at=None,
            )
    else:
        _change(connection, call, looks=looks, check_at=now + settle * looks)


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
    _settle(connection, call, "done", f"Known from the {by}.", now)
    if call.data_type == PORTFOLIO:
        take_portfolio(connection, call.company_id, mosaic_id, now)
    elif call.record_id is not None and call.operation == "create":
        inventory.link(
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
    _change_record(
        connection,
        call.company_id,
        call.record_id,
        mosaic=found,
        agreed=agreed,
        attempt=row.attempt + 1,
        due_at=now,
    )
    records.event(
        connection,
        call.company_id,
        call.record_id,
        at=now,
        what=call.operation,
        by=by,
        detail={"now": found},
    )


def take_portfolio(
    connection: Connection, company_id: int, mosaic_id: int, now: datetime
) -> None:
    """Take an object of Mosaic as the company's portfolio, and wake who waited."""
    companies.change(connection, company_id, mosaic_portfolio=mosaic_id)
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.waits_for == PORTFOLIO)
        .values(due_at=now, waits_for=None)
    )


def _settle(
    connection: Connection,
    call: Row[Any],
    state: str,
    reason: str | None,
    now: datetime,
) -> None:
    _change(connection, call, state=state, reason=reason, settled_at=now, check_at=None)


def _change(connection: Connection, call: Row[Any], **values: object) -> None:
    connection.execute(
        _CALL.update()
        .where(_CALL.c.company_id == call.company_id, _CALL.c.id == call.id)
        .values(**values)
    )


def _change_record(
    connection: Connection, company_id: int, record_id: int, **values: object
) -> None:
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.id == record_id)
        .values(**values)
    )

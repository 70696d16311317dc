"""Writes to Mosaic, kept before they leave; `outcomes` finds what became of them.

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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from qbwc_server import metrics
from qbwc_server.companies import registry
from qbwc_server.delivery import reservations
from qbwc_server.kinds import time_entry, tries
from qbwc_server.mosaic.sentences import whole
from qbwc_server.mosaic_reading import may_be_ours
from qbwc_server.records import transitions
from qbwc_server.storage import tables
from qbwc_server.storage.database import next_ids

LOOKS_BEFORE_ABSENT = 2
LOOKS_BEFORE_GIVING_UP = 6
_AT_ONCE = 500
_ASKED_AGAIN = timedelta(hours=1)
NEVER_APPEARED = (
    "Mosaic took the request but the object never appeared. It is not sent again, or "
    "there may be two: make it in Mosaic by hand, and it is found and linked."
)
KNOWN_FROM = "Known from the {}."
"""Why a write counts as made: answer, callback, or the list where that was lost."""
_CALL = tables.mosaic_call
_LOG = structlog.get_logger(__name__)
_RECORD = tables.record


@dataclass(frozen=True, slots=True)
class New:
    """A write that is about to be sent.

    `key` is the form in which what is created is looked for; `basis` is, for time
    entries, what both sides agree on once the write is done.
    """

    operation: str
    data_type: str
    record_id: int | None
    mosaic_id: int | None
    fields: Mapping[str, Any]
    key: str
    reason: str | None
    basis: Mapping[str, Any] | None = None


def begin(
    connection: Connection,
    company_id: int,
    writes: Sequence[New],
    *,
    now: datetime,
    settle: timedelta,
) -> list[tuple[int, str]]:
    """Keep writes that are about to be sent; return each one's id and reference.

    The reference is random; it goes along and comes back in callbacks and the log.
    """
    if not writes:
        return []
    ids = next_ids(connection, company_id, len(writes))
    due = _due(connection, company_id, writes)
    begun = [(call_id, str(uuid.uuid4())) for call_id in ids]
    connection.execute(
        _CALL.insert(),
        [
            {
                "company_id": company_id,
                "id": call_id,
                "state": "sent",
                "operation": one.operation,
                "data_type": one.data_type,
                "record_id": one.record_id,
                "mosaic_id": one.mosaic_id,
                "fields": dict(one.fields),
                "basis": None if one.basis is None else dict(one.basis),
                "match_key": one.key,
                "ref": ref,
                "reason": one.reason,
                "due_since": due.get(one.record_id),
                "created_at": now,
                "check_at": now + settle,
            }
            for (call_id, ref), one in zip(begun, writes, strict=True)
        ],
    )
    about = [(one.record_id, one.reason) for one in writes if one.record_id is not None]
    transitions.go_out(connection, company_id, about)
    return begun


def _due(
    connection: Connection, company_id: int, writes: Sequence[New]
) -> dict[int | None, datetime]:
    """Return since when the records of writes are due."""
    ids = [one.record_id for one in writes if one.record_id is not None]
    found = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.due_at).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id.in_(ids)
        )
    )
    return {row.id: row.due_at for row in found}


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


def records_with_open_calls(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> set[int]:
    """Return which records have a write whose outcome is not known yet."""
    rows = connection.execute(
        sa.select(_CALL.c.record_id).where(
            _CALL.c.company_id == company_id,
            _CALL.c.record_id.in_(record_ids),
            _CALL.c.settled_at.is_(None),
        )
    )
    return {row.record_id for row in rows}


def get_all(
    connection: Connection, company_id: int, call_ids: Sequence[int]
) -> dict[int, Row[Any]]:
    """Return the rows of calls by their ids."""
    rows = connection.execute(
        sa.select(_CALL).where(
            _CALL.c.company_id == company_id, _CALL.c.id.in_(call_ids)
        )
    )
    return {row.id: row for row in rows}


def left_at(
    connection: Connection, company_id: int, refs: Collection[str]
) -> list[datetime]:
    """Return when those of our writes left whose references are among some."""
    found: list[datetime] = []
    every = sorted(refs)
    for start in range(0, len(every), _AT_ONCE):
        found += connection.execute(
            sa.select(_CALL.c.created_at).where(
                _CALL.c.company_id == company_id,
                _CALL.c.ref.in_(every[start : start + _AT_ONCE]),
            )
        ).scalars()
    return found


def gave_up(
    connection: Connection, company_id: int, data_type: str, keys: Sequence[str]
) -> set[str]:
    """Return the keys under which a creation was acknowledged but never seen.

    It must not be repeated: the object may still come.
    """
    return set(
        connection.execute(
            sa.select(_CALL.c.match_key).where(
                _CALL.c.company_id == company_id,
                _CALL.c.data_type == data_type,
                _CALL.c.match_key.in_(keys),
                _CALL.c.operation == "create",
                _CALL.c.state == "refused",
                _CALL.c.looks >= LOOKS_BEFORE_GIVING_UP,
            )
        ).scalars()
    )


def records_given_up(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> set[int]:
    """Return the records of which a creation was acknowledged but never seen."""
    rows = connection.execute(
        sa.select(_CALL.c.record_id).where(
            _CALL.c.company_id == company_id,
            _CALL.c.record_id.in_(record_ids),
            _CALL.c.operation == "create",
            _CALL.c.state == "refused",
            _CALL.c.looks >= LOOKS_BEFORE_GIVING_UP,
        )
    )
    return {row.record_id for row in rows}


def accepted(
    connection: Connection, call: Row[Any], api_request_id: str | None
) -> None:
    """Note that Mosaic took a write and will say later what came of it."""
    change(connection, call, state="accepted", api_request_id=api_request_id)


def unsure(
    connection: Connection,
    call: Row[Any],
    reason: str,
    now: datetime,
    *,
    failed: bool = False,
) -> None:
    """Note that a write may or may not have been made.

    `failed`: Mosaic failed on it and answers others, so it is a try of its record.
    """
    change(connection, call, state="unsure", reason=reason)
    if call.record_id is not None:
        doubt = transitions.fails if failed else transitions.doubt
        doubt(connection, call.company_id, call.record_id, reason)
    if call.operation != "create":
        change(connection, call, check_at=now)


def refused(connection: Connection, call: Row[Any], why: str, now: datetime) -> None:
    """Take a write as refused by Mosaic; its record says so until something changes.

    `why` goes on from "Mosaic refused it", or is Mosaic's own words in quotation marks.
    """
    said = whole(f"{transitions.REFUSED}{why}")
    settle_as(connection, call, "refused", said, now)
    _rest_refused(connection, call, said, now)


def _rest_refused(
    connection: Connection, call: Row[Any], reason: str, now: datetime
) -> None:
    if call.record_id is None:
        return
    transitions.refuse(
        connection,
        call.company_id,
        call.record_id,
        reason,
        sent_at=call.created_at,
        now=now,
    )


def is_last_look(call: Row[Any]) -> bool:
    """Tell whether a creation that is not seen now counts as never made."""
    looks: int = call.looks + 1
    return bool(call.state != "accepted" and looks >= LOOKS_BEFORE_ABSENT)


def not_seen(
    connection: Connection, call: Row[Any], *, now: datetime, settle: timedelta
) -> None:
    """Go on about a creation that a complete read did not show."""
    looks = call.looks + 1
    acknowledged = call.state == "accepted"
    if not acknowledged and looks >= LOOKS_BEFORE_ABSENT:
        reason = "It never arrived in Mosaic; it is sent again."
        never_made(connection, call, reason, now, again_at=now)
    elif looks >= LOOKS_BEFORE_GIVING_UP:
        change(connection, call, looks=looks)
        settle_as(connection, call, "refused", NEVER_APPEARED, now)
        _rest_refused(connection, call, NEVER_APPEARED, now)
    else:
        change(connection, call, looks=looks, check_at=now + settle * looks)


def ask(
    connection: Connection,
    call: Row[Any],
    question: str,
    mosaic_ids: Sequence[int],
    now: datetime,
) -> None:
    """Leave a creation open that nobody can tell of, and have its record ask.

    `mosaic_ids` are the entries that the question names: a person's word is about
    those. It is still listened for, and looked at again: an answer may come from
    Mosaic, or by what a person does there.
    """
    looks = max(call.looks, LOOKS_BEFORE_ABSENT - 1)
    change(
        connection,
        call,
        reason=question,
        looks=looks,
        asked=list(mosaic_ids),
        check_at=now + _ASKED_AGAIN,
    )
    if call.record_id is not None:
        transitions.ask(connection, call.company_id, call.record_id, question, now)


def look_soon(connection: Connection, call: Row[Any], now: datetime) -> None:
    """Have a call's outcome looked for at once."""
    change(connection, call, check_at=now)


def never_made(
    connection: Connection,
    call: Row[Any],
    reason: str,
    now: datetime,
    *,
    again_at: datetime,
) -> None:
    """Take a write as not made; its record is planned again, and waits since then.

    Where Mosaic fails on it, the next try waits, and after some a person must act.
    """
    settle_as(connection, call, "absent", reason, now)
    if call.record_id is not None:
        failures, said = transitions.failures(
            connection, call.company_id, call.record_id
        )
        if call.state == "unsure" and failures:
            pause = tries.pause(failures)
            if pause is None:
                _rest_refused(connection, call, said, now)
                return
            reason, again_at = said, now + pause
        if again_at <= now and call.due_since is not None:
            again_at = min(again_at, call.due_since)
        transitions.plan_again(
            connection, call.company_id, call.record_id, reason, again_at
        )


def settle_as(
    connection: Connection,
    call: Row[Any],
    state: str,
    reason: str | None,
    now: datetime,
    *,
    awaited: bool = True,
) -> None:
    """Take the outcome of a call as known; not `awaited`: no record waits for it."""
    change(connection, call, state=state, reason=reason, settled_at=now, check_at=None)
    about = {"company": call.company_id, "call": call.id, "state": state}
    _LOG.debug("write settled", **about, why=reason)
    if state == "done" and call.due_since is not None:
        metrics.arrived(metrics.TO_MOSAIC, (now - call.due_since).total_seconds())
    if call.data_type == time_entry.NAME and call.operation == "create":
        if awaited:
            may_be_ours.let_go(connection, call, now)
    elif call.operation == "create" and call.record_id is not None:
        team = registry.get(connection, call.company_id).team
        reservations.end(
            *(connection, team, call.company_id, call.data_type, call.match_key),
            made=state == "done",
            now=now,
        )


def change(connection: Connection, call: Row[Any], **values: object) -> None:
    """Change columns of a call."""
    connection.execute(
        _CALL.update()
        .where(_CALL.c.company_id == call.company_id, _CALL.c.id == call.id)
        .values(**values)
    )

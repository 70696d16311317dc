"""What becomes of writes of time entries to Mosaic.

Mosaic has no way to say that a POST is the same again. So an entry whose creation was
not answered is looked for, by the request log and then among the person's entries that
were made since; `identity` says which of them it is.

Rule: an entry counts as deleted only when Mosaic, asked for it, does not show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.team import time_claims
from qbwc_server.delivery import outbox
from qbwc_server.delivery.at_once import AtOnce
from qbwc_server.kinds import identity, time_entry, two_way
from qbwc_server.kinds.identity import Fate, was_edited
from qbwc_server.kinds.tombstone import Who
from qbwc_server.mosaic_reading import may_be_ours, time_mosaic
from qbwc_server.records import (
    due,
    history,
    store,
    time_of_mosaic,
    tombstones,
    transitions,
)
from qbwc_server.records.history import Happened
from qbwc_server.records.one_or_two import joined, said
from qbwc_server.records.told import seen
from qbwc_server.records.told.seen import Change
from qbwc_server.storage import tables

_RECORD = tables.record
_CALL = tables.mosaic_call
_DONE = {
    "create": "created in Mosaic",
    "update": "changed in Mosaic to what QuickBooks has",
}
_CHOSEN = "changed in Mosaic to what was chosen"
"""Of a change that does not come from QuickBooks: both sides agree on nothing by it."""


def done(
    connection: Connection,
    call: Row[Any],
    mosaic_id: int | None,
    body: Mapping[str, Any] | None,
    *,
    by: str,
    now: datetime,
    at_once: AtOnce | None = None,
) -> bool:
    """Take a write as made; False if too little is known to go on.

    Then Mosaic must be asked, and the call stays open until it was. `at_once` is what
    is known of all that are settled with it.
    """
    mosaic_id = mosaic_id or call.mosaic_id
    found = time_entry.from_mosaic(body) if body is not None else None
    if call.operation == "delete":
        return False
    if mosaic_id is None or found is None:
        if mosaic_id is not None and call.mosaic_id is None:
            outbox.change(connection, call, mosaic_id=mosaic_id)
        return False
    created_at = time_entry.moment((body or {}).get("created_at"))
    # An answer has what was written; a list may have what became of it since.
    edited = call.operation == "create" and by != "answer" and was_edited(body or {})
    _made(
        *(connection, call, mosaic_id, found, created_at),
        edited=edited,
        by=by,
        now=now,
        at_once=at_once,
    )
    return True


def look_by_id(
    connection: Connection,
    call: Row[Any],
    body: Mapping[str, Any] | None,
    *,
    now: datetime,
    settle: timedelta,
) -> None:
    """Decide about an open call from its entry; `body` is None if it is not there."""
    if body is None:
        if call.operation == "create":
            outbox.not_seen(connection, call, now=now, settle=settle)
        else:
            _gone(connection, call, now)
    elif call.operation == "delete":
        _still_there(connection, call, body, now=now, settle=settle)
    elif not done(connection, call, call.mosaic_id, body, by="list", now=now):
        outbox.not_seen(connection, call, now=now, settle=settle)


def look_at_days(
    connection: Connection,
    company_id: int,
    due: Sequence[int],
    bodies: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    settle: timedelta,
) -> None:
    """Decide about open creations from what Mosaic has of their people.

    `due` are the ids of the calls that are decided about; others of these people only
    take what is theirs. `bodies` are what Mosaic has. What it acknowledged has the
    first claim: it is there or comes, while others may never have arrived.
    """
    opened = outbox.open_calls(
        connection,
        company_id,
        _CALL.c.data_type == time_entry.NAME,
        _CALL.c.operation == "create",
        _CALL.c.mosaic_id.is_(None),
    )
    opened.sort(key=lambda call: (call.state != "accepted", call.id not in due))
    ids = [int(body["mosaic_id"]) for body in bodies]
    free = time_mosaic.nobodys(connection, company_id, ids)
    free -= time_claims.held_by_others(connection, company_id, ids)
    left = {
        int(body["mosaic_id"]): body
        for body in bodies
        if int(body["mosaic_id"]) in free
    }
    made_from = store.quickbooks_ids(
        connection, company_id, [call.record_id for call in opened]
    )
    doubts = {
        call.id: replace(
            may_be_ours.doubt_of(call), txn_id=made_from.get(call.record_id) or ""
        )
        for call in opened
    }
    words = said.words_of(
        connection, company_id, quickbooks_ids={one.txn_id for one in doubts.values()}
    )
    findings = identity.lost_creations(doubts, left.values(), words)
    for call in opened:
        found = findings[call.id]
        if found.fate is Fate.MADE and (call.id in due or call.state == "accepted"):
            (number,) = found.mosaic_ids
            done(connection, call, number, left[number], by="list", now=now)
            if (doubts[call.id].txn_id, number) not in words:
                _note_taken(connection, call, number, now)
        elif call.id not in due:
            continue
        elif found.fate is Fate.ASK:
            shown = [left[number] for number in found.mosaic_ids]
            question = _question(call, shown)
            outbox.ask(connection, call, question, found.mosaic_ids, now)
            may_be_ours.hold(connection, call, found.mosaic_ids, now)
        else:
            outbox.not_seen(connection, call, now=now, settle=settle)


def _note_taken(
    connection: Connection, call: Row[Any], mosaic_id: int, now: datetime
) -> None:
    """Say that an entry was taken for a lost creation because it is equal, no more."""
    row = connection.execute(
        sa.select(_RECORD.c.company_id, _RECORD.c.id, _RECORD.c.mosaic).where(
            _RECORD.c.company_id == call.company_id,
            _RECORD.c.id == call.record_id,
            _RECORD.c.mosaic_id == mosaic_id,
        )
    ).first()
    if row is None:
        return
    minutes = row.mosaic["minutes"]
    joined.note(connection, row.company_id, row.id, minutes, "lost", now)
    history.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=joined.TAKEN,
        by="list",
        detail={"mosaic_id": mosaic_id},
    )


def _question(call: Row[Any], bodies: Sequence[Mapping[str, Any]]) -> str:
    """Return the question whether one of some entries is a lost one, for people."""
    told = "; ".join(_told(body) for body in bodies)
    one = len(bodies) == 1
    record = f"{call.company_id}-{call.record_id}"
    return (
        "Mosaic did not answer when this was sent, so it may be there already. Made "
        f"there since: {told}. "
        f"{'If that is it' if one else 'If one of them is it'}, give it the same "
        "values in Mosaic, and it is taken as this one; or, as it is now, say on the "
        f"setup page that they are one. If {'it is' if one else 'they are'} other "
        "work, say that they are two: then this is sent again. Until then neither side "
        f"gets anything of this. Support: `qbwc-server records one {record} --mosaic "
        f"{bodies[0]['mosaic_id'] if one else 'NUMBER'}`, or `qbwc-server records two "
        f"{record}`."
    )


def _told(body: Mapping[str, Any]) -> str:
    snapshot = time_entry.from_mosaic(body) or {}
    hours, minutes = divmod(int(snapshot.get("minutes", 0)), 60)
    notes = str(snapshot.get("notes") or "")[:60]
    about = f' "{notes}"' if notes else ""
    return (
        f"time entry {body['mosaic_id']} of {snapshot.get('date')}, "
        f"{hours}:{minutes:02}{about}"
    )


def _made(
    connection: Connection,
    call: Row[Any],
    mosaic_id: int,
    found: dict[str, Any],
    created_at: datetime | None,
    *,
    edited: bool,
    by: str,
    now: datetime,
    at_once: AtOnce | None,
) -> None:
    """Settle a call as made, and bring its record up to what Mosaic has."""
    if at_once is not None:
        row = at_once.records.get(call.record_id)
    else:
        row = _record(connection, call)
    if row is None:
        # Its record was joined away; what was made is a record of its own.
        outbox.settle_as(connection, call, "done", outbox.KNOWN_FROM.format(by), now)
        return
    if call.operation == "create" and at_once is None:
        free = time_mosaic.nobodys(connection, call.company_id, [mosaic_id])
        if not free and row.mosaic_id != mosaic_id:
            # It was joined with another record meanwhile, so this one has none yet.
            reason = "Mosaic's entry belongs to another record already."
            outbox.never_made(connection, call, reason, now, again_at=now)
            return
        time_of_mosaic.was_ours(connection, call.company_id, mosaic_id, now, by=row.id)
    agreed = two_way.agreed_after(
        row.agreed, call.basis or {}, found, "mosaic", edited=edited
    )
    if _not_taken(call, row, agreed):
        time_of_mosaic.renew(connection, call.company_id, [(row, found)], now, sent={})
        reason = "Mosaic has not made the change."
        outbox.never_made(connection, call, reason, now, again_at=now)
        return
    in_mosaic = None if at_once is None else at_once.in_mosaic
    time_of_mosaic.written(
        *(connection, row, mosaic_id, found, created_at, agreed, now),
        in_mosaic=in_mosaic,
    )
    # What waited for it is compared with it.
    awaited = at_once is None
    reason = outbox.KNOWN_FROM.format(by)
    outbox.settle_as(connection, call, "done", reason, now, awaited=awaited)
    if row.mosaic_id not in {None, mosaic_id}:
        # Made anew: should the entry that it was before be shown again, it is known.
        tombstones.leave_behind(connection, call.company_id, row, row.id, now)
    if call.operation == "create" and row.gone:
        tombstones.lift(connection, call.company_id, row.id)
    before = row.mosaic if call.operation == "update" else None
    change = Change(row.id, before, found)
    (changed,) = seen.told(connection, call.company_id, "mosaic", [change])
    happened = Happened(
        row.id,
        _CHOSEN
        if call.operation == "update" and not call.basis
        else _DONE[call.operation],
        history.US,
        {
            "mosaic_id": mosaic_id,
            "call": call.id,
            "known_by": by,
            "entry": row.name,
            "changed": changed,
            "now": found,
        },
    )
    if at_once is not None:
        at_once.happened.append(happened)
    else:
        history.events(connection, call.company_id, [happened], at=now)


def _record(connection: Connection, call: Row[Any]) -> Row[Any] | None:
    return connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == call.company_id, _RECORD.c.id == call.record_id
        )
    ).first()


def _not_taken(call: Row[Any], row: Row[Any], agreed: two_way.Agreed) -> bool:
    """Tell whether a change that Mosaic failed on was not made at all."""
    failed = call.operation == "update" and call.state == "unsure" and row.failures
    return bool(failed and agreed == row.agreed)


def _gone(connection: Connection, call: Row[Any], now: datetime) -> None:
    """Settle a change or deletion of an entry that is not in Mosaic any more."""
    ours = call.operation == "delete"
    by, who = ("plan", Who.OURS) if ours else ("mosaic", Who.NOT_SHOWN)
    state = "done" if ours else "absent"
    reason = "Mosaic does not have the entry any more."
    outbox.settle_as(connection, call, state, reason, now)
    time_mosaic.mark_gone(
        connection, call.company_id, [call.mosaic_id], by=by, now=now, who=who
    )
    due.look_again(connection, call.company_id, call.record_id, now)


def _still_there(
    connection: Connection,
    call: Row[Any],
    body: Mapping[str, Any],
    *,
    now: datetime,
    settle: timedelta,
) -> None:
    """Go on about a deletion whose entry Mosaic still shows.

    Deleting again does no harm. Whether it is still wanted, the next plan says.
    """
    looks = call.looks + 1
    if call.state == "accepted" and looks < outbox.LOOKS_BEFORE_ABSENT:
        outbox.change(connection, call, looks=looks, check_at=now + settle)
        return
    reason = "Mosaic still has the entry."
    outbox.never_made(connection, call, reason, now, again_at=now)
    if call.state != "unsure":  # what was not answered is no try, a failure its own
        transitions.count_try(connection, call.company_id, call.record_id)
    time_mosaic.keep_mosaic(connection, call.company_id, [body], now=now)

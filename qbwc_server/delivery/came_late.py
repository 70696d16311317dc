"""A creation in Mosaic that was taken as never made, and turns out to be there.

Or that was taken for an equal entry, which somebody had typed meanwhile.

A request may arrive long after it was sent, as from a machine that slept. Mosaic says
so itself, by a callback that names the request id we were given, or in its request
log by our reference; nothing less is taken for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.team import time_claims
from qbwc_server.delivery import outbox, time_calls
from qbwc_server.jobs import queue
from qbwc_server.kinds import identity, time_entry
from qbwc_server.kinds.identity import Word
from qbwc_server.kinds.tombstone import Who
from qbwc_server.mosaic_reading import time_mosaic
from qbwc_server.records import due, history, joining, tombstones
from qbwc_server.records.one_or_two import apart, joined, said
from qbwc_server.storage import tables

_RECORD, _CALL, _JOB = tables.record, tables.mosaic_call, tables.job


def creations(
    connection: Connection, company_id: int, refs: Collection[str]
) -> list[Row[Any]]:
    """Return the creations of time with some references that count as not made.

    Or as another entry, because that is equal.
    """
    return list(
        connection.execute(
            sa.select(_CALL).where(
                _CALL.c.company_id == company_id,
                _CALL.c.ref.in_(sorted(refs)),
                _CALL.c.data_type == time_entry.NAME,
                _CALL.c.operation == "create",
                _CALL.c.state.in_(("absent", "refused")) | joined.was_guess(_CALL),
            )
        )
    )


def to_ask(
    connection: Connection, company_id: int, hints: Sequence[Row[Any]]
) -> list[Row[Any]]:
    """Return of callbacks those about which Mosaic is asked now.

    Not those of a creation that was sent again while that is not known: until it is,
    nobody can tell which of two entries is the double.
    """
    refs = [row.ref for row in hints if row.ref is not None]
    calls = creations(connection, company_id, refs) if refs else []
    numbers = [call.record_id for call in calls if call.record_id is not None]
    opened = outbox.records_with_open_calls(connection, company_id, numbers)
    early = {call.ref for call in calls if call.record_id in opened}
    return [row for row in hints if row.ref not in early]


def made_since(connection: Connection, call: Row[Any]) -> int | None:
    """Return the entry of Mosaic that the record of a creation has now, if any."""
    row = _record(connection, call.company_id, _RECORD.c.id == call.record_id)
    return None if row is None or row.mosaic_id is None else int(row.mosaic_id)


def take(
    connection: Connection,
    call: Row[Any],
    number: int,
    bodies: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Decide about an entry that Mosaic itself says we created.

    `bodies` are what Mosaic shows now of it and of what was made in its place since.
    Where both are there and nobody touched either, it is the double and taken away.
    Where the other one is not there, it takes that one's place. Else a person is asked.
    Where nothing was made in its place it is what we sent: whatever became of the entry
    in QuickBooks since, a deletion too, is done to it now. So it is where a person has
    deleted the entry in QuickBooks, and what was made in its place is gone by that.
    """
    company_id = call.company_id
    if number in bodies:
        # Whatever was said of such hours.
        time_claims.take(connection, company_id, [number], now)
        _tell_if_taken(connection, call, number, now)
        time_mosaic.keep_mosaic(connection, company_id, [bodies[number]], now=now)
    first = _record(connection, company_id, _RECORD.c.id == call.record_id)
    second = _record(connection, company_id, _RECORD.c.mosaic_id == number)
    if (
        first is None
        or second is None
        or first.quickbooks_id is None
        or second.quickbooks_id is not None
        or number not in bodies
    ):
        return
    pair = (first.quickbooks_id, number)
    deleted = tombstones.in_quickbooks(first) is Who.PERSON
    if first.mosaic_id is None or (deleted and first.mosaic_id not in bodies):
        if _on_their_way(connection, company_id, first.id, second.id):
            # Once that is over the next plan joins them.
            said.say(connection, company_id, [pair], Word.ONE, by="mosaic", now=now)
        else:
            _is_its_own(connection, call, second, number, bodies[number], now)
        return
    if first.mosaic_id == number:
        return
    if first.mosaic_id in bodies:
        if identity.untouched(bodies[number], bodies[first.mosaic_id]):
            apart.is_double(connection, second, first, now)
        else:
            said.say(connection, company_id, [pair], Word.ASKED, by="mosaic", now=now)
    else:
        why = f"Mosaic says that it is what we sent; {first.mosaic_id} is not there."
        what = f"time entry {number}, which came late, took its place: joined with it"
        joining.join(connection, first, second, now, stays=first.id, what=what, why=why)
        due.look_again(connection, company_id, first.id, now)


def _tell_if_taken(
    connection: Connection, call: Row[Any], number: int, now: datetime
) -> None:
    """Tell where another file of the team took an entry before we knew it for ours.

    It stays in that file: nothing of a file is changed from another one.
    """
    company_id = call.company_id
    if call.record_id is None or not time_claims.held_by_others(
        connection, company_id, [number]
    ):
        return
    history.event(
        connection,
        company_id,
        call.record_id,
        at=now,
        what="another company file has what Mosaic says we made; it is there twice",
        by="mosaic",
        detail={"mosaic_id": number, "ref": call.ref},
    )


def _on_their_way(connection: Connection, company_id: int, *record_ids: int) -> bool:
    """Tell whether something was sent about records and is not known yet."""
    jobs = queue.select(
        connection,
        company_id,
        _JOB.c.record_id.in_(record_ids),
        _JOB.c.state.in_(("sent", "unsure")),
    )
    opened = outbox.records_with_open_calls(connection, company_id, record_ids)
    return bool(jobs or opened)


def _is_its_own(
    connection: Connection,
    call: Row[Any],
    second: Row[Any],
    number: int,
    body: Mapping[str, Any],
    now: datetime,
) -> None:
    """Take an entry of Mosaic, and its record, for what a creation of ours made."""
    company_id, stays = call.company_id, call.record_id
    reason = f"Mosaic says that we made it: joined with record {stays}."
    for job in queue.select(
        connection,
        company_id,
        _JOB.c.record_id == second.id,
        _JOB.c.finished_at.is_(None),
    ):
        queue.move(connection, job, "cancelled", by="mosaic", now=now, reason=reason)
    history.move(connection, company_id, second.id, now, to=stays)
    joining.drop(connection, company_id, second.id)
    time_calls.done(connection, call, number, body, by="mosaic", now=now)


def _record(
    connection: Connection, company_id: int, condition: sa.ColumnElement[bool]
) -> Row[Any] | None:
    return connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == time_entry.NAME,
            condition,
        )
    ).first()

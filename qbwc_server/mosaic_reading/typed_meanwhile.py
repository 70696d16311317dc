"""New entries of Mosaic of which nobody can tell whether they are an hour of ours.

Somebody typed it while we were creating the same there; or it is a creation that came
late: after it was taken as never made and sent again, or after an equal entry was taken
for it. A person is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import identity, time_entry
from qbwc_server.kinds.identity import Birth, Word
from qbwc_server.mosaic_reading import may_be_ours
from qbwc_server.records.one_or_two import joined, said
from qbwc_server.storage import tables

_RECORD, _CALL = tables.record, tables.mosaic_call
_WITHIN: Final = timedelta(minutes=70)
"""The reading before a creation is at most an hour old; its answer takes a while."""
_LATE: Final = timedelta(days=1)
"""How long after a second sending the first one may still come."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An entry of Mosaic that a record has on both sides."""

    record_id: int
    txn_id: str
    mosaic_id: int


def ask(
    connection: Connection,
    company_id: int,
    new: Collection[int],
    bodies: Mapping[int, Mapping[str, Any]],
    rows: Sequence[Row[Any]],
    now: datetime,
) -> None:
    """Ask about the numbers of new entries; `rows` are the records of the others.

    `bodies` are all that was read together, by number.
    """
    linked = [
        _Known(row.id, row.quickbooks_id, row.mosaic_id)
        for row in rows
        if row.quickbooks_id
    ]
    likely = list(_alike(new, linked, bodies))
    sent = _sent_by_us(connection, company_id, {one.record_id for one, _ in likely})
    pairs = {
        (known.txn_id, number)
        for known, number in likely
        if known.record_id in sent
        and _meanwhile(bodies[number], bodies[known.mosaic_id], sent[known.record_id])
    }
    pairs |= _late(connection, company_id, new, bodies, now)
    said.say(connection, company_id, sorted(pairs), Word.ASKED, by="reading", now=now)


def _alike(
    new: Collection[int],
    linked: Sequence[_Known],
    bodies: Mapping[int, Mapping[str, Any]],
) -> Iterator[tuple[_Known, int]]:
    """Give new entries with those of both sides that may be equal."""
    of_mark: dict[Hashable, list[_Known]] = {}
    for known in linked:
        if (ours := time_entry.from_mosaic(bodies[known.mosaic_id])) is not None:
            of_mark.setdefault(identity.mark(ours), []).append(known)
    for number in new:
        if (one := time_entry.from_mosaic(bodies[number])) is not None:
            for known in of_mark.get(identity.mark(one), ()):
                yield known, number


def _meanwhile(
    body: Mapping[str, Any], ours: Mapping[str, Any], sent_at: datetime
) -> bool:
    """Tell whether an entry may have been typed after the reading before a creation.

    What was sent may take effect hours later, and was decided by what was read before.
    """
    one, other = time_entry.from_mosaic(body), time_entry.from_mosaic(ours)
    if one is None or other is None:
        return False
    born, made = (Birth(time_entry.moment(it.get("created_at"))) for it in (body, ours))
    took = timedelta() if made.at is None else max(made.at - sent_at, timedelta())
    return identity.born_meanwhile(one, other, (born, made), _WITHIN + took)


def _sent_by_us(
    connection: Connection, company_id: int, record_ids: Collection[int]
) -> dict[int, datetime]:
    """Return the records of which we made Mosaic's entry, and when we sent it."""
    if not record_ids:
        return {}
    rows = connection.execute(
        sa.select(_CALL.c.record_id, _CALL.c.created_at)
        .where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == time_entry.NAME,
            _CALL.c.operation == "create",
            _CALL.c.state == "done",
            _CALL.c.record_id.in_(sorted(record_ids)),
        )
        .order_by(_CALL.c.id)
    )
    return {row.record_id: row.created_at for row in rows}


def _late(
    connection: Connection,
    company_id: int,
    new: Collection[int],
    bodies: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> set[tuple[str, int]]:
    """Return new entries that may be what was sent, and missed.

    It was sent again since, or an equal entry was taken for it.
    """
    again = _CALL.alias("again")
    sent_again = (_CALL.c.state == "absent") & (
        sa.exists()
        .where(
            again.c.company_id == _CALL.c.company_id,
            again.c.record_id == _CALL.c.record_id,
            again.c.id > _CALL.c.id,
            again.c.operation == "create",
            again.c.state == "done",
        )
        .correlate(_CALL)
    )
    rows = connection.execute(
        sa.select(_CALL.c.basis, _CALL.c.created_at, _RECORD.c.quickbooks_id)
        .join(
            _RECORD,
            (_RECORD.c.company_id == _CALL.c.company_id)
            & (_RECORD.c.id == _CALL.c.record_id),
        )
        .where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == time_entry.NAME,
            _CALL.c.operation == "create",
            _CALL.c.settled_at > now - _LATE,
            (sent_again & (_CALL.c.looks > 0)) | joined.was_guess(_CALL),
            _RECORD.c.quickbooks_id.is_not(None),
        )
    ).all()
    return {
        (row.quickbooks_id, number)
        for row in rows
        for number in new
        if identity.may_have_come_late(
            may_be_ours.doubt(row.basis, row.created_at), bodies[number]
        )
    }

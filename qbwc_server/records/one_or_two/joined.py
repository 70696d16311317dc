"""Entries that were taken for one because they are equal, until somebody has seen it.

Whoever typed the same hours on both sides meant one entry, mostly: it is joined, told
in entries and hours, and taken apart by one word (`records two`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.tombstone import Side
from qbwc_server.storage import tables
from qbwc_server.storage.statements import upsert

How: TypeAlias = Literal["typed", "lost", "before"]
"""By hand on both sides; or one of them was ours, and its answer was lost; or both
sides had it before, of which nothing is said: it is kept until both have shown it."""
TAKEN: Final = "taken for what was sent, because it is equal"
"""What a record's history says of a lost creation that no id proved."""
_JOINED, _RECORD = tables.joined, tables.record
_STOOD: Final[dict[Side, sa.Column[datetime]]] = {
    "quickbooks": _JOINED.c.stood_in_quickbooks_at,
    "mosaic": _JOINED.c.stood_in_mosaic_at,
}
_NOT_STOOD: Final = sa.or_(*(column.is_(None) for column in _STOOD.values()))
"""As the partial index has it."""
_MOST: Final = 10_000
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Unseen:
    """How much was joined that nobody has looked at yet."""

    entries: int
    minutes: int


def was_guess(call: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a lost creation was taken for an equal entry.

    No id proved it: what was sent may still come.
    """
    return (call.c.state == "done") & (
        sa.exists()
        .where(
            _JOINED.c.company_id == call.c.company_id,
            _JOINED.c.record_id == call.c.record_id,
            _JOINED.c.how == "lost",
            _JOINED.c.at == call.c.settled_at,
        )
        .correlate(call)
    )


def guesses(company_id: int) -> sa.Select[Any]:
    """Return a query for the ids of the creations of which `was_guess` is true."""
    call = tables.mosaic_call
    return (
        sa.select(call.c.id)
        .join(
            _JOINED,
            (_JOINED.c.company_id == call.c.company_id)
            & (_JOINED.c.record_id == call.c.record_id),
        )
        .where(
            call.c.company_id == company_id, _JOINED.c.how == "lost", was_guess(call)
        )
    )


def note(
    connection: Connection,
    company_id: int,
    record_id: int,
    minutes: int,
    how: How,
    now: datetime,
) -> None:
    """Put a record on the list of what was joined.

    What was on both sides before nobody has to see; that they have it still is kept
    all the same.
    """
    upsert(
        connection,
        _JOINED,
        [
            {
                "company_id": company_id,
                "record_id": record_id,
                "minutes": minutes,
                "how": how,
                "at": now,
                "seen_at": now if how == "before" else None,
                "stood_in_quickbooks_at": None,
                "stood_in_mosaic_at": None,
            }
        ],
        key=("company_id", "record_id"),
    )


def stood(
    connection: Connection,
    company_id: int,
    side: Side,
    began: datetime,
    days: tuple[str, str] | None = None,
) -> None:
    """Note what a side still has of all that was joined before it was asked.

    It was asked at `began`, to its end, and what it does not have is marked; `days`
    are the first and the last of those that were read, None for all.
    """
    column = _STOOD[side]
    gone = _RECORD.c.quickbooks_gone if side == "quickbooks" else _RECORD.c.misses > 0
    there = (
        sa.select(_JOINED.c.record_id)
        .join(
            _RECORD,
            (_RECORD.c.company_id == _JOINED.c.company_id)
            & (_RECORD.c.id == _JOINED.c.record_id),
        )
        .where(
            _JOINED.c.company_id == company_id,
            _NOT_STOOD,
            column.is_(None),
            _JOINED.c.at <= began,
            ~gone,
        )
    )
    if days is not None:
        there = there.where(_RECORD.c.day.between(*days))
    found = list(connection.execute(there).scalars())
    for start in range(0, len(found), _CHUNK):
        these = sa.and_(
            _JOINED.c.company_id == company_id,
            _JOINED.c.record_id.in_(found[start : start + _CHUNK]),
        )
        connection.execute(_JOINED.update().where(these).values({column: began}))
        connection.execute(
            _JOINED.delete().where(these, _JOINED.c.how == "before", ~_NOT_STOOD)
        )


def never_stood(
    connection: Connection, company_id: int, record_id: int, side: Side
) -> bool:
    """Tell whether a record was joined, and a side has not shown its entry since."""
    found = connection.execute(
        sa.select(_JOINED.c.record_id).where(
            _JOINED.c.company_id == company_id,
            _JOINED.c.record_id == record_id,
            _STOOD[side].is_(None),
        )
    ).first()
    return found is not None


def unseen(connection: Connection, company_id: int) -> dict[How, Unseen]:
    """Return how much was joined that nobody has looked at; read up to a bound."""
    some = (
        sa.select(_JOINED.c.how, _JOINED.c.minutes)
        .where(_JOINED.c.company_id == company_id, _JOINED.c.seen_at.is_(None))
        .order_by(_JOINED.c.record_id)
        .limit(_MOST)
        .subquery()
    )
    counted = sa.select(some.c.how, sa.func.count(), sa.func.sum(some.c.minutes))
    found = connection.execute(counted.group_by(some.c.how))
    return {how: Unseen(int(entries), int(minutes)) for how, entries, minutes in found}


def rows(
    connection: Connection,
    company_id: int,
    *,
    after: int = 0,
    limit: int,
    seen: bool = False,
) -> list[Row[Any]]:
    """Return what was joined, with its record; also what was seen if `seen`."""
    query = (
        sa.select(
            *(_JOINED.c.record_id, _JOINED.c.minutes, _JOINED.c.how, _JOINED.c.at),
            *(_JOINED.c.seen_at, _RECORD.c.name, _RECORD.c.quickbooks_id),
            *(_RECORD.c.mosaic_id, _RECORD.c.quickbooks, _RECORD.c.mosaic),
        )
        .join(
            _RECORD,
            (_RECORD.c.company_id == _JOINED.c.company_id)
            & (_RECORD.c.id == _JOINED.c.record_id),
        )
        .where(
            _JOINED.c.company_id == company_id,
            _JOINED.c.record_id > after,
            _JOINED.c.how != "before",
        )
        .order_by(_JOINED.c.record_id)
        .limit(limit)
    )
    if not seen:
        query = query.where(_JOINED.c.seen_at.is_(None))
    return list(connection.execute(query))


def see(
    connection: Connection, company_id: int, record_ids: Collection[int], now: datetime
) -> int:
    """Take records off the list; return how many were on it."""
    ids, found = sorted(record_ids), 0
    for start in range(0, len(ids), _CHUNK):
        found += connection.execute(
            _JOINED.update()
            .where(
                _JOINED.c.company_id == company_id,
                _JOINED.c.record_id.in_(ids[start : start + _CHUNK]),
                _JOINED.c.seen_at.is_(None),
            )
            .values(seen_at=now)
        ).rowcount
    return found


def forget(connection: Connection, company_id: int, record_id: int) -> None:
    """Take a record off for good: it was taken apart, or is gone."""
    connection.execute(
        _JOINED.delete().where(
            _JOINED.c.company_id == company_id, _JOINED.c.record_id == record_id
        )
    )

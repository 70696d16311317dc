"""Records that a restored backup befell: what each of them becomes.

Nothing that a restore took is called deleted. A mark says what befell it, until it is
back or a person said that it is right so; what QuickBooks had of it is kept meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.kinds import restored, two_way
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_entry import FIELDS
from qbwc_server.kinds.tombstone import Word
from qbwc_server.records import history, tombstones
from qbwc_server.records.due import make_due
from qbwc_server.records.joining import drop
from qbwc_server.records.references import PEOPLE
from qbwc_server.records.row import change, side_of
from qbwc_server.records.time_of_quickbooks import OVER
from qbwc_server.records.told import former
from qbwc_server.records.waiting import FREE, chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

UNDONE = "undone by a restored backup"
"""What is kept of an entry that a restored backup took away, or made older."""
CAME_BACK = "there again after a restored backup"
_RECORD = tables.record


@dataclass(frozen=True, slots=True)
class Befell:
    """What a restore did to a record: what was known, and what the file shows now."""

    row: Row[Any]
    mark: Mark
    now: Mapping[str, Any] | None = None


def note(
    connection: Connection, company: Company, found: Sequence[Befell], now: datetime
) -> None:
    """Mark records, and keep what QuickBooks had of them."""
    for one in found:
        row = one.row
        values: dict[str, object] = {
            "restored": one.mark.value,
            "lost": dict(row.quickbooks or {}),
        }
        if one.mark is Mark.MISSING:
            # Added again it is another entry; one with this name may come back.
            values["external_guid"] = None
            former.leaves(connection, row, now, external_guid=None)
        change(connection, company.id, row.id, changed_at=now, **values)
    history.events(connection, company.id, [_happened(one) for one in found], at=now)
    if found:
        moved(connection, company.id)


def ask(
    connection: Connection, company: Company, rows: Sequence[Row[Any]], now: datetime
) -> None:
    """Have marked records say at once what is asked; what they meant to do is off."""
    for row in rows:
        entry = two_way.Entry(
            mosaic=None if row.mosaic_gone else row.mosaic,
            name=row.name,
            restored=row.restored,
            lost=row.lost,
        )
        asked = restored.step(entry, two_way.Company(two_way=company.two_way))
        if asked is None or (row.state, row.reason) == (asked.state, asked.reason):
            continue
        change(
            connection,
            company.id,
            row.id,
            state=asked.state,
            reason=asked.reason,
            due_at=now,
            attempt=0,
            **FREE,
        )
        registry.change(connection, company.id, deliver_at=now)


def _happened(one: Befell) -> history.Happened:
    if one.mark is Mark.AGAIN:
        return history.Happened(one.row.id, CAME_BACK, "quickbooks", {"now": one.now})
    detail = {"txn_id": one.row.quickbooks_id, "quickbooks": one.row.quickbooks}
    if one.now is not None:
        detail["now"] = one.now
    return history.Happened(one.row.id, UNDONE, "quickbooks", detail)


def asked(connection: Connection, company_id: int) -> list[Row[Any]]:
    """Return the records about which a restored company file leaves a question."""
    return _marked(connection, company_id, restored.ASKED)


def unknown(connection: Connection, company_id: int) -> list[Row[Any]]:
    """Return what our own restored database did not know, and a person is asked of."""
    rows = _marked(connection, company_id, [Mark.COPY])
    return [row for row in rows if row.state == "refused"]


def not_over(connection: Connection, company_id: int) -> list[Row[Any]]:
    """Return the records about which a restored company file is not over."""
    return _marked(connection, company_id, restored.OPEN)


def _marked(
    connection: Connection,
    company_id: int,
    marks: Iterable[Mark],
    *conditions: sa.ColumnElement[bool],
) -> list[Row[Any]]:
    return list(
        connection.execute(
            sa.select(_RECORD)
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.restored.is_not(None),
                _RECORD.c.restored.in_(sorted(marks)),
                *conditions,
            )
            .order_by(_RECORD.c.id)
        )
    )


def missing_on(
    connection: Connection, company_id: int, days: Iterable[str]
) -> list[Row[Any]]:
    """Return those that a restored file lacks, and that are not added again yet."""
    on_day = _RECORD.c.day.in_(sorted(set(days)))
    return _marked(connection, company_id, restored.NOT_THERE, on_day)


def go_on(
    connection: Connection,
    company_id: int,
    marks: Mapping[int, Mark | None],
    now: datetime,
) -> None:
    """Give records another mark, None for none, and have them planned."""
    by_mark: dict[Mark | None, list[int]] = {}
    for record_id, mark in marks.items():
        by_mark.setdefault(mark, []).append(record_id)
    for mark, ids in by_mark.items():
        values: dict[str, object] = dict(OVER)
        if mark is not None:
            values = {"restored": mark.value}
        if mark is Mark.LEFT:
            values["quickbooks_gone"] = True
        change(connection, company_id, ids, changed_at=now, **values)
    _wake(connection, company_id, list(marks), now)


def take_place(
    connection: Connection, lost: Row[Any], typed: Row[Any], now: datetime
) -> None:
    """Have an entry that was typed again take the place of one that a restore took.

    The record of the lost one goes on with it; the other one's history comes along.
    """
    history.move(connection, typed.company_id, typed.id, now, to=lost.id)
    former.leaves(connection, lost, now, quickbooks_id=typed.quickbooks_id)
    drop(connection, typed.company_id, typed.id)
    change(
        connection,
        lost.company_id,
        lost.id,
        name=typed.name,
        day=typed.day,
        **side_of(typed, "quickbooks"),
        quickbooks_gone=False,
        seen_in=typed.seen_in,
        changed_at=now,
        **OVER,
    )
    history.event(
        connection,
        lost.company_id,
        lost.id,
        at=now,
        what="typed again in QuickBooks",
        by="quickbooks",
        detail={"txn_id": typed.quickbooks_id, "before": lost.quickbooks_id},
    )
    _wake(connection, lost.company_id, [lost.id], now)


def delete_again(
    connection: Connection, company_id: int, rows: Sequence[Row[Any]], now: datetime
) -> None:
    """Have entries that a restored file has again be deleted there once more.

    Mosaic has none of them any more. What we deleted ourselves was agreed on no longer;
    as the file shows it, it is what both sides had. Of one whose own entry in Mosaic
    stands with an equal one, nobody knows which was meant: `tombstone` asks.
    """
    rows = [row for row in rows if not _took_its_place(row)]
    for row in rows:
        agreed = {"quickbooks": _fields(row.quickbooks), "mosaic": _fields(row.mosaic)}
        change(connection, company_id, row.id, agreed=agreed)
    tombstones.note_word(
        connection, company_id, [row.id for row in rows], Word.DELETED, now
    )


def _took_its_place(row: Row[Any]) -> bool:
    stone = tombstones.mosaics(row)
    return stone is not None and stone.took is not None


def _fields(snapshot: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: (snapshot or {}).get(name) for name in FIELDS}


def is_known(connection: Connection, row: Row[Any]) -> None:
    """Forget that our own restored database did not know an entry."""
    change(connection, row.company_id, row.id, **OVER)


def writes_quickbooks(connection: Connection, company: Company) -> bool:
    """Tell whether anything may be written to QuickBooks for a company now.

    Where time goes one way, only what a restore took and a person wants back there.
    """
    if company.two_way or not company.delivers:
        return company.writes_quickbooks
    going = sorted(restored.GOING_BACK)
    found = connection.execute(
        sa.select(_RECORD.c.id)
        .where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.restored.is_not(None),
            _RECORD.c.restored.in_(going),
        )
        .limit(1)
    ).first()
    return found is not None


def taken(
    connection: Connection, company_id: int, rows: Sequence[Row[Any]]
) -> list[tuple[str, str, int]]:
    """Return the mark, the person and the minutes of records; see `restored.told`."""
    who = {row.parent_id for row in rows if row.parent_id}
    names: dict[str, str] = {}
    for part in chunks(sorted(who)):
        found = connection.execute(
            sa.select(_RECORD.c.quickbooks_id, _RECORD.c.name).where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind.in_(PEOPLE),
                _RECORD.c.quickbooks_id.in_(part),
            )
        )
        names |= {row.quickbooks_id: row.name for row in found}
    return [
        (
            row.restored,
            names.get(row.parent_id or "", "somebody"),
            int((row.lost or row.quickbooks or {}).get("minutes") or 0),
        )
        for row in rows
    ]


def _wake(
    connection: Connection, company_id: int, record_ids: Sequence[int], now: datetime
) -> None:
    if record_ids:
        make_due(connection, company_id, record_ids, now)
        moved(connection, company_id)
        registry.change(connection, company_id, deliver_at=now)

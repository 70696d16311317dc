"""Records that are taken apart, or change their entries: a person said or did so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import time_entry
from qbwc_server.kinds.tombstone import Side, Who, Word
from qbwc_server.records import history, tombstones
from qbwc_server.records.one_or_two import joined
from qbwc_server.records.row import change, side_of
from qbwc_server.records.told import former
from qbwc_server.records.waiting import FREE
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved, next_ids

_RECORD = tables.record
_IDS: Final = ("quickbooks_id", "external_guid", "mosaic_id")
_CROSSED: Final = (
    "of two equal entries one was deleted on each side, so one of them is left"
)


def take_apart(connection: Connection, row: Row[Any], now: datetime) -> int:
    """Leave a record QuickBooks' side, and give Mosaic's one of its own.

    Both are due. Returns the id of the new one.
    """
    company_id = row.company_id
    (made,) = next_ids(connection, company_id, 1)
    rank = time_entry.delivery_rank(row.day, now.date(), linked=False)
    former.leaves(connection, row, now, mosaic_id=None)
    change(
        connection,
        company_id,
        row.id,
        mosaic_type=None,
        mosaic_id=None,
        mosaic=sa.null(),
        mosaic_gone=False,
        agreed=sa.null(),
        conflict=sa.null(),
        misses=0,
        **_anew(rank, now),
    )
    connection.execute(
        _RECORD.insert().values(
            company_id=company_id,
            id=made,
            kind=row.kind,
            name=row.name,
            day=row.mosaic["date"],
            mosaic_type=row.mosaic_type,
            mosaic_id=row.mosaic_id,
            mosaic=row.mosaic,
            created_at=now,
            **_anew(rank, now),
        )
    )
    joined.forget(connection, company_id, row.id)
    history.event(
        connection,
        company_id,
        made,
        at=now,
        what=f"taken apart from record {row.id}",
        by="plan",
        detail={"record": row.id, "mosaic": row.mosaic},
    )
    moved(connection, company_id)
    return int(made)


def take_place(
    connection: Connection, row: Row[Any], of_ours: Row[Any], now: datetime
) -> None:
    """Have an entry of one side take the place of one that we made there.

    `row` is what is on that side alone; it becomes the record of what we made there
    and is to be taken away, unless somebody has changed it. `of_ours` gets its entry.
    """
    company_id = row.company_id
    if row.quickbooks_id is None:
        mine, ours = side_of(row, "mosaic"), side_of(of_ours, "mosaic")
        gone, empty = "quickbooks_gone", {"mosaic_id": None}
    else:
        mine, ours = (
            side_of(one, "quickbooks") | {"external_guid": one.external_guid}
            for one in (row, of_ours)
        )
        gone = "mosaic_gone"
        empty = {"quickbooks_id": None, "external_guid": None}
    linked = time_entry.RANK_OF_EDITS
    ids = [name for name in mine if name in _IDS]
    former.leaves(connection, row, now, **{name: ours[name] for name in ids})
    former.leaves(connection, of_ours, now, **{name: mine[name] for name in ids})
    change(connection, company_id, row.id, **empty)
    change(
        connection,
        company_id,
        of_ours.id,
        **mine,
        agreed=sa.null(),
        **_anew(linked, now),
    )
    change(
        connection,
        company_id,
        row.id,
        **ours,
        **{gone: True},
        agreed=of_ours.agreed,
        **_anew(linked, now),
    )
    lost: Side = "mosaic" if gone == "mosaic_gone" else "quickbooks"
    tombstones.note_lost(
        connection,
        company_id,
        [row.id],
        lost,
        Who.DOUBLE,
        by="plan",
        now=now,
        word=Word.DELETED,
    )
    for one, what in (
        (of_ours, f"took the entry of record {row.id}, which are the same hours"),
        (row, f"the double of record {of_ours.id}: is taken away"),
    ):
        history.event(connection, company_id, one.id, at=now, what=what, by="plan")
    moved(connection, company_id)


def stand_together(
    connection: Connection, of_quickbooks: Row[Any], of_mosaic: Row[Any], now: datetime
) -> None:
    """Have what stands of two equal entries be one, of which each side lost another.

    `of_quickbooks` gets the other one's entry in Mosaic. `of_mosaic`, whose entry was
    deleted in QuickBooks, gets what Mosaic does not show, so that it is known if it is
    shown again. Both are due.
    """
    company_id = of_quickbooks.company_id
    stone = tombstones.mosaics(of_quickbooks)
    kept = None if stone is None else replace(stone, took=of_quickbooks.id, word=None)
    gone = dict(of_quickbooks.gone or {})
    gone.pop("mosaic", None)
    lost = {**(of_mosaic.gone or {}), **({"mosaic": kept.kept()} if kept else {})}
    anew = _anew(time_entry.RANK_OF_EDITS, now) | {"conflict": sa.null()}
    change(connection, company_id, of_quickbooks.id, mosaic_id=None)
    for row, it, values in (
        (of_mosaic, of_quickbooks, {"mosaic_gone": True, "gone": lost}),
        (
            of_quickbooks,
            of_mosaic,
            {"mosaic_gone": False, "gone": gone or sa.null(), "agreed": sa.null()},
        ),
    ):
        there = side_of(it, "mosaic") | {"misses": it.misses}
        former.leaves(connection, row, now, mosaic_id=it.mosaic_id)
        change(connection, company_id, row.id, **there, **values, **anew)
        history.event(
            connection,
            company_id,
            row.id,
            at=now,
            what=f"{_CROSSED}: record {of_quickbooks.id} stands on both sides",
            by="plan",
            detail={"record": it.id, "mosaic_id": it.mosaic_id},
        )
    joined.forget(connection, company_id, of_mosaic.id)
    moved(connection, company_id)


def is_double(
    connection: Connection, row: Row[Any], of_ours: Row[Any], now: datetime
) -> None:
    """Have an entry of Mosaic taken away that we made there a second time.

    It is, unless somebody changes it before. `of_ours` has the other one.
    """
    company_id = row.company_id
    change(
        connection,
        company_id,
        row.id,
        quickbooks_gone=True,
        agreed={"quickbooks": {}, "mosaic": dict(row.mosaic)},
        **_anew(time_entry.RANK_OF_EDITS, now),
    )
    what = f"the double of record {of_ours.id}: it was sent twice, and is taken away"
    history.event(connection, company_id, row.id, at=now, what=what, by="mosaic")
    what = f"came twice: time entry {row.mosaic_id} of Mosaic is taken away"
    history.event(connection, company_id, of_ours.id, at=now, what=what, by="mosaic")
    moved(connection, company_id)


def _anew(rank: int, now: datetime) -> dict[str, Any]:
    """Return the columns of a record that is planned as if it had just come."""
    return {
        "state": "pending",
        "reason": None,
        "due_at": now,
        "changed_at": now,
        "attempt": 0,
        "delivery_rank": rank,
        **FREE,
    }

"""Tombstones on records: who took a time entry away on a side, when, its last values.

The only writer of `record.gone`. What follows from it is decided by `kinds.tombstone`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import identity, time_entry
from qbwc_server.kinds.tombstone import TOLD, Side, Stone, Who, Word
from qbwc_server.records import due, history
from qbwc_server.records.one_or_two import said
from qbwc_server.records.row import change
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved, next_id

_RECORD = tables.record
_BACK = "shown again by Mosaic"
_LEFT_BEHIND = "another entry took its place in Mosaic"


def mosaics(row: Row[Any]) -> Stone | None:
    """Return the tombstone of Mosaic's side, if that lost the entry or has it again."""
    stone = Stone.of(row.gone, "mosaic")
    if stone is not None:
        return stone if row.mosaic_gone or stone.back else None
    if not row.mosaic_gone:
        return None
    # From before tombstones were kept.
    who = Who.OURS if row.quickbooks_gone else Who.NOT_SHOWN
    return Stone(who, row.changed_at, row.mosaic, missed=True)


def in_quickbooks(row: Row[Any]) -> Who | None:
    """Return who took an entry away in QuickBooks, None if it is there."""
    if not row.quickbooks_gone:
        return None
    stone = Stone.of(row.gone, "quickbooks")
    if stone is not None:
        return stone.who
    return Who.OURS if row.agreed is None else Who.PERSON


def of_side(row: Row[Any], side: Side) -> Stone | None:
    """Return a side's tombstone; QuickBooks' also where the entry is there again."""
    return mosaics(row) if side == "mosaic" else Stone.of(row.gone, side)


def asked_about(row: Row[Any]) -> Side | None:
    """Return the side of whose loss a person may say whether it is one.

    QuickBooks says of its own that it is; it is asked only what was meant by it.
    """
    if mosaics(row) is not None:
        return "mosaic"
    asks = row.state == "refused" and not row.mosaic_gone
    return "quickbooks" if asks and somebody_took(row, "quickbooks") else None


def somebody_took(row: Row[Any], side: Side) -> bool:
    """Tell whether somebody, and not we or a restore, took an entry away on a side."""
    if side == "quickbooks":
        return in_quickbooks(row) is Who.PERSON
    stone = mosaics(row)
    return bool(row.mosaic_gone and stone and stone.who is Who.NOT_SHOWN)


def is_by_a_person(row: Row[Any]) -> bool:
    """Tell whether a person deleted an entry in QuickBooks, or said that it is deleted.

    Else Mosaic did not show it, and we deleted it in QuickBooks for no more than that.
    """
    here, there = (Stone.of(row.gone, side) for side in ("quickbooks", "mosaic"))
    said = there is not None and Word.DELETED in {there.word, there.said}
    return said or (here is not None and here.who is Who.PERSON)


def note_lost(
    connection: Connection,
    company_id: int,
    record_ids: Sequence[int],
    side: Side,
    who: Who,
    *,
    by: str,
    now: datetime,
    word: Word | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Keep who took entries away on a side, and say it in their history.

    What Mosaic only does not show is so since it was first missed. `word` is what a
    person has said of it already.
    """

    def lost(row: Row[Any]) -> Stone:
        before = Stone.of(row.gone, side)
        found = Stone(who, now, getattr(row, side), word=word)
        if before is None:
            return found
        if who is Who.NOT_SHOWN and before.back:
            # It was back, and that was not settled: what is known of it stays.
            return replace(before, at=now, back=False, missed=True, word=word)
        if who is Who.NOT_SHOWN and before.who is who:
            return replace(found, at=before.at)
        sent_again = before.back and before.who is who and before.word is None
        return replace(found, tries=before.tries + 1 if sent_again else 0)

    _carve(connection, company_id, record_ids, side, lost)
    if side == "mosaic" and who is not Who.NOT_SHOWN:
        # From here on it is counted whether a complete read misses it.
        change(connection, company_id, record_ids, misses=0)
    if who in {Who.PERSON, Who.NOT_SHOWN}:
        _wake_asked(connection, company_id, record_ids, now)
    happened = [
        history.Happened(one, TOLD[side, who], by, detail) for one in record_ids
    ]
    history.events(connection, company_id, happened, at=now)


def _wake_asked(
    connection: Connection, company_id: int, record_ids: Sequence[int], now: datetime
) -> None:
    """Have those planned of which it is asked whether they are the same as these."""
    for part in chunks(record_ids):
        ids = connection.execute(
            sa.select(_RECORD.c.quickbooks_id, _RECORD.c.mosaic_id).where(
                _RECORD.c.company_id == company_id, _RECORD.c.id.in_(part)
            )
        ).all()
        words = said.words_of(
            connection,
            company_id,
            quickbooks_ids={row.quickbooks_id for row in ids} - {None},
            mosaic_ids={row.mosaic_id for row in ids} - {None},
        )
        asked = [pair for pair, word in words.items() if word is identity.Word.ASKED]
        if asked:
            about = sa.or_(
                _RECORD.c.quickbooks_id.in_([one for one, _ in asked]),
                _RECORD.c.mosaic_id.in_([number for _, number in asked]),
            )
            found = connection.execute(
                sa.select(_RECORD.c.id).where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.kind == time_entry.NAME,
                    about,
                )
            )
            due.make_due(connection, company_id, list(found.scalars()), now)


def note_first_missed(
    connection: Connection, company_id: int, record_ids: Sequence[int], began: datetime
) -> None:
    """Keep since when Mosaic does not show entries: since a read began that missed."""

    def missed(row: Row[Any]) -> Stone:
        before = Stone.of(row.gone, "mosaic")
        if before is not None and before.back:
            return before
        return Stone(Who.NOT_SHOWN, began, row.mosaic)

    _carve(connection, company_id, record_ids, "mosaic", missed)


def note_shown(
    connection: Connection, company_id: int, rows: Sequence[Row[Any]], now: datetime
) -> None:
    """Keep that Mosaic shows entries again.

    `rows` are as they were before that was noted. One that had only been missed has no
    tombstone any more; one that counted as gone is back.
    """
    before = {one.id: one for one in rows if one.gone or one.mosaic_gone}

    def shown(row: Row[Any]) -> Stone | None:
        was = before[row.id]
        stone = mosaics(was)
        if stone is None or not was.mosaic_gone:
            return stone
        return stone.shown(missed=was.misses > 0)

    _carve(connection, company_id, list(before), "mosaic", shown)
    back = [
        history.Happened(one.id, _BACK, "mosaic") for one in rows if one.mosaic_gone
    ]
    history.events(connection, company_id, back, at=now)


def note_asked(
    connection: Connection, company_id: int, record_ids: Sequence[int], now: datetime
) -> None:
    """Keep that Mosaic did not show entries when it was asked for their numbers."""

    def asked(row: Row[Any]) -> Stone | None:
        stone = mosaics(row)
        return None if stone is None else replace(stone, asked_at=now)

    _carve(connection, company_id, record_ids, "mosaic", asked)


def note_word(
    connection: Connection,
    company_id: int,
    record_ids: Sequence[int],
    word: Word,
    now: datetime,
) -> None:
    """Keep what a person said of entries, and have them planned anew."""

    def of(side: Side) -> Callable[[Row[Any]], Stone | None]:
        def said(row: Row[Any]) -> Stone | None:
            stone = of_side(row, side)
            if stone is None or asked_about(row) != side:
                return stone
            return replace(stone, word=word)

        return said

    _carve(connection, company_id, record_ids, "mosaic", of("mosaic"))
    _carve(connection, company_id, record_ids, "quickbooks", of("quickbooks"))
    change(connection, company_id, record_ids, due_at=now, attempt=0, changed_at=now)
    moved(connection, company_id)


def lift(connection: Connection, company_id: int, record_id: int) -> None:
    """Take Mosaic's tombstone away: the entry is there, and that is all right."""
    _carve(connection, company_id, [record_id], "mosaic", lambda _: None)


def lift_to_make_again(connection: Connection, company_id: int, record_id: int) -> None:
    """Take Mosaic's tombstone away, and what was agreed: it is made there anew."""
    lift(connection, company_id, record_id)
    change(connection, company_id, record_id, agreed=sa.null())


def leave_behind(
    connection: Connection, company_id: int, was: Row[Any], took: int, now: datetime
) -> int | None:
    """Keep the number in Mosaic that a record had before it got another one.

    `was` is the record as it was, `took` the one that has the new number. The old
    number becomes a record that is gone, so that it is known again if Mosaic shows it.
    """
    stone = mosaics(was)
    if was.mosaic_id is None or stone is None:
        return None
    record_id = next_id(connection, company_id)
    kept = replace(stone, took=took, word=None)
    connection.execute(
        _RECORD.insert(),
        {
            "company_id": company_id,
            "id": record_id,
            "kind": time_entry.NAME,
            "state": "pending" if kept.back else "gone",
            "name": was.name,
            "day": (was.mosaic or {}).get("date") or was.day,
            "mosaic_type": time_entry.NAME,
            "mosaic_id": was.mosaic_id,
            "mosaic": was.mosaic,
            "mosaic_gone": not kept.back,
            "gone": {"mosaic": kept.kept()},
            "due_at": now if kept.back else None,
            "created_at": now,
            "changed_at": now,
        },
    )
    for one, other in ((record_id, took), (took, record_id)):
        history.event(
            connection,
            company_id,
            one,
            at=now,
            what=_LEFT_BEHIND,
            by="plan",
            detail={"mosaic_id": was.mosaic_id, "record": other},
        )
    return record_id


def not_shown(connection: Connection, company_id: int) -> list[Row[Any]]:
    """Return the records that QuickBooks has and that Mosaic only does not show."""
    rows = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == time_entry.NAME,
            _RECORD.c.mosaic_gone.is_(True),
            _RECORD.c.quickbooks_gone.is_(False),
            _RECORD.c.quickbooks_id.is_not(None),
        )
    )
    return [
        row
        for row in rows
        if (stone := mosaics(row)) is not None and stone.who is Who.NOT_SHOWN
    ]


def to_be_asked_for(
    connection: Connection, company_id: int, now: datetime, limit: int
) -> dict[int, int]:
    """Return which due records are asked for by number: {number: record}."""
    rows = connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == time_entry.NAME,
            _RECORD.c.due_at <= now,
            _RECORD.c.mosaic_gone.is_(True),
            _RECORD.c.quickbooks_gone.is_(False),
            _RECORD.c.quickbooks_id.is_not(None),
        )
        .order_by(_RECORD.c.due_at, _RECORD.c.id)
        .limit(limit)
    )
    return {
        row.mosaic_id: row.id
        for row in rows
        if (stone := mosaics(row)) is not None and stone.to_be_asked_for(now)
    }


def _carve(
    connection: Connection,
    company_id: int,
    record_ids: Sequence[int],
    side: Side,
    stone_of: Callable[[Row[Any]], Stone | None],
) -> None:
    """Write a side's tombstone of records anew; the other side's stays."""
    for part in chunks(record_ids):
        rows = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == company_id, _RECORD.c.id.in_(part)
            )
        ).all()
        changes = []
        for row in rows:
            kept: dict[str, Any] = dict(row.gone or {})
            stone = stone_of(row)
            if stone is None:
                kept.pop(side, None)
            else:
                kept[side] = stone.kept()
            if kept != dict(row.gone or {}):
                changes.append({"which": row.id, "stones": kept or None})
        if changes:
            connection.execute(_CARVED, [_of(company_id, one) for one in changes])


_CARVED = (
    _RECORD.update()
    .where(
        _RECORD.c.company_id == sa.bindparam("company"),
        _RECORD.c.id == sa.bindparam("which"),
    )
    .values(gone=sa.bindparam("stones"))
)


def _of(company_id: int, change: Mapping[str, Any]) -> dict[str, Any]:
    return {"company": company_id, **change}

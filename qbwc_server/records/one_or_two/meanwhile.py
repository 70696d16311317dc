"""New entries of which nobody can tell whether they are an hour of ours: asked about.

Somebody typed it while we were making the same on that side; or it is a creation of
ours that came late. In which order the two become known, and in which answers, has
nothing to say: what becomes known is compared with all that is known of its days.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import identity
from qbwc_server.kinds.identity import Birth, Doubt, Word
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.records.one_or_two import joined, said
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables

_RECORD, _CALL = tables.record, tables.mosaic_call
_BEFORE_AN_ADD: Final = timedelta(minutes=10)
"""The read before an Add is at most five minutes old; its answer takes a while."""
_BEFORE_A_CREATION: Final = timedelta(minutes=70)
"""The reading before a creation is at most an hour old; its answer takes a while."""
_LATE: Final = timedelta(days=1)
"""How long after a second sending the first one may still come."""
_COLUMNS = (
    *("id", "day", "quickbooks_id", "quickbooks", "mosaic_id", "mosaic"),
    *("time_created", "txn_number", "time_modified", "mosaic_created_at"),
)


def ask_in_mosaic(
    connection: Connection, company_id: int, numbers: Collection[int], now: datetime
) -> None:
    """Ask about entries of Mosaic that became known just now, and are nobody's yet."""
    new = [
        row
        for part in chunks(sorted(numbers))
        for row in connection.execute(
            _time(company_id).where(
                _RECORD.c.mosaic_type == NAME,
                _RECORD.c.mosaic_id.in_(part),
                _RECORD.c.quickbooks_id.is_(None),
            )
        )
    ]
    made = _made_in_mosaic(connection, company_id, _days(new))
    pairs = {
        (ours.quickbooks_id, one.mosaic_id)
        for one, ours in _alike(new, made, "mosaic")
        if _typed_in_mosaic(one, ours)
    }
    pairs |= _came_late(connection, company_id, new, now)
    _say(connection, company_id, pairs, now)


def ask_in_quickbooks(
    connection: Connection, company_id: int, txn_ids: Collection[str], now: datetime
) -> None:
    """Ask about entries of QuickBooks that became known just now: new, or our own."""
    rows = [
        row
        for part in chunks(sorted(txn_ids))
        for row in connection.execute(
            _time(company_id).where(
                _RECORD.c.quickbooks_id.in_(part),
                _RECORD.c.mosaic_id.is_(None) | _RECORD.c.external_guid.is_not(None),
            )
        )
    ]
    new = [row for row in rows if row.mosaic_id is None]
    ours = [row for row in rows if row.mosaic_id is not None]
    is_ours = _RECORD.c.external_guid.is_not(None) & _RECORD.c.mosaic_id.is_not(None)
    both = [
        *_alike(new, _of_days(connection, company_id, new, is_ours), "quickbooks"),
        *_alike(
            _of_days(connection, company_id, ours, _RECORD.c.mosaic_id.is_(None)),
            ours,
            "quickbooks",
        ),
    ]
    pairs = {
        (one.quickbooks_id, ours.mosaic_id)
        for one, ours in both
        if identity.born_meanwhile(
            one.quickbooks or {},
            ours.quickbooks or {},
            (_in_quickbooks(one), _in_quickbooks(ours)),
            _BEFORE_AN_ADD,
        )
    }
    _say(connection, company_id, pairs, now)


def _typed_in_mosaic(one: Row[Any], ours: Row[Any]) -> bool:
    """Tell whether an entry may have been typed after the reading before a creation.

    What was sent may take effect hours later, and was decided by what was read before.
    """
    made = ours.mosaic_created_at or ours.settled_at
    took = max(made - ours.sent_at, timedelta())
    births = (Birth(one.mosaic_created_at), Birth(made))
    return identity.born_meanwhile(
        one.mosaic or {}, ours.mosaic or {}, births, _BEFORE_A_CREATION + took
    )


def _came_late(
    connection: Connection, company_id: int, new: Collection[Row[Any]], now: datetime
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
    calls = sa.select(_CALL.c.basis, _CALL.c.created_at, _RECORD.c.quickbooks_id).where(
        _RECORD.c.company_id == _CALL.c.company_id,
        _RECORD.c.id == _CALL.c.record_id,
        _CALL.c.company_id == company_id,
        _CALL.c.data_type == NAME,
        _CALL.c.operation == "create",
        _CALL.c.settled_at > now - _LATE,
        (sent_again & (_CALL.c.looks > 0)) | joined.was_guess(_CALL),
        _RECORD.c.quickbooks_id.is_not(None),
    )
    missed = connection.execute(calls).all() if new else []
    return {
        (row.quickbooks_id, one.mosaic_id)
        for row in missed
        for one in new
        if identity.may_have_come_late(
            Doubt.of(row.basis, row.created_at),
            one.mosaic or {},
            one.mosaic_created_at,
        )
    }


def _in_quickbooks(row: Row[Any]) -> Birth:
    """Return when an entry was made, by the clock on the wall of its computer."""
    try:
        said_at = row.time_created or row.time_modified or ""
        at = datetime.fromisoformat(said_at).replace(tzinfo=None)
    except ValueError:
        at = None
    return Birth(at, row.txn_number)


def _alike(
    new: Iterable[Row[Any]], made: Iterable[Row[Any]], side: str
) -> Iterator[tuple[Row[Any], Row[Any]]]:
    """Give new entries with those of ours on that side that may be equal."""
    of_mark: dict[Hashable, list[Row[Any]]] = {}
    for ours in made:
        of_mark.setdefault(_mark(ours, side), []).append(ours)
    for one in new if of_mark else ():
        for ours in of_mark.get(_mark(one, side), ()):
            yield one, ours


def _mark(row: Row[Any], side: str) -> Hashable:
    return identity.mark(getattr(row, side) or {})


def _made_in_mosaic(
    connection: Connection, company_id: int, days: Collection[str]
) -> Iterator[Row[Any]]:
    """Give the entries of some days that we made, with when we sent them last."""
    sent = (
        _time(company_id)
        .add_columns(_CALL.c.created_at.label("sent_at"), _CALL.c.settled_at)
        .join(
            _CALL,
            (_CALL.c.company_id == _RECORD.c.company_id)
            & (_CALL.c.record_id == _RECORD.c.id),
        )
        .where(
            _CALL.c.data_type == NAME,
            _CALL.c.operation == "create",
            _CALL.c.state == "done",
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.mosaic_id.is_not(None),
        )
        .order_by(_CALL.c.id)
    )
    for part in chunks(sorted(days)):
        rows = connection.execute(sent.where(_RECORD.c.day.in_(part)))
        yield from {row.id: row for row in rows}.values()


def _of_days(
    connection: Connection,
    company_id: int,
    beside: Collection[Row[Any]],
    condition: sa.ColumnElement[bool],
) -> Iterator[Row[Any]]:
    """Give the entries that QuickBooks has on the days of others."""
    there = _time(company_id).where(_RECORD.c.quickbooks_id.is_not(None), condition)
    for part in chunks(sorted(_days(beside))):
        yield from connection.execute(there.where(_RECORD.c.day.in_(part)))


def _days(rows: Iterable[Row[Any]]) -> set[str]:
    return {row.day for row in rows if row.day is not None}


def _time(company_id: int) -> sa.Select[Any]:
    return sa.select(*(_RECORD.c[name] for name in _COLUMNS)).where(
        _RECORD.c.company_id == company_id, _RECORD.c.kind == NAME
    )


def _say(
    connection: Connection,
    company_id: int,
    pairs: Collection[tuple[str, int]],
    now: datetime,
) -> None:
    """Keep that nobody has said of pairs yet whether they are one."""
    if not pairs:
        return
    told = said.words_of(
        connection, company_id, quickbooks_ids={txn_id for txn_id, _ in pairs}
    )
    new = sorted(set(pairs) - told.keys())
    said.say(connection, company_id, new, Word.ASKED, by="reading", now=now)

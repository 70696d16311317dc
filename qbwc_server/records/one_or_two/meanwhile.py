"""New entries of which nobody can tell whether they are an hour of ours: asked about.

Somebody typed it while we were making the same on that side; or it is a creation of
ours that came late. In which order the two become known, and in which answers, has
nothing to say: what becomes known is compared with all that is known of its days.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import identity
from qbwc_server.kinds.identity import Birth, Doubt, Word
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.records import due, store
from qbwc_server.records.one_or_two import joined, said
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables

_RECORD, _CALL, _JOB = tables.record, tables.mosaic_call, tables.job
_SAID = tables.said
_BEFORE_AN_ADD: Final = timedelta(minutes=10)
"""The read before an Add is at most five minutes old; its answer takes a while."""
_BEFORE_A_CREATION: Final = timedelta(minutes=70)
"""The reading before a creation is at most an hour old; its answer takes a while."""
LATE: Final = timedelta(days=1)
"""How long after it was missed what was sent may still come."""
_Form: TypeAlias = "Mapping[str, Any]"
"""What an entry is, or was, in the terms of its side."""
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
    if not new:
        return
    made = _made_in_mosaic(connection, company_id, _days(new))
    pairs = {
        (ours.quickbooks_id, one.mosaic_id)
        for one, ours, form in _alike(new, made, "mosaic")
        if _typed_in_mosaic(one, ours, form)
    }
    pairs |= _came_late(connection, company_id, new, now)
    ask(connection, company_id, pairs, now)


def ask_what_came_late(
    connection: Connection,
    company_id: int,
    waiting: sa.ColumnElement[bool],
    now: datetime,
) -> None:
    """Ask about what Mosaic alone has and waits, as when it became known.

    What it may be was perhaps edited, deleted or joined with another one since.
    """
    alone = _RECORD.c.quickbooks_id.is_(None) & _RECORD.c.mosaic_gone.is_(False)
    new = connection.execute(_time(company_id).where(alone, waiting)).all()
    if not new:
        return
    late = _came_late(connection, company_id, new, now)
    asked = {number for _, number in ask(connection, company_id, late, now)}
    ids = [row.id for row in new if row.mosaic_id in asked]
    due.make_due(connection, company_id, ids, now)


def ask_in_quickbooks(
    connection: Connection,
    company_id: int,
    entries: Collection[SeenTime],
    now: datetime,
) -> None:
    """Ask about entries of QuickBooks that became known just now: new, or our own."""
    # Where nothing of ours is on their days, as in a first load, nothing more is asked.
    made = _made_in_quickbooks(company_id)
    there = list(_of_days(connection, made, {one.day for one in entries}))
    if not there:
        return
    rows = [
        row
        for row in store.by_quickbooks_id(
            connection, company_id, NAME, sorted(one.txn_id for one in entries)
        )
        if row.mosaic_id is None or row.external_guid is not None
    ]
    new = [row for row in rows if row.mosaic_id is None]
    ours = [row for row in rows if row.mosaic_id is not None]
    alone = _time(company_id).where(
        _RECORD.c.quickbooks_id.is_not(None), _RECORD.c.mosaic_id.is_(None)
    )
    both = [
        *_alike(new, there, "quickbooks"),
        *_alike(_of_days(connection, alone, _days(ours)), there, "quickbooks"),
    ]
    known = {row.quickbooks_id for row in rows}
    pairs = {
        (one.quickbooks_id, ours.mosaic_id)
        for one, ours, form in both
        if not known.isdisjoint({one.quickbooks_id, ours.quickbooks_id})
        if _typed_in_quickbooks(one, ours, form, now)
    }
    ask(connection, company_id, pairs, now)


def _typed_in_mosaic(one: Row[Any], ours: Row[Any], form: _Form) -> bool:
    """Tell whether an entry may have been typed after the reading before a creation.

    What was sent may take effect hours later, and was decided by what was read before.
    """
    made = ours.mosaic_created_at or ours.settled_at
    took = max(made - ours.sent_at, timedelta())
    births = (Birth(one.mosaic_created_at), Birth(made))
    within = _BEFORE_A_CREATION + took
    return identity.born_meanwhile(one.mosaic or {}, form, births, within)


def _typed_in_quickbooks(
    one: Row[Any], ours: Row[Any], form: _Form, now: datetime
) -> bool:
    """Tell whether an entry may have been typed after the read before an Add.

    A computer may sleep between the sending and the Add.
    """
    took = timedelta()
    if ours.sent_at is not None:
        took = max((ours.finished_at or now) - ours.sent_at, took)
    births = (_in_quickbooks(one), _in_quickbooks(ours))
    within = _BEFORE_AN_ADD + took
    return identity.born_meanwhile(one.quickbooks or {}, form, births, within)


def _came_late(
    connection: Connection, company_id: int, new: Collection[Row[Any]], now: datetime
) -> set[tuple[str, int]]:
    """Return new entries that may be what was sent, and missed.

    It was sent again since, or an equal entry was taken for it; or nobody wanted it any
    more, because it was deleted in QuickBooks, or left out, before it came; or it was
    edited in QuickBooks before it was sent again: then nothing else finds that they are
    one. What was not edited is joined by the plan.
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
    unwanted = (_CALL.c.state == "absent") & (
        _RECORD.c.quickbooks_gone | (_RECORD.c.state == "do_not_link")
    )
    # An equal one that somebody typed by hand was joined with it before.
    taken = _RECORD.c.mosaic_id.is_not(None)
    known = sent_again | unwanted | taken | (_CALL.c.state == "done")
    rows = [
        row
        for row in missed_before(connection, company_id, new, now, known)
        if row.known or _edited_since(row.basis, row.quickbooks)
    ]
    return {pair for one in new for pair in late_pairs(rows, one, now)}


def missed_before(
    connection: Connection,
    company_id: int,
    new: Iterable[Row[Any]],
    now: datetime,
    *more: sa.ColumnElement[bool],
) -> list[Row[Any]]:
    """Return the creations, with their records, that some entries of Mosaic may be.

    Each with `known`, which is what is said by `more`.
    """
    # What counts is when it was made there: it may be read much later.
    first = min((one.mosaic_created_at or now for one in new), default=None)
    if first is None:
        return []
    calls = (
        missed(company_id, first - LATE)
        .add_columns(_RECORD.c.quickbooks_id, _RECORD.c.quickbooks)
        .join(
            _RECORD,
            (_RECORD.c.company_id == _CALL.c.company_id)
            & (_RECORD.c.id == _CALL.c.record_id),
        )
        .where(_RECORD.c.quickbooks_id.is_not(None))
        .add_columns(*(one.label("known") for one in more))
    )
    return list(connection.execute(calls))


def late_pairs(
    creations: Iterable[Row[Any]], one: Row[Any], now: datetime
) -> set[tuple[str, int]]:
    """Return of which entries of QuickBooks one of Mosaic may be what was missed."""
    return {
        (row.quickbooks_id, one.mosaic_id)
        for row in creations
        if (one.mosaic_created_at or now) <= row.settled_at + LATE
        and identity.may_have_come_late(
            Doubt.of(row.basis, row.created_at),
            one.mosaic or {},
            one.mosaic_created_at,
        )
    }


def _edited_since(basis: Mapping[str, Any] | None, entry: _Form | None) -> bool:
    """Tell whether an entry of QuickBooks is not what a creation was made from."""
    sent = {name: both[0] for name, both in (basis or {}).items()}
    return any((entry or {}).get(name) != value for name, value in sent.items())


def missed(company_id: int, since: datetime) -> sa.Select[Any]:
    """Return a query for the creations that were missed since, and may come late.

    They were looked for in Mosaic and not seen there, also where Mosaic had said that
    it took them; or an equal entry was taken for them.
    """
    # Two questions, each on its index: this is asked in each pass of a team's file.
    absent = sa.select(_CALL.c.id).where(
        _CALL.c.company_id == company_id,
        _CALL.c.state.in_(("absent", "refused")),
        _CALL.c.looks > 0,
    )
    either = absent.union_all(joined.guesses(company_id))
    return sa.select(_CALL.c.basis, _CALL.c.created_at, _CALL.c.settled_at).where(
        _CALL.c.company_id == company_id,
        _CALL.c.id.in_(either),
        _CALL.c.data_type == NAME,
        _CALL.c.operation == "create",
        _CALL.c.settled_at > since,
    )


def asked_in_mosaic(
    connection: Connection, company_id: int
) -> dict[int, Mapping[str, Any]]:
    """Return the entries that Mosaic has alone and a person is asked about."""
    rows = connection.execute(
        sa.select(_RECORD.c.mosaic_id, _RECORD.c.mosaic).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.mosaic_type == NAME,
            _RECORD.c.quickbooks_id.is_(None),
            _RECORD.c.mosaic_gone.is_(False),
            _RECORD.c.mosaic_id.in_(
                sa.select(_SAID.c.mosaic_id).where(
                    _SAID.c.company_id == company_id,
                    _SAID.c.word == Word.ASKED.value,
                )
            ),
        )
    )
    return {row.mosaic_id: row.mosaic for row in rows if row.mosaic}


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
) -> Iterator[tuple[Row[Any], Row[Any], _Form]]:
    """Give new entries with those of ours on that side that may be equal, and how.

    Ours may have been edited before the other one is known: what counts is what we
    made, and what is there now.
    """
    of_mark: dict[Hashable, list[tuple[Row[Any], _Form]]] = {}
    for ours in made:
        for form in (getattr(ours, side) or {}, _as_made(ours, side)):
            of_mark.setdefault(identity.mark(form), []).append((ours, form))
    for one in new if of_mark else ():
        for ours, form in of_mark.get(identity.mark(getattr(one, side) or {}), ()):
            yield one, ours, form


def _as_made(ours: Row[Any], side: str) -> _Form:
    """Return what we made of an entry, in that side's terms."""
    if side == "quickbooks":
        return (ours.payload or {}).get("fields") or {}
    return Doubt.of(ours.basis, ours.sent_at).wanted


def _made_in_mosaic(
    connection: Connection, company_id: int, days: Collection[str]
) -> Iterator[Row[Any]]:
    """Give the entries of some days that we made, with when we sent them last."""
    sent = (
        _time(company_id)
        .add_columns(
            _CALL.c.created_at.label("sent_at"), _CALL.c.settled_at, _CALL.c.basis
        )
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


def _made_in_quickbooks(company_id: int) -> sa.Select[Any]:
    """Return the question for what we added to QuickBooks, with how it was sent."""
    return (
        _time(company_id)
        .add_columns(_JOB.c.sent_at, _JOB.c.finished_at, _JOB.c.payload)
        .outerjoin(
            _JOB,
            (_JOB.c.company_id == _RECORD.c.company_id)
            & (_JOB.c.record_id == _RECORD.c.id)
            & (_JOB.c.action == "add"),
        )
        .where(
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.external_guid.is_not(None),
        )
        .order_by(_JOB.c.id)
    )


def _of_days(
    connection: Connection, wanted: sa.Select[Any], days: Collection[str]
) -> Iterator[Row[Any]]:
    """Give entries that are on some days; of several writes the last."""
    for part in chunks(sorted(days)):
        rows = connection.execute(wanted.where(_RECORD.c.day.in_(part)))
        yield from {row.id: row for row in rows}.values()


def _days(rows: Iterable[Row[Any]]) -> set[str]:
    return {row.day for row in rows if row.day is not None}


def _time(company_id: int) -> sa.Select[Any]:
    return sa.select(*(_RECORD.c[name] for name in _COLUMNS)).where(
        _RECORD.c.company_id == company_id, _RECORD.c.kind == NAME
    )


def ask(
    connection: Connection,
    company_id: int,
    pairs: Collection[tuple[str, int]],
    now: datetime,
) -> list[tuple[str, int]]:
    """Keep that nobody has said of pairs yet whether they are one; return the new."""
    if not pairs:
        return []
    told = said.words_of(
        connection, company_id, quickbooks_ids={txn_id for txn_id, _ in pairs}
    )
    new = sorted(set(pairs) - told.keys())
    said.say(connection, company_id, new, Word.ASKED, by="reading", now=now)
    return new

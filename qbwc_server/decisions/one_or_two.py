"""A person says that two entries are one, or that they are two.

The word is kept on both ids for ever (`records.said`), and `kinds.identity` obeys it
wherever entries are joined. What it means for the records of today is done at once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.team import time_claims
from qbwc_server.delivery import outbox
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import queue
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.identity import Word
from qbwc_server.mosaic_reading import time_mosaic
from qbwc_server.planning import time_asked
from qbwc_server.planning.counterparts import joins
from qbwc_server.records import due, history
from qbwc_server.records.one_or_two import apart, joined, said
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_RECORD, _JOB, _CALL = tables.record, tables.job, tables.mosaic_call
_BY_A_PERSON = "a person said that they are one"


class NotToBeSaid(QbwcError):
    """What a person said of two entries cannot be done."""

    id: ClassVar[str] = "record-one-or-two"


def one(
    connection: Connection,
    company_id: int,
    first: int,
    second: int | None = None,
    *,
    mosaic_id: int | None = None,
    by: str,
    now: datetime,
    why: str | None = None,
) -> str:
    """Take two entries for one; return in words what happens.

    Of one that may be the same as what we made beside it, `second` says which of that.
    Else either two records, each on one side only, or one in QuickBooks and the number
    of the other in Mosaic. Where the creation of the first is in doubt, it is that one.

    Raises:
        NotToBeSaid: they are not each on one side only, or cannot be joined now.
    """
    row = _record(connection, company_id, first)
    call = asked_creation(connection, row)
    if call is not None and second is not None:
        mosaic_id = _record(connection, company_id, second).mosaic_id
    if call is not None and mosaic_id is not None:
        done = _it_was_made(connection, row, call, mosaic_id, by=by, now=now)
        _keep(connection, row, {mosaic_id}, Word.ONE, by=by, now=now, why=why)
        return done
    asked = asked_beside(connection, row) if mosaic_id is None else []
    if second is not None:
        asked = [one for one in asked if one.id == second]
    if asked:
        return _the_same(connection, row, asked, by=by, now=now, why=why)
    if (second is None) == (mosaic_id is None):
        raise NotToBeSaid("Name two records, or one and the number in Mosaic.")
    other = (
        _record(connection, company_id, second)
        if second is not None
        else _in_mosaic(connection, company_id, mosaic_id)
    )
    here, there = (other, row) if row.quickbooks_id is None else (row, other)
    _must_be_alone(connection, here, there)
    joins.join(connection, here, there, now, why=_BY_A_PERSON)
    joined.forget(connection, company_id, there.id)
    due.make_due(connection, company_id, [here.id], now)
    number = {there.mosaic_id}
    _keep(
        connection,
        here,
        number,
        Word.ONE,
        by=by,
        now=now,
        why=why,
        there=there,
        is_joined=True,
    )
    return (
        f"Record {company_id}-{here.id} has both now. Where they differ, it is a "
        "conflict like any other."
    )


def two(
    connection: Connection,
    company_id: int,
    first: int,
    second: int | None = None,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
) -> str:
    """Take entries for two; return in words what happens.

    One record that was joined because both sides had equal entries is taken apart. Of
    one whose creation is in doubt, what the question names is other work. Two records,
    each on one side only, are not joined.

    Raises:
        NotToBeSaid: there is nothing to be taken for two.
    """
    row = _record(connection, company_id, first)
    if second is not None:
        other = _record(connection, company_id, second)
        here, there = (other, row) if row.quickbooks_id is None else (row, other)
        _must_be_alone(connection, here, there)
        _two(connection, here, there, by=by, now=now, why=why)
        due.make_due(connection, company_id, [here.id, there.id], now)
        return "Each of them goes to the other side as an entry of its own."
    call = asked_creation(connection, row)
    if call is not None:
        _keep(connection, row, call.asked, Word.TWO, by=by, now=now, why=why)
        outbox.look_soon(connection, call, now)
        return (
            "What the question names is other work. Unless Mosaic shows something else "
            "that may be it, it is sent again."
        )
    if asked := asked_beside(connection, row):
        for other in asked:
            here, there = (other, row) if row.quickbooks_id is None else (row, other)
            _two(connection, here, there, by=by, now=now, why=why)
        due.make_due(connection, company_id, [row.id], now)
        return "It is other work, and goes to the other side."
    _must_be_joined(connection, row)
    made = apart.take_apart(connection, row, now)
    there = _record(connection, company_id, made)
    _two(connection, row, there, by=by, now=now, why=why)
    return (
        f"Taken apart: record {company_id}-{row.id} is QuickBooks' entry and goes to "
        f"Mosaic, record {company_id}-{made} is Mosaic's and goes to QuickBooks."
    )


def asked_beside(connection: Connection, row: Row[Any]) -> list[Row[Any]]:
    """Return the records of which it is asked whether an entry is the same hours."""
    if (row.quickbooks_id is None) == (row.mosaic_id is None):
        return []
    words = said.words_of(
        connection,
        row.company_id,
        quickbooks_ids=[row.quickbooks_id] if row.quickbooks_id else (),
        mosaic_ids=[row.mosaic_id] if row.mosaic_id else (),
    )
    pairs = [pair for pair, word in words.items() if word is Word.ASKED]
    condition = (
        _RECORD.c.quickbooks_id.in_([txn_id for txn_id, _ in pairs])
        if row.quickbooks_id is None
        else _RECORD.c.mosaic_id.in_([number for _, number in pairs])
    )
    return list(
        connection.execute(
            sa.select(_RECORD)
            .where(_RECORD.c.company_id == row.company_id, condition)
            .where(_RECORD.c.kind == time_entry.NAME)
            .order_by(_RECORD.c.id)
        )
    )


def _the_same(
    connection: Connection,
    row: Row[Any],
    asked: list[Row[Any]],
    *,
    by: str,
    now: datetime,
    why: str | None,
) -> str:
    """Have an entry take the place of one that we made there at the same time."""
    if len(asked) > 1:
        raise NotToBeSaid("It may be one of several: name that one as the second.")
    (other,) = asked
    if time_asked.is_unwanted(other):
        raise NotToBeSaid(
            f"Record {other.company_id}-{other.id} was deleted in QuickBooks, or is "
            "left out. If it is this entry, delete that in Mosaic."
        )
    _must_rest(connection, row)
    _must_rest(connection, other)
    here, there = (other, row) if row.quickbooks_id is None else (row, other)
    number = {there.mosaic_id}
    _keep(connection, here, number, Word.ONE, by=by, now=now, why=why, there=there)
    apart.take_place(connection, row, other, now)
    time_claims.take(connection, row.company_id, number, now)
    return (
        f"Record {other.company_id}-{other.id} has this entry now; what we made beside "
        "it is taken away, unless somebody has changed it."
    )


def _it_was_made(
    connection: Connection,
    row: Row[Any],
    call: Row[Any],
    mosaic_id: int,
    *,
    by: str,
    now: datetime,
) -> str:
    """Take an entry of Mosaic for what was sent; it is asked for by its number."""
    free = time_mosaic.nobodys(connection, row.company_id, [mosaic_id])
    if mosaic_id not in free:
        raise NotToBeSaid(f"Another record has time entry {mosaic_id} of Mosaic.")
    _not_of_another_file(connection, row.company_id, mosaic_id)
    reason = f"{by} said that it is time entry {mosaic_id} of Mosaic."
    outbox.change(
        connection, call, mosaic_id=mosaic_id, reason=reason, check_at=now, asked=None
    )
    return f"It is time entry {mosaic_id} of Mosaic, if that is still there."


def _keep(
    connection: Connection,
    row: Row[Any],
    mosaic_ids: Collection[int],
    word: Word,
    *,
    by: str,
    now: datetime,
    why: str | None,
    there: Row[Any] | None = None,
    is_joined: bool = False,
) -> None:
    """Keep a word about an entry of QuickBooks and some of Mosaic, and who said it.

    `there` is the record of Mosaic's where it is one: the history of each says what the
    other is, unless both are `row` from now on.
    """
    company_id, what = row.company_id, f"these are {word}"
    pairs = [(row.quickbooks_id, number) for number in mosaic_ids]
    said.say(connection, company_id, pairs, word, by=by, now=now)
    moved(connection, company_id)
    registry.change(connection, company_id, deliver_at=now)
    numbers = ", ".join(str(one) for one in sorted(mosaic_ids))
    ids = {"txn_id": row.quickbooks_id, "mosaic_id": numbers, "why": why}
    told = [history.Happened(row.id, what, by, ids | _what(there))]
    if there is not None and not is_joined:
        told.append(history.Happened(there.id, what, by, ids | _what(row)))
    history.events(connection, company_id, told, at=now)
    detail = {"record": row.id, "txn_id": row.quickbooks_id, "mosaic": [*mosaic_ids]}
    registry.audit(
        connection, company_id, now, who=by, what=what, why=why, detail=detail
    )


def _two(
    connection: Connection,
    here: Row[Any],
    there: Row[Any],
    *,
    by: str,
    now: datetime,
    why: str | None,
) -> None:
    """Keep that two records are two."""
    number = {there.mosaic_id}
    _keep(connection, here, number, Word.TWO, by=by, now=now, why=why, there=there)


def _what(other: Row[Any] | None) -> dict[str, Any]:
    """Return what the other entry is, for a history."""
    return {} if other is None else {"record": other.id, "entry": other.name}


def _must_be_alone(connection: Connection, here: Row[Any], there: Row[Any]) -> None:
    """See that one is in QuickBooks alone, the other in Mosaic alone, and both rest."""
    for row, its, other in ((here, "quickbooks", "mosaic"), (there, "mosaic", "")):
        where = "QuickBooks" if its == "quickbooks" else "Mosaic"
        name = f"Record {row.company_id}-{row.id}"
        on = {
            "quickbooks": row.quickbooks_id is not None and not row.quickbooks_gone,
            "mosaic": row.mosaic_id is not None and not row.mosaic_gone,
        }
        if not on[its] or on[other or "quickbooks"]:
            raise NotToBeSaid(
                f"{name} is not in {where} alone: one of the two must be in QuickBooks "
                "alone, the other in Mosaic alone."
            )
        if row.state == "do_not_link":
            raise NotToBeSaid(f"{name} is left out. Take it in first.")
        _must_rest(connection, row)
    _not_of_another_file(connection, there.company_id, there.mosaic_id)


def _must_be_joined(connection: Connection, row: Row[Any]) -> None:
    """See that a record has both sides because they were equal, or by a word."""
    name = f"Record {row.company_id}-{row.id}"
    if None in {row.quickbooks_id, row.mosaic_id} or (
        row.quickbooks_gone or row.mosaic_gone
    ):
        raise NotToBeSaid(
            f"{name} is not on both sides: there is nothing to take apart."
        )
    _must_rest(connection, row)
    event = tables.record_event
    told = connection.execute(
        sa.select(event.c.what)
        .where(event.c.company_id == row.company_id, event.c.record_id == row.id)
        .order_by(event.c.id.desc())
    ).scalars()
    for what in told:
        if "joined with" in what or what == joined.TAKEN:
            return
        if what in {"created in Mosaic", "added to QuickBooks"}:
            break
    raise NotToBeSaid(
        f"{name} is one entry: we made it on one side from the other. Whoever means "
        "two enters the second one."
    )


def _must_rest(connection: Connection, row: Row[Any]) -> None:
    """See that nothing about a record is on its way."""
    calls = outbox.open_calls(connection, row.company_id, _CALL.c.record_id == row.id)
    jobs = queue.select(
        connection,
        row.company_id,
        _JOB.c.record_id == row.id,
        _JOB.c.state.in_(("sent", "unsure")),
    )
    if calls or jobs or (row.waits_for or "").startswith("call:"):
        raise NotToBeSaid(
            f"Of record {row.company_id}-{row.id} something is on its way or in doubt. "
            "Say it again when that is known."
        )


def _not_of_another_file(
    connection: Connection, company_id: int, mosaic_id: int
) -> None:
    team = registry.get(connection, company_id).team
    claim = time_claims.claims(connection, team, [mosaic_id]).get(mosaic_id)
    if claim is not None and claim.holder not in {None, company_id}:
        raise NotToBeSaid(f"Time entry {mosaic_id} is another company file's.")


def asked_creation(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """Return the creation of a record of which a person is asked, if there is one."""
    calls = outbox.open_calls(
        connection,
        row.company_id,
        _CALL.c.record_id == row.id,
        _CALL.c.operation == "create",
    )
    return next((call for call in calls if call.asked), None)


def _record(connection: Connection, company_id: int, number: int) -> Row[Any]:
    row = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.id == number,
            _RECORD.c.kind == time_entry.NAME,
        )
    ).first()
    if row is None:
        raise NotToBeSaid(f"There is no record {company_id}-{number} of time.")
    return row


def _in_mosaic(
    connection: Connection, company_id: int, mosaic_id: int | None
) -> Row[Any]:
    row = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.mosaic_type == time_entry.NAME,
            _RECORD.c.mosaic_id == mosaic_id,
        )
    ).first()
    if row is None:
        raise NotToBeSaid(f"No time entry {mosaic_id} of Mosaic is known here.")
    return row

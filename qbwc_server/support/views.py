"""What support looks for: the views, filtered and a page at a time.

Every filter is one that an index serves, or is looked for within what one leaves. Pages
go on from a key, newest first, so that a page costs the same however many come before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.storage.database import JSON, UTCDateTime
from qbwc_server.storage.meanings import VIEWS

_JSON: Final = {
    *("detail", "host", "quickbooks", "mosaic", "agreed", "conflict", "fields")
}
_MOMENTS: Final = {"since", "until", "at", "late_since", "waits_since"}
_BY_COMPANY: Final = {"companies", "attentions"}
"""What has no number in its company."""
_BY_MOMENT: Final = {"outages": "since", "failed_logins": "last_at"}
"""What has no number, and by when it is ordered, the latest first."""
_RAW: Final = {"request", "answer"}
_NUMBERS: Final = {
    "companies": "company_id",
    "attentions": "company_id",
    "sessions": "session_id",
    "jobs": "job_id",
    "records": "record_id",
    "exchanges": "exchange_id",
    "calls": "call_id",
    "history": "event_id",
    "steps": "event_id",
    "audit": "audit_id",
}
"""What can be looked at, and the column that numbers it within a company."""
LOOKS: Final = (*_NUMBERS, *_BY_MOMENT, "words")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is None does not matter.

    `id` is what somebody has in hand: a TxnID or ListID, a number of Mosaic, a name of
    ours for a write, or a record as commands name it ("3-17"). `name` is a part of a
    name, in the case that it has. `after` is the key that the page before ended with.
    """

    company_id: int | None = None
    state: str | None = None
    who: str | None = None
    kind: str | None = None
    id: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[int, int] | None = None


class NotThere(ValueError):
    """Something is asked of a view that it does not have; says what."""


def view(what: str) -> sa.TableClause:
    """Return one of the views, by what can be looked at."""
    name = f"support_{what}"
    return sa.table(name, *(_column(one) for one in VIEWS[name][1]))


def look(
    connection: Connection, what: str, wanted: Wanted, *, limit: int = 50
) -> Sequence[Row[Any]]:
    """Return rows of a view, the newest of the latest company first.

    Raw messages are left out: `exchanges show` fetches one.

    Raises:
        NotThere: the view does not have what is asked for.
    """
    table = view(what)
    query = sa.select(*(one for one in table.c if one.name not in _RAW))
    for condition in _conditions(table, wanted):
        query = query.where(condition)
    if what == "words":
        query = query.order_by(table.c.topic, table.c.name)
    elif what in _BY_MOMENT:
        query = query.order_by(table.c[_BY_MOMENT[what]].desc())
    elif what in _BY_COMPANY:
        query = query.order_by(table.c.company_id)
        if what == "attentions":
            # As `standing.reasons` has them: what came last before what stands longer.
            query = query.order_by(table.c.place, table.c.since.desc())
        if wanted.after is not None:
            query = query.where(table.c.company_id > wanted.after[0])
    else:
        key = (table.c.company_id, table.c[_NUMBERS[what]])
        query = query.order_by(*(part.desc() for part in key))
        if wanted.after is not None:
            query = query.where(sa.tuple_(*key) < sa.tuple_(*wanted.after))
    return connection.execute(query.limit(limit)).all()


def _conditions(table: sa.TableClause, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    named = _first(table, "name", "record_name", "about", "company")
    for column, value in (
        ("company_id", wanted.company_id),
        ("state", wanted.state),
        (None if "who_must_act" in table.c else "who", wanted.who),
        ("who_must_act" if "who_must_act" in table.c else None, wanted.who),
        ("kind", wanted.kind),
    ):
        if column is not None and value is not None:
            found.append(_there(table, column) == value)
    if wanted.id is not None:
        found.append(_identified(table, wanted.id))
    if wanted.name is not None:
        if named is None:
            raise NotThere(f"{table.name} has no names.")
        found.append(named.contains(wanted.name, autoescape=True))
    # What was sent at a moment counts by that moment, not by when it was answered.
    moment = _first(table, "sent_at", "at", "since", "last_at")
    if moment is None and (wanted.since or wanted.until):
        raise NotThere(f"{table.name} has no moments.")
    if moment is not None and wanted.since is not None:
        found.append(moment >= wanted.since)
    if moment is not None and wanted.until is not None:
        found.append(moment < wanted.until)
    return found


def _identified(table: sa.TableClause, text: str) -> sa.ColumnElement[bool]:
    """Return the condition that something has an id, whichever it is."""
    company, dash, number = text.partition("-")
    meant: list[sa.ColumnElement[bool]] = []
    if dash and company.isdecimal() and number.isdecimal():
        own = _NUMBERS.get(table.name.removeprefix("support_"), "")
        meant += [
            (table.c.company_id == int(company)) & (table.c[name] == int(number))
            for name in dict.fromkeys((own, "record_id", "job_id"))
            if name in table.c and name != "company_id"
        ]
        if "refs" in table.c:
            own_company = table.c.company_id == int(company)
            meant.append(own_company & named_in(table, text))
    for name in ("quickbooks_id", "external_guid", "ref", "username", "name"):
        if name in table.c and (name != "name" or "topic" in table.c):
            meant.append(table.c[name] == text)
    if text.isdecimal() and "mosaic_id" in table.c and len(text) < 19:
        meant.append(table.c.mosaic_id == int(text))
    if not meant:
        raise NotThere(f"{table.name} has nothing that is called {text!r}.")
    return sa.or_(*meant)


def named_in(audit: sa.TableClause, reference: str) -> sa.ColumnElement[bool]:
    """Return the condition that a decision names something, as commands call it."""
    listed = sa.literal(", ") + audit.c.refs + ","
    return listed.contains(f", {reference},")


def _there(table: sa.TableClause, name: str) -> sa.ColumnElement[Any]:
    if name not in table.c:
        raise NotThere(f"{table.name} has no {name.replace('_', ' ')}.")
    return table.c[name]


def _first(table: sa.TableClause, *names: str) -> sa.ColumnElement[Any] | None:
    return next((table.c[name] for name in names if name in table.c), None)


def _column(name: str) -> sa.ColumnClause[Any]:
    if name in _JSON:
        return sa.column(name, JSON)
    if name in _MOMENTS or name.endswith("_at"):
        return sa.column(name, UTCDateTime)
    return sa.column(name)

"""What support looks for: the views, filtered and a page at a time.

Every filter is one that an index serves, or is looked for within what one leaves. Pages
go on from a key, newest first, so that a page costs the same however many come before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.support import finding
from qbwc_server.support.tables import NotThere, view

__all__ = ["LOOKS", "NotThere", "Wanted", "key", "left", "look", "view"]

_BY_COMPANY: Final = {"companies", "attentions", "clocks"}
"""What has no number in its company."""
_BY_MOMENT: Final = {
    "outages": "since",
    "failed_logins": "last_at",
    "former_ids": "at",
}
"""What has no number, and by when it is ordered, the latest first."""
_RISING: Final = {"exchanges", "history", "steps", "audit"}
"""What has its number and its moment at once."""
_RAW: Final = {"request", "answer"}
_Condition: TypeAlias = sa.ColumnElement[bool]
MOST: Final = 1_000
"""Counts stop there."""
_NUMBERS: Final = {
    "companies": "company_id",
    "attentions": "company_id",
    "clocks": "company_id",
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
    ours for a write, or a record as commands name it ("3-17"); what a record had and
    has no more finds it, too. `name`, `person`, `job` and `file` are parts of names,
    `text` one of a message, each in whatever case; `finding` says within what they are
    looked for. `days` are the first and the last day of work. `after` is the key that
    the page before ended with.
    """

    company_id: int | None = None
    state: str | None = None
    who: str | None = None
    kind: str | None = None
    id: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    person: str | None = None
    job: str | None = None
    days: tuple[str | None, str | None] = (None, None)
    text: str | None = None
    file: str | None = None
    after: tuple[int, int] | None = None


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
    query = _ordered(table, what, query)
    for condition in _conditions(connection, table, what, wanted):
        query = query.where(condition)
    return connection.execute(query.limit(limit)).all()


def left(connection: Connection, what: str, wanted: Wanted) -> int:
    """Return how many rows there are from a key on, counted to `MOST` + 1.

    Raises:
        NotThere: the view does not have what is asked for.
    """
    table = view(what)
    some = _ordered(
        table, what, sa.select(sa.literal(1).label("one")).select_from(table)
    )
    for condition in _conditions(connection, table, what, wanted):
        some = some.where(condition)
    counted = sa.select(sa.func.count()).select_from(some.limit(MOST + 1).subquery())
    found: int = connection.execute(counted).scalar_one()
    return found


def key(what: str, row: Row[Any]) -> tuple[int, int] | None:
    """Return the key that a page goes on from after a row, None if there is none."""
    if what in _BY_MOMENT or what in {"attentions", "words"}:
        return None
    number = 0 if what in _BY_COMPANY else int(getattr(row, _NUMBERS[what]))
    return int(row.company_id), number


def _ordered(table: sa.TableClause, what: str, query: sa.Select[Any]) -> sa.Select[Any]:
    if what == "words":
        return query.order_by(table.c.topic, table.c.name)
    if what in _BY_MOMENT:
        return query.order_by(table.c[_BY_MOMENT[what]].desc())
    if what in _BY_COMPANY:
        query = query.order_by(table.c.company_id)
        if what == "attentions":
            # As `standing.reasons` has them: what came last before what stands longer.
            query = query.order_by(table.c.place, table.c.since.desc())
        return query
    return query.order_by(table.c.company_id.desc(), table.c[_NUMBERS[what]].desc())


def _beyond(table: sa.TableClause, what: str, after: tuple[int, int]) -> _Condition:
    if what in _BY_COMPANY:
        return table.c.company_id > after[0]
    numbers = (table.c.company_id, table.c[_NUMBERS[what]])
    return sa.tuple_(*numbers) < sa.tuple_(*after)


def _conditions(
    connection: Connection, table: sa.TableClause, what: str, wanted: Wanted
) -> list[_Condition]:
    found = [*_standing(table, wanted), *_found(connection, table, wanted)]
    if wanted.after is not None and what in _NUMBERS:
        found.append(_beyond(table, what, wanted.after))
    # What was sent at a moment counts by that moment, not by when it was answered.
    moment = _first(table, "sent_at", "at", "since", "last_at")
    if moment is None and (wanted.since or wanted.until):
        raise NotThere(f"{table.name} has no moments.")
    if wanted.company_id is not None and moment is not None and what in _RISING:
        span = (wanted.since, wanted.until)
        lowest, highest = finding.numbers_between(connection, wanted.company_id, *span)
        number = table.c[_NUMBERS[what]]
        found += [] if lowest is None else [number > lowest]
        found += [] if highest is None else [number < highest]
    if moment is not None and wanted.since is not None:
        found.append(moment >= wanted.since)
    if moment is not None and wanted.until is not None:
        found.append(moment < wanted.until)
    return found


def _standing(table: sa.TableClause, wanted: Wanted) -> Iterator[_Condition]:
    """Yield the conditions that something is of a company, a kind, and stands so."""
    for column, value in (
        ("company_id", wanted.company_id),
        ("state", wanted.state),
        (None if "who_must_act" in table.c else "who", wanted.who),
        ("who_must_act" if "who_must_act" in table.c else None, wanted.who),
        ("kind", wanted.kind),
    ):
        if column is not None and value is not None:
            yield _there(table, column) == value


def _found(
    connection: Connection, table: sa.TableClause, wanted: Wanted
) -> Iterator[_Condition]:
    """Yield the conditions that something is what somebody means by a name or an id."""
    company_id, (first, last) = wanted.company_id, wanted.days
    if wanted.id is not None:
        yield _identified(connection, table, wanted.id, company_id)
    if wanted.name is not None:
        yield finding.named(table, wanted.name, company_id)
    if wanted.person is not None:
        yield finding.of_person(connection, table, wanted.person, company_id)
    if first is not None or last is not None:
        yield finding.on_days(table, first, last, company_id)
    if wanted.job is not None:
        yield finding.on_job(table, wanted.job, first, last)
    if wanted.text is not None:
        span = (wanted.since, wanted.until)
        yield finding.in_messages(table, wanted.text, company_id, *span)
    if wanted.file is not None:
        yield finding.with_file(table, wanted.file, company_id)


def _identified(
    connection: Connection, table: sa.TableClause, text: str, company_id: int | None
) -> _Condition:
    """Return the condition that something has an id, or its record had it once."""
    company, dash, number = text.partition("-")
    meant: list[_Condition] = []
    if "record_id" in table.c:
        is_record = "external_guid" in table.c
        meant += [
            (table.c.company_id == one) & (table.c.record_id == record)
            for one, record in (
                finding.led_to(connection, text)
                if is_record
                else finding.records_called(connection, text, company_id)
            )
        ]
        meant += finding.of_id(table, text) if is_record else []
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
    if "ref" in table.c and finding.is_name_of_write(text):
        meant.append(finding.of_write(table, text, company_id))
    for name in ("username", "value", "name"):
        if name in table.c and (name != "name" or "topic" in table.c):
            meant.append(table.c[name] == text)
    if not meant and "record_id" in table.c:
        return sa.false()
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

"""What somebody means by a name or an id that he has in hand.

What no index names is looked for within what one leaves: within a company, and where
that may be much, within some days. Case does not matter.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.time_entry import NAME as TIME
from qbwc_server.records.references import PEOPLE
from qbwc_server.support.tables import NotThere, view

MOST_LED_TO: Final = 50
_CLOCKS: Final = timedelta(hours=1)
"""How long a transaction may take that has a number before its moment is written."""
_MOST_PEOPLE: Final = 20
_NAME_OF_WRITE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST_DAYS: Final = 92
"""Days of work among which a job is looked for."""
LONGEST_TEXT: Final = timedelta(days=31)
"""How long messages are looked through for a text."""


def led_to(connection: Connection, text: str) -> list[tuple[int, int]]:
    """Return company and number of the records that were called so once."""
    table = view("former_ids")
    meant = (table.c.value == text) & (table.c.side != "record")
    company, dash, number = text.partition("-")
    if dash and company.isdecimal() and number.isdecimal():
        of_record = (table.c.side == "record") & (table.c.value == number)
        meant |= of_record & (table.c.company_id == int(company))
    query = sa.select(table.c.company_id, table.c.record_id).where(meant).distinct()
    return [(row[0], row[1]) for row in connection.execute(query.limit(MOST_LED_TO))]


def records_called(
    connection: Connection, text: str, company_id: int | None
) -> list[tuple[int, int]]:
    """Return company and number of the records that have an id, or had it once.

    What is of a record is looked for by its number then: one condition on it and one
    on its record would read both from beginning to end.

    Raises:
        NotThere: very many have it, as a number that every Mosaic counts up to.
    """
    table = view("records")
    found = dict.fromkeys(
        one for one in led_to(connection, text) if company_id in (None, one[0])
    )
    query = sa.select(table.c.company_id, table.c.record_id).limit(MOST_LED_TO + 1)
    if company_id is not None:
        query = query.where(table.c.company_id == company_id)
    for condition in of_id(table, text):
        found |= dict.fromkeys(map(tuple, connection.execute(query.where(condition))))
    if len(found) > MOST_LED_TO:
        raise NotThere(f"More than {MOST_LED_TO} are called {text!r}. Name a company.")
    return list(found)


def of_id(table: sa.TableClause, text: str) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a record has an id now, on an index each."""
    found = [table.c.quickbooks_id == text, table.c.external_guid == text]
    if text.isascii() and text.isdecimal() and len(text) < 19:
        found.append(table.c.mosaic_id == int(text))
    return found


def of_write(
    table: sa.TableClause, text: str, company_id: int | None
) -> sa.ColumnElement[bool]:
    """Return the condition that a write to Mosaic has a name of ours.

    Raises:
        NotThere: no company was named.
    """
    if company_id is None:
        raise NotThere("Name a company: names of writes are looked for within one.")
    return table.c.ref == text


def is_name_of_write(text: str) -> bool:
    """Tell whether a text is such a name as our writes have."""
    return _NAME_OF_WRITE.fullmatch(text) is not None


def numbers_between(
    connection: Connection,
    company_id: int,
    since: datetime | None,
    until: datetime | None,
) -> tuple[int | None, int | None]:
    """Return the numbers between which all of a company is that came in a span.

    Numbers rise with time in all that a company has, and of messages an index knows
    when each was sent; so what was made in between is found without one of its own.
    """
    table = view("exchanges")
    sent = sa.select(table.c.exchange_id).where(table.c.company_id == company_id)
    lowest = highest = None
    if since is not None:
        before = sent.where(table.c.sent_at < since - _CLOCKS)
        lowest = connection.execute(
            before.order_by(table.c.sent_at.desc()).limit(1)
        ).scalar()
    if until is not None:
        after = sent.where(table.c.sent_at > until + _CLOCKS)
        highest = connection.execute(after.order_by(table.c.sent_at).limit(1)).scalar()
    return lowest, highest


def offset_minutes(connection: Connection, company_id: int) -> int | None:
    """Return how far the clock of a company's computer is from UTC, if known."""
    table = view("clocks")
    query = sa.select(table.c.offset_minutes).where(table.c.company_id == company_id)
    found: int | None = connection.execute(query).scalar()
    return found


def contains(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a text is in a column, in whatever case."""
    return sa.func.lower(column).contains(text.lower(), autoescape=True)


def begins(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column begins so: an index finds names of lists."""
    return sa.func.lower(column).startswith(text.lower(), autoescape=True)


def of_lists(table: sa.TableClause) -> sa.ColumnElement[bool]:
    """Return the condition that a record is no time: few are, and they have names."""
    return table.c.kind != sa.literal(TIME, literal_execute=True)


def named(
    table: sa.TableClause, name: str, company_id: int | None
) -> sa.ColumnElement[bool]:
    """Return the condition that something has a name, or a part of it.

    Over all companies, records of lists are found by how their names begin.

    Raises:
        NotThere: it has no names, or a company must be named first.
    """
    columns = ("name", "record_name", "about", "company")
    column = next((table.c[one] for one in columns if one in table.c), None)
    if column is None:
        raise NotThere(f"{table.name} has no names.")
    if company_id is not None or column.name == "company" or "topic" in table.c:
        return contains(column, name)
    if table.name != "support_records":
        raise NotThere("Name a company: names are looked for within one.")
    return of_lists(table) & begins(column, name)


def of_person(
    connection: Connection, table: sa.TableClause, name: str, company_id: int | None
) -> sa.ColumnElement[bool]:
    """Return the condition that time is that of somebody, by a part of a name.

    Over all companies by how the name begins.

    Raises:
        NotThere: nobody is called so, or too many are.
    """
    _must_have(table, "parent_id", "time of people")
    people = view("records")
    query = sa.select(
        people.c.company_id, people.c.kind, people.c.quickbooks_id, people.c.mosaic_id
    ).where(people.c.kind.in_([*PEOPLE]), of_lists(people))
    if company_id is None:
        query = query.where(begins(people.c.name, name))
    else:
        query = query.where(
            people.c.company_id == company_id, contains(people.c.name, name)
        )
    rows = connection.execute(query.limit(_MOST_PEOPLE + 1)).all()
    if not rows:
        raise NotThere(f"Nobody is called {name!r}.")
    if len(rows) > _MOST_PEOPLE:
        more = "Name a company." if company_id is None else "Tell more of the name."
        raise NotThere(f"More than {_MOST_PEOPLE} are called so. {more}")
    time = table.c.kind == TIME
    return sa.or_(
        *(
            (table.c.company_id == row.company_id)
            & time
            & (table.c.parent_id == row.quickbooks_id)
            for row in rows
            if row.quickbooks_id is not None
        ),
        *(
            (table.c.company_id == row.company_id)
            & time
            & table.c.quickbooks_id.is_(None)
            & table.c.mosaic_id.is_not(None)
            & (table.c.mosaic["person"].as_integer() == row.mosaic_id)
            for row in rows
            if row.mosaic_id is not None
        ),
    )


def on_days(
    table: sa.TableClause, first: str | None, last: str | None, company_id: int | None
) -> sa.ColumnElement[bool]:
    """Return the condition that time was worked on a day, or on days, of a company.

    Raises:
        NotThere: it has no days, or no company was named.
    """
    _must_have(table, "day", "days of work")
    if company_id is None:
        raise NotThere("Name a company: days are looked for within one.")
    found = table.c.kind == TIME if "kind" in table.c else sa.true()
    if first is not None:
        found &= table.c.day >= first
    if last is not None:
        found &= table.c.day <= last
    return found


def on_job(
    table: sa.TableClause, name: str, first: str | None, last: str | None
) -> sa.ColumnElement[bool]:
    """Return the condition that time is on a customer or job, on some days.

    Raises:
        NotThere: it has no jobs, or the days are not told or too many.
    """
    _must_have(table, "day", "customers and jobs of time")
    if first is None or last is None or _days(first, last) > LONGEST_DAYS:
        raise NotThere(f"Tell the days as well, {LONGEST_DAYS} at most.")
    return contains(table.c.job, name)


def in_messages(
    table: sa.TableClause,
    text: str,
    company_id: int | None,
    since: datetime | None,
    until: datetime | None,
) -> sa.ColumnElement[bool]:
    """Return the condition that a text is in what was sent or answered.

    Raises:
        NotThere: it has no messages, or the company and the days are not told.
    """
    _must_have(table, "request", "messages")
    if company_id is None:
        raise NotThere("Name a company: messages are looked through within one.")
    days = f"{LONGEST_TEXT.days} days at most"
    if since is None or until is None:
        raise NotThere(f"Tell from when on messages are looked through, {days}.")
    if until - since > LONGEST_TEXT:
        raise NotThere(f"Look through the messages of fewer days, {days}.")
    return contains(table.c.request, text) | contains(table.c.answer, text)


def with_file(
    table: sa.TableClause, name: str, company_id: int | None
) -> sa.ColumnElement[bool]:
    """Return the condition that a company file is called so, or lies there.

    Raises:
        NotThere: it knows no company file, or no company was named.
    """
    _must_have(table, "file_path", "company file")
    if "file_name" in table.c:
        return contains(table.c.file_name, name) | contains(table.c.file_path, name)
    if company_id is None:
        raise NotThere("Name a company: the files of runs are looked for within one.")
    return contains(table.c.file_path, name)


def _must_have(table: sa.TableClause, column: str, what: str) -> None:
    if column not in table.c:
        raise NotThere(f"{table.name} has no {what}.")


def _days(first: str, last: str) -> int:
    day = datetime.fromisoformat
    return (day(last) - day(first)).days + 1

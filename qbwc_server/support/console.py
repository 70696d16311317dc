"""What the support console looks for: lists by key, single things, a search.

Rule: what a page costs does not grow with the number of companies or records. Every
list goes on from a key; what no index names is looked for among so many rows at most,
and the next page goes on from there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.storage import tables
from qbwc_server.support import finding, views

PAGE: Final = 50
LOOKED_AT: Final = 5_000
"""Rows that one page looks through at most for what no index names."""
MOST: Final = 1_000
"""Counts stop there."""
_DECISIONS: Final = 200
"""The last decisions of a company, among which those about one thing are looked for."""
GREATEST: Final = 2**63 - 1
NUMBERS: Final = {
    "sessions": "session_id",
    "jobs": "job_id",
    "records": "record_id",
    "exchanges": "exchange_id",
    "calls": "call_id",
    "history": "event_id",
    "steps": "event_id",
    "audit": "audit_id",
}
"""What a company has, and the column that numbers it."""
RECORD_KINDS: Final = (*KINDS, time_entry.NAME)
_INDEXED: Final = {
    "records": set(tables.RECORD_STATES) - {"in_sync", "gone"},
    "jobs": set(tables.JOB_STATES) - set(tables.JOB_FINAL),
    "sessions": set(tables.SESSION_STATES) - {"closed"},
    "exchanges": set(tables.EXCHANGE_STATES) - {"answered"},
    "calls": set(tables.CALL_STATES) - {"done"},
}
"""States in which somebody may have to act: an index finds them."""
STATES: Final = {
    "records": tables.RECORD_STATES,
    "jobs": tables.JOB_STATES,
    "sessions": tables.SESSION_STATES,
    "exchanges": tables.EXCHANGE_STATES,
    "calls": tables.CALL_STATES,
}
COMPANY_STATES: Final = (
    *("attention", "paused", "paused_by_customer", "wrong_password", "late"),
    "waiting",
    *("failed", "unused", "faults", "records", "first_reads", "preview", "live"),
)
_RAW: Final = {"request", "answer"}
_CAME: Final = {
    "sessions": "started_at",
    "jobs": "created_at",
    "exchanges": "sent_at",
    "calls": "created_at",
    "audit": "at",
}
"""The column that tells when something came."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the key that the next page goes on from, None at the end.

    A search may find fewer than a page holds, or none, and still go on.
    """

    rows: Sequence[Row[Any]]
    after: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for in a list; what is empty does not matter."""

    state: str = ""
    kind: str = ""
    who: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    first: str = ""
    """Of time: the first day of work, and the `last` one."""
    last: str = ""
    person: str = ""
    """Of time: a part of the name of who worked, and of the customer or `job`."""
    job: str = ""
    message: str = ""
    """Of messages: a text in what was sent or answered."""


def companies(connection: Connection, wanted: Filter, after: int = 0) -> Page:
    """Return companies by number, with what hinders each."""
    table = views.view("companies")
    query = sa.select(table).where(table.c.company_id > after)
    if wanted.state:
        query = query.where(table.c.state == wanted.state)
    if wanted.who:
        query = query.where(table.c.who_must_act == wanted.who)
    if wanted.text:
        name = sa.func.lower(table.c.company)
        of_file = finding.with_file(table, wanted.text, None)
        called = name.contains(wanted.text.lower(), autoescape=True)
        query = query.where(called | of_file)
    rows = connection.execute(query.order_by(table.c.company_id).limit(PAGE + 1)).all()
    following = rows[PAGE - 1].company_id if len(rows) > PAGE else None
    return Page(rows[:PAGE], following)


def company(connection: Connection, company_id: int) -> Row[Any] | None:
    """Return one company."""
    table = views.view("companies")
    query = sa.select(table).where(table.c.company_id == company_id)
    return connection.execute(query).first()


def attentions(connection: Connection, company_id: int) -> Sequence[Row[Any]]:
    """Return all that hinders a company, a stop first."""
    return views.look(connection, "attentions", views.Wanted(company_id=company_id))


def listed(
    connection: Connection,
    what: str,
    company_id: int,
    wanted: Filter,
    before: int | None = None,
) -> Page:
    """Return what a company has of something, the newest first, below a number.

    Raises:
        NotThere: nobody is called so, or `finding` must know more days, or fewer.
    """
    parts, left = _plan(what, wanted)
    at_once = LOOKED_AT if left else PAGE + 1
    spans = _spans(connection, what, company_id, wanted)
    light = _light(connection, what, company_id, parts, before, at_once, spans)
    found = [row.number for row in light if all(one(row) for one in left)]
    following: int | None = None
    if len(found) > PAGE:
        following = found[PAGE - 1]
    elif left and len(light) == at_once:
        following = light[-1].number
    return Page(_rows(connection, what, company_id, found[:PAGE]), following)


def one(
    connection: Connection, what: str, company_id: int, number: int
) -> Row[Any] | None:
    """Return one thing of a company, of an exchange also the raw messages."""
    table = views.view(what)
    query = sa.select(table).where(
        table.c.company_id == company_id, table.c[NUMBERS[what]] == number
    )
    return connection.execute(query).first()


def of(
    connection: Connection,
    what: str,
    company_id: int,
    owner: str,
    number: int,
    *,
    after: int = 0,
    limit: int = PAGE,
) -> Page:
    """Return what belongs to a record, a job, a session or an exchange, in order.

    `owner` is the column that names it: record_id, job_id, session_id, exchange_id.
    """
    table = views.view(what)
    key = table.c[NUMBERS[what]]
    shown = [column for column in table.c if column.name not in _RAW]
    query = (
        sa.select(*shown)
        .where(table.c.company_id == company_id, table.c[owner] == number, key > after)
        .order_by(key)
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    following = getattr(rows[limit - 1], key.name) if len(rows) > limit else None
    return Page(rows[:limit], following)


def decided(connection: Connection, company_id: int, number: int) -> Sequence[Row[Any]]:
    """Return what was decided about a record, a job or a message, the latest first.

    It is looked for among the last decisions of the company; the command has all.
    """
    table = views.view("audit")
    own = table.c.company_id == company_id
    newest = sa.select(table.c.audit_id).where(own).order_by(table.c.audit_id.desc())
    oldest = connection.execute(newest.offset(_DECISIONS - 1).limit(1)).scalar() or 0
    query = sa.select(table).where(
        own,
        table.c.audit_id >= oldest,
        views.named_in(table, f"{company_id}-{number}"),
    )
    return connection.execute(query.order_by(table.c.audit_id.desc())).all()


def counts(connection: Connection, company_id: int) -> dict[str, dict[str, int]]:
    """Return how many records and jobs are in which state, each counted to `MOST` + 1.

    Jobs that are over are not counted.
    """
    parts = [
        _counted("records", company_id, state)
        for state in tables.RECORD_STATES
        if state in _INDEXED["records"]
    ]
    parts += [
        _counted("records", company_id, state, kind)
        for state in tables.RECORD_STATES
        if state not in _INDEXED["records"]
        for kind in RECORD_KINDS
    ]
    parts += [
        _counted("jobs", company_id, state)
        for state in tables.JOB_STATES
        if state in _INDEXED["jobs"]
    ]
    found: dict[str, dict[str, int]] = {"records": {}, "jobs": {}}
    for row in connection.execute(sa.union_all(*parts)):
        many = found[row.topic].get(row.state, 0) + row.number
        if many:
            found[row.topic][row.state] = min(many, MOST + 1)
    return found


def names(
    connection: Connection,
    company_id: int,
    quickbooks_ids: Sequence[str],
    mosaic_ids: Sequence[int],
) -> dict[tuple[str, str | int], str]:
    """Return what a company's records are called, by what they are on either side.

    That is kind and id in QuickBooks, type and number in Mosaic: a customer and an item
    may have the same ListID.
    """
    table = views.view("records")
    found: dict[tuple[str, str | int], str] = {}
    for kind, column, ids in (
        (table.c.kind, table.c.quickbooks_id, quickbooks_ids),
        (table.c.mosaic_type, table.c.mosaic_id, mosaic_ids),
    ):
        query = sa.select(kind.label("kind"), column.label("id"), table.c.name).where(
            table.c.company_id == company_id, column.in_(ids)
        )
        for row in connection.execute(query.limit(PAGE)) if ids else ():
            found[row.kind, row.id] = row.name
    return found


_Left = Callable[[Row[Any]], bool]


def _plan(what: str, wanted: Filter) -> tuple[list[dict[str, str]], list[_Left]]:
    """Return what indexes find, as conditions, and what is left to look at by hand."""
    parts: list[dict[str, str]] = [{}]
    left: list[_Left] = []
    state, kind = wanted.state, wanted.kind
    if state in _INDEXED.get(what, ()) and not kind:
        parts = [{"state": state}]
    elif what == "records" and (state or kind):
        parts = [
            {"kind": one, "state": each}
            for one in ((kind,) if kind else RECORD_KINDS)
            for each in ((state,) if state else tables.RECORD_STATES)
        ]
    else:
        if state:
            left.append(lambda row: bool(row.state == state))
        if kind:
            left.append(lambda row: bool(row.kind == kind))
    if text := wanted.text.casefold():
        left.append(lambda row: text in (row.name or "").casefold())
    return parts, left


def _spans(
    connection: Connection, what: str, company_id: int, wanted: Filter
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that something came, or was worked, in some days.

    And by whom it was worked, and on what; and what was said in those days.
    """
    table = views.view(what)
    if what == "records":
        days = (wanted.first or None, wanted.last or None)
        found = [finding.on_days(table, *days, company_id)] if any(days) else []
        if name := wanted.person:
            found.append(finding.of_person(connection, table, name, company_id))
        if wanted.job:
            found.append(finding.on_job(table, wanted.job, *days))
        return found
    span = (wanted.since, wanted.until)
    lowest, highest = finding.numbers_between(connection, company_id, *span)
    key, moment = table.c[NUMBERS[what]], table.c[_CAME[what]]
    bounds = (
        (operator.gt, key, lowest),
        (operator.lt, key, highest),
        (operator.ge, moment, wanted.since),
        (operator.lt, moment, wanted.until),
    )
    found = [is_so(column, one) for is_so, column, one in bounds if one is not None]
    if wanted.message:
        found.append(finding.in_messages(table, wanted.message, company_id, *span))
    return found


def _light(
    connection: Connection,
    what: str,
    company_id: int,
    parts: Iterable[dict[str, str]],
    before: int | None,
    limit: int,
    spans: Sequence[sa.ColumnElement[bool]],
) -> list[Row[Any]]:
    """Return the numbers of the next rows, with what is looked at by hand."""
    table = views.view(what)
    key = table.c[NUMBERS[what]]
    null = sa.null().cast(sa.Text)
    some = []
    for part in parts:
        query = sa.select(
            key.label("number"),
            table.c.get("state", null).label("state"),
            table.c.get("kind", null).label("kind"),
            table.c.get("name", table.c.what).label("name"),
        ).where(table.c.company_id == company_id, *spans)
        for column, value in part.items():
            query = query.where(table.c[column] == _literal(value))
        if before is not None:
            query = query.where(key < before)
        some.append(query.order_by(key.desc()).limit(limit).subquery())
    if len(some) == 1:
        return list(connection.execute(sa.select(some[0])))
    every = sa.union_all(*(sa.select(one) for one in some)).subquery()
    query = sa.select(every).order_by(every.c.number.desc()).limit(limit)
    return list(connection.execute(query))


def _rows(
    connection: Connection, what: str, company_id: int, numbers: Sequence[int]
) -> Sequence[Row[Any]]:
    if not numbers:
        return ()
    table = views.view(what)
    key = table.c[NUMBERS[what]]
    shown = [column for column in table.c if column.name not in _RAW]
    query = sa.select(*shown).where(table.c.company_id == company_id, key.in_(numbers))
    return connection.execute(query.order_by(key.desc())).all()


def _counted(
    what: str, company_id: int, state: str, kind: str = ""
) -> sa.Select[str, str, int]:
    table = views.view(what)
    some = sa.select(sa.literal(1).label("one")).where(
        table.c.company_id == company_id, table.c.state == _literal(state)
    )
    if kind:
        some = some.where(table.c.kind == _literal(kind))
    # In the order of its index: else a plan may hope to meet enough in the whole table.
    key = table.c[NUMBERS[what]]
    return sa.select(
        sa.literal(what).label("topic"),
        sa.literal(state).label("state"),
        sa.func.count().label("number"),
    ).select_from(some.order_by(key).limit(MOST + 1).subquery())


def _literal(value: str) -> sa.BindParameter[str]:
    """Return a value that stands in the statement itself.

    A plan that is kept for any value cannot use an index that is of some values only.
    """
    return sa.literal(value, literal_execute=True)

"""What waits for somebody in all companies at once, each kind found by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.support.tables import view
from qbwc_server.support.views import MOST

LONG: Final = timedelta(hours=1)
"""How long something waits before it counts as stuck, if nobody says otherwise."""
_REFERENCES: Final = {
    "attentions": "company",
    "records": "record",
    "jobs": "job",
    "exchanges": "exchange",
    "calls": "call",
}

_TEXTUAL: Final = "attentions"
_NUMBERS: Final = {
    _TEXTUAL: "reason",
    "records": "record_id",
    "jobs": "job_id",
    "exchanges": "exchange_id",
    "calls": "call_id",
}
"""What tells those of one company apart: a number, or the reason of an attention."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where the next page goes on: after the last one that was shown."""

    since: datetime | None
    company_id: int
    what: str
    number: str

    def __str__(self) -> str:
        """Return it as addresses and commands take it."""
        since = "" if self.since is None else self.since.isoformat()
        return f"{since}/{self.company_id}/{self.what}/{self.number}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the key that a text is.

        Raises:
            ValueError: it is none.
        """
        since, company, what, number = text.split("/")
        moment = datetime.fromisoformat(since) if since else None
        if what not in _NUMBERS or (moment and moment.tzinfo is None):
            raise ValueError("no key")
        if not _is_number(company) or not (what == _TEXTUAL or _is_number(number)):
            raise ValueError("no key")
        return cls(moment, int(company), what, number)


@dataclass(frozen=True, slots=True)
class Waits:
    """One thing that waits: where it is looked at, its reference, and who must act.

    `key` is what a page goes on from after it, as `Key` has it.
    """

    company_id: int
    company: str
    what: str
    reference: str
    about: str
    why: str | None
    who_must_act: str | None
    next_step: str | None
    since: datetime | None
    key: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: one of `LISTS`; of `stuck`, for how long at least it waits.

    `now` is the present moment, `company_id` leaves one company.
    """

    which: str
    now: datetime
    longer_than: timedelta = LONG
    company_id: int | None = None


def look(
    connection: Connection, asked: Asked, *, limit: int, after: Key | None = None
) -> list[Waits]:
    """Return what waits, what waits longest first, `limit` rows at most.

    `after` is where it goes on; the connection is one that may read the views.
    """
    found: list[Waits] = []
    for what, table, wanted in _wanted(asked, after):
        query = sa.select(table).where(*wanted)
        order = (_since(table).nulls_last(), table.c.company_id, _number(what))
        query = query.order_by(*order).limit(limit)
        found += [_waits(what, row) for row in connection.execute(query)]
    last = datetime.max.replace(tzinfo=UTC)
    # Within a view they stay in the order that the database gave them.
    found.sort(key=lambda one: (one.since or last, one.company_id, one.what))
    return found[:limit]


def left(connection: Connection, asked: Asked, after: Key) -> int:
    """Return how many more wait after one, counted to `MOST` + 1."""
    many = 0
    for _, table, wanted in _wanted(asked, after):
        some = sa.select(sa.literal(1).label("one")).select_from(table).where(*wanted)
        some_of_it = some.limit(MOST + 1).subquery()
        counted = sa.select(sa.func.count()).select_from(some_of_it)
        many += connection.execute(counted).scalar_one()
    return min(many, MOST + 1)


def _wanted(
    asked: Asked, after: Key | None
) -> Iterator[tuple[str, sa.TableClause, list[sa.ColumnElement[bool]]]]:
    """Yield the views that are looked into, each with what is wanted of it."""
    for what, conditions in LISTS[asked.which].items():
        table = view(what)
        wanted = conditions(table)
        if asked.company_id is not None:
            wanted.append(table.c.company_id == asked.company_id)
        if asked.which == "stuck":
            wanted.append(_since(table) < asked.now - asked.longer_than)
        if after is not None:
            wanted.append(_beyond(what, table, after))
        yield what, table, wanted


def _beyond(what: str, table: sa.TableClause, key: Key) -> sa.ColumnElement[bool]:
    """Return the condition that a row comes after a key, in the order of `look`."""
    since, company = _since(table), table.c.company_id
    next_to_it: sa.ColumnElement[bool] = company > key.company_id
    if what > key.what:
        next_to_it |= company == key.company_id
    elif what == key.what:
        number = key.number if what == _TEXTUAL else int(key.number)
        next_to_it |= (company == key.company_id) & (_number(what) > number)
    if key.since is None:
        return since.is_(None) & next_to_it
    return (since > key.since) | since.is_(None) | (since == key.since) & next_to_it


def _number(what: str) -> sa.ColumnElement[Any]:
    return view(what).c[_NUMBERS[what]]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < 2**63


def _waits(what: str, row: Any) -> Waits:
    since = getattr(row, "created_at", row.since) if what == "jobs" else row.since
    number = str(getattr(row, _NUMBERS[what]))
    return Waits(
        row.company_id,
        row.company,
        what,
        str(getattr(row, _REFERENCES[what])),
        row.what,
        row.why,
        row.who_must_act,
        row.next_step,
        since,
        str(Key(since, row.company_id, what, number)),
    )


def _since(table: sa.TableClause) -> sa.ColumnElement[Any]:
    """Return since when something waits: a job since it was made."""
    return table.c.created_at if "job_id" in table.c else table.c.since


def _is(column: str, *values: str) -> Callable[[sa.TableClause], list[Any]]:
    """Return what makes the condition that a column has one of some values.

    They stand in the statement itself: an index is of some states only.
    """

    def conditions(table: sa.TableClause) -> list[Any]:
        told = [sa.literal(value, literal_execute=True) for value in values]
        return [table.c[column].in_(told)]

    return conditions


def _ours(table: sa.TableClause) -> list[Any]:
    return [*_is("state", "refused", "conflict", "locked")(table), *_support(table)]


def _support(table: sa.TableClause) -> list[Any]:
    return _is("who_must_act", "support")(table)


def _unread(table: sa.TableClause) -> list[Any]:
    return [table.c.failed_at.is_not(None)]


LISTS: Final[
    Mapping[str, Mapping[str, Callable[[sa.TableClause], list[sa.ColumnElement[bool]]]]]
] = {
    "ours": {
        "attentions": _support,
        "records": _ours,
        "jobs": _is("state", "failed"),
        "exchanges": _unread,
    },
    "conflicts": {"records": _is("state", "conflict")},
    "failed": {"jobs": _is("state", "failed")},
    "unread": {"exchanges": _unread},
    "doubtful": {
        "jobs": _is("state", "unsure"),
        "calls": _is("state", "unsure"),
    },
    "stuck": {
        "jobs": _is("state", "waiting", "ready", "sent", "unsure"),
        "records": _is("state", "pending"),
    },
}
"""What can be asked for, and in which views it is."""

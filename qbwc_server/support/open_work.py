"""What waits for somebody in all companies at once, each kind found by an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.support.tables import view

LONG: Final = timedelta(hours=1)
"""How long something waits before it counts as stuck, if nobody says otherwise."""
_REFERENCES: Final = {
    "attentions": "company",
    "records": "record",
    "jobs": "job",
    "exchanges": "exchange",
    "calls": "call",
}
_NUMBERS: Final = {
    "attentions": "place",
    "records": "record_id",
    "jobs": "job_id",
    "exchanges": "exchange_id",
    "calls": "call_id",
}
"""What tells apart what waits in one company since the same moment."""


@dataclass(frozen=True, slots=True)
class Waits:
    """One thing that waits: where it is looked at, its reference, and who must act."""

    company_id: int
    company: str
    what: str
    reference: str
    about: str
    why: str | None
    who_must_act: str | None
    next_step: str | None
    since: datetime | None


def look(
    connection: Connection,
    which: str,
    *,
    now: datetime,
    longer_than: timedelta = LONG,
    limit: int,
    company_id: int | None = None,
) -> list[Waits]:
    """Return what waits, what waits longest first, `limit` rows at most.

    Args:
        connection: one that may read the views.
        which: one of `LISTS`.
        now: the present moment.
        longer_than: of `stuck`: since when at least it waits.
        limit: how many rows at most.
        company_id: of one company only.
    """
    found: list[Waits] = []
    for what, conditions in LISTS[which].items():
        table = view(what)
        query = sa.select(table).where(*conditions(table))
        if company_id is not None:
            query = query.where(table.c.company_id == company_id)
        if which == "stuck":
            query = query.where(_since(table) < now - longer_than)
        number = table.c[_NUMBERS[what]]
        query = query.order_by(_since(table), table.c.company_id, number).limit(limit)
        found += [_waits(what, row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.since or now, one.company_id))[:limit]


def _waits(what: str, row: Any) -> Waits:
    return Waits(
        row.company_id,
        row.company,
        what,
        str(getattr(row, _REFERENCES[what])),
        row.what,
        row.why,
        row.who_must_act,
        row.next_step,
        getattr(row, "created_at", row.since) if what == "jobs" else row.since,
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

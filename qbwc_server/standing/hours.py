"""The hours of one company in a period, entry by entry, on both sides, and why.

An entry that both sides have at one place (person, day, job) is one line. One that they
have at different places is two, so that the sum of the lines of a person, day or job is
what each side has there.

Rule: nothing here grows with the company but with the period, and what needs somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import words
from qbwc_server.companies import attention
from qbwc_server.companies.registry import Company
from qbwc_server.kinds import tries
from qbwc_server.kinds.restored import NOT_THERE
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.standing import awaited, differences, reasons
from qbwc_server.standing.entries import Items, minutes_in_quickbooks
from qbwc_server.standing.places import Place, Places
from qbwc_server.storage import tables
from qbwc_server.words import hours as hour_words

_RECORD, _JOB = tables.record, tables.job
_OVER: Final = ("in_sync", "gone")
_OPEN: Final = tuple(one for one in tables.RECORD_STATES if one not in _OVER)


@dataclass(frozen=True, slots=True)
class Hours:
    """A line: hours of an entry at a place; minutes are None where they are unknown.

    `item` is that of QuickBooks where it has the entry there, else Mosaic's; the ids
    are those that the entry has, or had, on the two sides.
    """

    person: str | None
    day: str | None
    job: str | None
    quickbooks_minutes: int | None
    mosaic_minutes: int
    reason: str
    why: str
    who_must_act: str
    next_step: str
    since: datetime
    what: str
    record_id: int
    item: str | None
    quickbooks_id: str | None
    mosaic_id: int | None

    @property
    def difference(self) -> int | None:
        """How much more QuickBooks has; None where nobody knows."""
        here = self.quickbooks_minutes
        return None if here is None else here - self.mosaic_minutes


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps a connection from going on, who acts on that, and what he does."""

    what: str | None
    who: str
    do: str

    @classmethod
    def of(cls, connection: Connection, company: Company) -> Self:
        """Return what hinders a company now; `what` is None if nothing does."""
        asks = company.attention_id
        told = None if asks is None else words.attention(asks)
        acts = None if told is None else words.who_must_act(told)
        first = company.mode == "preview" and reasons.is_read_first(
            connection, company.id
        )
        what = differences.hindrance(
            reasons.told_mode(company.mode, company.paused_by, is_read_first=first),
            late=company.late_at is not None,
            stopping=asks in attention.STOPPING,
            attention_who=acts,
        )
        if what is None:
            return cls(None, "nobody", "")
        if what == "stopped" and told is not None and acts != "nobody":
            return cls(what, differences.who(what, acts), told.do)
        return cls(what, differences.who(what, acts), hour_words.hours(what).do)


def of(connection: Connection, company: Company, first: str, last: str) -> list[Hours]:
    """Return the lines of a period, by day, person and entry.

    What could not be read at all has no day: it is in every period.
    """
    rows = _rows(connection, company.id, first, last)
    read = _Lines(connection, company, rows)
    lines = [line for row in rows for line in read.of(row)]
    within = [one for one in lines if one.day is None or first <= one.day <= last]
    return sorted(
        within, key=lambda one: (one.day or "", one.person or "", one.record_id)
    )


def are_more(
    connection: Connection, company_id: int, first: str, last: str, than: int
) -> bool:
    """Tell whether a period has more entries than so many; they are not read."""
    some = (
        sa.select(_RECORD.c.id)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.day.between(first, last),
        )
        .limit(than + 1)
        .subquery()
    )
    many = connection.execute(sa.select(sa.func.count()).select_from(some))
    return bool(many.scalar_one() > than)


def _rows(
    connection: Connection, company_id: int, first: str, last: str
) -> Sequence[Row[Any]]:
    """Return the entries of which either side has hours in a period, or may have."""
    moved_to = _RECORD.c.mosaic["date"].as_string()
    own = (_RECORD.c.company_id == company_id, _RECORD.c.kind == NAME)
    # Each part goes by an index of its own; what is on both is one row.
    on_days = sa.select(_RECORD.c.id).where(*own, _RECORD.c.day.between(first, last))
    others = sa.select(_RECORD.c.id).where(
        *own,
        _RECORD.c.state.in_(_OPEN),
        sa.or_(_RECORD.c.day.is_(None), moved_to.between(first, last)),
    )
    return connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.id.in_(sa.union(on_days, others)),
        )
        .order_by(_RECORD.c.id)
    ).all()


class _Lines:
    """Makes lines of entries, with all that they refer to looked up at once."""

    def __init__(
        self, connection: Connection, company: Company, rows: Sequence[Row[Any]]
    ) -> None:
        self._company = company
        self._hinders = Hindrance.of(connection, company)
        self._places = Places(connection, company.id, rows)
        self._items = Items(connection, company.id, rows)
        self._awaited = awaited.of(
            connection, company.id, {row.waits_for for row in rows if row.waits_for}
        )
        failed = sa.select(_JOB.c.record_id).where(
            _JOB.c.company_id == company.id, _JOB.c.state == "failed"
        )
        self._failed = set(connection.execute(failed).scalars())

    def of(self, row: Row[Any]) -> list[Hours]:
        """Return the lines of an entry: none, one, or one for each side."""
        here, there = (
            minutes_in_quickbooks(row),
            None if row.mosaic_gone else row.mosaic,
        )
        at = self._places.in_quickbooks(row)
        item = self._items.in_quickbooks(row.quickbooks or {})
        if here is None and there is None:
            told = row.unread is not None or row.restored in NOT_THERE
            if row.state == "gone" or not told:
                return []
            return [self._line(row, at, item, 0 if row.unread is None else None, 0)]
        if there is None:
            return [self._line(row, at, item, here, 0)]
        theirs = int(there["minutes"])
        day = row.day if row.state in _OVER else there["date"]
        at_theirs, category = (
            self._places.in_mosaic(row, day),
            self._items.in_mosaic(there),
        )
        if here is None:
            return [self._line(row, at_theirs, category, 0, theirs)]
        if there["date"] == row.day and at_theirs.holds(at):
            differs = here != theirs
            return [self._line(row, at, item, here, theirs, differs=differs)]
        return [
            self._line(row, at, item, here, 0),
            self._line(row, at_theirs, category, 0, theirs),
        ]

    def _line(
        self,
        row: Row[Any],
        at: Place,
        item: str | None,
        here: int | None,
        there: int,
        *,
        differs: bool = True,
    ) -> Hours:
        why = differences.reason(self._facts(row, differs=differs))
        told = hour_words.hours(why)
        stopped = why == "stopped"
        same = why == differences.SAME
        return Hours(
            person=at.person,
            day=at.day,
            job=at.job,
            quickbooks_minutes=here,
            mosaic_minutes=there,
            reason=why,
            why=told.happened if same else row.reason or told.happened,
            who_must_act=self._hinders.who if stopped else differences.who(why),
            next_step=self._hinders.do if stopped else told.do,
            since=row.changed_at,
            what=f"time entry {row.name}",
            record_id=row.id,
            item=item,
            quickbooks_id=row.quickbooks_id,
            mosaic_id=row.mosaic_id,
        )

    def _facts(self, row: Row[Any], *, differs: bool) -> differences.Facts:
        company, said = self._company, row.conflict or {}
        awaits = self._awaited.get(row.waits_for or "")
        known = company.first_known_at
        stays = {"left"} if company.two_way else {"left", "mosaic"}
        return differences.Facts(
            state=row.state,
            differs=differs,
            unread=row.unread is not None,
            restored=row.restored,
            fails=row.failures >= tries.MOST,
            waits_for=row.waits_for,
            awaited=None if awaits is None else awaits.state,
            only_mosaic=row.quickbooks_id is None,
            two_way=company.two_way,
            before_live=company.before_live,
            early=known is None or row.created_at <= known,
            stays=any(
                said.get(name, {}).get("settled") in stays for name in ("person", "job")
            ),
            hinders=self._hinders.what,
            failed=row.id in self._failed,
        )

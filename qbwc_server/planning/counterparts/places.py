"""Finds the entry of Mosaic that takes the place of one that Mosaic does not show.

Whoever enters an hour anew, because it was deleted or is hidden, means the same hour:
nothing is added and nothing deleted. The old number is left behind and known again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import identity
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.tombstone import Stone, Who
from qbwc_server.kinds.two_way import Action, Do, Entry
from qbwc_server.planning.counterparts.pairs import Pairs
from qbwc_server.records.choices import takes_part
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD = tables.record
_NEXT_READING = timedelta(minutes=5)
_JUST_MISSED = (
    "Mosaic has just not shown an equal entry of the same person and day. Whether this "
    "one takes its place is seen with the next reading."
)


@dataclass(slots=True)
class Places:
    """Equal entries, one of them not shown, for records that are planned together.

    `hidden_on` are the days on which any is not shown; it is asked for once.
    """

    connection: Connection
    company_id: int
    links: Links
    pairs: Pairs
    now: datetime
    hidden_on: Collection[str] | None = None

    def stands_in(self, row: Row[Any], entry: Entry) -> Row[Any] | None:
        """Return the entry that only Mosaic has and that equals one not shown there.

        One that is the same as what QuickBooks alone has is that one.
        """
        member = entry.facing["person"]
        there = self.pairs.only_in_mosaic(row.day, member)
        by_number = {
            one.mosaic_id: one
            for one in there
            if self.pairs.partner(one, row.parent_id, member) is None
        }
        snapshots = {number: one.mosaic for number, one in by_number.items()}
        here = {row.quickbooks_id: entry.facing}
        found = identity.pairs(here, snapshots, self.pairs.words)
        number = found.get(row.quickbooks_id)
        return None if number is None else by_number[number]

    def of_hidden(
        self, row: Row[Any], entry: Entry, leave: Collection[int]
    ) -> Row[Any] | None:
        """Return the entry of QuickBooks whose own is not shown, and that equals one.

        `row` is of an entry that Mosaic alone has, born since the other was not shown.
        Records of `leave` are about to get a counterpart of their own.
        """
        hidden = self._not_shown(row, entry, _RECORD.c.mosaic_gone.is_(True))
        free = [one for one in self.pairs.resting(hidden) if one.id not in leave]
        return self._equal(row, entry, free)

    def may_take(self, row: Row[Any], entry: Entry, action: Action) -> Action | None:
        """Hold an addition while an equal entry was missed by one reading of Mosaic."""
        if action.do is not Do.ADD or row.quickbooks_id is not None:
            return None
        missed = self._not_shown(
            row, entry, _RECORD.c.mosaic_gone.is_(False), _RECORD.c.misses > 0
        )
        if self._equal(row, entry, missed) is None:
            return None
        return Action(Do.NOTHING, _JUST_MISSED, until=self.now + _NEXT_READING)

    def _hidden_on(self) -> Collection[str]:
        if self.hidden_on is None:
            days = self.connection.execute(
                sa.select(_RECORD.c.day)
                .where(
                    _RECORD.c.company_id == self.company_id,
                    _RECORD.c.kind == NAME,
                    _RECORD.c.day.in_(sorted(self.pairs.days)),
                    _RECORD.c.quickbooks_id.is_not(None),
                    _RECORD.c.mosaic_id.is_not(None),
                    _RECORD.c.mosaic_gone.is_(True) | (_RECORD.c.misses > 0),
                )
                .distinct()
            ).scalars()
            self.hidden_on = frozenset(days)
        return self.hidden_on

    def _equal(
        self, row: Row[Any], entry: Entry, hidden: Iterable[Row[Any]]
    ) -> Row[Any] | None:
        by_id = {one.quickbooks_id: one for one in hidden}
        found = identity.pairs(
            {key: self.links.facing(one.quickbooks) for key, one in by_id.items()},
            {row.mosaic_id: entry.mosaic or {}},
            self.pairs.words,
        )
        return next((by_id[key] for key in found), None)

    def _not_shown(
        self, row: Row[Any], entry: Entry, *how: sa.ColumnElement[bool]
    ) -> list[Row[Any]]:
        """Return a person's entries that were not shown before one was born."""
        if row.day not in self._hidden_on():
            return []
        candidates = self.connection.execute(
            sa.select(_RECORD)
            .where(
                _RECORD.c.company_id == self.company_id,
                _RECORD.c.kind == NAME,
                _RECORD.c.day == row.day,
                _RECORD.c.parent_id == entry.back["person"],
                _RECORD.c.quickbooks_id.is_not(None),
                _RECORD.c.quickbooks_gone.is_(False),
                _RECORD.c.mosaic_id.is_not(None),
                takes_part(),
                *how,
            )
            .order_by(_RECORD.c.id)
        )
        return [one for one in candidates if _was_hidden(one, row.created_at)]


def _was_hidden(row: Row[Any], born_at: datetime) -> bool:
    stone = Stone.of(row.gone, "mosaic")
    return (
        stone is not None
        and stone.who is Who.NOT_SHOWN
        and not stone.back
        and stone.at <= born_at
    )

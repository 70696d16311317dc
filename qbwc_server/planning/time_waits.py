"""What keeps a step about time from being taken now: readings, and vain tries.

And what is said of an entry on whose day Mosaic is not read again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.delivery import outbox
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import IN_MOSAIC, IN_QUICKBOOKS, Action, Do
from qbwc_server.mosaic_reading.time_window import WAITS_FOR_MOSAIC
from qbwc_server.quickbooks import list_requests, time_records
from qbwc_server.records import history
from qbwc_server.storage import tables

_MOST_TRIES = 3
"""Writes in a row about one record; more means that a side does not do what it says."""
_MOVED = "moved to a day on which Mosaic is not read again"

BEFORE_LIVE: Final = "company:before-live"
"""What an entry waits for that Mosaic had before the company went live."""
_BEFORE_LIVE = (
    "Was in Mosaic before this connection went live, so it enters QuickBooks only when "
    "somebody says so on the setup page, for all of these at once. Support: "
    "`qbwc-server company before-live NAME`."
)
_LEFT_IN_MOSAIC = (
    "Was in Mosaic before this connection went live, and is left there, as was said."
)
_NEXT_READING = timedelta(minutes=5)
_MISSED = (
    "Mosaic has just not shown it. Whether it was deleted there is seen with the next "
    "reading."
)


@dataclass(frozen=True, slots=True)
class Waits:
    """How far both sides are read.

    `window` is how far back entries made in Mosaic are sent to QuickBooks, `history`
    how far back both sides are read at first. `gave_up` are records whose creation
    Mosaic acknowledged and never showed, `moved` those that somebody moved to a day
    before the window.
    """

    connection: Connection
    company: Company
    window: timedelta
    history: timedelta
    gave_up: Collection[int]
    now: datetime
    moved: Collection[int] = frozenset()
    _reach: list[str | None] = field(default_factory=list)

    def _known_since(self) -> str | None:
        """Return from which day on QuickBooks' time is known; asked once."""
        if not self._reach:
            known = list_requests.state(self.connection, self.company.id, NAME)
            self._reach.append(None if known is None else known.reach)
        return self._reach[0]

    @property
    def oldest(self) -> str:
        """The first day on which Mosaic is read again and again."""
        return (self.now - self.window).date().isoformat()

    def beyond(self, row: Row[Any], action: Action) -> Action:
        """Say of what is moved to before the window how changes are noticed there."""
        there = row.mosaic or {}
        before = row.quickbooks if action.do is Do.MOD else there
        going = action.fields.get("date") or self.oldest
        if action.do in {Do.MOD, Do.UPDATE} and before["date"] >= self.oldest > going:
            history.event(
                self.connection,
                self.company.id,
                row.id,
                at=self.now,
                what=_MOVED,
                by="plan",
                detail={"before": before["date"], "after": going},
            )
        rests = action.do is Do.NOTHING and action.state == "in_sync"
        if not rests or row.id not in self.moved or there["date"] >= self.oldest:
            return action
        said = (
            f"It was moved to a day more than {self.window.days} days back, on which "
            "Mosaic is not read again: a change to it there is noticed only if Mosaic "
            "tells of it itself."
        )
        reason = " ".join(filter(None, (action.reason, said)))
        return replace(action, reason=reason)

    def for_reading(self, row: Row[Any], action: Action) -> Action | None:
        """Hold back what is made on a side that was not read down to its day yet."""
        if action.do is Do.CREATE and row.mosaic_id is None:
            reached = self.company.mosaic_time_from
            start = (self.now - self.history).date().isoformat()
            # What is older than all that is ever read has nothing to wait for.
            if reached is None or row.day < reached > start:
                reason = "Waits until Mosaic's time entries of its day are read."
                return Action(Do.NOTHING, reason, "pending", waits_for=WAITS_FOR_MOSAIC)
        if action.do is Do.ADD and row.quickbooks_id is None:
            if row.day < self.oldest:
                reason = (
                    f"Is only in Mosaic, and older than the {self.window.days} days "
                    "that are sent to QuickBooks."
                )
                return Action(Do.NOTHING, reason, "unlinked")
            if stop := self._before_live(row):
                return stop
            if row.misses:
                return Action(Do.NOTHING, _MISSED, until=self.now + _NEXT_READING)
            known = self._known_since()
            if known is None or row.day < known:
                reason = "Waits until QuickBooks' time entries of its day are read."
                return Action(
                    Do.NOTHING, reason, "pending", waits_for=time_records.FOR_QUICKBOOKS
                )
        return None

    def _before_live(self, row: Row[Any]) -> Action | None:
        """Hold what the preview would have told of, until somebody has said yes.

        Not by `both_known_at`: a restored backup moves that, and what was typed long
        after going live would be asked about, or left out by a word about others.
        """
        known = self.company.first_known_at
        word = self.company.before_live
        if word == "add" or (known is not None and row.created_at > known):
            return None
        if word == "leave":
            return Action(Do.NOTHING, _LEFT_IN_MOSAIC, "unlinked")
        return Action(Do.NOTHING, _BEFORE_LIVE, "refused", waits_for=BEFORE_LIVE)

    def for_a_person(self, row: Row[Any], action: Action) -> Action | None:
        """Stop a write that was made several times and changed nothing."""
        if action.do in IN_QUICKBOOKS | IN_MOSAIC and row.attempt >= _MOST_TRIES:
            side = "QuickBooks" if action.do in IN_QUICKBOOKS else "Mosaic"
            reason = (
                f"{side} took the same change {row.attempt} times but has not made it. "
                f"Look at the entry there. {action.reason or ''}"
            )
            return Action(Do.NOTHING, reason.strip(), "refused")
        if action.do is Do.CREATE and row.id in self.gave_up:
            return Action(Do.NOTHING, outbox.NEVER_APPEARED, "refused")
        return None


def moved_beyond(
    connection: Connection, company_id: int, rows: Sequence[Row[Any]], oldest: str
) -> set[int]:
    """Return which records were moved to a day before the window."""
    event = tables.record_event
    ids = [
        row.id
        for row in rows
        if row.mosaic and row.quickbooks_id and row.mosaic["date"] < oldest
    ]
    if not ids:
        return set()
    found = connection.execute(
        sa.select(event.c.record_id).where(
            event.c.company_id == company_id,
            event.c.record_id.in_(ids),
            event.c.what == _MOVED,
        )
    )
    return set(found.scalars())

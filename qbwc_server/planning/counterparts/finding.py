"""Joins a record with what the other side has of it, before it would be made there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.list_plan import Choice
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.tombstone import Side
from qbwc_server.kinds.two_way import Action, Do, Entry
from qbwc_server.planning.counterparts.crossing import Crossing
from qbwc_server.planning.counterparts.joins import AllKnown, join
from qbwc_server.planning.counterparts.pairs import Pairs
from qbwc_server.planning.counterparts.places import Places
from qbwc_server.planning.counterparts.readings import Readings
from qbwc_server.records import restored, tombstones, transitions

_NEXT_READING = timedelta(minutes=5)
_READ_ONCE_MORE = (
    "Both sides have the same hours. They are one entry if the other side still has "
    "them with its next reading."
)
_TOO_MUCH = "the other one, of which it was asked whether it is the same, was deleted"


@dataclass(slots=True)
class Counterparts:
    """What may be joined, for records that are planned together.

    `gone` are the records that are gone because they were joined with another;
    `missing` what a restored backup took on these days, and is not back yet; `known`
    since when both sides are known whole.
    """

    connection: Connection
    company_id: int
    pairs: Pairs
    places: Places
    crossing: Crossing
    missing: list[Row[Any]]
    known: AllKnown
    gone: set[int]
    readings: Readings
    unsure: set[int] = field(default_factory=set)
    """Records whose counterpart may have been deleted since it was read."""

    def find(
        self,
        row: Row[Any],
        entry: Entry,
        action: Action,
        *,
        leave: Collection[int],
        now: datetime,
    ) -> bool:
        """Join a record with its counterpart; tell whether there was one.

        The record that stays is the one planned now. Records of `leave` are about to
        get a counterpart of their own.
        """
        if action.do is Do.ADD and row.restored == Mark.ADD:
            return self._typed_again_for(row, now)
        if action.do in {Do.DEL, Do.DELETE}:
            return self._was_too_much(row, action, now) or self.crossing.join(
                row, action, leave, now
            )
        if action.do is Do.CREATE and row.mosaic_id is None:
            person, member = row.parent_id, entry.facing["person"]
        elif action.do is Do.CREATE and row.mosaic_gone:
            other = self.places.stands_in(row, entry)
            return self._take_place(row, row, other, now)
        elif action.do is Do.ADD and row.quickbooks_id is None:
            person, member = entry.back["person"], row.mosaic["person"]
        else:
            return False
        other = self.pairs.partner(row, person, member)
        if other is not None and other.id not in self.gone:
            if not self.readings.both_stand(row, other, self.known.first):
                self._known_by_now(row, other, now)
                self.unsure.add(row.id)
                return False
            self._join(row, other, now, self.known)
            return True
        if other is None and any(
            not self.readings.both_stand(one, its, self.known.first)
            for one, its in self.pairs.beside(row, person, member)
        ):
            self.unsure.add(row.id)
            return False
        if action.do is Do.ADD:
            other = self.places.of_hidden(row, entry, leave)
            return self._take_place(row, other, other, now)
        return False

    def _known_by_now(self, row: Row[Any], other: Row[Any], now: datetime) -> None:
        """Have what is known since a time to come be known since now.

        A clock was ahead and is put right; nothing is read after such a time for long.
        """
        ahead = [one.id for one in (row, other) if one.created_at > now]
        if ahead:
            transitions.known_since(self.connection, self.company_id, ahead, now)

    def waits(self, row: Row[Any], action: Action, now: datetime) -> Action | None:
        """Hold a record until its counterpart, or an equal one, was read once more."""
        if row.id not in self.unsure:
            return self.crossing.waits(row, action, now)
        return Action(Do.NOTHING, _READ_ONCE_MORE, until=now + _NEXT_READING)

    def typed_again(self, row: Row[Any], now: datetime) -> bool:
        """Take an entry of QuickBooks alone for an equal one that a restore took.

        The entry's own record is gone then.
        """
        if (
            row.quickbooks is None
            or row.quickbooks_gone
            or row.mosaic_id is not None
            or row.restored is not None
            or row.choice == Choice.NONE
        ):
            return False
        lost = [
            one
            for one in self.missing
            if one.day == row.day and one.parent_id == row.parent_id
        ]
        found = self.pairs.same(
            row.quickbooks, {one.id: one.lost or {} for one in lost}
        )
        taken = next((one for one in self.pairs.resting(lost) if one.id == found), None)
        if taken is None:
            return False
        self.missing.remove(taken)
        restored.take_place(self.connection, taken, row, now)
        return True

    def _typed_again_for(self, lost: Row[Any], now: datetime) -> bool:
        """Take what was typed again in QuickBooks for what is about to be put back."""
        there = [
            one
            for one in self.pairs.only_in_quickbooks(lost.day, lost.parent_id)
            if one.restored is None and one.id not in self.gone
        ]
        by_id = {one.id: one for one in there}
        entries = {one.id: one.quickbooks for one in there}
        found = self.pairs.same(lost.lost or {}, entries)
        if found is None:
            return False
        restored.take_place(self.connection, lost, by_id[found], now)
        self.gone.add(found)
        return True

    def _was_too_much(self, row: Row[Any], action: Action, now: datetime) -> bool:
        """Keep what is left of two entries of which it is asked whether they are one.

        Whoever deletes what we made has said which of them is too much: the other one
        takes its place, and nothing is deleted on the other side.
        """
        lost: Side = "mosaic" if action.do is Do.DEL else "quickbooks"
        if row.restored is not None or not tombstones.somebody_took(row, lost):
            return False
        other = self.pairs.asked_beside(row, lost)
        if other is None or other.id in self.gone:
            return False
        both = (row, other) if lost == "mosaic" else (other, row)
        join(self.connection, *both, now, stays=row.id, why=_TOO_MUCH)
        self.gone.add(other.id)
        if lost == "mosaic":
            tombstones.leave_behind(self.connection, self.company_id, row, row.id, now)
        return True

    def _take_place(
        self, row: Row[Any], was: Row[Any] | None, other: Row[Any] | None, now: datetime
    ) -> bool:
        """Join a record with one of the other side; `was` had another number before.

        First QuickBooks is read once more: of what was typed there the new one may be.
        """
        if was is None or other is None or other.id in self.gone:
            return False
        born = row if row.quickbooks_id is None else other
        if not self.readings.quickbooks_since(born.created_at):
            self.unsure.add(row.id)
            return False
        self._join(row, other, now)
        tombstones.leave_behind(self.connection, self.company_id, was, row.id, now)
        return True

    def _join(
        self,
        row: Row[Any],
        other: Row[Any],
        now: datetime,
        known: AllKnown | None = None,
    ) -> None:
        both = (other, row) if row.quickbooks_id is None else (row, other)
        read_from = self.readings.oldest
        join(
            *(self.connection, *both, now),
            stays=row.id,
            known=known,
            read_from=read_from,
        )
        self.gone.add(other.id)

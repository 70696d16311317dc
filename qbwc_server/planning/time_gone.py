"""Entries that Mosaic does not have any more, or has again: facts, and what follows.

`kinds.tombstone` decides. What Mosaic does not show may be hidden and not deleted: that
is found out here, for all records that are planned together, from what is known of
Mosaic's lists and of the other entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.kinds import time_entry, tombstone, two_way
from qbwc_server.kinds import time_plan as plans
from qbwc_server.kinds.identity import likeness
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.tombstone import (
    MOST_TRIES,
    Facts,
    Side,
    Stone,
    What,
    Who,
    Word,
)
from qbwc_server.kinds.two_way import Action, Do, Entry
from qbwc_server.mosaic_reading.time_mosaic import believed_there, differs
from qbwc_server.planning.counterparts.crossing import Crossing
from qbwc_server.records import mosaic_objects, tombstones
from qbwc_server.records.one_or_two import joined
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD, _OBJECT = tables.record, tables.mosaic_object
_LOOKED_AT = timedelta(hours=1)
_Object: TypeAlias = tuple[str, int]
"""A person, project or phase of Mosaic: its type and number."""
_SIDES: Mapping[Side, str] = {"quickbooks": "QuickBooks", "mosaic": "Mosaic"}
_STAYS = "Somebody said that it is not deleted: it is made again."
_NOUN = {"employee": "of", "project": "on the project", "phase": "on the phase"}
_SAY = (
    "Say on the setup page whether they are deleted in Mosaic, or only hidden. Until "
    "then QuickBooks keeps them."
)
_IS_IT = (
    "Say on the setup page whether it is deleted or not. Until then neither side gets "
    "anything of it."
)

_BEFORE = (
    "about when it was taken for one with the other side's, because both were equal: "
    f"perhaps before that, and only one of the two was meant. {_IS_IT}"
)


@dataclass(slots=True)
class Gone:
    """What is known of lost entries, for records that are planned together.

    `since` is the first day that is read from Mosaic again and again.
    """

    connection: Connection
    company: Company
    links: Links
    rules: two_way.Company
    now: datetime
    since: str
    crossing: Crossing
    _missing: list[Row[Any]] | None = None
    _hidden: dict[_Object, str | None] = field(default_factory=dict)

    def back(self, row: Row[Any]) -> tuple[bool, Action | None]:
        """Decide about an entry that Mosaic shows again.

        Returns whether the record has changed by that, and the step where it is not
        what the plan says.
        """
        stone = tombstones.mosaics(row)
        if stone is None or not stone.back:
            return False, None
        other = tombstones.in_quickbooks(row)
        facts = Facts(
            stone.who,
            other,
            back=True,
            missed=stone.missed,
            as_known=not differs(stone.last, row.mosaic),
            spent=stone.tries >= MOST_TRIES,
            equal=stone.took is not None
            or (other is not None and self._born_since(row, stone)),
            said_deleted=stone.said is Word.DELETED,
            word=stone.word,
        )
        match tombstone.decide(facts):
            case What.ASK:
                why = _why(row, stone, facts)
                return False, Action(Do.NOTHING, f"{why} {_IS_IT}", "refused")
            case What.SEND_AGAIN:
                reason = "It is deleted, but Mosaic shows it: deleted there again."
                if self.rules.held is not None:
                    return False, Action(Do.NOTHING, self.rules.held, "pending")
                return False, Action(Do.DELETE, reason)
            case What.MAKE_AGAIN if not self.rules.two_way:
                reason = "It is in Mosaic again, and stays there alone."
                return False, Action(Do.NOTHING, reason, "unlinked")
            case What.MAKE_AGAIN:
                tombstones.lift_to_make_again(self.connection, self.company.id, row.id)
                return True, None
            case _:
                tombstones.lift(self.connection, self.company.id, row.id)
                return True, None

    def missing(self, row: Row[Any], entry: Entry, action: Action) -> Action | None:
        """Return what is done instead of a step that follows from a side's loss."""
        if action.do is Do.DELETE:
            return self._deleted(row, entry, action)
        stone = tombstones.mosaics(row)
        # Of what is to be removed after a restore a person has said it.
        said = row.restored == Mark.REMOVE
        if said or not stone or stone.back or action.do not in {Do.DEL, Do.CREATE}:
            return None
        since = f"Mosaic has not shown it since {_moment(stone.at)}"
        hides, twice = self._questions(row, stone, action, since)
        facts = Facts(
            stone.who,
            tombstones.in_quickbooks(row),
            aged=stone.aged(self.now),
            asked=stone.asked(self.now),
            hidden=hides is not None,
            crossed=twice is not None,
            unseen=self._is_unseen(row, action, "mosaic"),
            word=stone.word,
        )
        asks = hides or twice or (f"{since}, {_BEFORE}" if facts.unseen else None)
        match tombstone.decide(facts):
            case What.WAIT:
                until = stone.at + tombstone.WAIT
                then = (
                    "it is deleted in QuickBooks"
                    if action.do is Do.DEL
                    else "it is made in Mosaic again"
                )
                reason = f"{since}. Unless it comes back, {then} on {_moment(until)}."
                return Action(Do.NOTHING, reason, until=until)
            case What.LOOK:
                reason = f"{since}. It is asked for once more."
                return Action(Do.NOTHING, reason, until=self.now + _LOOKED_AT)
            case What.ASK if asks is not None:
                return Action(Do.NOTHING, asks, "refused")
            case What.ASK:
                reason = (
                    "We had deleted it in Mosaic, because QuickBooks did not have it; "
                    f"QuickBooks has it again. {_IS_IT}"
                )
                return Action(Do.NOTHING, reason, "refused")
            case What.NOTHING if stone.who is Who.NOT_SHOWN:
                reason = f"{since}; somebody said that it is not deleted. It stays."
                return Action(Do.NOTHING, reason, "unlinked")
            case What.NOTHING:
                return None
            case What.MAKE_AGAIN if action.do is Do.DEL:
                return self._again(entry)
            case _:
                return None

    def _questions(
        self, row: Row[Any], stone: Stone, action: Action, since: str
    ) -> tuple[str | None, str | None]:
        """Return what is asked: what may hide it, and whether one of two was meant."""
        unsaid = stone.word is None and stone.aged(self.now)
        if not unsaid and stone.word is not Word.STAYS:
            return None, None
        if action.do is not Do.DEL:
            return self._hides(row), None
        if stone.took is not None:
            return self._hides(row), f"{since}, and {_back_beside(row, stone.took)}"
        twice = self.crossing.carried(row, action)
        crossed = (
            None if twice is None else f"{since}, and {_other(twice, 'quickbooks')}"
        )
        return self._hides(row), crossed

    def _deleted(self, row: Row[Any], entry: Entry, action: Action) -> Action | None:
        """Return what is done instead of deleting in Mosaic, None if nothing is."""
        twice = self.crossing.carried(row, action)
        stone = Stone.of(row.gone, "quickbooks")
        unseen = self._is_unseen(row, action, "quickbooks")
        if stone is None or (twice is None and not unseen):
            return None
        crossed = twice is not None
        facts = Facts(stone.who, crossed=crossed, unseen=unseen, word=stone.word)
        match tombstone.decide(facts):
            case What.ASK:
                since = f"It was deleted in QuickBooks on {_moment(stone.at)}"
                also = _BEFORE if twice is None else f"and {_other(twice, 'mosaic')}"
                return Action(Do.NOTHING, f"{since}, {also}", "refused")
            case What.MAKE_AGAIN:
                return self._again(entry)
            case _:
                return None

    def _is_unseen(self, row: Row[Any], action: Action, side: Side) -> bool:
        """Tell whether an entry may have been lost before it was taken for this one."""
        deletes = action.do in {Do.DELETE, Do.DEL}
        return deletes and joined.never_stood(
            self.connection, row.company_id, row.id, side
        )

    def _again(self, entry: Entry) -> Action:
        """Return the step that makes an entry anew on the side that lost it."""
        action = plans.plan(replace(entry, agreed=None), self.rules)
        makes = action.do in {Do.CREATE, Do.ADD}
        return replace(action, reason=_STAYS) if makes else action

    def _born_since(self, row: Row[Any], stone: Stone) -> bool:
        """Tell whether an equal entry of the person and day was born on either side."""
        others = self.connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self.company.id,
                _RECORD.c.kind == time_entry.NAME,
                _RECORD.c.day == row.mosaic["date"],
                _RECORD.c.created_at >= stone.at,
                _RECORD.c.id != row.id,
            )
        )
        return any(self._equal(one, row) for one in others)

    def _equal(self, one: Row[Any], row: Row[Any]) -> bool:
        if one.mosaic is not None and not one.mosaic_gone:
            return bool(likeness(one.mosaic, row.mosaic))
        if one.quickbooks is not None and not one.quickbooks_gone:
            return bool(likeness(self.links.facing(one.quickbooks), row.mosaic))
        return False

    # What may only be hidden

    def _hides(self, row: Row[Any]) -> str | None:
        """Return the question about what may hide an entry, None if nothing does."""
        for one in _about(row.mosaic):
            if one not in self._hidden:
                self._hidden[one] = self._question(one)
            if self._hidden[one] is not None:
                return self._hidden[one]
        return None

    def _question(self, one: _Object) -> str | None:
        missing = [row for row in self._not_shown() if one in _about(row.mosaic)]
        why = self._why_hidden(one, missing)
        if why is None:
            return None
        minutes = sum(int((row.mosaic or {}).get("minutes") or 0) for row in missing)
        many = f"{len(missing)} time entries" if len(missing) != 1 else "1 time entry"
        about = f"{_NOUN[one[0]]} {self._name(one)}"
        told = f"{time_entry.in_hours(minutes)} hours"
        return f"Mosaic does not show {many} {about} ({told}): {why}. {_SAY}"

    def _why_hidden(self, one: _Object, missing: list[Row[Any]]) -> str | None:
        data_type, number = one
        if self.company.mosaic_read_at is not None:
            listed = self.connection.execute(
                sa.select(_OBJECT.c.is_archived, _OBJECT.c.misses).where(
                    _OBJECT.c.company_id == self.company.id,
                    _OBJECT.c.data_type == data_type,
                    _OBJECT.c.mosaic_id == number,
                )
            ).first()
            if listed is None or listed.misses:
                return "Mosaic does not list it any more"
            if listed.is_archived:
                return "it is archived there"
        if data_type != "project" or len(missing) < 2:
            return None
        shown = self.connection.execute(
            sa.select(_RECORD.c.id)
            .where(
                *believed_there(self.company.id),
                _RECORD.c.misses == 0,
                _RECORD.c.day >= self.since,
                _RECORD.c.mosaic["job"][0].as_integer() == number,
            )
            .limit(1)
        ).first()
        return "it shows none of that project" if shown is None else None

    def _not_shown(self) -> list[Row[Any]]:
        if self._missing is None:
            self._missing = tombstones.not_shown(self.connection, self.company.id)
        return self._missing

    def _name(self, one: _Object) -> str:
        found = mosaic_objects.get(self.connection, self.company.id, *one)
        return str(one[1]) if found is None else mosaic_objects.called(found)


def _about(mosaic: Mapping[str, Any] | None) -> list[_Object]:
    """Return what an entry of Mosaic stands on: person, project, phase."""
    project, phase = (mosaic or {}).get("job") or (None, None)
    person = (mosaic or {}).get("person")
    every = (("employee", person), ("project", project), ("phase", phase))
    return [(data_type, int(one)) for data_type, one in every if one is not None]


def _why(row: Row[Any], stone: Stone, facts: Facts) -> str:
    """Say why a person is asked about an entry that is back."""
    told = f"Mosaic shows time entry {row.mosaic_id} again."
    if stone.took is not None:
        return f"{told} Meanwhile another entry, record {stone.took}, took its place."
    if facts.equal:
        return f"{told} Meanwhile an equal one of that person and day was made."
    if facts.spent and not facts.missed:
        return f"{told} It was deleted there {stone.tries + 1} times."
    if facts.said_deleted:
        # Without its number: whatever was hidden at once is answered with one word.
        return (
            f"Mosaic shows it again, which it had not since {_moment(stone.at)}. "
            "Somebody had said that it is deleted, and it was deleted in QuickBooks."
        )
    if facts.other is None:
        return f"{told} It had been deleted there."
    return f"{told} It was deleted in QuickBooks."


def _other(row: Row[Any], lost: Side) -> str:
    """Say of an equal entry that it was deleted as well, first on a side."""
    there: Side = "mosaic" if lost == "quickbooks" else "quickbooks"
    stone = Stone.of(row.gone, there)
    on = "" if stone is None else f" on {_moment(stone.at)}"
    first, then = _SIDES[lost], _SIDES[there]
    return (
        f"record {row.company_id}-{row.id}, an equal one of that person and day, was "
        f"deleted in {first}, and for that in {then}{on}. Perhaps one of the two was "
        "meant, each time. Say on the setup page whether this one is deleted, too: if "
        f"it is, it is deleted in {first}; if not, it is made in {then} again. Until "
        f"then {first} keeps it."
    )


def _back_beside(row: Row[Any], took: int) -> str:
    """Say of an entry that QuickBooks has again where its own one in Mosaic stands."""
    return (
        "it was deleted in QuickBooks, which has it again; its own entry in Mosaic "
        f"stands with record {row.company_id}-{took}, an equal one. Say on the "
        "setup page whether it is deleted: if it is, it is deleted in QuickBooks; if "
        "not, it is made in Mosaic again. Until then QuickBooks keeps it."
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

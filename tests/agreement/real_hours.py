"""A ledger of real hours: it counts them, and looks for no mark in an entry.

Notes are mostly empty, and minutes, people and days repeat, so an entry is known by its
id alone. An hour is born when a person types an entry. What the product makes for an
entry, seen through both sandboxes, is that same hour's; so is what it joins, where a
person had typed the same on both sides. What must be true at the end is in `judgement`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.engine import Row

from qbwc_server.storage import tables
from tests.agreement.house import House
from tests.agreement.terms import FIELDS, Values, mosaic_entries, quickbooks_entries

Side = Literal["quickbooks", "mosaic"]
Place = tuple[Side, Any]
"""An entry: its side, and its id there."""
Content = tuple[Any, ...]
Words = tuple[set[tuple[Place, Place]], set[tuple[Place, Place]]]
"""Pairs of which a person has said that they are two, and that they are one."""
SIDES: tuple[Side, Side] = ("quickbooks", "mosaic")
UNREAD = timedelta(minutes=6)
"""What was typed in Mosaic since may not have been read when something leaves; in
QuickBooks what was typed since the session began."""
_A_DAY = timedelta(days=1)
OVERLAP = timedelta(minutes=90)
"""Edits of the two sides that are not further apart may cross."""


def other(side: Side) -> Side:
    """Return the side across."""
    return "mosaic" if side == "quickbooks" else "quickbooks"


def content_of(values: Values) -> Content:
    """Return what makes two entries equal: all but whether it is billable."""
    return tuple(values[name] for name in FIELDS if name != "billable")


class Broken(AssertionError):
    """A promise about real hours is broken; the first words say which."""


@dataclass(eq=False)
class Hour:
    """One real hour: where it is, and what people last said of it.

    `entries` are those that are there; `had` the sides that ever had one. `said` are
    the values that count for each field, the last one last: those before it only where
    a record tells of them. `also` may stand as well. `is_dead` is None where either
    would be right, because a deletion and an edit crossed. `taken` are the fields of
    which a person has taken the value that was not kept: no other one is right.
    """

    number: int
    entries: set[Place]
    had: set[Side]
    said: dict[str, list[Any]]
    also: dict[str, list[Any]] = field(default_factory=dict)
    is_dead: bool | None = False
    unsynced: set[Side] = field(default_factory=set)
    edited_at: dict[Side, datetime] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def on(self, side: Side) -> list[Place]:
        """Return its entries on one side."""
        return sorted(
            (one for one in self.entries if one[0] == side), key=lambda one: str(one[1])
        )

    @property
    def is_single(self) -> bool:
        """Whether it was on one side only, ever, and is still there."""
        return len(self.had) == 1 and len(self.entries) == 1


class RealHours:
    """All real hours of a history, told by people's acts and seen by `look`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.hours: list[Hour] = []
        self.of: dict[Place, Hour] = {}
        self.hidden: dict[int, Values] = {}
        self.others: set[int] = set()
        self.merged: set[tuple[str, str]] = set()
        self.gaps: list[tuple[Place, Place]] = []
        self.session_began = house.clock()
        self._by_people: set[Place] = set()
        self._given: dict[Place, set[Content]] = {}
        self._given_at: dict[Place, datetime] = {}
        self._pairs: set[tuple[Place, Place]] = set()
        self._apart: set[tuple[Place, Place]] = set()
        self._one: set[tuple[Place, Place]] = set()

    # What people do

    def typed(self, place: Place) -> None:
        """Note that a person has entered time: another hour, as far as is known."""
        values = self.now()[place]
        side = place[0]
        said = {name: [values[name]] for name in FIELDS}
        hour = Hour(len(self.hours) + 1, {place}, {side}, said)
        self.hours.append(hour)
        self.of[place] = hour
        self._by_people.add(place)
        self._give(place, values)

    def edited(self, place: Place, before: Values) -> None:
        """Note that a person has changed an entry, which was so before."""
        hour, values, side = self.of[place], self.now()[place], place[0]
        changed = [name for name in FIELDS if values[name] != before[name]]
        if not changed:
            return
        if side == "mosaic" and not self.house.stored().two_way:
            # QuickBooks is right in everything: it is put back.
            for name in changed:
                hour.also.setdefault(name, []).extend(hour.said[name])
        if hour.is_dead:
            # Deleted there, edited here: an edit wins, with all that stands here.
            hour.is_dead = False
            self._stands(hour, values)
        for name in changed:
            hour.said[name].append(values[name])
        hour.taken -= set(changed)
        hour.unsynced.add(side)
        hour.edited_at[side] = self.house.clock()
        self._give(place, values)

    def deleted(self, place: Place) -> None:
        """Note that a person has deleted an entry."""
        hour, side = self.of[place], place[0]
        hour.entries.discard(place)
        if side == "mosaic" and not self.house.stored().two_way and hour.entries:
            hour.is_dead = None
            return
        if hour.on(side):
            return
        left = hour.on(other(side))
        across = other(side)
        edited = hour.edited_at.get(across)
        if not left:
            hour.is_dead = True
        elif across in hour.unsynced:
            self._stands(hour, self.now()[left[0]])
        elif edited is not None and self.house.clock() - edited < OVERLAP:
            hour.is_dead = None
        else:
            hour.is_dead = True

    def took(self, place: Place, values: Values) -> None:
        """Note that a person has taken in some fields what was not kept.

        It is the last word, unless somebody has changed something that may not have
        been read yet: that is newer.
        """
        hour, now = self.of[place], self.now()
        stands = len({content_of(now[one]) for one in hour.entries}) == 1
        for name, value in values.items():
            if value not in hour.said[name] + hour.also.get(name, []):
                raise Broken(f"from nobody: {name} {value!r} is to be taken")
            if not stands or hour.unsynced:
                hour.also.setdefault(name, []).append(hour.said[name][-1])
            else:
                hour.taken.add(name)
            hour.said[name].append(value)

    def are_one(self, here: Place, there: Place) -> bool:
        """Tell whether these two entries, and no other, are an hour."""
        one = self.of.get(here)
        return (
            one is not None
            and one is self.of.get(there)
            and one.entries <= {here, there}
            and bool(one.entries)
        )

    def told_apart(self, here: Place, there: Place) -> None:
        """Note that a person has said of a joined hour that it is two.

        `here` is QuickBooks' entry, `there` Mosaic's: each goes to the other side, as
        an hour of its own; also where the other one is deleted by now.
        """
        now, one = self.now(), self.of[here]
        self._apart.add((here, there))
        self._pairs.discard((here, there))
        for place in (here, there):
            if place not in now:
                continue
            hour = self.of[place]
            if place is there and hour is one and here in now:
                hour = Hour(len(self.hours) + 1, set(), set(), {})
                self.hours.append(hour)
                self.of[place] = hour
            hour.entries, hour.had = {place}, {place[0]}
            hour.said = {name: [now[place][name]] for name in FIELDS}
            hour.taken.clear()
            hour.is_dead = False
            hour.unsynced.clear()

    def told(self, here: Place, there: Place, *, are_one: bool) -> None:
        """Note that a person has said of two entries that they are one, or two."""
        pair = (here, there)
        (self._one if are_one else self._apart).add(pair)
        (self._apart if are_one else self._one).discard(pair)

    def may_be_gone(self, txn_id: str | None, mosaic_id: int | None) -> None:
        """Note that a person has said something of an hour that may be gone."""
        for place in (("quickbooks", txn_id), ("mosaic", mosaic_id)):
            if place in self.of:
                self._either(self.of[place])

    def goes_one_way(self) -> None:
        """Note that QuickBooks is right in everything from now on."""
        for hour in self.hours:
            self._may_be(hour, hour)
            self._either(hour)
            hour.taken.clear()

    def words(self) -> Words:
        """Return what people have said so far of which entries are one."""
        return set(self._apart), set(self._one)

    def forgot(self, words: Words, *, since: datetime) -> None:
        """Note that the product knows nothing of what came since a moment.

        A deletion then may cross an edit that was on both sides already.
        """
        self._apart, self._one = (set(one) for one in words)
        self._pairs.clear()
        self.gaps.clear()
        for hour in self.hours:
            hour.taken.clear()
            if hour.is_dead and hour.entries:
                hour.is_dead = None
            for side, at in list(hour.edited_at.items()):
                if at >= since:
                    hour.edited_at[side] = self.house.clock() + _A_DAY

    def _either(self, hour: Hour) -> None:
        """Take it for right whether an hour that was deleted or may be is there."""
        if hour.is_dead or len(hour.on("quickbooks")) != len(hour.on("mosaic")):
            hour.is_dead = None

    def restored(self, before: dict[Place, Values]) -> None:
        """Note that a backup of the company file was put in its place.

        `before` are the entries that QuickBooks had. What it took comes back from
        Mosaic; what only it knew, and what it brought back, a person decides about.
        """
        now = self.now()
        self.gaps.clear()
        for place, values in before.items():
            hour = self.of.get(place)
            if hour is None:
                continue
            if place not in now:
                self._taken(place, hour)
                continue
            for name in FIELDS:
                if now[place][name] != values[name]:
                    hour.also.setdefault(name, []).append(now[place][name])
            self._give(place, now[place])
        for place in now.keys() - before.keys():
            if place[0] == "quickbooks" and place in self.of:
                hour = self.of[place]
                hour.entries.add(place)
                hour.is_dead = None
                for name in FIELDS:
                    hour.also.setdefault(name, []).append(now[place][name])

    def _taken(self, place: Place, hour: Hour) -> None:
        hour.entries.discard(place)
        if not hour.on("mosaic"):
            hour.is_dead = None
        if "quickbooks" in hour.unsynced:
            # Its last change may have been read by nobody.
            self._may_be(hour, hour)

    def disown(self, place: Place) -> None:
        """Note that an entry of Mosaic is another company file's."""
        self.others.add(place[1])
        hour = self.of.pop(place, None)
        if hour is None:
            return
        hour.entries.discard(place)
        if not hour.entries and hour.had == {"mosaic"}:
            self.hours.remove(hour)

    def succeeds(self, left: RealHours) -> None:
        """Note that a forgotten file's hours in Mosaic are to be this one's."""
        for place in left.of:
            if place[0] == "mosaic" and place not in self.of:
                self.others.discard(place[1])
                if place in self.now():
                    self.typed(place)

    def given(self, place: Place) -> set[Content]:
        """Return all that an entry ever was."""
        return self._given.get(place, set())

    def hid(self, places: dict[int, Values]) -> None:
        """Note that Mosaic does not show some entries."""
        self.hidden |= places

    def _stands(self, hour: Hour, values: Values) -> None:
        hour.taken.clear()
        for name in FIELDS:
            hour.also.setdefault(name, []).extend(hour.said[name][-2:])
            hour.said[name].append(values[name])

    def _give(self, place: Place, values: Values) -> None:
        self._given.setdefault(place, set()).add(content_of(values))
        self._given_at[place] = self.house.clock()

    # What the product did

    def now(self) -> dict[Place, Values]:
        """Return all entries that are there, hidden ones too."""
        found: dict[Place, Values] = {
            ("quickbooks", key): values
            for key, values in quickbooks_entries(self.house)
        }
        found |= {("mosaic", key): one for key, one in mosaic_entries(self.house)}
        found |= {("mosaic", key): one for key, one in self.hidden.items()}
        for number in self.others:
            found.pop(("mosaic", number), None)
        return found

    def look(self) -> None:
        """See what the product wrote and joined since the last look.

        Raises:
            Broken: it joined what is not the same, or made again what was there.
        """
        now = self.now()
        self._look_for_joins(now)
        for place in [one for one in now if one not in self.of]:
            self._copied(place, self._source(place, now), now)
        for hour in self.hours:
            hour.entries &= now.keys()
            for place in hour.entries:
                self._carried(place, hour, content_of(now[place]))
            sides = [hour.on(side) for side in SIDES]
            if all(len(one) == 1 for one in sides):
                here, there = (now[one[0]] for one in sides)
                if here == there:
                    hour.unsynced.clear()
                    for place in hour.entries:
                        # What a side has by now from the other one.
                        self._given[place].add(content_of(here))

    def _carried(self, place: Place, hour: Hour, content: Content) -> None:
        """Note what an entry has from the other side, also if that is deleted since."""
        if content not in self._given[place] and any(
            content in self._given[one] for one, its in self.of.items() if its is hour
        ):
            self._given[place].add(content)

    def _look_for_joins(self, now: dict[Place, Values]) -> None:
        record = tables.record
        for row in self.house.rows(
            record,
            record.c.kind == "time_entry",
            record.c.quickbooks_id.is_not(None),
            record.c.mosaic_id.is_not(None),
        ):
            pair: tuple[Place, Place] = (
                ("quickbooks", row.quickbooks_id),
                ("mosaic", row.mosaic_id),
            )
            if pair in self._pairs or any(one not in self.of for one in pair):
                continue
            self._pairs.add(pair)
            if (
                all(one in now for one in pair)
                and self.of[pair[0]] is not self.of[pair[1]]
            ):
                self._joined(*pair)

    def _joined(self, here: Place, there: Place) -> None:
        if (here, there) in self._apart:
            raise Broken(f"joined against a word: {here} and {there}")
        one, two = self.of[here], self.of[there]
        equal = self._given[here] & self._given[there]
        if not equal and (here, there) not in self._one:
            raise Broken(
                f"crossed: {here[1]} {sorted(self._given[here])} and {there[1]} "
                f"{sorted(self._given[there])} were joined"
            )
        if one.is_single and two.is_single:
            self._merge(one, two)
            return
        # Of several equal ones each may be whose copy it is: they change places.
        two.entries.discard(there)
        one.taken.clear()
        two.taken.clear()
        for place in one.on("mosaic"):
            if self._given[place] & self._given[there]:
                one.entries.discard(place)
                two.entries.add(place)
                self.of[place] = two
                break
        one.entries.add(there)
        one.had.add("mosaic")
        self.of[there] = one
        if not two.entries:
            # Typed anew in Mosaic where it had been deleted: it takes its place.
            if one.is_dead:
                one.is_dead = False
                one.said = two.said
            else:
                self._may_be(one, two)
            self.hours.remove(two)

    def _merge(self, one: Hour, two: Hour) -> None:
        """Have two hours be one, which people have typed on both sides."""
        self._may_be(one, two)
        one.entries |= two.entries
        one.had |= two.had
        for place in two.entries:
            self.of[place] = one
        self.hours.remove(two)

    def _may_be(self, one: Hour, two: Hour) -> None:
        for name in FIELDS:
            one.also.setdefault(name, []).extend(two.said[name][-2:])

    def _copied(
        self, place: Place, source: Place | None, now: dict[Place, Values]
    ) -> None:
        values, side = now[place], place[0]
        self._give(place, values)
        if source is None:
            raise Broken(f"from nowhere: {place} {values}")
        hour = self.of[source]
        if hour.is_single:
            self._needed(place, hour, now)
        hour.entries.add(place)
        hour.had.add(side)
        self.of[place] = hour

    def _needed(self, place: Place, hour: Hour, now: dict[Place, Values]) -> None:
        """See that a copy was not made of what people had typed on both sides."""
        side = place[0]
        content = content_of(now[place])
        read = self.session_began
        if side == "mosaic":
            read = self._sent_at(place) - UNREAD
        here = [
            one
            for one in self._singles(side, content, now)
            if self._given_at[one] < read and not self._are_two(one, hour)
        ]
        younger = [one for one in self._singles(side, content, now) if one not in here]
        # The one it was made for counts, whatever became of it since.
        there = {*self._singles(other(side), content, now), *hour.entries}
        if len(there) <= len(here):
            raise Broken(
                f"twice: {place} was made for {sorted(hour.entries)}, but {here} was "
                "typed there by hand"
            )
        if len(there) <= len(here) + len(younger):
            self.gaps += [(one, place) for one in younger if self._is_older(one, place)]

    def _is_older(self, one: Place, than: Place) -> bool:
        """Tell whether an entry was born before another one of its side."""
        if one[0] == "mosaic":
            return bool(one[1] < than[1])
        rows = self.house.file.store.all(
            "SELECT txn_id FROM time_entry WHERE txn_id IN (?, ?) ORDER BY number",
            one[1],
            than[1],
        )
        return bool(rows[0]["txn_id"] == one[1])

    def not_asked(self, reason: Callable[[Place], str]) -> Iterator[Place]:
        """Return what was typed while the same was made there, and is not asked about.

        Nobody can tell such an entry from an hour of its own, unless people typed it on
        the other side, too. What somebody has changed since, or has said something of,
        is asked about no more.
        """
        now = self.now()
        words = self._apart | self._one
        for typed, made in self.gaps:
            is_so = all(
                one in now and self._given[one] == {content_of(now[one])}
                for one in (typed, made)
            )
            said = any(typed in pair or made in pair for pair in words)
            there = self.of[typed].on(other(typed[0])) if typed in self.of else ()
            is_whole = not self._by_people.isdisjoint(there)
            if is_so and not said and not is_whole and not reason(typed):
                yield typed

    def _are_two(self, place: Place, hour: Hour) -> bool:
        """Tell whether a person has said that an entry is not that hour."""
        return any(
            {place, one} == set(pair) for one in hour.entries for pair in self._apart
        )

    def _singles(
        self, side: Side, content: Content, now: dict[Place, Values]
    ) -> Iterator[Place]:
        for hour in self.hours:
            for place in hour.entries if hour.is_single else ():
                if (
                    place[0] == side
                    and place in now
                    and place[1] not in self.hidden
                    and content_of(now[place]) == content
                ):
                    yield place

    def _source(self, place: Place, now: dict[Place, Values]) -> Place | None:
        """Return for which entry the product made one: what it says itself."""
        for found in self._told(place):
            if found in self.of:
                return found
        # Its record is another one by now: any equal one that is alone is the same.
        return next(self._singles(other(place[0]), content_of(now[place]), now), None)

    def _sent_at(self, place: Place) -> datetime:
        """Return when a creation in Mosaic left us: it may take effect much later."""
        now = self.house.clock()
        sent: list[datetime] = [one.created_at for one in self._calls(place)]
        return min((now, *sent))

    def _calls(self, place: Place) -> list[Row[Any]]:
        """Return our calls that made an entry of Mosaic."""
        refs = [
            one["ref"]
            for one in self.house.sandbox.writes
            if one["op"] == "create" and one["mosaic_id"] == place[1]
        ]
        call = tables.mosaic_call
        return self.house.rows(call, call.c.ref.in_(refs))

    def _told(self, place: Place) -> Iterator[Place]:
        record, job = tables.record, tables.job
        house = self.house
        if place[0] == "mosaic":
            numbers = [one.record_id for one in self._calls(place)]
        else:
            row = house.file.store.one(
                "SELECT external_guid FROM time_entry WHERE txn_id = ?", place[1]
            )
            guid = row["external_guid"] if row is not None else None
            numbers = [
                one.record_id
                for one in house.rows(job, job.c.action == "add")
                if (one.payload or {}).get("guid") == guid
            ]
        for one in house.rows(record, record.c.id.in_(numbers)):
            key = one.quickbooks_id if place[0] == "mosaic" else one.mosaic_id
            if key is not None:
                yield other(place[0]), key

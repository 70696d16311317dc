"""What must be true of real hours when a history has come to rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.companies.attention import STOPPING
from qbwc_server.kinds.conflict import OVER
from qbwc_server.storage import tables
from tests.agreement import books, lists, settings, teams
from tests.agreement.house import House
from tests.agreement.real_hours import SIDES, Broken, Hour, Place
from tests.agreement.terms import FIELDS, Values
from tests.agreement.world import World

_NAMES = {"day": "date", "text": "notes"}
"""Fields that have another name in a record's conflict."""
_REASONS = frozenset({"refused", "conflict", "locked"})
"""States that say why an hour is not on both sides: all is linked in the end."""


def judge(world: World) -> None:
    """Bring a history to rest and see that each real hour is where it should be.

    Raises:
        Broken: A promise is broken; the first words say which, then what there is.
    """
    lists.put_right(world)
    world.put_right()
    books.put_right(world)
    settings.put_right(world)
    teams.put_right(world)
    world.quiet()
    for _ in range(3):
        if all(one.stored().attention_id not in STOPPING for one in world.houses):
            break
        for house in world.each_file():
            books.decide(world)
            house.accept()
        world.quiet()
    world.files.at_the_end()
    for _ in world.each_file():
        _Judgement(world).all_hours()
    _nothing_written_again(world)


def _nothing_written_again(world: World) -> None:
    """See that days later, with every look and complete reads, nothing was written."""
    before = [one.everything() for one in world.houses]
    house, open_before = world.house, [one.open() for one in world.houses]
    there, here = len(house.sandbox.writes), [len(x.talk.writes) for x in world.houses]
    world.pass_(timedelta(days=8))
    world.pass_(timedelta(minutes=house.settings.time_window_minutes + 5))
    if [one.everything() for one in world.houses] != before:
        wrote = [x.talk.writes[at:] for x, at in zip(world.houses, here, strict=True)]
        raise Broken(
            f"written again: {house.sandbox.writes[there:]} {wrote}, open was "
            f"{open_before}"
        )


class _Judgement:
    def __init__(self, world: World) -> None:
        self._hours = world.hours
        self._house = world.house
        self._now = world.hours.now()
        record = tables.record
        self._rows: dict[Place, Row[Any]] = {}
        for row in self._house.rows(record, record.c.kind == "time_entry"):
            if row.quickbooks_id is not None:
                self._rows["quickbooks", row.quickbooks_id] = row
            if row.mosaic_id is not None:
                self._rows["mosaic", row.mosaic_id] = row

    def all_hours(self) -> None:
        """See that each is on both sides, or says why not, and that none is more."""
        for hour in self._hours.hours:
            if fault := self._fault(hour):
                raise Broken(f"{fault}\n{self._shown(hour)}")
        for place in self._hours.not_asked(self._reason):
            raise Broken(
                f"not asked: {place} may be what was made there\n"
                f"{self._shown(self._hours.of[place])}"
            )
        minutes = {
            side: sum(
                values["minutes"]
                for place, values in self._now.items()
                if place[0] == side and not self._reason(place)
            )
            for side in SIDES
        }
        if len(set(minutes.values())) > 1:
            raise Broken(f"sums differ: {minutes}")

    def _fault(self, hour: Hour) -> str | None:
        alone = {
            side: [one for one in hour.on(side) if not self._reason(one)]
            for side in SIDES
        }
        here, there = (hour.on(side) for side in SIDES)
        if hour.is_dead:
            return "deleted, but there" if any(alone.values()) else None
        if not here and not there:
            return None if hour.is_dead is None else "lost"
        if any(len(one) > 1 for one in alone.values()):
            return "twice"
        if len(here) == len(there) == 1:
            return self._differs(hour, self._now[here[0]], self._now[there[0]])
        if not here or not there:
            return "on one side" if any(alone.values()) else None
        return None

    def _differs(self, hour: Hour, here: Values, there: Values) -> str | None:
        is_told = any(self._reason(place) for place in hour.entries)
        kept = self._told(hour)
        for name in FIELDS:
            if here[name] != there[name]:
                if not is_told:
                    return f"differs in {name}"
                continue
            last = hour.said[name][-1]
            right = [last, *hour.also.get(name, ())]
            if _NAMES.get(name, name) in kept and name not in hour.taken:
                right += hour.said[name]
            if name == "text":
                right = [one.strip() for one in right]
            if here[name] not in right:
                return f"altered in {name}: {here[name]!r}, last said {last!r}"
        return None

    def _reason(self, place: Place) -> str:
        """Return why an entry is on one side only or differs, as its record says."""
        row = self._rows.get(place)
        if row is None or not row.reason:
            return ""
        held = row.state == "pending" and (row.waits_for or "").startswith("call:")
        values = self._now.get(place, {})
        sides: tuple[Place, Place] = (
            ("quickbooks", row.quickbooks_id),
            ("mosaic", row.mosaic_id),
        )
        merged = row.state == "unlinked" and any(
            self._now.get(side, {}).get(name) == value
            for side in sides
            for name, value in self._hours.merged
        )
        # What was typed on a job of another file, which was forgotten since.
        nowhere = row.state == "unlinked" and (
            values.get("job") not in self._house.worked_on
        )
        told = row.state in _REASONS or held or merged or nowhere
        return str(row.reason) if told else ""

    def _told(self, hour: Hour) -> set[str]:
        """Return the fields of which a record tells, or told, that both changed it."""
        fields: set[str] = set()
        for row in (self._rows[one] for one in hour.entries if one in self._rows):
            fields |= set(row.conflict or {})
            event = tables.record_event
            for one in self._house.rows(event, event.c.record_id == row.id):
                if one.what == OVER or one.what.startswith("settled"):
                    fields |= set(one.detail)
        return fields

    def _shown(self, hour: Hour) -> str:
        return "\n".join([f"hour {hour}", *shown(self._house)])


def shown(house: House) -> list[str]:
    """Return in lines what is on both sides, and what is known of it."""
    record = tables.record
    return [
        *(
            str(tuple(one))
            for one in house.file.store.all(
                "SELECT txn_id, txn_date, minutes, notes, external_guid FROM time_entry"
            )
        ),
        *(
            str(
                {
                    name: one[name]
                    for name in (
                        "mosaic_id",
                        "date",
                        "hours",
                        "description",
                        "member_id",
                        "created_at",
                    )
                }
            )
            for one in house.sandbox.objects("time_entry")
        ),
        *(
            f"record {row.id} {row.name} {row.state} {row.reason} | {row.quickbooks_id}"
            f" {row.quickbooks_gone} | {row.mosaic_id} {row.mosaic_gone} {row.conflict}"
            for row in house.rows(record, record.c.kind == "time_entry")
        ),
        *house.open(),
        f"attention {house.stored().attention_id}",
    ]

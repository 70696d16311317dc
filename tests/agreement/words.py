"""What people say of hours: that they are one or two, gone or not, right or wrong.

A word may be wrong, or against one that was said before: then the ledger takes either
for right, but nothing may be lost or doubled by it without a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.decisions import conflicts, gone, one_or_two, relinked, restored
from qbwc_server.kinds import conflict
from qbwc_server.kinds.time_entry import is_billable
from qbwc_server.kinds.tombstone import Word
from qbwc_server.records import tombstones
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.real_hours import SIDES, Place, Side
from tests.agreement.terms import Values, values_in_mosaic
from tests.agreement.world import Act, World, pick


def _time(world: World) -> list[Row[Any]]:
    record = tables.record
    return world.house.rows(record, record.c.kind == "time_entry")


def one_or_two_alone(world: World, one: Act) -> None:
    """Somebody says of two entries, each on one side, that they are one, or two."""
    rows = _time(world)
    here = [row for row in rows if row.mosaic_id is None and not row.quickbooks_gone]
    there = [row for row in rows if row.quickbooks_id is None and not row.mosaic_gone]
    if not here or not there:
        return
    first, second = pick(here, one.a), pick(there, one.b)
    left: Place = ("quickbooks", first.quickbooks_id)
    right: Place = ("mosaic", second.mosaic_id)
    if left not in world.hours.of or right not in world.hours.of:
        return
    house = world.house
    say = one_or_two.one if one.c % 2 else one_or_two.two
    try:
        with company_transaction(house.engine, house.company.id) as connection:
            say(
                connection,
                house.company.id,
                first.id,
                second.id,
                by="bookkeeper",
                now=house.clock(),
            )
    except one_or_two.NotToBeSaid:
        return
    world.hours.told(left, right, are_one=bool(one.c % 2))


def it_is_gone(world: World, one: Act) -> None:
    """Somebody says of what Mosaic does not show, or shows again, what it is."""
    rows = [row for row in _time(world) if tombstones.mosaics(row) is not None]
    if not rows:
        return
    house, row = world.house, pick(rows, one.a)
    word = pick((Word.DELETED, Word.STAYS), one.b)
    asked = [row] if row.state != "refused" else rows
    try:
        with company_transaction(house.engine, house.company.id) as connection:
            gone.say(connection, row, word, by="bookkeeper", now=house.clock())
    except gone.NothingIsGone:
        return
    for each in asked:
        if each is row or (each.state, each.reason) == (row.state, row.reason):
            world.hours.may_be_gone(each.quickbooks_id, each.mosaic_id)


def after_a_restore(world: World, one: Act) -> None:
    """Somebody says of what a restored backup took that it comes back, or does not."""
    house, back = world.house, bool(one.b % 2)
    with company_transaction(house.engine, house.company.id) as connection:
        asked = restored.asked(connection, house.company.id, back=back)
    if not asked:
        return
    number = pick(asked, one.a)
    (row,) = house.rows(tables.record, tables.record.c.id == number)
    try:
        with company_transaction(house.engine, house.company.id) as connection:
            restored.say(
                connection,
                house.company.id,
                [number],
                back=back,
                by="bookkeeper",
                now=house.clock(),
            )
    except restored.NotRestored:
        return
    world.hours.may_be_gone(row.quickbooks_id, row.mosaic_id)


def relinked_hours(world: World, one: Act) -> None:
    """Somebody says of hours sent under another link whether they are moved."""
    house = world.house
    with company_transaction(house.engine, house.company.id) as connection:
        relinked.settle(
            connection,
            house.company.id,
            move=bool(one.a % 2),
            by="bookkeeper",
            now=house.clock(),
        )


def take_the_other(world: World, one: Act) -> None:
    """Somebody takes what was not kept where both sides had changed the same."""
    found: list[tuple[Row[Any], Place, Side]] = []
    for row in _time(world):
        here: Place = ("quickbooks", row.quickbooks_id)
        there: Place = ("mosaic", row.mosaic_id)
        hour = world.hours.of.get(here)
        # Of several equal ones it is not told here which are meant.
        is_it = hour is not None and hour.entries == {here, there}
        if is_it and not conflict.asked(row.conflict):
            found += [
                (row, here, side)
                for side in SIDES
                if conflict.takes_other(row.conflict, side)
            ]
    if not found:
        return
    row, place, side = pick(found, one.a)
    house = world.house
    taken = _neutral(world, row, side)
    try:
        with company_transaction(house.engine, house.company.id) as connection:
            conflicts.settle(connection, row, side, by="bookkeeper", now=house.clock())
    except conflicts.NothingToSettle:  # one way, or a name that Mosaic does not have
        return
    world.hours.took(place, taken)


def _neutral(world: World, row: Row[Any], side: Side) -> Values:
    """Return in the ledger's terms what a side had in the fields that are taken."""
    names = conflict.takes_other(row.conflict, side)
    had = {name: row.conflict[name][side] for name in names}
    if side == "quickbooks" and "billable" in had:
        had["billable"] = is_billable(had["billable"])
    whole = {**row.mosaic, **had}
    project, phase = whole["job"]
    values = values_in_mosaic(
        {
            "date": whole["date"],
            "hours": whole["minutes"] / 60,
            "member_id": whole["person"],
            "project_id": project,
            "phase_id": phase,
            "standard_work_category_id": whole["item"],
            "description": whole["notes"],
            "is_billable": whole["billable"],
        },
        world.house.sandbox.team.store.objects,
    )
    terms = {"date": "day", "notes": "text"}
    return {terms.get(name, name): values[terms.get(name, name)] for name in names}


WORDS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    "one or two": (2, one_or_two_alone),
    "it is gone": (2, it_is_gone),
    "after a restore": (2, after_a_restore),
    "relinked": (1, relinked_hours),
    "take the other": (2, take_the_other),
}

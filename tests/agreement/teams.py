"""What is done about company files of one team: words, forgetting, beginning anew."""

from __future__ import annotations

from collections.abc import Callable

from qbwc_server.decisions import linking, time_sharing
from qbwc_server.operations import forgetting
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.files import PHASE, SHARED, Again, forget
from tests.agreement.house import House
from tests.agreement.world import Act, World, pick, word

_RECORD = tables.record
TWO_FILES = "two files"
"""The first act of a history in which a team has two company files."""


def _nothing(_world: World, _one: Act) -> None:
    """Whoever makes the house sees to it."""


def whose(world: World, one: Act) -> None:
    """Somebody says whose the hours of a person on a project are."""
    house = world.house
    company = house.stored()
    with company_transaction(house.engine, company.id) as connection:
        found = time_sharing.shared_hours(connection, company)
        if not found:
            return
        told = pick(found, one.a)
        try:
            time_sharing.say_whose(
                connection,
                company,
                told.member_id,
                told.project_id,
                mine=one.b % 3 > 0,
                by="bookkeeper",
                why=None,
                now=house.clock(),
            )
        except (time_sharing.SaidElsewhere, time_sharing.NotShared):
            return


def forgotten(world: World, one: Act) -> None:
    """A company is forgotten: added again, succeeded by the other one, or neither.

    Unless the product says that it is too early, as it does while time is on its way.
    """
    if len(world.houses) == 1 or not _may_be_forgotten(world.house):
        return
    world.kept = None
    way = pick(("again", "succeeded", "neither"), one.a)
    gone, at = world.house, world.at
    world.unlinked = {key: to for key, to in world.unlinked.items() if key[0] != at}
    if way == "again":
        world.replace(Again(gone))
        return
    forget(gone)
    left = world.leave()
    if way == "succeeded":
        house = world.house
        company = house.stored()
        with company_transaction(house.engine, company.id) as connection:
            time_sharing.succeed(
                connection, company, by="operator", why=None, now=house.clock()
            )
        world.hours.succeeds(left)


def _may_be_forgotten(house: House) -> bool:
    company, now = house.stored(), house.clock()
    with company_reading(house.engine, company.id) as connection:
        try:
            forgetting.require_idle(connection, company, house.settings, now)
        except forgetting.CompanyBusy:
            return False
    return True


def put_right(world: World) -> None:
    """Say again what files share: who was forgotten and added again is asked."""
    if len(world.houses) == 1:
        return
    world.settle()
    for name in (*SHARED, PHASE):
        found = [
            house.rows(_RECORD, _RECORD.c.kind == "customer", _RECORD.c.name == name)
            for house in world.houses
        ]
        numbers = {row.mosaic_id for rows in found for row in rows} - {None}
        for house, rows in zip(world.houses, found, strict=True):
            for row in rows:
                if row.mosaic_id is None and len(numbers) == 1:
                    (number,) = numbers
                    with company_transaction(house.engine, house.company.id) as it:
                        given = (it, house.company.id, row.id, number, word(world))
                        linking.link(*given, share=True)
        world.settle()


TEAMS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    TWO_FILES: (0, _nothing),
    "whose": (6, whose),
    "forgotten": (1, forgotten),
}

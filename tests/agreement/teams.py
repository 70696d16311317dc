"""What is done about company files of one team: words, forgetting, beginning anew."""

from __future__ import annotations

from collections.abc import Callable

from qbwc_server.decisions import time_sharing
from qbwc_server.storage.database import company_transaction
from tests.agreement.files import Again, forget
from tests.agreement.world import Act, World, pick

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
    """A company is forgotten: added again, succeeded by the other one, or neither."""
    if len(world.houses) == 1:
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


TEAMS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    TWO_FILES: (0, _nothing),
    "whose": (6, whose),
    "forgotten": (1, forgotten),
}

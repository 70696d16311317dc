"""What is changed about a company: its settings, its lists, and its database."""

from __future__ import annotations

from collections.abc import Callable

from qbwc_server.decisions import company_settings
from qbwc_server.operations import database_restored
from tests.agreement.copies import copy_of
from tests.agreement.world import Act, Kept, World, pick, set_mode

_PAGES = (1, 2, 3)


def mode(world: World, one: Act) -> None:
    """The connection only looks for a while, rests, or is live."""
    set_mode(world, pick(("preview", "paused", "live"), one.a))


def ways(world: World, _one: Act) -> None:
    """Time goes one way only, or both ways again."""
    one_way = world.house.stored().two_way
    set_two_way(world, is_on=not one_way)
    if one_way:
        world.hours.goes_one_way()


def set_two_way(world: World, *, is_on: bool) -> None:
    """Have time go both ways, or from QuickBooks only."""
    house = world.house
    company_settings.set_values(
        house.engine, house.company.id, now=house.clock(), who="operator", two_way=is_on
    )


def pages(world: World, one: Act) -> None:
    """QuickBooks is asked for few objects at once, so that its iterators may die."""
    house = world.house
    size = {"page_size": pick(_PAGES, one.a)}
    house.settings = house.settings.model_copy(update=size)


def merge(world: World, one: Act) -> None:
    """Two people, or two jobs, become one in QuickBooks; their time is moved."""
    house, ledger = world.house, world.hours
    name, kind, known, (winner, loser) = pick(
        (
            ("person", "Employee", house.persons, ("Ann Lee", "Bo Berg")),
            ("job", "Customer", house.jobs, (house.worked_on[0], house.worked_on[2])),
        ),
        one.a,
    )
    if not world.in_quickbooks(known[loser]):
        return
    house.clock.pass_(seconds=3)
    before = ledger.now()
    house.hands.merge(kind, known[loser], known[winner])
    ledger.merged.add((name, loser))
    after = ledger.now()
    for place, values in before.items():
        if place in ledger.of and after[place] != values:
            ledger.edited(place, values)


def back_up(world: World, _one: Act) -> None:
    """Write a backup of our own database."""
    words = [one.words() for one in world.ledgers]
    put_back = copy_of(world.house.engine)
    world.kept = Kept(put_back, world.house.clock(), dict(world.unlinked), words)


def restore(world: World, _one: Act) -> None:
    """Put the backup of our own database in its place, and say so."""
    if world.kept is None:
        return
    house = world.house
    world.kept.put_back()
    world.unlinked = dict(world.kept.unlinked)
    for ledger, words in zip(world.ledgers, world.kept.words, strict=True):
        ledger.forgot(words, since=world.kept.at)
    world.files.forgot()
    database_restored.declare(house.engine, now=house.clock(), who="operator")


def put_right(world: World) -> None:
    """Have everything be set as it was in the beginning."""
    for house in world.each_file():
        set_two_way(world, is_on=True)
        house.settings = house.settings.model_copy(update={"page_size": 500})


SETTINGS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    "mode": (1, mode),
    "one way": (1, ways),
    "pages": (2, pages),
    "merge": (1, merge),
    "back up ours": (3, back_up),
    "restore ours": (2, restore),
}

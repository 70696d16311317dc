"""What becomes of the lists that hours stand on: made inactive, or archived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qbwc_server.decisions import company_settings
from qbwc_server.storage import tables
from tests.agreement.house import House
from tests.agreement.world import Act, World, pick

_ARCHIVED = ("project", "phase", "employee", "standard_work_category")


def inactive(world: World, one: Act) -> None:
    """A job or a person is made inactive in QuickBooks, or active again."""
    house = world.house
    kind, among = pick(
        (
            ("Customer", house.jobs),
            ("Customer", house.jobs),
            ("Employee", house.persons),
        ),
        one.a,
    )
    list_id = pick(among.values(), one.b)
    if world.in_quickbooks(list_id):
        house.clock.pass_(seconds=3)
        house.hands.set_active(kind, list_id, is_active=bool(one.c % 3 == 0))


def archive(world: World, one: Act) -> None:
    """Somebody archives in Mosaic what hours stand on, or takes it back."""
    kind = pick(_ARCHIVED, one.a)
    objects = world.house.sandbox.team.store.objects[kind]
    number = pick(sorted(objects), one.b)
    world.house.clock.pass_(seconds=3)
    if objects[number]["is_archived"]:
        _unarchive(objects[number])
    else:
        world.house.people.archive(kind, number)


def structure(world: World, _one: Act) -> None:
    """The company's customers are projects from now on, or clients again.

    Nobody does that while hours are on their way, or wait for a closed day.
    """
    house, record = world.house, tables.record
    for _ in range(3):
        world.run()
    waits = record.c.state.in_(("pending", "locked"))
    if house.rows(record, record.c.kind == "time_entry", waits):
        return
    before = house.stored().structure
    _set_structure(house, "project" if before == "client" else "client")


def _set_structure(house: House, structure: str) -> None:
    company_settings.set_values(
        house.engine,
        house.company.id,
        now=house.clock(),
        who="operator",
        structure=structure,
    )


def put_right(world: World) -> None:
    """Have all be active and nothing be archived, as it was in the beginning."""
    for house in world.each_file():
        if house.stored().structure != "client":
            _set_structure(house, "client")
        for kind, among in (("Customer", house.jobs), ("Employee", house.persons)):
            for list_id in among.values():
                if world.in_quickbooks(list_id):
                    house.hands.set_active(kind, list_id, is_active=True)
    for kind in _ARCHIVED:
        for one in world.house.sandbox.team.store.objects[kind].values():
            _unarchive(one)


def _unarchive(one: dict[str, Any]) -> None:
    one["is_archived"] = False


LISTS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    "inactive": (2, inactive),
    "archive": (2, archive),
    "structure": (1, structure),
}

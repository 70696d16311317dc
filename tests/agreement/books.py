"""What happens to the books around real hours: invoices, closed periods, words.

And how Mosaic answers where its reference is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qbwc_server.companies.attention import RESTORED
from qbwc_server.decisions import one_or_two
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.records.one_or_two import joined
from qbwc_server.sandbox.mosaic.dialect import MissingNumber
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.real_hours import Place
from tests.agreement.world import Act, World, pick

_MISSING: tuple[MissingNumber, ...] = ("left out", "404", "422")
_MANY = 100


def invoice(world: World, one: Act) -> None:
    """Put billable time on an invoice, or delete that invoice again."""
    rows = world.house.file.store.all(
        "SELECT txn_id, billable FROM time_entry WHERE billable != 'NotBillable'"
    )
    if rows:
        row = pick(rows, one.a)
        world.house.clock.pass_(seconds=3)
        is_billed = row["billable"] != "HasBeenBilled"
        world.house.hands.mark_billed(row["txn_id"], is_billed=is_billed)


def close_books(world: World, one: Act) -> None:
    """Close the books up to some day, or open them; or an accountant has a copy."""
    day = world.value("day", one.a) if one.b % 2 else ""
    what = pick(("closing_date", "closing_date", "dividing_date"), one.c)
    world.house.hands.set(what, day)


def dialect(world: World, one: Act) -> None:
    """Mosaic answers otherwise where its reference is silent."""
    spoken = world.house.sandbox.dialect
    spoken.takes_all = bool(one.a % 2)
    spoken.missing_number = pick(_MISSING, one.b)


def apart(world: World, one: Act) -> None:
    """Somebody says of hours that were typed on both sides that they are two."""
    house, company_id = world.house, world.house.company.id
    with company_reading(house.engine, company_id) as connection:
        rows = joined.rows(connection, company_id, limit=_MANY, seen=True)
    found: list[tuple[int, Place, Place]] = []
    for row in rows:
        here: Place = ("quickbooks", row.quickbooks_id)
        there: Place = ("mosaic", row.mosaic_id)
        # Of several equal ones it is not told here which are meant.
        if world.hours.are_one(here, there):
            found.append((row.record_id, here, there))
    if not found:
        return
    record_id, here, there = pick(found, one.a)
    try:
        with company_transaction(house.engine, company_id) as connection:
            one_or_two.two(
                connection, company_id, record_id, by="bookkeeper", now=house.clock()
            )
    except one_or_two.NotToBeSaid:
        return
    world.hours.told_apart(here, there)


def back_up(world: World, _one: Act) -> None:
    """Write a backup of the company file."""
    world.house.hands.back_up(_backup(world))


def restore(world: World, _one: Act) -> None:
    """Put the backup in the company file's place: what came since is gone there."""
    path = _backup(world)
    if not path.exists():
        return
    before = dict(world.hours.now())
    world.house.clock.pass_(seconds=3)
    world.house.hands.restore(path)
    here = {one: it for one, it in before.items() if one[0] == "quickbooks"}
    world.hours.restored(here)


def _backup(world: World) -> Path:
    # Each history has a company file of its own, and its folder is shared.
    return world.house.folder / f"{id(world.hours)}.qbb"


def decide(world: World) -> None:
    """Say of a restored backup that Mosaic is right, where somebody has to say it."""
    house = world.house
    if house.stored().attention_id in RESTORED:
        with company_transaction(house.engine, house.company.id) as connection:
            deciding.decide(
                connection,
                house.company.id,
                "mosaic",
                now=house.clock(),
                who="bookkeeper",
            )


def put_right(world: World) -> None:
    """Have no time on an invoice, no book closed, and a Mosaic as is expected."""
    for house in world.each_file():
        _backup(world).unlink(missing_ok=True)
        for row in house.file.store.all(
            "SELECT txn_id FROM time_entry WHERE billable = 'HasBeenBilled'"
        ):
            house.hands.mark_billed(row["txn_id"], is_billed=False)
        house.hands.set("closing_date", "")
        house.hands.set("dividing_date", "")
    dialect(world, Act("dialect", 1))


BOOKS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    "invoice": (2, invoice),
    "close books": (1, close_books),
    "dialect": (2, dialect),
    "apart": (3, apart),
    "back up": (3, back_up),
    "restore": (3, restore),
}

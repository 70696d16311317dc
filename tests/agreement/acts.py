"""What people do to real hours: a history is a list of such acts, and of mishaps.

An act has a name and a few numbers, which mean what they can mean as things are: so it
can still be done when acts before it are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from qbwc_server.decisions import company_settings, conflicts, linking
from qbwc_server.decisions.link_checks import WriteUnderWay
from qbwc_server.kinds import conflict
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.books import BOOKS
from tests.agreement.house import PEOPLE, House
from tests.agreement.lists import LISTS
from tests.agreement.mishaps import MISHAPS
from tests.agreement.real_hours import Side, other
from tests.agreement.settings import SETTINGS
from tests.agreement.teams import TEAMS, TWO_FILES
from tests.agreement.words import WORDS
from tests.agreement.world import COLUMNS, Act, World, pick, relink, set_mode, word

_BY_HAND = (
    *("twin", "again", "enter in quickbooks", "enter in mosaic", "colleague"),
    *("edit in quickbooks", "edit in mosaic", "approve"),
    *("delete in quickbooks", "delete in mosaic"),
)
_AT_ONCE = ("slept", "dawdle", "invoice", "apart", "unlink")
"""What else may happen in the middle of a run."""


def _enter(side: Side) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        world.type(side, world.wish(one.a))

    return act


def twin(world: World, one: Act) -> None:
    """Type on the other side what is on one of them."""
    if entries := world.entries():
        place, values = pick(reversed(entries), one.a)
        text = values["text"] if one.b % 4 else f" {values['text']} "
        world.type(other(place[0]), {**values, "text": text})


def colleague(world: World, one: Act) -> None:
    """Type what somebody else has, on either side."""
    if entries := world.entries():
        place, values = pick(reversed(entries), one.a)
        person = next(name for name in PEOPLE if name != values["person"])
        side = pick((place[0], other(place[0])), one.b)
        world.type(side, {**values, "person": person})


def again(world: World, one: Act) -> None:
    """Type an equal second one on the same side."""
    if entries := world.entries():
        place, values = pick(reversed(entries), one.a)
        world.type(place[0], values)


def _edit(side: Side) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        if entries := world.entries(side):
            place, old = pick(reversed(entries), one.a)
            name = pick(("minutes", "minutes", "text", *COLUMNS), one.b)
            world.change(place, old, name, world.value(name, one.c))

    return act


def _delete(side: Side) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        if entries := world.entries(side):
            place, _ = pick(reversed(entries), one.a)
            world.delete(place)

    return act


def approve(world: World, one: Act) -> None:
    """Give an entry the value it has: its time of change moves."""
    if entries := world.entries():
        place, old = pick(reversed(entries), one.a)
        world.change(place, old, "minutes", old["minutes"])


def _unlink(how: str) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        rows = [row for row in world.links_to_lose() if row.mosaic_id is not None]
        if not rows:
            return
        row, house = pick(rows, one.a), world.house
        try:
            with company_transaction(house.engine, house.company.id) as connection:
                given = (connection, house.company.id, row.id)
                if how == "unlink":
                    linking.unlink(*given, word(world))
                else:
                    linking.choose(*given, "none", word(world))
        except WriteUnderWay:
            return
        world.unlinked[world.at, row.id] = row.mosaic_id

    return act


def meanwhile(world: World, one: Act) -> None:
    """Something happens in the middle of the next run of Web Connector or worker."""
    act = Act(pick((*_BY_HAND, *_AT_ONCE), one.a), one.c, one.c // 7, one.c // 49)
    world.meanwhile[pick(("connect", "work"), one.b)] = (one.b // 2 % 8, act)


def policy(world: World, one: Act) -> None:
    """The company decides which side is right where both changed the same."""
    company_settings.set_values(
        world.house.engine,
        world.house.company.id,
        now=world.house.clock(),
        who="operator",
        policy=pick(("newest", "quickbooks", "mosaic", "ask"), one.a),
    )


def pause(world: World, _one: Act) -> None:
    """The connection is paused, or goes on."""
    set_mode(world, "paused" if world.is_live else "live")


def settle_conflict(world: World, one: Act) -> None:
    """Somebody says which side is right."""
    house, record = world.house, tables.record
    rows = house.rows(record, record.c.conflict.is_not(None))
    rows = [row for row in rows if conflict.asked(row.conflict)]
    if rows:
        with company_transaction(house.engine, house.company.id) as connection:
            conflicts.settle(
                connection,
                pick(rows, one.a),
                pick(("quickbooks", "mosaic"), one.b),
                by="bookkeeper",
                now=house.clock(),
            )


ACTS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    "enter in quickbooks": (10, _enter("quickbooks")),
    "enter in mosaic": (10, _enter("mosaic")),
    "twin": (10, twin),
    "colleague": (5, colleague),
    "again": (5, again),
    "edit in quickbooks": (6, _edit("quickbooks")),
    "edit in mosaic": (6, _edit("mosaic")),
    "delete in quickbooks": (3, _delete("quickbooks")),
    "delete in mosaic": (3, _delete("mosaic")),
    "approve": (4, approve),
    "unlink": (1, _unlink("unlink")),
    "do not link": (1, _unlink("none")),
    "relink": (1, relink),
    "meanwhile": (6, meanwhile),
    "policy": (2, policy),
    "pause": (2, pause),
    "settle conflict": (3, settle_conflict),
    **BOOKS,
    **MISHAPS,
    **SETTINGS,
    **LISTS,
    **WORDS,
    **TEAMS,
}
"""By name: how often it is done among all, and what does it."""


_ALWAYS = frozenset({"run", "enter in quickbooks", "enter in mosaic"})
_MIX = (0, 0, 1, 1, 1, 5)


def do(world: World, one: Act) -> None:
    """Do one act, in one of the company files."""
    world.at = (one.a * 7 + one.b * 13 + one.c) // 10 % len(world.houses)
    ACTS[one.name][1](world, one)


def world_of(house: House) -> World:
    """Return a world in which nothing has happened yet."""
    return World(house, do)


def history(seed: int, length: int, without: frozenset[str] = frozenset()) -> list[Act]:
    """Return the acts of a history: the same ones for the same seed.

    Every third is of a team that has two company files. Each is a mix of its own: what
    is rare in most is frequent in some, and some acts are not in it at all.
    """
    chance = random.Random(seed)
    has_two = seed % 3 == 0
    names = [
        name for name in ACTS if name not in without and (has_two or name not in TEAMS)
    ]
    weights = [
        ACTS[name][0] * (1 if name in _ALWAYS else chance.choice(_MIX))
        for name in names
    ]
    acts = [
        Act(name, *(chance.randrange(10_000) for _ in range(3)))
        for name in chance.choices(names, weights, k=length)
    ]
    return [Act(TWO_FILES), *acts] if has_two else acts

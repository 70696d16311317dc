"""What people, networks and time do to real hours: a history is a list of such acts.

An act has a name and a few numbers, which mean what they can mean as things are: so it
can still be done when acts before it are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import httpx

from qbwc_server.decisions import company_settings, conflicts, linking
from qbwc_server.decisions.link_checks import WriteUnderWay
from qbwc_server.decisions.suggestions import NoPlace
from qbwc_server.kinds import conflict
from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.sandbox.mosaic.sandbox import AnswerMode
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web_connector.conversation import Conversation
from tests.agreement.house import ITEMS, JOBS, PEOPLE, House
from tests.agreement.real_hours import Place, RealHours, Side, other
from tests.agreement.talk import Trouble
from tests.agreement.terms import Values, links

T = TypeVar("T")
_COLUMNS = {
    "minutes": "minutes",
    "text": "notes",
    "day": "txn_date",
    "job": "customer_id",
    "person": "entity_id",
    "item": "item_id",
    "billable": "billable",
}
_REFERS = {
    "job": ("project_id", "phase_id"),
    "person": ("member_id",),
    "item": ("standard_work_category_id",),
}
_WISHES: dict[str, Sequence[Any]] = {
    # People repeat themselves: most of it is what it was the last time.
    "minutes": (60, 480, 60, 480, 45),
    "text": ("", "", "", "meeting", "Meeting", "call"),
    "day": (0, 0, 1),
    "job": (JOBS[0], JOBS[0], JOBS[1], JOBS[2]),
    "person": PEOPLE,
    "item": (ITEMS[0], ITEMS[0], ITEMS[1]),
    "billable": (True, True, False),
}
_BY_HAND = (
    *("twin", "again", "enter in quickbooks", "enter in mosaic", "colleague"),
    *("edit in quickbooks", "edit in mosaic", "approve"),
    *("delete in quickbooks", "delete in mosaic"),
)
_MODES: tuple[AnswerMode, ...] = ("mute", "silent", "body", "bare", "callback")
_LINKED = ("employee", "customer", "service_item")
_OUTAGES = (20, 90, 600, 3 * 3600, 7 * 3600)
_SPANS = (5, 60, 400, 1300, 4000)


class Act(NamedTuple):
    """One act: its name in `ACTS`, and numbers that decide the rest."""

    name: str
    a: int = 0
    b: int = 0
    c: int = 0


def pick(among: Iterable[T], number: int) -> T:
    """Return one of some things; small numbers give the first ones."""
    listed = list(among)
    return listed[number % len(listed)]


class World:
    """A house, its ledger, and what is out of order at the moment."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.hours = RealHours(house)
        self.down_until: datetime | None = None
        self.is_live = True
        self.hidden: dict[int, dict[str, Any]] = {}
        self.unlinked: dict[int, int] = {}
        self.meanwhile: dict[str, tuple[int, Act]] = {}
        self._watch()

    def _watch(self) -> None:
        """Have the ledger look after each run, and Mosaic be down while it is.

        What people do meanwhile they do before a request or a call of Web Connector.
        """
        house = self.house
        for name in ("connect", "work"):
            setattr(house, name, self._seen(getattr(house, name)))
        answer, serve = house.wire.handle_request, house.server

        def handle(request: httpx.Request) -> httpx.Response:
            self._do_meanwhile("work")
            if self.down_until is not None and house.clock() < self.down_until:
                raise httpx.ConnectError("Connection refused")
            return answer(request)

        def server(*given: Any, **named: Any) -> Conversation:
            made = serve(*given, **named)
            send = made.send_request

            def sends(*call: Any) -> str:
                self._do_meanwhile("connect")
                return send(*call)

            setattr(made, "send_request", sends)  # noqa: B010 - mypy refuses a method
            return made

        setattr(house.wire, "handle_request", handle)  # noqa: B010 - mypy refuses a method
        setattr(house, "server", server)  # noqa: B010 - mypy refuses a method

    def _do_meanwhile(self, where: str) -> None:
        if where in self.meanwhile:
            left, act = self.meanwhile.pop(where)
            if left:
                self.meanwhile[where] = (left - 1, act)
            else:
                ACTS[act.name][1](self, act)

    def _seen(self, run: Callable[..., bool]) -> Callable[..., bool]:
        def runs(*given: Any, **named: Any) -> bool:
            if run.__name__ == "connect":
                self.hours.session_began = self.house.clock()
            came_to_its_end = run(*given, **named)
            self.hours.look()
            return came_to_its_end

        return runs

    # What there is

    def entries(self, side: Side | None = None) -> list[tuple[Place, Values]]:
        """Return what people can see and touch, the oldest first."""
        return [
            (place, values)
            for place, values in self.hours.now().items()
            if place in self.hours.of
            and side in (None, place[0])
            and place[1] not in self.hidden
        ]

    def wish(self, number: int) -> Values:
        """Return values for an entry, each decided by another digit."""
        wished = {}
        for name, among in _WISHES.items():
            wished[name] = self.value(name, number)
            number //= len(among)
        return {**wished, "billable": True}

    def value(self, name: str, number: int) -> Any:
        """Return a value for one field."""
        value = pick(_WISHES[name], number)
        if name != "day":
            return value
        return (self.house.clock.now.date() - timedelta(days=value)).isoformat()

    # What people do

    def type(self, side: Side, values: Values) -> None:
        """Type an entry on a side."""
        house = self.house
        house.clock.pass_(seconds=3)
        key: Any
        if side == "quickbooks":
            key = house.hands.add_time(
                house.persons[values["person"]],
                values["day"],
                values["minutes"],
                customer=house.jobs[values["job"]],
                item=house.items[values["item"]],
                notes=values["text"],
                billable="Billable" if values["billable"] else "NotBillable",
            )
        else:
            refers = links(house, values)
            assert refers is not None
            key = house.people.add_time(
                refers["member_id"],
                values["day"],
                round(values["minutes"] / 60, 4),
                project=refers["project_id"],
                phase=refers["phase_id"],
                category=refers["standard_work_category_id"],
                text=values["text"],
                billable=values["billable"],
            )
        self.hours.typed((side, key))

    def change(self, place: Place, old: Values, name: str, value: Any) -> None:
        """Change one field of an entry."""
        house = self.house
        house.clock.pass_(seconds=3)
        if place[0] == "quickbooks":
            names: Mapping[str, Mapping[Any, str]] = {
                "job": house.jobs,
                "person": house.persons,
                "item": house.items,
                "billable": {True: "Billable", False: "NotBillable"},
            }
            column = names[name][value] if name in names else value
            house.hands.edit_time(place[1], **{_COLUMNS[name]: column})
        else:
            refers = links(house, {**old, name: value})
            assert refers is not None
            asked = {"minutes": "hours", "text": "description", "day": "date"}
            fields: dict[str, Any] = {asked.get(name, name): value}
            if name == "minutes":
                fields = {"hours": round(value / 60, 4)}
            if name in {"job", "person", "item"}:
                fields = {one: refers[one] for one in _REFERS[name]}
            try:
                house.people.edit_time(place[1], **fields)
            except Refused:
                return
        self.hours.edited(place, old)

    # What runs

    def run(self) -> None:
        """Have Web Connector and the worker run once, a quarter of an hour later."""
        self.house.clock.pass_(minutes=16)
        self.house.connect()
        self.house.work()

    def links_to_lose(self) -> list[Any]:
        """Return the records of lists that are linked, or were unlinked by an act."""
        record = tables.record
        return [
            row
            for row in self.house.rows(record, record.c.kind.in_(_LINKED))
            if row.mosaic_id is not None or row.id in self.unlinked
        ]

    def put_right(self) -> None:
        """End all that is out of order, as somebody does in the end."""
        house = self.house
        house.sandbox.faults._waiting.clear()
        house.sandbox.answer_mode = "callback"
        house.sandbox.dialect.keeps_log = True
        self.down_until = None
        self.meanwhile.clear()
        set_mode(self, "live")
        show(self, Act("show"))
        for _ in range(4):
            if not self.unlinked:
                break
            house.settle()
            relink(self, Act("relink"))


def _word(world: World) -> linking.Word:
    return linking.Word("bookkeeper", world.house.clock(), "a test")


def set_mode(world: World, mode: str) -> None:
    """Pause the connection, or let it go on."""
    world.is_live = mode == "live"
    company_settings.set_values(
        world.house.engine,
        world.house.company.id,
        now=world.house.clock(),
        who="operator",
        mode=mode,
    )


# Acts: each takes the world and itself.


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
            name = pick(("minutes", "minutes", "text", *_COLUMNS), one.b)
            world.change(place, old, name, world.value(name, one.c))

    return act


def _delete(side: Side) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        if entries := world.entries(side):
            place, _ = pick(reversed(entries), one.a)
            world.house.clock.pass_(seconds=3)
            if side == "quickbooks":
                world.house.hands.delete_time(place[1])
            else:
                world.house.people.delete_time(place[1])
            world.hours.deleted(place)

    return act


def approve(world: World, one: Act) -> None:
    """Give an entry the value it has: its time of change moves."""
    if entries := world.entries():
        place, old = pick(reversed(entries), one.a)
        world.change(place, old, "minutes", old["minutes"])


def _unlink(word: str) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        rows = [row for row in world.links_to_lose() if row.mosaic_id is not None]
        if not rows:
            return
        row, house = pick(rows, one.a), world.house
        try:
            with company_transaction(house.engine, house.company.id) as connection:
                given = (connection, house.company.id, row.id)
                if word == "unlink":
                    linking.unlink(*given, _word(world))
                else:
                    linking.choose(*given, "none", _word(world))
        except WriteUnderWay:
            return
        world.unlinked[row.id] = row.mosaic_id

    return act


def relink(world: World, _one: Act) -> None:
    """Link everything again to what it was linked to, where that can be."""
    house = world.house
    for number, mosaic_id in list(world.unlinked.items()):
        try:
            with company_transaction(house.engine, house.company.id) as connection:
                linking.link(
                    connection, house.company.id, number, mosaic_id, _word(world)
                )
        except (WriteUnderWay, NoPlace):  # or what is above it comes first
            continue
        del world.unlinked[number]


def outage(world: World, one: Act) -> None:
    """Mosaic is down, for seconds or for hours."""
    until = world.house.clock() + timedelta(seconds=pick(_OUTAGES, one.a))
    world.down_until = max(until, world.down_until or until)


def _post_fails(when: Any) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        kind = pick(("error", "down", "slow"), one.a)
        world.house.sandbox.fail_next(kind, 1, "POST time_entry", when=when, seconds=5)

    return act


def write_fails(world: World, one: Act) -> None:
    """A change or deletion in Mosaic fails, before or after it was carried out."""
    match, when = pick(("PUT time_entry", "DELETE time_entry"), one.a), one.b % 2
    world.house.sandbox.fail_next("error", 1, match, when="after" if when else "before")


def _lost(arrives: bool) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        world.house.clock.pass_(minutes=16)
        world.house.connect(
            Trouble("receiveResponseXML", 1 + one.a % 5, arrives=arrives)
        )

    return act


def hide(world: World, one: Act) -> None:
    """Mosaic shows nothing of one project."""
    objects = world.house.sandbox.team.store.objects
    number = pick(objects["project"], one.a)
    entries = objects["time_entry"]
    for key in [key for key, it in entries.items() if it["project_id"] == number]:
        values = world.hours.now()["mosaic", key]
        world.hours.hid({key: values})
        world.hidden[key] = entries.pop(key)


def show(world: World, _one: Act) -> None:
    """Mosaic shows everything again."""
    world.house.sandbox.team.store.objects["time_entry"].update(world.hidden)
    world.hidden.clear()
    world.hours.hidden.clear()


def callbacks(world: World, one: Act) -> None:
    """The next callbacks come late, twice, never or forged; or of what people do."""
    kinds = ("callback_late", "callback_twice", "callback_never", "callback_forged")
    if one.b % 2:
        world.house.people.calls_back = not world.house.people.calls_back
    seconds = pick((20, 200, 1500), one.c)
    world.house.sandbox.fail_next(pick(kinds, one.a), 2, seconds=seconds)


def ways(world: World, one: Act) -> None:
    """Mosaic keeps no request log for a while, or answers writes in another way."""
    sandbox = world.house.sandbox
    if one.a % 3 == 0:
        sandbox.dialect.keeps_log = not sandbox.dialect.keeps_log
    else:
        sandbox.answer_mode = pick(_MODES, one.b)


def meanwhile(world: World, one: Act) -> None:
    """People do something in the middle of the next run of Web Connector or worker."""
    act = Act(pick(_BY_HAND, one.a), one.c, one.c // 7, one.c // 49)
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


def run(world: World, one: Act) -> None:
    """Web Connector and the worker run, one to three times."""
    for _ in range(1 + one.a % 3):
        world.run()


def work(world: World, one: Act) -> None:
    """The worker works alone, after seconds or minutes."""
    world.house.clock.pass_(seconds=pick((1, 20, 90, 310), one.a))
    world.house.work()


def connect(world: World, _one: Act) -> None:
    """Web Connector comes alone."""
    world.house.clock.pass_(minutes=2)
    world.house.connect()


def computer_off(world: World, one: Act) -> None:
    """Time passes with nobody at the office: only the worker works."""
    for _ in range(3):
        world.house.clock.pass_(minutes=pick(_SPANS, one.a) / 3)
        world.house.work()


def server_off(world: World, one: Act) -> None:
    """Time passes, and nothing of ours runs."""
    world.house.clock.pass_(minutes=pick(_SPANS, one.a))


def days_pass(world: World, one: Act) -> None:
    """Days pass as they should."""
    for _ in range(1 + one.a % 2):
        world.house.clock.pass_(hours=20)
        for _ in range(3):
            world.run()


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
    "outage": (2, outage),
    "post fails before": (3, _post_fails("before")),
    "post fails after": (3, _post_fails("after")),
    "write fails": (2, write_fails),
    "answer lost": (4, _lost(arrives=False)),
    "answer lost late": (2, _lost(arrives=True)),
    "hide": (1, hide),
    "show": (1, show),
    "callbacks": (3, callbacks),
    "ways": (2, ways),
    "meanwhile": (6, meanwhile),
    "policy": (2, policy),
    "pause": (2, pause),
    "settle conflict": (3, settle_conflict),
    "run": (14, run),
    "work": (8, work),
    "connect": (5, connect),
    "computer off": (3, computer_off),
    "server off": (2, server_off),
    "days pass": (2, days_pass),
}


def history(seed: int, length: int, without: frozenset[str] = frozenset()) -> list[Act]:
    """Return the acts of a history: the same ones for the same seed."""
    chance = random.Random(seed)
    names = [name for name in ACTS if name not in without]
    weights = [ACTS[name][0] for name in names]
    return [
        Act(name, *(chance.randrange(10_000) for _ in range(3)))
        for name in chance.choices(names, weights, k=length)
    ]

"""A world in which people act: a house, its ledger of real hours, and what is amiss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import httpx

from qbwc_server.decisions import company_settings, linking
from qbwc_server.decisions.link_checks import WriteUnderWay
from qbwc_server.decisions.suggestions import NoPlace
from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web_connector.conversation import Conversation
from tests.agreement.house import ITEMS, JOBS, PEOPLE, House
from tests.agreement.real_hours import Place, RealHours, Side
from tests.agreement.terms import Values, links

T = TypeVar("T")
COLUMNS = {
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
_LINKED = ("employee", "customer", "service_item")


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
    """A house, its ledger, and what is out of order at the moment; `do` does an act."""

    def __init__(self, house: House, do: Callable[[World, Act], None]) -> None:
        self.house = house
        self._do = do
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
                self._do(self, act)

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
            house.hands.edit_time(place[1], **{COLUMNS[name]: column})
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
        show(self)
        for _ in range(4):
            if not self.unlinked:
                break
            house.settle()
            relink(self)


def word(world: World) -> linking.Word:
    """Return whose word it is when links are changed."""
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


def relink(world: World, _one: Act | None = None) -> None:
    """Link everything again to what it was linked to, where that can be."""
    house = world.house
    for number, mosaic_id in list(world.unlinked.items()):
        try:
            with company_transaction(house.engine, house.company.id) as connection:
                linking.link(
                    connection, house.company.id, number, mosaic_id, word(world)
                )
        except (WriteUnderWay, NoPlace):  # or what is above it comes first
            continue
        del world.unlinked[number]


def show(world: World, _one: Act | None = None) -> None:
    """Mosaic shows everything again."""
    world.house.sandbox.team.store.objects["time_entry"].update(world.hidden)
    world.hidden.clear()
    world.hours.hidden.clear()

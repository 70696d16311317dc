"""A world in which people act: a house, its ledger of real hours, and what is amiss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import httpx

from qbwc_server.decisions import company_settings, linking
from qbwc_server.decisions.link_checks import RecordUnknown, WriteUnderWay, WrongType
from qbwc_server.decisions.suggestions import NoPlace
from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web_connector.conversation import Conversation
from tests.agreement.house import ITEMS, PEOPLE, House, settle
from tests.agreement.of_files import OfFiles
from tests.agreement.real_hours import Place, RealHours, Side, Words
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
    "job": (0, 0, 1, 2),
    "person": PEOPLE,
    "item": (ITEMS[0], ITEMS[0], ITEMS[1]),
    "billable": (True, True, False),
}
_LINKED = ("employee", "customer", "service_item")


@dataclass
class Kept:
    """A backup of our own database, and what was so when it was made."""

    put_back: Callable[[], None]
    at: datetime
    unlinked: dict[tuple[int, int], int]
    words: list[Words]


_Answer = Callable[[httpx.Request], httpx.Response]


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
    """A house, its ledger, and what is out of order at the moment; `do` does an act.

    Where a team has two company files there are two of each; people act in the one
    that is turned to, `house`, and see of Mosaic what is that file's or nobody's yet.
    """

    def __init__(self, house: House, do: Callable[[World, Act], None]) -> None:
        self._do = do
        self.houses = [house, *([house.second] if house.second is not None else [])]
        self.ledgers = [RealHours(one) for one in self.houses]
        self.files = OfFiles(self.houses, self.ledgers)
        self.at = 0
        self.down_until: datetime | None = None
        self.hidden: dict[int, dict[str, Any]] = {}
        self.unlinked: dict[tuple[int, int], int] = {}
        self.meanwhile: dict[str, tuple[int, Act]] = {}
        self.late_by: timedelta | None = None
        self._late: list[tuple[datetime, _Answer, httpx.Request]] = []
        self.kept: Kept | None = None
        for one in self.houses:
            self._watch(one)

    @property
    def house(self) -> House:
        """The company file that is turned to, and its Mosaic."""
        return self.houses[self.at]

    @property
    def hours(self) -> RealHours:
        """The ledger of the company file that is turned to."""
        return self.ledgers[self.at]

    @property
    def is_live(self) -> bool:
        """Whether the connection is live."""
        return self.house.stored().mode == "live"

    def each_file(self) -> Iterator[House]:
        """Turn to one company file after the other."""
        for at, house in enumerate(list(self.houses)):
            self.at = at
            yield house
        self.at = 0

    def replace(self, house: House) -> None:
        """Have another house be the company file that is turned to."""
        self.houses[self.at] = self.hours.house = house
        self._watch(house)

    def leave(self) -> RealHours:
        """Have the company file that is turned to be nobody's business any more.

        Returns its ledger.
        """
        del self.houses[self.at]
        ledger = self.ledgers.pop(self.at)
        self.unlinked = {(0, number): to for (_, number), to in self.unlinked.items()}
        self.at = 0
        return ledger

    def look(self) -> None:
        """Have the ledgers see what was done."""
        self.files.look()
        for ledger in self.ledgers:
            ledger.look()

    def _watch(self, house: House) -> None:
        """Have the ledger look after each run, and Mosaic be down while it is.

        What people do meanwhile they do before a request or a call of Web Connector.
        """
        for name in ("connect", "work"):
            setattr(house, name, self._seen(house, getattr(house, name)))
        answer, serve = house.wire.handle_request, house.server

        def handle(request: httpx.Request) -> httpx.Response:
            self._do_meanwhile("work")
            if self.down_until is not None and house.clock() < self.down_until:
                raise httpx.ConnectError("Connection refused")
            self.take_effect()
            if self.late_by is not None and request.method != "GET":
                self._late.append((house.clock() + self.late_by, answer, request))
                self.late_by = None
                return httpx.Response(503, text="busy")
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

    def take_effect(self, *, at_once: bool = False) -> None:
        """Have Mosaic do what it was sent earlier and said that it could not do."""
        now, waiting = self.house.clock(), self._late
        self._late = [one for one in waiting if one[0] > now and not at_once]
        for one in waiting:
            if one not in self._late:
                one[1](one[2])

    def _do_meanwhile(self, where: str) -> None:
        if where in self.meanwhile:
            left, act = self.meanwhile.pop(where)
            if left:
                self.meanwhile[where] = (left - 1, act)
            else:
                self._do(self, act)

    def _seen(self, house: House, run: Callable[..., bool]) -> Callable[..., bool]:
        def runs(*given: Any, **named: Any) -> bool:
            if run.__name__ == "connect":
                for ledger in self.ledgers:
                    if ledger.house is house:
                        ledger.session_began = house.clock()
            came_to_its_end = run(*given, **named)
            self.look()
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
        if name == "job":
            return self.house.worked_on[value]
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
            if not self._is_in_quickbooks(values):
                return
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
            if not self._stands_in_mosaic:
                return
            refers = links(house, values)
            assert refers is not None
            projects = house.sandbox.team.store.objects["project"]
            if projects[refers["project_id"]]["is_archived"]:
                return
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
        for ledger in self.ledgers if side == "mosaic" else [self.hours]:
            ledger.typed((side, key))

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
            if not self._is_in_quickbooks({name: value}):
                return
            column = names[name][value] if name in names else value
            house.hands.edit_time(place[1], **{COLUMNS[name]: column})
        else:
            if name == "job" and not self._stands_in_mosaic:
                return
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
        for ledger in self._knowing(place):
            ledger.edited(place, old)

    def delete(self, place: Place) -> None:
        """Delete an entry."""
        self.house.clock.pass_(seconds=3)
        if place[0] == "quickbooks":
            self.house.hands.delete_time(place[1])
        else:
            self.house.people.delete_time(place[1])
        for ledger in self._knowing(place):
            ledger.deleted(place)

    def _knowing(self, place: Place) -> list[RealHours]:
        """Return the ledgers that have an entry: its file's, or all of a team's."""
        if place[0] == "quickbooks":
            return [self.hours]
        return [one for one in self.ledgers if place in one.of]

    @property
    def _stands_in_mosaic(self) -> bool:
        """Whether projects are where hours stand: customers may be projects just now.

        People see in Mosaic that a project is archived, and type nothing there.
        """
        return all(one.stored().structure == "client" for one in self.houses)

    def in_quickbooks(self, list_id: str) -> bool:
        """Tell whether something is still in the lists of the company file."""
        found = self.house.file.store.one(
            "SELECT 1 FROM record WHERE list_id = ?", list_id
        )
        return found is not None

    def _is_in_quickbooks(self, values: Mapping[str, Any]) -> bool:
        """Tell whether QuickBooks has what values refer to: one may be merged away."""
        house = self.house
        return all(
            values.get(name) is None or self.in_quickbooks(known.get(values[name], ""))
            for name, known in (("person", house.persons), ("job", house.jobs))
        )

    # What runs

    def run(self) -> None:
        """Have Web Connector and the worker run once, a quarter of an hour later."""
        self.house.clock.pass_(minutes=16)
        for one in list(self.houses):
            one.connect()
        self.house.work()

    def settle(self) -> None:
        """Let everything run until nothing more is about to happen in any file."""
        settle(*self.houses)

    def settle_for(self, **spans: float) -> None:
        """Settle, let time pass, and settle again."""
        self.settle()
        self.pass_(timedelta(**spans))

    def pass_(self, span: timedelta) -> None:
        """Let time pass, and settle."""
        self.house.clock.pass_(seconds=span.total_seconds())
        self.settle()

    def quiet(self) -> None:
        """Settle with all that comes by the clock: see `House.quiet`."""
        self.settle()
        window = timedelta(minutes=self.house.settings.time_window_minutes + 5)
        for span in (window, window, timedelta(hours=25)):
            self.pass_(span)

    def links_to_lose(self) -> list[Any]:
        """Return the records of lists that are linked, or were unlinked by an act."""
        record = tables.record
        return [
            row
            for row in self.house.rows(record, record.c.kind.in_(_LINKED))
            if row.mosaic_id is not None or (self.at, row.id) in self.unlinked
        ]

    def put_right(self) -> None:
        """End all that is out of order, as somebody does in the end."""
        house = self.house
        house.sandbox.faults._waiting.clear()
        house.sandbox.answer_mode = "callback"
        house.sandbox.dialect.keeps_log = True
        self.down_until = None
        self.meanwhile.clear()
        self.late_by = None
        self.take_effect(at_once=True)
        self.look()
        show(self)
        for _ in self.each_file():
            set_mode(self, "live")
        for _ in range(4):
            if not self.unlinked:
                break
            self.settle()
            relink(self)


def word(world: World) -> linking.Word:
    """Return whose word it is when links are changed."""
    return linking.Word("bookkeeper", world.house.clock(), "a test")


def set_mode(world: World, mode: str) -> None:
    """Pause the connection, or let it go on."""
    company_settings.set_values(
        world.house.engine,
        world.house.company.id,
        now=world.house.clock(),
        who="operator",
        mode=mode,
    )


def relink(world: World, _one: Act | None = None) -> None:
    """Link everything again to what it was linked to, where that can be."""
    for (at, number), mosaic_id in list(world.unlinked.items()):
        house = world.houses[at]
        try:
            with company_transaction(house.engine, house.company.id) as connection:
                linking.link(
                    connection,
                    house.company.id,
                    number,
                    mosaic_id,
                    word(world),
                    share=len(world.houses) > 1,
                )
        except (WriteUnderWay, NoPlace, WrongType):  # or what is above it comes first
            continue
        except RecordUnknown:  # it was merged away
            pass
        del world.unlinked[at, number]


def show(world: World, _one: Act | None = None) -> None:
    """Mosaic shows everything again."""
    world.house.sandbox.team.store.objects["time_entry"].update(world.hidden)
    world.hidden.clear()
    for ledger in world.ledgers:
        ledger.hidden.clear()
